package inbrowser

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// patience bounds every wait.
const patience = 20 * time.Second

// server is the URL of the server, without a path.
var server = os.Getenv("WEBSOCKET_URL")

// peer is a connection, with a name by which the server knows it.
type peer struct {
	*websocket.Conn
	t    *testing.T
	ctx  context.Context
	name string
}

// dial connects to a path of the server.
func dial(t *testing.T, path string, o *websocket.DialOptions) (peer, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	name := rand.Text()
	c, resp, err := websocket.Dial(ctx, server+path+"?name="+name, o)
	require.NoError(t, err)
	t.Cleanup(func() { c.CloseNow() })
	return peer{c, t, ctx, name}, resp
}

// text reads a text.
func (p peer) text() string {
	p.t.Helper()
	typ, data, err := p.Read(p.ctx)
	require.NoError(p.t, err)
	require.Equal(p.t, websocket.Text, typ)
	return string(data)
}

// write writes a text.
func (p peer) write(text string) {
	p.t.Helper()
	require.NoError(p.t, p.Write(p.ctx, websocket.Text, []byte(text)))
}

// ended returns how the connection ended for the server: its code and reason, and whether that was clean.
func (p peer) ended() string {
	p.t.Helper()
	asking, _ := dial(p.t, "/ended", nil)
	asking.write(p.name)
	return asking.text()
}

func TestDialTellsWhatTheBrowserTells(t *testing.T) {
	c, resp := dial(t, "/echo", &websocket.DialOptions{Subprotocols: []string{"other", "echo.v1"}})
	require.Equal(t, "echo.v1", c.Subprotocol())
	require.Equal(t, websocket.StateOpen, c.State())
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	require.Equal(t, "echo.v1", resp.Header.Get("Sec-WebSocket-Protocol"))
	t.Logf("extensions: %q", resp.Header.Get("Sec-WebSocket-Extensions"))
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "browser", c.LocalAddr().String())
	require.Equal(t, resp.Request.URL.Host, c.RemoteAddr().String())
	_, compressed := c.Deflate()
	require.False(t, compressed, "what the browser does is its own")

	c, resp = dial(t, "/deflate", nil)
	require.Empty(t, c.Subprotocol())
	t.Logf("extensions, of a server that compresses: %q", resp.Header.Get("Sec-WebSocket-Extensions"))
	c.write("hello, hello, hello, hello")
	require.Equal(t, "hello, hello, hello, hello", c.text())
}

func TestAnObserverIsToldOfTheHandshake(t *testing.T) {
	var told []*websocket.Handshake
	o := &websocket.Observer{
		Dialing:   func(h *websocket.Handshake) { h.Header["Traceparent"] = []string{"not for browsers"} },
		Handshake: func(h *websocket.Handshake) { told = append(told, h) },
	}
	c, _ := dial(t, "/echo", &websocket.DialOptions{Config: websocket.Config{Observer: o}})
	require.Len(t, told, 1)
	require.Equal(t, http.StatusSwitchingProtocols, told[0].Status)
	require.Same(t, c.Conn, told[0].Conn)
}

func TestAHandshakeThatFailsIsAHandshakeError(t *testing.T) {
	for name, url := range map[string]string{
		"refused":  server + "/refuse",
		"no page":  server + "/nothing",
		"nobody":   "ws://" + os.Getenv("WEBSOCKET_NOBODY"),
		"no TLS":   "wss" + server[len("ws"):] + "/echo",
		"redirect": server + "/redirect",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		c, resp, err := websocket.Dial(ctx, url, nil)
		cancel()
		require.Nil(t, c, name)
		require.Nil(t, resp, name)
		var handshakeError *websocket.HandshakeError
		require.ErrorAs(t, err, &handshakeError, name)
		require.Zero(t, handshakeError.Status)
		require.ErrorContains(t, err, "does not say why", name)
	}
}

func TestAHandshakeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := websocket.Dial(ctx, server+"/silent", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, _, err = websocket.Dial(ctx, server+"/echo", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded, "it has ended before")
	_, _, err = websocket.Dial(t.Context(), server+"/silent", &websocket.DialOptions{HandshakeTimeout: 50 * time.Millisecond})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, _, err = websocket.Dial(ctx, server+"/silent", nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestOptionsThatABrowserHasNoPlaceForAreRefused(t *testing.T) {
	for _, o := range []*websocket.DialOptions{
		{Header: http.Header{"Authorization": {"Basic x"}}},
		{MaxRedirects: 1},
		{Config: websocket.Config{PingInterval: time.Minute}},
	} {
		_, resp, err := websocket.Dial(t.Context(), server+"/echo", o)
		require.Nil(t, resp)
		var browserError *websocket.BrowserError
		require.ErrorAs(t, err, &browserError)
		require.ErrorIs(t, err, errors.ErrUnsupported)
	}
	_, err := websocket.Connect(t.Context(), server+"/echo", nil)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
