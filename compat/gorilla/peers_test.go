package websocket

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// connection is what both packages' *Conn have.
type connection interface {
	Close() error
	ReadMessage() (int, []byte, error)
	NextReader() (int, io.Reader, error)
	NextWriter(int) (io.WriteCloser, error)
	WriteMessage(int, []byte) error
	WriteControl(int, []byte, time.Time) error
	WriteJSON(any) error
	ReadJSON(any) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	SetReadLimit(int64)
	SetPingHandler(func(string) error)
	SetPongHandler(func(string) error)
	SetCloseHandler(func(int, string) error)
	PingHandler() func(string) error
	CloseHandler() func(int, string) error
	EnableWriteCompression(bool)
	SetCompressionLevel(int) error
	UnderlyingConn() net.Conn
	NetConn() net.Conn
	Subprotocol() string
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
}

// library is one of the packages that must do the same.
type library struct {
	upgrade    func(o upgrading, w http.ResponseWriter, r *http.Request, h http.Header) (connection, error)
	dial       func(ctx context.Context, o dialing, url string, h http.Header) (connection, *http.Response, error)
	closed     func(err error) (code int, text string, ok bool) // what a *CloseError says
	isClose    func(err error, codes ...int) bool
	unexpected func(err error, codes ...int) bool

	badHandshake, closeSent, readLimit error
}

// upgrading and dialing are options of both packages.
type (
	upgrading struct {
		Subprotocols      []string
		Error             func(w http.ResponseWriter, r *http.Request, status int, reason error)
		CheckOrigin       func(r *http.Request) bool
		EnableCompression bool
	}
	dialing struct {
		Subprotocols      []string
		EnableCompression bool
		Jar               http.CookieJar
		NetDial           func(network, addr string) (net.Conn, error)
		HandshakeTimeout  time.Duration
		Proxy             func(*http.Request) (*url.URL, error)
	}
)

var libraries = map[string]library{
	"gorilla": {
		upgrade: func(o upgrading, w http.ResponseWriter, r *http.Request, h http.Header) (connection, error) {
			u := gorilla.Upgrader{Subprotocols: o.Subprotocols, Error: o.Error, CheckOrigin: o.CheckOrigin, EnableCompression: o.EnableCompression}
			c, err := u.Upgrade(w, r, h)
			return c, err
		},
		dial: func(ctx context.Context, o dialing, url string, h http.Header) (connection, *http.Response, error) {
			d := gorilla.Dialer{Subprotocols: o.Subprotocols, EnableCompression: o.EnableCompression, Jar: o.Jar, NetDial: o.NetDial, HandshakeTimeout: o.HandshakeTimeout, Proxy: o.Proxy}
			return d.DialContext(ctx, url, h)
		},
		closed: func(err error) (int, string, bool) {
			e, ok := err.(*gorilla.CloseError)
			if !ok {
				return 0, "", false
			}
			return e.Code, e.Text, true
		},
		isClose: gorilla.IsCloseError, unexpected: gorilla.IsUnexpectedCloseError,
		badHandshake: gorilla.ErrBadHandshake, closeSent: gorilla.ErrCloseSent, readLimit: gorilla.ErrReadLimit,
	},
	"ours": {
		upgrade: func(o upgrading, w http.ResponseWriter, r *http.Request, h http.Header) (connection, error) {
			u := Upgrader{Subprotocols: o.Subprotocols, Error: o.Error, CheckOrigin: o.CheckOrigin, EnableCompression: o.EnableCompression}
			c, err := u.Upgrade(w, r, h)
			return c, err
		},
		dial: func(ctx context.Context, o dialing, url string, h http.Header) (connection, *http.Response, error) {
			d := Dialer{Subprotocols: o.Subprotocols, EnableCompression: o.EnableCompression, Jar: o.Jar, NetDial: o.NetDial, HandshakeTimeout: o.HandshakeTimeout, Proxy: o.Proxy}
			return d.DialContext(ctx, url, h)
		},
		closed: func(err error) (int, string, bool) {
			e, ok := err.(*CloseError)
			if !ok {
				return 0, "", false
			}
			return e.Code, e.Text, true
		},
		isClose: IsCloseError, unexpected: IsUnexpectedCloseError,
		badHandshake: ErrBadHandshake, closeSent: ErrCloseSent, readLimit: ErrReadLimit,
	},
}

// patience bounds what a test waits for, so that one that hangs fails.
const patience = 30 * time.Second

// withEach runs a test against both libraries.
func withEach(t *testing.T, test func(t *testing.T, lib library)) {
	for name, lib := range libraries {
		t.Run(name, func(t *testing.T) { test(t, lib) })
	}
}

// serve starts a server and returns its URL.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

// pair connects a client and a server of one library.
func pair(t *testing.T, lib library, u upgrading, d dialing) (client, server connection) {
	t.Helper()
	accepted := make(chan connection, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if c, err := lib.upgrade(u, w, r, nil); err == nil {
			accepted <- c
		}
	})
	client, _, err := lib.dial(t.Context(), d, url, nil)
	require.NoError(t, err)
	server = <-accepted
	t.Cleanup(func() { client.Close(); server.Close() })
	for _, c := range []connection{client, server} {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	}
	return client, server
}

// inBothRoles runs a test with either end as the one under test.
func inBothRoles(t *testing.T, test func(t *testing.T, lib library, near, far connection)) {
	withEach(t, func(t *testing.T, lib library) {
		t.Run("client", func(t *testing.T) {
			client, server := pair(t, lib, upgrading{}, dialing{})
			test(t, lib, client, server)
		})
		t.Run("server", func(t *testing.T) {
			client, server := pair(t, lib, upgrading{}, dialing{})
			test(t, lib, server, client)
		})
	})
}

// reading reads until there is an error, and hands that over.
func reading(c connection) <-chan error {
	result := make(chan error, 1)
	go func() {
		for {
			if _, _, err := c.ReadMessage(); err != nil {
				result <- err
				return
			}
		}
	}()
	return result
}
