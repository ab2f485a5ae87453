package websockettest

import (
	"context"
	"net"
	"testing"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/internal/pipe"
)

// URL is what the client of a [Pair] dials. The server sees its host and path. The host is one for which no proxy that the
// environment names is asked, so that a program of yours may dial it over a [Pipe] wherever its tests run.
const URL = "ws://localhost/"

// DefaultBuffer is the default of [Options].Buffer, in bytes.
const DefaultBuffer = pipe.DefaultSize

// Options configures the two ends of a [Pair]. The zero value, and nil, use the defaults of package websocket.
type Options struct {
	// Dial are the options of the client. Its NetDial, Proxy and TLSConfig are not used.
	Dial *websocket.DialOptions
	// Accept are the options of the server.
	Accept *websocket.AcceptOptions
	// Buffer is how many bytes may be on their way in each direction before a write has to wait. 0 means [DefaultBuffer].
	Buffer int
}

// Pair returns the two ends of a connection that is made by [websocket.Dial] and [websocket.AcceptConn], with an
// in-memory network between them. If the handshake fails, so does the test. Both ends are closed when the test ends.
//
// In a testing/synctest bubble, whatever the ends wait for blocks durably.
func Pair(t testing.TB, o *Options) (client, server *websocket.Conn) {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	near, far := pipe.New(o.Buffer)
	accepted := make(chan error, 1)
	go func() {
		c, _, err := websocket.AcceptConn(context.Background(), far, o.Accept)
		server = c
		accepted <- err
	}()
	client, err := o.connect(near)
	if err != nil {
		near.Close()
	}
	refused := <-accepted
	for _, c := range []*websocket.Conn{client, server} {
		if c != nil {
			t.Cleanup(func() { c.CloseNow() })
		}
	}
	if err != nil || refused != nil {
		t.Fatalf("websockettest: the handshake failed:\nclient: %v\nserver: %v", err, refused)
	}
	return client, server
}

// Pipe returns two connected ends of an in-memory network connection. Unlike those of [net.Pipe], and like sockets, they
// hold up to size bytes in each direction before a Write waits ([DefaultBuffer] if size is 0), and have a method
// CloseWrite. In a testing/synctest bubble they block durably. An end that is never closed leaks nothing.
func Pipe(size int) (a, b net.Conn) { return pipe.New(size) }
