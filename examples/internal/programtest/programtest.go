// Package programtest runs the examples with a page in tests, and holds what all of them promise.
package programtest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/program"
)

// Running is a run of an example.
type Running struct {
	T      *testing.T
	Addr   string             // where it listens
	Stop   context.CancelFunc // what SIGTERM does
	status chan int
	stderr bytes.Buffer // once there is a status
}

// Start runs the example, with more arguments, until the end of the test.
func Start(t *testing.T, p program.Program, addr string, args ...string) *Running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &Running{T: t, Stop: stop, status: make(chan int, 1)}
	stdout, end := io.Pipe()
	go func() {
		r.status <- p.Run(ctx, append([]string{"-addr", addr}, args...), end, &r.stderr)
		end.Close()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^listening on 127\.0\.0\.1:[1-9][0-9]*\n$`, line)
	r.Addr = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	t.Cleanup(r.Terminate)
	return r
}

// Terminate stops the server, which has to end well. It may be called more than once.
func (r *Running) Terminate() {
	r.T.Helper()
	r.Stop()
	status := <-r.status
	r.status <- status
	require.Zero(r.T, status)
	require.Empty(r.T, r.stderr.String())
}

// Dial connects to the server.
func (r *Running) Dial() *websocket.Conn {
	r.T.Helper()
	c, _, err := websocket.Dial(r.T.Context(), "ws://"+r.Addr+"/ws", nil)
	require.NoError(r.T, err)
	r.T.Cleanup(func() { c.CloseNow() })
	return c
}

// Closed reads c to its end.
func Closed(t *testing.T, c *websocket.Conn) *websocket.CloseError {
	t.Helper()
	for {
		_, _, err := c.Read(t.Context())
		if err != nil {
			var end *websocket.CloseError
			require.ErrorAs(t, err, &end)
			return end
		}
	}
}

// Check tests what every example with a page promises.
func Check(t *testing.T, p program.Program, page []byte) {
	t.Run("the page needs nothing from elsewhere", func(t *testing.T) { checkPage(t, p, page) })
	t.Run("everybody is told that the server goes away", func(t *testing.T) { CheckShutdown(t, "/ws") })
	CheckCommandLine(t, p)
}

// CheckCommandLine tests the flags that every example has.
func CheckCommandLine(t *testing.T, p program.Program) {
	t.Run("a wrong command line is explained in one line", func(t *testing.T) { checkMistakes(t, p) })
	t.Run("help is no error", func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		require.Zero(t, p.Run(t.Context(), []string{"-h"}, &stdout, &stderr))
		require.Empty(t, stderr.String())
		require.Contains(t, stdout.String(), "  -addr ")
		require.Contains(t, stdout.String(), p.Addr)
	})
}

func checkPage(t *testing.T, p program.Program, page []byte) {
	r := Start(t, p, "127.0.0.1:0")
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", "/", 200}, {"HEAD", "/", 200}, {"POST", "/", 405}, {"GET", "/elsewhere", 404}, {"GET", "/ws", 426}} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+r.Addr+c.path, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, c.status, resp.StatusCode, "%s %s", c.method, c.path)
		if c.method == "GET" && c.path == "/" {
			require.Equal(t, string(page), string(body))
			require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
			require.NotRegexp(t, `https?://|src=|@import`, string(body))
		}
	}
}

func checkMistakes(t *testing.T, p program.Program) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{program.StatusUsage, "-nonsense", []string{"-nonsense"}},
		{program.StatusUsage, `"9010"`, []string{"9010"}},
		{program.StatusFailed, "in use", []string{"-addr", busy.Addr().String()}},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, c.status, p.Run(t.Context(), c.args, &stdout, &stderr), "%q", c.args)
		require.Regexp(t, `^`+p.Name+`: [^\n]+\n$`, stderr.String())
		require.Contains(t, stderr.String(), c.says)
		require.Empty(t, stdout.String())
	}
}
