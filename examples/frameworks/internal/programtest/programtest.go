// Package programtest tests what the servers on all frameworks promise.
package programtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/examples/frameworks/internal/program"
)

// Server serves on listener until ctx ends.
type Server func(ctx context.Context, listener net.Listener) error

// running is a server that runs until the end of a test.
type running struct {
	addr string
	stop context.CancelFunc
	over chan error
}

func start(t *testing.T, serve Server) *running {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	r := &running{listener.Addr().String(), stop, make(chan error, 1)}
	go func() { r.over <- serve(ctx, listener) }()
	t.Cleanup(func() { r.end(t) })
	return r
}

// end stops the server, which has to end well. It may be called more than once.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	err := <-r.over
	r.over <- err
	require.NoError(t, err)
}

// Check tests a server whose middleware says its name in the field X-Served-By.
func Check(t *testing.T, name string, serve Server) {
	r := start(t, serve)
	t.Run("an ordinary route", func(t *testing.T) {
		resp, body := r.get(t, "/")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "hello", body)
		require.Equal(t, name, resp.Header.Get("X-Served-By"))
	})
	t.Run("messages, behind the middleware", func(t *testing.T) {
		c, resp := r.dial(t)
		require.Equal(t, []string{name}, resp.Header["X-Served-By"])
		require.NotContains(t, resp.Header, "Content-Length")
		r.talk(t, c)
		require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	})
	t.Run("a request that asks for no upgrade", func(t *testing.T) {
		resp, _ := r.get(t, "/ws")
		require.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
		require.Equal(t, "websocket", resp.Header.Get("Upgrade"))
	})
	t.Run("a foreign origin", func(t *testing.T) {
		_, resp, err := websocket.Dial(t.Context(), "ws://"+r.addr+"/ws", &websocket.DialOptions{
			Header: http.Header{"Origin": {"https://elsewhere.example"}},
		})
		require.Error(t, err)
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
	})
	t.Run("its own origin", func(t *testing.T) {
		c, _, err := websocket.Dial(t.Context(), "ws://"+r.addr+"/ws", &websocket.DialOptions{
			Header: http.Header{"Origin": {"http://" + r.addr}},
		})
		require.NoError(t, err)
		defer c.CloseNow()
		r.talk(t, c)
	})
	t.Run("a message that comes with the request", func(t *testing.T) { checkEarly(t, r) })
	t.Run("shutdown", func(t *testing.T) { checkShutdown(t, serve) })
}

// CheckMiddleware tests that a server with more middleware in front still serves WebSockets, to a client that would take
// compressed responses.
func CheckMiddleware(t *testing.T, serve Server) {
	t.Helper()
	r := start(t, serve)
	c, resp := r.dial(t)
	require.NotContains(t, resp.Header, "Content-Encoding")
	r.talk(t, c)
	require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
}

// CheckTLS tests that a server behind TLS serves its own origin, and not the same host without TLS.
func CheckTLS(t *testing.T, serve Server) {
	borrowed := httptest.NewTLSServer(nil) // its certificate
	defer borrowed.Close()
	r := start(t, func(ctx context.Context, listener net.Listener) error {
		return serve(ctx, tls.NewListener(listener, borrowed.TLS))
	})
	for scheme, status := range map[string]int{"https": http.StatusSwitchingProtocols, "http": http.StatusForbidden} {
		roots := x509.NewCertPool()
		roots.AddCert(borrowed.Certificate())
		c, resp, err := websocket.Dial(t.Context(), "wss://"+r.addr+"/ws", &websocket.DialOptions{
			TLSConfig: &tls.Config{RootCAs: roots},
			Header:    http.Header{"Origin": {scheme + "://" + r.addr}},
		})
		require.Equal(t, status, resp.StatusCode, "%s: %v", scheme, err)
		if err == nil {
			r.talk(t, c)
			c.CloseNow()
		}
	}
}

