package conn_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

var roles = []frame.Role{frame.Server, frame.Client}

func other(r frame.Role) frame.Role { return 1 - r }

// newConn returns a connection that plays role, and its peer.
func newConn(t testing.TB, role frame.Role, cfg *setup) (*conn.Conn, *wstest.Peer) {
	near, far := wstest.Pipe(0)
	return open(near, role, cfg), wstest.NewPeer(t, far, other(role))
}

// setup is what a connection is made with.
type setup struct {
	conn.Config
	conn.Negotiated
}

func open(nc net.Conn, role frame.Role, cfg *setup) *conn.Conn {
	if cfg == nil {
		cfg = &setup{}
	}
	if role == frame.Client {
		return conn.Client(nc, &cfg.Negotiated, &cfg.Config)
	}
	return conn.Server(nc, &cfg.Negotiated, &cfg.Config)
}

// test is a test of one end of a connection.
type test = func(t *testing.T, c *conn.Conn, peer *wstest.Peer)

// inBothRoles runs f in fake time, once with a server and once with a client under test, which a goroutine drives: for what an
// event loop does not offer, or does another way.
func inBothRoles(t *testing.T, cfg *setup, f test) {
	t.Helper()
	inBothRolesOver(t, cfg, 0, nil, f)
}

// inBothRolesOver is inBothRoles over a pipe that holds size bytes in each direction; wrap, if there is one, stands
// between the pipe and the connection.
func inBothRolesOver(t *testing.T, cfg *setup, size int, wrap func(*wstest.End) net.Conn, f test) {
	t.Helper()
	inBothRolesBy(t, open, cfg, size, wrap, f)
}

// within returns a context that ends after d.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// requireEnded requires the connection to have ended in this way, which err and everything else reports.
func requireEnded(t testing.TB, c *conn.Conn, err error, want conn.CloseError, cause error) {
	t.Helper()
	var e *conn.CloseError
	require.ErrorAs(t, err, &e)
	require.Equal(t, want.Code, e.Code, e)
	require.Equal(t, want.Reason, e.Reason)
	require.Equal(t, want.Remote, e.Remote, "who began to close")
	require.Equal(t, want.WasClean, e.WasClean, "clean")
	if cause == nil {
		require.NoError(t, e.Err)
	} else {
		require.ErrorIs(t, err, cause)
	}
	require.Same(t, e, c.Err(), "one error for all")
	require.Equal(t, conn.StateClosed, c.State())
	<-c.Done()
}

// requireTyped requires err to be nil or of one of the types that the documentation names.
func requireTyped(t testing.TB, err error) {
	t.Helper()
	if err == nil || errors.As(err, new(*conn.CloseError)) || errors.Is(err, conn.ErrCloseSent) || errors.As(err, new(*conn.WriteError)) {
		return
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, conn.ErrQueueFull, conn.ErrConcurrentRead, conn.ErrReaderDone, conn.ErrWriterClosed, os.ErrDeadlineExceeded} {
		if errors.Is(err, known) {
			return
		}
	}
	require.Failf(t, "untyped error", "%T: %v", err, err)
}

// tcpBuffer is how much either end of a tcpPair buffers in each direction, about: a size that is set does not grow.
// tcpFull is more than the four buffers between two connections come to, whatever the system makes of that.
const (
	tcpBuffer = 256 << 10
	tcpFull   = 4 << 20
)

// tcpPair returns the two ends of a TCP connection.
func tcpPair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	server, err = l.Accept()
	require.NoError(t, err)
	for _, nc := range []net.Conn{client, server} {
		require.NoError(t, nc.(*net.TCPConn).SetReadBuffer(tcpBuffer))
		require.NoError(t, nc.(*net.TCPConn).SetWriteBuffer(tcpBuffer))
	}
	return client, server
}

// text and friends keep the tables short.
func text(s string) wstest.Frame   { return wstest.Whole(frame.Text, s) }
func binary(s string) wstest.Frame { return wstest.Whole(frame.Binary, s) }
func ping(s string) wstest.Frame   { return wstest.Whole(frame.Ping, s) }
func pong(s string) wstest.Frame   { return wstest.Whole(frame.Pong, s) }

func begin(s string) wstest.Frame { return wstest.Part(frame.Text, false, s) }
func more(s string) wstest.Frame  { return wstest.Part(frame.Continuation, false, s) }
func last(s string) wstest.Frame  { return wstest.Part(frame.Continuation, true, s) }

func closing(code conn.StatusCode, reason string) wstest.Frame {
	return wstest.CloseFrame(code, reason)
}

// pattern is n bytes of which every stretch is different.
func pattern(n int) []byte {
	b := bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), n/36+1)[:n]
	for i := 0; i < n; i += 251 {
		b[i] = byte(i / 251)
	}
	return b
}
