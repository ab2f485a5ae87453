package serve

import (
	"context"
	"net"
	"net/http"
	"unicode/utf8"

	"github.com/coder/websocket"
)

func startCoder(s Spec) (net.Addr, error) {
	o := &websocket.AcceptOptions{CompressionMode: map[Compression]websocket.CompressionMode{
		Plain:      websocket.CompressionDisabled,
		NoTakeover: websocket.CompressionNoContextTakeover,
		Takeover:   websocket.CompressionContextTakeover,
	}[s.Compression]}
	handle := func(c *websocket.Conn, typ websocket.MessageType, b []byte) error {
		return c.Write(context.Background(), typ, b)
	}
	var all *room[*websocket.Conn]
	if s.Task == Broadcast { // it has no prepared messages
		all = newRoom[*websocket.Conn]()
		handle = func(_ *websocket.Conn, typ websocket.MessageType, b []byte) error {
			all.each(func(c *websocket.Conn) { c.Write(context.Background(), typ, b) })
			return nil
		}
	}
	return serveHTTP(s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, o)
		if err != nil {
			return
		}
		c.SetReadLimit(4 << 20)
		if all != nil {
			all.enter(c)
		}
		go func() {
			defer c.CloseNow()
			if all != nil {
				defer all.leave(c)
			}
			for coderMessage(c, handle) == nil {
			}
		}()
	}))
}

// coderMessage reads one message. Conn.Read would allocate for each.
func coderMessage(c *websocket.Conn, handle func(*websocket.Conn, websocket.MessageType, []byte) error) error {
	typ, r, err := c.Reader(context.Background())
	if err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	if *buf, err = readAll(*buf, r); err != nil {
		return err
	}
	if typ == websocket.MessageText && !utf8.Valid(*buf) {
		return errNotUTF8
	}
	return handle(c, typ, *buf)
}
