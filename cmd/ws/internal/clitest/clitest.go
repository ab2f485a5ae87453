// Package clitest runs commands in tests.
package clitest

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	_ "github.com/seed60239977/websocket/http2" // servers of HTTP/2 offer WebSockets
)

// Outcome is what a run leaves behind.
type Outcome struct {
	Status         int
	Stdout, Stderr string
}

// Program is a program that has one command.
func Program(c *cli.Command) *cli.Program {
	return &cli.Program{Name: "ws", Short: "is tested", Commands: []*cli.Command{c}, Statuses: cli.Statuses()}
}

// Run runs a command to its end.
func Run(ctx context.Context, c *cli.Command, stdin io.Reader, args ...string) Outcome {
	return RunWith(ctx, c, nil, stdin, args...)
}

// RunWith is Run with an environment.
func RunWith(ctx context.Context, c *cli.Command, environ map[string]string, stdin io.Reader, args ...string) Outcome {
	var stdout, stderr bytes.Buffer
	env := &cli.Env{Stdin: stdin, Stdout: &stdout, Stderr: &stderr, Getenv: func(name string) string { return environ[name] }}
	status := Program(c).Run(ctx, append([]string{c.Name}, args...), env)
	return Outcome{status, stdout.String(), stderr.String()}
}

// Words is a standard input.
func Words(text string) io.Reader { return strings.NewReader(text) }

// Server is a server of a test, which keeps the requests that it got.
type Server struct {
	*httptest.Server
	Requests chan *http.Request
}

// Serve runs a server until the end of the test. start is (*httptest.Server).Start or StartTLS.
func Serve(t *testing.T, start func(*httptest.Server), o *websocket.AcceptOptions, serve func(ctx context.Context, c *websocket.Conn)) *Server {
	t.Helper()
	s := &Server{Requests: make(chan *http.Request, 100)}
	own := websocket.AcceptOptions{}
	if o != nil {
		own = *o
	}
	own.Registry = new(websocket.Registry)
	upgrade := websocket.Handler(serve, &own)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Requests <- r
		upgrade.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(s.Server)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what is left is cut
		own.Registry.Shutdown(ctx)
		s.Close()
	})
	return s
}

// Echo answers each message with the same one.
func Echo(ctx context.Context, c *websocket.Conn) {
	c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
}

// Discard reads a connection to its end.
func Discard(c *websocket.Conn) {
	for {
		if _, _, err := c.Read(context.Background()); err != nil {
			return
		}
	}
}

// Echoing is a server without TLS.
func Echoing(t *testing.T) *Server { return Serve(t, (*httptest.Server).Start, nil, Echo) }

// WS is the URL of a server with ws in place of http.
func (s *Server) WS() string { return strings.Replace(s.URL, "http", "ws", 1) }

// RequireTry asks for two lines on standard error: what is wrong, and what to try.
func RequireTry(t *testing.T, got Outcome, status int, says, try string) {
	t.Helper()
	require.Equal(t, status, got.Status, got.Stderr)
	require.Regexp(t, `^ws( \w+)?: [^\n]+\n(  try: [^\n]+\n)?$`, got.Stderr)
	wrong, hint, _ := strings.Cut(got.Stderr, "\n  try: ")
	require.Contains(t, wrong, says)
	require.Contains(t, hint, try)
	if try == "" {
		require.Empty(t, hint)
	}
}
