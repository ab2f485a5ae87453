package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// A server of the tests keeps the requests that it got.
type server struct {
	*httptest.Server
	requests chan *http.Request
}

// serving runs a server until the end of the test.
func serving(t *testing.T, start func(*httptest.Server), o *websocket.AcceptOptions, serve func(ctx context.Context, c *websocket.Conn)) *server {
	t.Helper()
	s := &server{requests: make(chan *http.Request, 8)}
	upgrade := websocket.Handler(serve, o)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests <- r
		upgrade.ServeHTTP(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(s.Server)
	t.Cleanup(s.Close)
	return s
}

func echo(ctx context.Context, c *websocket.Conn) {
	c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
}

// echoing is a server without TLS.
func echoing(t *testing.T) *server { return serving(t, (*httptest.Server).Start, nil, echo) }

// outcome is what a run leaves behind.
type outcome struct {
	status         int
	stdout, stderr string
}

func runWith(ctx context.Context, stdin io.Reader, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	status := run(ctx, args, stdin, &stdout, &stderr)
	return outcome{status, stdout.String(), stderr.String()}
}

// requireComplaint asks for one line on standard error that says this, after the one about the connection if there is one.
func requireComplaint(t *testing.T, got outcome, status int, says string) {
	t.Helper()
	require.Equal(t, status, got.status, got.stderr)
	line := strings.TrimPrefix(got.stderr, "client: connected\n")
	require.Regexp(t, `^client: [^\n]+\n$`, line)
	require.Contains(t, line, says)
}

func TestLinesAreSentAndMessagesPrinted(t *testing.T) {
	long := strings.Repeat("长", 100_000)
	got := runWith(t.Context(), strings.NewReader("hello\n\n你好 🚀\r\n\xff\x00\n"+long+"\nno end"), echoing(t).URL)
	require.Equal(t, outcome{
		stdout: "hello\n\n你好 🚀\nbinary, 2 bytes: ff 00\n" + long + "\nno end\n",
		stderr: "client: connected\n",
	}, got)
}

func TestFlagsShapeTheRequest(t *testing.T) {
	s := serving(t, (*httptest.Server).Start, &websocket.AcceptOptions{
		Subprotocols: []string{"b"}, Deflate: &websocket.DeflateOptions{},
	}, echo)
	got := runWith(t.Context(), strings.NewReader(strings.Repeat("x", 1000)),
		"-H", "X-A: 1", "-H", "x-a:2", "-H", "Host: virtual.example", "-subprotocol", "a", "-subprotocol", "b",
		"-compress", "notakeover", s.URL+"/path")
	require.Equal(t, 0, got.status)
	require.Equal(t, strings.Repeat("x", 1000)+"\n", got.stdout)
	require.Regexp(t, `^client: connected, subprotocol b, extensions permessage-deflate;[^\n]*no_context_takeover[^\n]*\n$`, got.stderr)
	r := <-s.requests
	require.Equal(t, []string{"1", "2"}, r.Header["X-A"])
	require.Equal(t, "virtual.example", r.Host)
	require.Equal(t, "/path", r.URL.Path)
	require.Equal(t, "a, b", r.Header.Get("Sec-WebSocket-Protocol"))
	require.Contains(t, r.Header.Get("Sec-WebSocket-Extensions"), "client_no_context_takeover")

	runWith(t.Context(), strings.NewReader(""), "-compress", "takeover", s.URL)
	require.NotContains(t, (<-s.requests).Header.Get("Sec-WebSocket-Extensions"), "no_context_takeover")
	runWith(t.Context(), strings.NewReader(""), s.URL)
	require.Empty(t, (<-s.requests).Header.Get("Sec-WebSocket-Extensions"))
}

func TestCertificatesAreChecked(t *testing.T) {
	s := serving(t, (*httptest.Server).StartTLS, nil, echo)
	requireComplaint(t, runWith(t.Context(), strings.NewReader(""), s.URL), statusFailed, "certificate")

	got := runWith(t.Context(), strings.NewReader("hello"), "-k", s.URL)
	require.Equal(t, outcome{stdout: "hello\n", stderr: "client: connected\n"}, got)

	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	require.NoError(t, os.WriteFile(file, block, 0o600))
	got = runWith(t.Context(), strings.NewReader("hello"), "-cacert", file, s.URL)
	require.Equal(t, outcome{stdout: "hello\n", stderr: "client: connected\n"}, got)
}

func TestAProxyIsUsedWhenAskedFor(t *testing.T) {
	s := echoing(t)
	asked := make(chan *http.Request, 1)
	var relays sync.WaitGroup
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		relays.Add(1)
		defer relays.Done()
		asked <- r
		there, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		relays.Go(func() {
			io.Copy(there, here)
			there.Close()
		})
		io.Copy(here, there)
		here.Close()
	}))
	defer relays.Wait()
	defer proxy.Close()
	via := strings.Replace(proxy.URL, "://", "://me:secret@", 1)
	got := runWith(t.Context(), strings.NewReader("hello"), "-proxy", via, "ws://far.example/")
	require.Equal(t, outcome{stdout: "hello\n", stderr: "client: connected\n"}, got)
	r := <-asked
	require.Equal(t, "far.example:80", r.Host)
	require.Equal(t, "Basic bWU6c2VjcmV0", r.Header.Get("Proxy-Authorization"))

	got = runWith(t.Context(), strings.NewReader("hello"), "-proxy", "off", s.URL)
	require.Equal(t, outcome{stdout: "hello\n", stderr: "client: connected\n"}, got)
	require.Empty(t, asked)
}

