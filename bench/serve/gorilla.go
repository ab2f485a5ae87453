package serve

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

var errNotUTF8 = errors.New("text is not UTF-8")

// startGorilla takes the buffers of net/http over, as its documentation advises, and shares those for writing.
func startGorilla(s Spec) (net.Addr, error) {
	u := &websocket.Upgrader{WriteBufferPool: &sync.Pool{}, EnableCompression: s.Compression != Plain}
	handle := func(c *websocket.Conn, typ int, b []byte) error { return c.WriteMessage(typ, b) }
	var all *room[*websocket.Conn]
	if s.Task == Broadcast {
		all = newRoom[*websocket.Conn]()
		handle = func(_ *websocket.Conn, typ int, b []byte) error {
			p, err := websocket.NewPreparedMessage(typ, b)
			all.each(func(c *websocket.Conn) { c.WritePreparedMessage(p) })
			return err
		}
	}
	return serveHTTP(s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := u.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		if all != nil {
			all.enter(c)
		}
		go func() {
			defer c.Close()
			if all != nil {
				defer all.leave(c)
			}
			for gorillaMessage(c, handle) == nil {
			}
		}()
	}))
}

// gorillaMessage reads one message. ReadMessage would allocate for each.
func gorillaMessage(c *websocket.Conn, handle func(*websocket.Conn, int, []byte) error) error {
	typ, r, err := c.NextReader()
	if err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	if *buf, err = readAll(*buf, r); err != nil {
		return err
	}
	if typ == websocket.TextMessage && !utf8.Valid(*buf) {
		return errNotUTF8
	}
	return handle(c, typ, *buf)
}
