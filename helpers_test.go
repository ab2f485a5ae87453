package websocket

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

const (
	testKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	testAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// upgradeRequest is a request that is accepted, with more header lines if there are some.
func upgradeRequest(lines ...string) string {
	return "GET /chat?a=b HTTP/1.1\r\nHost: server.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + testKey + "\r\n" +
		strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

// upgraded is the response to it.
const upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: " + testAccept + "\r\n\r\n"

// requireRefused asks for a typed error with this status.
func requireRefused(t *testing.T, err error, status int) *HandshakeError {
	t.Helper()
	var e *HandshakeError
	require.ErrorAs(t, err, &e)
	require.Equal(t, status, e.Status, "%v", err)
	require.NotEmpty(t, e.Reason)
	return e
}

// requireEcho asks for a connection to a server that echoes to work.
func requireEcho(t *testing.T, c *Conn) {
	t.Helper()
	for _, text := range []string{"hello", "", strings.Repeat("世界", 5_000)} {
		require.NoError(t, c.Write(t.Context(), Text, []byte(text)))
		typ, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, Text, typ)
		require.Equal(t, text, string(data))
	}
}

func echo(ctx context.Context, c *Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
			return
		}
	}
}

// newServer runs a handler until the end of the test.
func newServer(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server
}

// rawConn opens a TCP connection to a server.
func rawConn(t *testing.T, server *httptest.Server) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	return nc
}

// readHead reads until the empty line behind a header.
func readHead(t *testing.T, r io.Reader) string {
	t.Helper()
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		head = append(head, 0)
		_, err := io.ReadFull(r, head[len(head)-1:])
		require.NoError(t, err, "%q", head)
	}
	return string(head)
}

// readAnswer reads an HTTP response with its body.
func readAnswer(t *testing.T, r io.Reader) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(r), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

// text is a frame with a text message, as a client sends it or as a server does.
func text(role frame.Role, payload string) string {
	return string(wstest.Whole(frame.Text, payload).Append(nil, role))
}

// watched is a net.Conn that remembers how it was treated.
type watched struct {
	net.Conn
	mu       sync.Mutex
	deadline time.Time
	set      int
	closed   int
}

func (w *watched) SetDeadline(t time.Time) error {
	w.mu.Lock()
	w.deadline = t
	w.set++
	w.mu.Unlock()
	return w.Conn.SetDeadline(t)
}

func (w *watched) Close() error {
	w.mu.Lock()
	w.closed++
	w.mu.Unlock()
	return w.Conn.Close()
}

func (w *watched) CloseWrite() error { return w.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// seen returns the last deadline, how many were set and how often the connection was closed.
func (w *watched) seen() (time.Time, int, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deadline, w.set, w.closed
}