func TestAWrongCommandLineIsExplainedInOneLine(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "one URL is needed, not 0"},
		{[]string{"ws://a", "ws://b"}, "one URL is needed, not 2"},
		{[]string{"-nonsense", "ws://a"}, "-nonsense"},
		{[]string{"-H", "no colon", "ws://a"}, "there is no colon"},
		{[]string{"-compress", "zip", "ws://a"}, `not "zip"`},
		{[]string{"-max-message", "0", "ws://a"}, "-max-message"},
		{[]string{"-ping", "-1s", "ws://a"}, "-ping"},
		{[]string{"-ping", "soon", "ws://a"}, "-ping"},
		{[]string{"-proxy", "somewhere", "ws://a"}, "-proxy"},
		{[]string{"-proxy", "http://me:secret@a b", "ws://a"}, "-proxy"},
		{[]string{"-cacert", "no/such/file", "ws://a"}, "no/such/file"},
		{[]string{"-cacert", empty, "ws://a"}, "no certificate"},
	} {
		got := runWith(t.Context(), strings.NewReader(""), c.args...)
		requireComplaint(t, got, statusUsage, c.says)
		require.Empty(t, got.stdout)
		require.NotContains(t, got.stderr, "secret")
	}
}

func TestHelpIsNoError(t *testing.T) {
	got := runWith(t.Context(), strings.NewReader(""), "-h")
	require.Zero(t, got.status)
	require.Empty(t, got.stderr)
	for _, flag := range []string{"-H", "-subprotocol", "-compress", "-proxy", "-k", "-cacert", "-ping", "-max-message", "-stay"} {
		require.Contains(t, got.stdout, "  "+flag+"")
	}
}

func TestWhatCannotBeConnectedToIsExplainedInOneLine(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "members only\x1b[2J\nask at the door", http.StatusForbidden)
	}))
	defer refusing.Close()
	requireComplaint(t, runWith(t.Context(), strings.NewReader(""), refusing.URL), statusFailed, "members only␛[2J")

	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer silent.Close()
	requireComplaint(t, runWith(t.Context(), strings.NewReader(""), silent.URL), statusFailed, "418")

	gone := httptest.NewServer(nil)
	gone.Close()
	requireComplaint(t, runWith(t.Context(), strings.NewReader(""), gone.URL), statusFailed, "refused")
	requireComplaint(t, runWith(t.Context(), strings.NewReader(""), "ftp://a"), statusFailed, "scheme")
	requireComplaint(t, runWith(t.Context(), strings.NewReader(""), "-H", "Upgrade: x", "ws://a"), statusFailed, "Upgrade")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	requireComplaint(t, runWith(ctx, strings.NewReader(""), refusing.URL), statusFailed, "canceled")
}

// failingWriter is a standard output that has gone.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("the reader has left") }
