package serve

import (
	"context"
	"io"
	"net"
	"net/http"
	"unicode/utf8"

	"github.com/coder/websocket"
	compat "github.com/seed60239977/websocket/compat/coder"
)

// coderConn is the *Conn of coder/websocket, and of the package that has its API: the two run the same server. T is their
// MessageType.
type coderConn[T ~int] interface {
	comparable
	Reader(context.Context) (T, io.Reader, error)
	Write(context.Context, T, []byte) error
	SetReadLimit(int64)
	CloseNow() error
}

func startCoder(s Spec) (net.Addr, error) {
	o := &websocket.AcceptOptions{CompressionMode: map[Compression]websocket.CompressionMode{
		Plain:      websocket.CompressionDisabled,
		NoTakeover: websocket.CompressionNoContextTakeover,
		Takeover:   websocket.CompressionContextTakeover,
	}[s.Compression]}
	return serveCoder(s, func(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) {
		return websocket.Accept(w, r, o)
	})
}

// startCoderAPI is startCoder with the other package.
func startCoderAPI(s Spec) (net.Addr, error) {
	o := &compat.AcceptOptions{CompressionMode: map[Compression]compat.CompressionMode{
		Plain:      compat.CompressionDisabled,
		NoTakeover: compat.CompressionNoContextTakeover,
		Takeover:   compat.CompressionContextTakeover,
	}[s.Compression]}
	return serveCoder(s, func(w http.ResponseWriter, r *http.Request) (*compat.Conn, error) { return compat.Accept(w, r, o) })
}

func serveCoder[C coderConn[T], T ~int](s Spec, accept func(http.ResponseWriter, *http.Request) (C, error)) (net.Addr, error) {
	handle := func(c C, typ T, b []byte) error { return c.Write(context.Background(), typ, b) }
	var all *room[C]
	if s.Task == Broadcast { // it has no prepared messages
		all = newRoom[C]()
		handle = func(_ C, typ T, b []byte) error {
			all.each(func(c C) { c.Write(context.Background(), typ, b) })
			return nil
		}
	}
	return serveHTTP(s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := accept(w, r)
		if err != nil {
			return
		}
		c.SetReadLimit(4 << 20)
		if all != nil {
			all.enter(c)
		}
		s.run(func() {
			defer c.CloseNow()
			if all != nil {
				defer all.leave(c)
			}
			for coderMessage(c, handle) == nil {
			}
		})
	}))
}

// coderMessage reads one message. Conn.Read would allocate for each.
func coderMessage[C coderConn[T], T ~int](c C, handle func(C, T, []byte) error) error {
	typ, r, err := c.Reader(context.Background())
	if err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	if *buf, err = readAll(*buf, r); err != nil {
		return err
	}
	if typ == T(websocket.MessageText) && !utf8.Valid(*buf) {
		return errNotUTF8
	}
	return handle(c, typ, *buf)
}
