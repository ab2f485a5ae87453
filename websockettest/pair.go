package websockettest

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/internal/pipe"
)

// URL is what the clients of [Pair] dial; servers see its host and path.
const URL = "ws://server.test/"

// DefaultBuffer is how many bytes are under way in each direction of a connection, unless [Options].Buffer says
// otherwise.
const DefaultBuffer = pipe.DefaultSize

// Options say how the two ends of a [Pair] meet. The zero value, and nil, use the defaults of package websocket.
type Options struct {
	// Dial are the options of the client. Its NetDial, Proxy and TLSConfig are not used.
	Dial *websocket.DialOptions
	// Accept are the options of the server.
	Accept *websocket.AcceptOptions
	// Buffer is how many bytes are under way in each direction before one who writes has to wait. 0 stands for
	// [DefaultBuffer].
	Buffer int
}

// Pair returns the two ends of a connection that is made by [websocket.Dial] and [websocket.AcceptConn], with an
// in-memory network between them. If the handshake fails, so does the test. Both ends are closed when the test ends.
//
// Inside a testing/synctest bubble, all that the ends wait for is waited for durably.
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
	client, _, err := websocket.Dial(context.Background(), URL, o.dial(near))
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
		t.Fatalf("websockettest: the two ends of the pair do not meet:\nclient: %v\nserver: %v", err, refused)
	}
	return client, server
}

// dial returns the options of a client that finds its server on nc, and nowhere else.
func (o *Options) dial(nc net.Conn) *websocket.DialOptions {
	var d websocket.DialOptions
	if o.Dial != nil {
		d = *o.Dial
	}
	d.NetDial = func(context.Context, string, string) (net.Conn, error) { return nc, nil }
	d.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	d.MaxRedirects = 0
	return &d
}

// Pipe returns two connected ends of an in-memory network connection. Unlike those of [net.Pipe], and like sockets, they
// hold up to size bytes in each direction before a Write waits ([DefaultBuffer] if size is 0), and have a method
// CloseWrite. Inside a testing/synctest bubble all waiting is durable. What is left open leaks nothing.
func Pipe(size int) (a, b net.Conn) { return pipe.New(size) }
