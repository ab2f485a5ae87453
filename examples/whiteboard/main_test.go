package main

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
)

// A program is a run of the server.
type program struct {
	t      *testing.T
	addr   string
	stop   context.CancelFunc // what SIGTERM does
	status chan int
	stderr bytes.Buffer // once there is a status
}

// start runs the server until the end of the test.
func start(t *testing.T, addr string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &program{t: t, stop: stop, status: make(chan int, 1)}
	stdout, end := io.Pipe()
	go func() {
		p.status <- run(ctx, []string{"-addr", addr}, end, &p.stderr)
		end.Close()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^listening on 127\.0\.0\.1:[1-9][0-9]*\n$`, line)
	p.addr = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	t.Cleanup(p.terminate)
	return p
}

// terminate stops the server, which has to end well. It may be called more than once.
func (p *program) terminate() {
	p.t.Helper()
	p.stop()
	status := <-p.status
	p.status <- status
	require.Zero(p.t, status)
	require.Empty(p.t, p.stderr.String())
}

// dial connects to the server.
func (p *program) dial() *websocket.Conn {
	p.t.Helper()
	c, _, err := websocket.Dial(p.t.Context(), "ws://"+p.addr+"/ws", nil)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { c.CloseNow() })
	return c
}

// closed reads c to its end.
func closed(t *testing.T, c *websocket.Conn) *websocket.CloseError {
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

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	p := start(t, "127.0.0.1:0")
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", "/", 200}, {"HEAD", "/", 200}, {"POST", "/", 405}, {"GET", "/elsewhere", 404}, {"GET", "/ws", 426}} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+p.addr+c.path, nil)
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

func TestAWrongCommandLineIsExplainedInOneLine(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	for _, c := range []struct {
		status int
		says   string
		args   []string
	}{
		{statusUsage, "-nonsense", []string{"-nonsense"}},
		{statusUsage, `"9012"`, []string{"9012"}},
		{statusFailed, "in use", []string{"-addr", busy.Addr().String()}},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, c.status, run(t.Context(), c.args, &stdout, &stderr), "%q", c.args)
		require.Regexp(t, `^[a-z]+: [^\n]+\n$`, stderr.String())
		require.Contains(t, stderr.String(), c.says)
		require.Empty(t, stdout.String())
	}
}

func TestHelpIsNoError(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	require.Empty(t, stderr.String())
	require.Contains(t, stdout.String(), "  -addr ")
}