// CheckRoom tests that a connection knows a parameter of its path, "/rooms/" and a name. route puts a handler there.
func CheckRoom(t *testing.T, route func(h http.Handler) http.Handler) {
	type key struct{}
	r := start(t, Site(func(registry *websocket.Registry) http.Handler {
		return route(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
			c.Write(ctx, websocket.Text, []byte(ctx.Value(key{}).(string)))
		}, &websocket.AcceptOptions{
			Registry: registry,
			ConnContext: func(r *http.Request) context.Context {
				return context.WithValue(context.Background(), key{}, r.PathValue("room"))
			},
		}))
	}))
	c, _, err := websocket.Dial(t.Context(), "ws://"+r.addr+"/rooms/blue", nil)
	require.NoError(t, err)
	defer c.CloseNow()
	_, name, err := c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "blue", string(name))
}

// CheckPanic tests that a panic in what serves a connection closes it with 1011, and nothing else.
func CheckPanic(t *testing.T, serve Server) {
	r := start(t, serve)
	for range 2 {
		c, _ := r.dial(t)
		_, _, err := c.Read(t.Context())
		require.Equal(t, websocket.StatusInternalError, websocket.CloseStatus(err), "%v", err)
	}
}

// CheckRefused tests that a server cannot serve WebSockets, and says so.
func CheckRefused(t *testing.T, serve Server) {
	t.Helper()
	r := start(t, serve)
	_, resp, err := websocket.Dial(t.Context(), "ws://"+r.addr+"/ws", nil)
	require.Error(t, err)
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
}

func (r *running) get(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.addr+path, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp, string(body)
}

func (r *running) dial(t *testing.T) (*websocket.Conn, *http.Response) {
	t.Helper()
	c, resp, err := websocket.Dial(t.Context(), "ws://"+r.addr+"/ws", &websocket.DialOptions{
		Header: http.Header{"Accept-Encoding": {"gzip, deflate, br"}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { c.CloseNow() })
	return c, resp
}

// talk tests that messages come back.
func (r *running) talk(t *testing.T, c *websocket.Conn) {
	t.Helper()
	for _, message := range []string{"Hello", "Hello again"} {
		require.NoError(t, c.Write(t.Context(), websocket.Text, []byte(message)))
		typ, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, websocket.Text, typ)
		require.Equal(t, message, string(data))
	}
}

// early is a request, and what a client may not send before it has the response, but servers have to cope with all the same:
// the message "Hello" (§5.7).
const early = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
	"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"

// checkEarly tests that bytes behind the request are not lost.
func checkEarly(t *testing.T, r *running) {
	nc, err := net.Dial("tcp", r.addr)
	require.NoError(t, err)
	defer nc.Close()
	_, err = io.WriteString(nc, early)
	require.NoError(t, err)
	br := bufio.NewReader(nc)
	resp, err := http.ReadResponse(br, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", resp.Header.Get("Sec-WebSocket-Accept"))
	buffered, err := br.Peek(br.Buffered())
	require.NoError(t, err)
	c := conn.Client(nc, &conn.Negotiated{Buffered: buffered}, nil)
	defer c.CloseNow()
	_, data, err := c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Hello", string(data))
	r.talk(t, c)
}

// checkShutdown tests that everybody hears that the server goes away, and that the server ends.
func checkShutdown(t *testing.T, serve Server) {
	r := start(t, serve)
	var all []*websocket.Conn
	for range 20 {
		c, _ := r.dial(t)
		all = append(all, c)
	}
	r.stop()
	for _, c := range all {
		_, _, err := c.Read(t.Context())
		var end *websocket.CloseError
		require.ErrorAs(t, err, &end)
		require.Equal(t, websocket.StatusGoingAway, end.Code)
		require.True(t, end.Remote)
		require.True(t, end.WasClean)
	}
	r.end(t)
}

// Site returns a server of what site makes.
func Site(site func(registry *websocket.Registry) http.Handler) Server {
	return func(ctx context.Context, listener net.Listener) error {
		var registry websocket.Registry
		return program.Serve(ctx, listener, site(&registry), &registry)
	}
}
