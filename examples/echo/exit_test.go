package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/programtest"
	"github.com/seed60239977/websocket/internal/wstest"
)

// fails runs the server, which has to complain in one line and end with this status.
func fails(t *testing.T, status int, says string, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	require.Equal(t, status, run(t.Context(), args, &stdout, &stderr), "%q", args)
	require.Regexp(t, `^echo: [^\n]+\n$`, stderr.String())
	require.Contains(t, stderr.String(), says)
	require.Empty(t, stdout.String())
}

func TestAWrongCommandLineIsExplainedInOneLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-nonsense"}, "-nonsense"},
		{[]string{"-mode"}, "-mode"},
		{[]string{"9001"}, `"9001"`},
		{[]string{"-mode", "shout"}, `"shout"`},
		{[]string{"-compress", "zip"}, `"zip"`},
		{[]string{"-engine", "steam"}, `"steam"`},
		{[]string{"-max-message", "0"}, "-max-message"},
		{[]string{"-max-message", "-1"}, "-max-message"},
		{[]string{"-max-message", "much"}, "-max-message"},
		{[]string{"-tls-cert", "cert.pem"}, "-tls-key"},
		{[]string{"-tls-key", "key.pem"}, "-tls-cert"},
	} {
		fails(t, statusUsage, c.says, c.args...)
	}
}

func TestAServerThatCannotStartSaysWhyInOneLine(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	fails(t, statusFailed, "in use", "-addr", busy.Addr().String())
	fails(t, statusFailed, "address", "-addr", "127.0.0.1")
	fails(t, statusFailed, "invalid port", "-addr", "127.0.0.1:123456")

	cert, key, _ := certificate(t)
	nothing := filepath.Join(t.TempDir(), "nothing.pem")
	fails(t, statusFailed, "nothing.pem", "-tls-cert", nothing, "-tls-key", key)
	require.NoError(t, os.WriteFile(nothing, nil, 0o600))
	fails(t, statusFailed, "PEM", "-tls-cert", nothing, "-tls-key", key)
	fails(t, statusFailed, "PEM", "-tls-cert", cert, "-tls-key", cert)
}

func TestHelpIsNoError(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	require.Empty(t, stderr.String())
	for _, flag := range []string{"-addr", "-tls-cert", "-tls-key", "-max-message", "-mode", "-compress", "-engine"} {
		require.Contains(t, stdout.String(), "  "+flag+" ")
	}
}

func TestMain(m *testing.M) { programtest.Main(m, main) }

func TestEveryClientIsToldThatTheServerGoesAway(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"goroutine", "event"} {
		for _, mode := range []string{"echo", "broadcast"} {
			t.Run(engine+" "+mode, func(t *testing.T) { programtest.CheckShutdown(t, "/", "-engine", engine, "-mode", mode) })
		}
	}
}

func TestTheServerEndsWhateverClientsDo(t *testing.T) {
	t.Parallel() // the servers wait for those clients, and both at the same time
	var servers []*program
	var mutes []*websocket.Conn
	for _, engine := range []string{"goroutine", "event"} {
		p := start(t, "-engine", engine)
		mute, _ := p.dial(nil) // never answers a close frame
		deaf, _ := p.dial(nil) // never reads, while the server has more to say than fits anywhere
		var flood sync.WaitGroup
		var stopping atomic.Bool
		flood.Go(func() {
			for wstest.All() || !stopping.Load() { // a server that ends reads what comes, as fast as it can
				if deaf.Write(t.Context(), websocket.Binary, make([]byte, 1<<20)) != nil {
					return
				}
			}
		})
		defer flood.Wait()
		defer deaf.CloseNow()
		half, err := net.Dial("tcp", p.addr) // never finishes its request
		require.NoError(t, err)
		defer half.Close()
		_, err = io.WriteString(half, "GET / HTTP/1.1\r\nHost: ")
		require.NoError(t, err)
		polite, _ := p.dial(nil)
		requireEcho(t, polite)

		stopping.Store(true)
		p.stop()
		require.Equal(t, websocket.StatusGoingAway, closed(t, polite).Code, engine)
		servers, mutes = append(servers, p), append(mutes, mute)
	}
	for i, p := range servers {
		p.terminate()
		frame := make([]byte, 4)
		_, err := io.ReadFull(mutes[i].NetConn(), frame)
		require.NoError(t, err)
		require.Equal(t, []byte{0x88, 2, 1001 >> 8, 1001 & 0xff}, frame)
	}
}

// newServers runs a test with a server on each of the engines.
func newServers(t *testing.T, test func(t *testing.T, s *server), args ...string) {
	for _, engine := range []string{"goroutine", "event"} {
		t.Run(engine, func(t *testing.T) {
			o, err := parse(append([]string{"-engine", engine}, args...), io.Discard)
			require.NoError(t, err)
			require.NoError(t, o.engine.Start(&o.site, io.Discard))
			s := newServer(o)
			defer s.close()
			test(t, s)
		})
	}
}

func TestAClientThatComesTooLateIsToldSo(t *testing.T) {
	newServers(t, func(t *testing.T, late *server) {
		server := httptest.NewServer(late.handler())
		defer server.Close()
		late.close()
		_, resp, err := websocket.Dial(t.Context(), server.URL, nil)
		require.Error(t, err)
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	})
}

func TestNobodyJoinsABroadcastThatHasEnded(t *testing.T) {
	newServers(t, func(t *testing.T, ended *server) {
		require.NoError(t, ended.hub.Shutdown(t.Context())) // the first thing that close does
		server := httptest.NewServer(ended.handler())
		defer server.Close()
		c, _, err := websocket.Dial(t.Context(), server.URL, nil)
		require.NoError(t, err)
		defer c.CloseNow()
		require.Equal(t, websocket.StatusGoingAway, closed(t, c).Code)
	}, "-mode", "broadcast")
}

// lateListener makes connections whose server learns that it has sent a 101 only when learn is closed. The client has it
// by then.
type lateListener struct {
	net.Listener
	learn chan struct{}
}

type lateConn struct {
	net.Conn
	learn chan struct{}
}

// Accept implements net.Listener.
func (l lateListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return lateConn{c, l.learn}, err
}

// Write implements net.Conn.
func (c lateConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if bytes.HasPrefix(b, []byte("HTTP/1.1 101")) {
		<-c.learn
	}
	return n, err
}

func TestAClientThatIsJustBeingAcceptedIsToldThatTheServerGoesAway(t *testing.T) {
	echo := newServer(options{maxMessage: 1})
	server := httptest.NewUnstartedServer(echo.handler())
	learn := make(chan struct{})
	server.Listener = lateListener{server.Listener, learn}
	server.Start()
	defer server.Close()
	c, _, err := websocket.Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer c.CloseNow()

	ended := make(chan struct{})
	go func() {
		echo.close()
		close(ended)
	}()
	for refused := false; !refused; { // until it has begun to close
		late, resp, err := websocket.Dial(t.Context(), server.URL, nil)
		if refused = err != nil; refused {
			require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		} else {
			defer late.CloseNow()
		}
	}
	select {
	case <-ended:
		require.Fail(t, "the handshake was not waited for")
	default:
	}
	close(learn)
	require.Equal(t, websocket.StatusGoingAway, closed(t, c).Code)
	<-ended
}
