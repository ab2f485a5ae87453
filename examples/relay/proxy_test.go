package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// echo is a backend that sends messages back. look, if not nil, sees each request and may answer it itself.
func echo(t *testing.T, look func(w http.ResponseWriter, r *http.Request) (answered bool)) http.Handler {
	t.Helper()
	var r websocket.Registry
	t.Cleanup(func() { _ = r.Shutdown(context.Background()) })
	upgrade := websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		_ = c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
	}, &websocket.AcceptOptions{Registry: &r, Subprotocols: []string{"v2", "v1"}})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if look == nil || !look(w, r) {
			upgrade.ServeHTTP(w, r)
		}
	})
}

// inFrontOf runs a relay, until the end of the test, and returns its URL.
func inFrontOf(t *testing.T, backend http.Handler) string {
	t.Helper()
	behind := httptest.NewServer(backend)
	t.Cleanup(behind.Close)
	target, err := url.Parse(behind.URL)
	require.NoError(t, err)
	target.Scheme = "ws"
	p := &proxy{target: target}
	front := httptest.NewServer(p)
	t.Cleanup(p.close)
	t.Cleanup(front.Close)
	return front.URL
}

func TestTheBackendSeesWhoTheClientIs(t *testing.T) {
	seen := make(chan *http.Request, 1)
	front := inFrontOf(t, echo(t, func(_ http.ResponseWriter, r *http.Request) bool {
		seen <- r.Clone(context.Background())
		return false
	}))
	host := strings.TrimPrefix(front, "http://")
	c, resp, err := websocket.Dial(t.Context(), front+"/a%2Fb/c?d=%20e", &websocket.DialOptions{
		Subprotocols: []string{"v1", "v2"},
		Header: http.Header{
			"Cookie": {"session=1"}, "Origin": {"http://" + host}, "User-Agent": {"browser/1"},
			"X-Forwarded-For": {"192.0.2.1"}, "X-Other": {"stays here"},
		},
	})
	require.NoError(t, err)
	defer c.CloseNow()
	require.Equal(t, "v2", c.Subprotocol())
	require.Empty(t, resp.Header.Get("Sec-WebSocket-Extensions"))

	r := <-seen
	require.Equal(t, "/a%2Fb/c?d=%20e", r.RequestURI)
	require.Equal(t, host, r.Host)
	require.Equal(t, "v1, v2", r.Header.Get("Sec-WebSocket-Protocol"))
	for name, want := range map[string][]string{
		"Cookie": {"session=1"}, "Origin": {"http://" + host}, "User-Agent": {"browser/1"}, "X-Other": nil,
		"X-Forwarded-For": {"192.0.2.1", "127.0.0.1"}, "X-Forwarded-Host": {host}, "X-Forwarded-Proto": {"http"},
	} {
		require.Equal(t, want, r.Header[name], name)
	}
}

func TestTheRefusalOfTheBackendIsTheAnswer(t *testing.T) {
	front := inFrontOf(t, echo(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/login":
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
		case "/elsewhere":
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusFound)
		case "/page":
			w.WriteHeader(http.StatusOK)
		default:
			return false
		}
		return true
	}))
	for path, want := range map[string]int{"/login": 401, "/elsewhere": 502, "/page": 502} {
		_, resp, err := websocket.Dial(t.Context(), front+path, nil)
		require.Error(t, err)
		require.Equal(t, want, resp.StatusCode, path)
		if path == "/login" {
			require.Equal(t, "Bearer", resp.Header.Get("WWW-Authenticate"))
		}
	}
	_, resp, err := websocket.Dial(t.Context(), front, &websocket.DialOptions{
		Header: http.Header{"Origin": {"https://elsewhere.example"}}})
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, resp.StatusCode, "the backend's check of the origin holds")
}

func TestABackendThatIsNotThereIsABadGateway(t *testing.T) {
	p := &proxy{target: &url.URL{Scheme: "ws", Host: "127.0.0.1:1"}}
	front := httptest.NewServer(p)
	defer front.Close()
	_, resp, err := websocket.Dial(t.Context(), front.URL, nil)
	require.Error(t, err)
	require.Equal(t, http.StatusBadGateway, resp.StatusCode)
}

func TestWhatIsNoWebSocketDoesNotReachTheBackend(t *testing.T) {
	front := inFrontOf(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("it came") }))
	resp, err := http.Get(front)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
}

func TestABackendIsLeftWhenItsClientDidNotGetThrough(t *testing.T) {
	ended := make(chan *websocket.CloseError, 1)
	backend := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) { ended <- readToEnd(c) }, nil))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	require.NoError(t, err)
	target.Scheme = "ws"
	p := &proxy{target: target}
	p.close() // clients are refused from now on, after the backend was dialed
	front := httptest.NewServer(p)
	defer front.Close()
	_, resp, err := websocket.Dial(t.Context(), front.URL, nil)
	require.Error(t, err)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, websocket.StatusAbnormalClosure, (<-ended).Code)
}
