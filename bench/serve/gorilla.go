package serve

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	compat "github.com/seed60239977/websocket/compat/gorilla"
)

var errNotUTF8 = errors.New("text is not UTF-8")

// gorillaConn is the *Conn of gorilla/websocket, and of the package that has its API: the two run the same server. P is their
// *PreparedMessage.
type gorillaConn[P any] interface {
	comparable
	NextReader() (int, io.Reader, error)
	WriteMessage(int, []byte) error
	WritePreparedMessage(P) error
	Close() error
}

// startGorilla takes the buffers of net/http over, as its documentation advises, and shares those for writing.
func startGorilla(s Spec) (net.Addr, error) {
	u := &websocket.Upgrader{WriteBufferPool: &sync.Pool{}, EnableCompression: s.Compression != Plain}
	return serveGorilla(s, u.Upgrade, websocket.NewPreparedMessage)
}

// startGorillaAPI is startGorilla with the other package.
func startGorillaAPI(s Spec) (net.Addr, error) {
	u := &compat.Upgrader{WriteBufferPool: &sync.Pool{}, EnableCompression: s.Compression != Plain}
	return serveGorilla(s, u.Upgrade, compat.NewPreparedMessage)
}

func serveGorilla[C gorillaConn[P], P any](
	s Spec, upgrade func(http.ResponseWriter, *http.Request, http.Header) (C, error), prepare func(int, []byte) (P, error),
) (net.Addr, error) {
	handle := func(c C, typ int, b []byte) error { return c.WriteMessage(typ, b) }
	var all *room[C]
	if s.Task == Broadcast {
		all = newRoom[C]()
		handle = func(_ C, typ int, b []byte) error {
			p, err := prepare(typ, b)
			all.each(func(c C) { c.WritePreparedMessage(p) })
			return err
		}
	}
	return serveHTTP(s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrade(w, r, nil)
		if err != nil {
			return
		}
		if all != nil {
			all.enter(c)
		}
		s.run(func() {
			defer c.Close()
			if all != nil {
				defer all.leave(c)
			}
			for gorillaMessage(c, handle) == nil {
			}
		})
	}))
}

// gorillaMessage reads one message. ReadMessage would allocate for each.
func gorillaMessage[C gorillaConn[P], P any](c C, handle func(C, int, []byte) error) error {
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
