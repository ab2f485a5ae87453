package browser

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"syscall/js"

	"github.com/seed60239977/websocket/frame"
)

// ErrNoWebSocket says that there is no WebSocket where the program runs, such as in Node before version 22.
var ErrNoWebSocket = errors.New("there is no global WebSocket here")

// ErrNotOpened says that the browser could not open the connection. It tells programs no more, but its console may.
var ErrNotOpened = errors.New("the browser could not open the connection, and does not say why")

// errNotUTF8 is what is wrong with a text that a browser cannot send.
var errNotUTF8 = errors.New("the text is not UTF-8")

// WebSocket is a Conn that is open, and what the browser says of it.
type WebSocket struct {
	*Conn
	Subprotocol string // which the server has chosen, "" for none
	Extensions  string // in the form of Sec-WebSocket-Extensions
}

// Dial has the browser open a WebSocket. u has the scheme ws or wss. If ctx ends first, its error is returned.
func Dial(ctx context.Context, u *url.URL, subprotocols []string, local, remote Addr) (*WebSocket, error) {
	constructor := js.Global().Get("WebSocket")
	if constructor.Type() != js.TypeFunction {
		return nil, ErrNoWebSocket
	}
	names := make([]any, len(subprotocols))
	for i, name := range subprotocols {
		names[i] = name
	}
	s := &socket{opened: make(chan struct{}), over: make(chan struct{})}
	if err := try(func() { s.ws = constructor.New(u.String(), names) }); err != nil {
		return nil, err
	}
	c := New(s, local, remote)
	s.listen(c)
	select {
	case <-s.opened:
		return &WebSocket{Conn: c, Subprotocol: s.text("protocol"), Extensions: s.text("extensions")}, nil
	case <-s.over:
		c.Close()
		return nil, ErrNotOpened
	case <-ctx.Done():
		c.Close()
		return nil, ctx.Err()
	}
}

// socket is the browser's WebSocket.
type socket struct {
	ws               js.Value
	encoder, decoder js.Value // of text
	array            js.Value // the constructor of Uint8Array
	opened, over     chan struct{}
	handlers         map[string]js.Func // by the name of their event
}

// listen has the events of the WebSocket reach c.
func (s *socket) listen(c *Conn) {
	s.array = js.Global().Get("Uint8Array")
	s.encoder = js.Global().Get("TextEncoder").New()
	// What is sent must be what was written: no U+FFFD in the place of what is not UTF-8, and no byte order mark is left out.
	s.decoder = js.Global().Get("TextDecoder").New("utf-8", map[string]any{"fatal": true, "ignoreBOM": true})
	s.ws.Set("binaryType", "arraybuffer")
	over := sync.OnceFunc(func() { close(s.over) })
	s.handlers = map[string]js.Func{
		"open": js.FuncOf(func(js.Value, []js.Value) any {
			close(s.opened)
			return nil
		}),
		"message": js.FuncOf(func(_ js.Value, args []js.Value) any {
			data := args[0].Get("data")
			text := data.Type() == js.TypeString
			if text {
				data = s.encoder.Call("encode", data)
			} else {
				data = s.array.New(data)
			}
			c.Message(text, array{data, data.Length()})
			return nil
		}),
		"error": js.FuncOf(func(js.Value, []js.Value) any {
			over() // a close event follows, but Node 20 has none for what was never open
			return nil
		}),
		"close": js.FuncOf(func(_ js.Value, args []js.Value) any {
			c.Closed(frame.StatusCode(args[0].Get("code").Int()), args[0].Get("reason").String())
			over()
			return nil
		}),
	}
	for event, handler := range s.handlers {
		s.ws.Set("on"+event, handler)
	}
}

// text returns a property of the WebSocket that is a string.
func (s *socket) text(property string) string {
	if v := s.ws.Get(property); v.Type() == js.TypeString {
		return v.String()
	}
	return ""
}

// What readyState is from when the closing handshake has begun.
const closing = 2

// Send implements [Socket].
func (s *socket) Send(text bool, p []byte) error {
	if s.ws.Get("readyState").Int() >= closing { // the browser would say nothing, and throw it away
		return errGone
	}
	message := s.array.New(len(p))
	js.CopyBytesToJS(message, p)
	if text && try(func() { message = s.decoder.Call("decode", message) }) != nil {
		return errNotUTF8
	}
	return try(func() { s.ws.Call("send", message) })
}

// Close implements [Socket].
func (s *socket) Close(code frame.StatusCode, reason string) error {
	return try(func() {
		if code == frame.StatusNoStatus {
			s.ws.Call("close")
		} else {
			s.ws.Call("close", int(code), reason)
		}
	})
}

// Buffered implements [Socket].
func (s *socket) Buffered() int { return s.ws.Get("bufferedAmount").Int() }

// Abandon implements [Socket].
func (s *socket) Abandon() {
	for event := range s.handlers {
		s.ws.Set("on"+event, js.Null())
	}
	if s.ws.Get("readyState").Int() < closing {
		_ = s.Close(frame.StatusNoStatus, "") // which does not throw without a code
	}
	for _, handler := range s.handlers {
		handler.Release()
	}
}

// array is Data in a Uint8Array.
type array struct {
	v js.Value
	n int
}

// Len implements [Data].
func (a array) Len() int { return a.n }

// Copy implements [Data].
func (a array) Copy(p []byte, n int) int {
	v := a.v
	if n > 0 {
		v = v.Call("subarray", n)
	}
	return js.CopyBytesToGo(p, v)
}

// try returns what f has thrown.
func try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case js.Error:
			err = r
		default:
			panic(r)
		}
	}()
	f()
	return nil
}
