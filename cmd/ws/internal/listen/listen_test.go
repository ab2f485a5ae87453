package listen

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/clitest"
)

// endless is a standard input on which nothing comes.
func endless(t *testing.T) io.Reader {
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	return r
}

func start(t *testing.T, args ...string) (r *clitest.Running, url string) {
	t.Helper()
	return clitest.Listening(t, Command(), endless(t), append(args, "127.0.0.1:0")...)
}

func dial(t *testing.T, url string, o *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), url, o)
	require.NoError(t, err)
	t.Cleanup(func() { c.CloseNow() })
	return c
}

func say(t *testing.T, c *websocket.Conn, typ websocket.MessageType, text string) {
	t.Helper()
	require.NoError(t, c.Write(t.Context(), typ, []byte(text)))
}

func hear(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	_, data, err := c.Read(t.Context())
	require.NoError(t, err)
	return string(data)
}

func ending(t *testing.T, c *websocket.Conn) *websocket.CloseError {
	t.Helper()
	var end *websocket.CloseError
	for {
		if _, _, err := c.Read(t.Context()); err != nil {
			require.ErrorAs(t, err, &end)
			return end
		}
	}
}

func TestItEchoesAndLogsAndEndsInGoodOrder(t *testing.T) {
	r, url := start(t, "-v", "-subprotocol", "p", "-serve-compress", "takeover")
	require.Regexp(t, `^ws://127\.0\.0\.1:\d+$`, url)
	r.Stderr.Line("ws: a page to talk to it is at " + strings.Replace(url, "ws", "http", 1) + "/")
	c := dial(t, url+"/any?x=1", &websocket.DialOptions{Subprotocols: []string{"p"}, Deflate: &websocket.DeflateOptions{}})
	require.Equal(t, "p", c.Subprotocol())
	_, compressed := c.Deflate()
	require.True(t, compressed)
	r.Stderr.Line("connected: /any?x=1")
	say(t, c, websocket.Text, "hällo")
	require.Equal(t, "hällo", hear(t, c))
	r.Stderr.Line(`text, 6 bytes: "hällo"`)
	say(t, c, websocket.Binary, strings.Repeat("x", 1000))
	require.Len(t, hear(t, c), 1000)
	r.Stderr.Line(`xx" …`)
	r.Stop()
	end := ending(t, c)
	require.Equal(t, websocket.StatusGoingAway, end.Code)
	require.Equal(t, 0, r.Wait())
	r.Stderr.Line("ended: ")
}

func TestABroadcastReachesTheOthers(t *testing.T) {
	r, url := start(t, "-v", "-broadcast")
	a, b, c := dial(t, url, nil), dial(t, url, nil), dial(t, url, nil)
	for range 3 {
		r.Stderr.Line("connected") // a client knows that it is sooner than the server does
	}
	say(t, a, websocket.Text, "from a")
	require.Equal(t, "from a", hear(t, b))
	require.Equal(t, "from a", hear(t, c))
	say(t, b, websocket.Binary, "from b")
	require.Equal(t, "from b", hear(t, a), "and not its own")
	require.Equal(t, "from b", hear(t, c))
}

func TestSomebodyTalksToAllClients(t *testing.T) {
	stdin, typed := io.Pipe()
	r, url := clitest.Listening(t, Command(), stdin, "-talk", "127.0.0.1:0")
	c := dial(t, url, nil)
	r.Stderr.Line("connected")
	say(t, c, websocket.Text, "question")
	r.Stdout.Line("question")
	say(t, c, websocket.Binary, "\x00")
	r.Stdout.Line("binary, 1 bytes")
	_, err := io.WriteString(typed, "answer\n")
	require.NoError(t, err)
	require.Equal(t, "answer", hear(t, c))
	typed.Close()
	require.Equal(t, websocket.StatusGoingAway, ending(t, c).Code)
	require.Equal(t, 0, r.Wait(), "it ends with its input")
}

func TestThePageIsServed(t *testing.T) {
	_, url := start(t)
	get := func(path string, header ...string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(url, "ws", "http", 1)+path, nil)
		require.NoError(t, err)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	resp := get("/")
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "new WebSocket(")
	require.Equal(t, 404, get("/favicon.ico").StatusCode)

	_, url = start(t, "-no-page", "-path", "/ws")
	require.Equal(t, 404, get("/").StatusCode)
	require.True(t, strings.HasSuffix(url, "/ws"))
	say(t, dial(t, url, nil), websocket.Text, "x")
	_, _, err = websocket.Dial(t.Context(), url+"/other", nil)
	require.ErrorContains(t, err, "404")
}

func TestForeignPagesAreRefusedUnlessAllowed(t *testing.T) {
	foreign := &websocket.DialOptions{Header: http.Header{"Origin": {"https://a.example"}}}
	r, url := start(t)
	_, _, err := websocket.Dial(t.Context(), url, foreign)
	require.ErrorContains(t, err, "403")
	r.Stderr.Line("a.example")
	_, url = start(t, "-allow", "https://a.example")
	dial(t, url, foreign)
}

func TestUnixSocketsAreListenedOn(t *testing.T) {
	dir, err := os.MkdirTemp("", "ws")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	_, url := clitest.Listening(t, Command(), endless(t), "unix:"+path)
	require.Equal(t, "ws+unix:"+path, url)
	c := dial(t, "ws://x", &websocket.DialOptions{NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}})
	say(t, c, websocket.Text, "x")
	require.Equal(t, "x", hear(t, c))
}

func TestWrongCommandLinesAreExplained(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, c := range []struct {
		args      []string
		status    int
		says, try string
	}{
		{nil, cli.StatusUsage, "ADDR is missing", "ws listen 8080"},
		{[]string{"-talk", "-broadcast", "0"}, cli.StatusUsage, "exclude", "one of them"},
		{[]string{"-max", "0", "0"}, cli.StatusUsage, "-max", "-max 100"},
		{[]string{"-grace", "-1s", "0"}, cli.StatusUsage, "-grace", "-grace 5s"},
		{[]string{"-serve-max-message", "0", "0"}, cli.StatusUsage, "-serve-max-message", "33554432"},
		{[]string{"-binary", "raw", "0"}, cli.StatusUsage, "-binary raw", "base64"},
		{[]string{"-tls-cert", "x", "0"}, cli.StatusUsage, "go together", "both"},
		{[]string{"-tls-cert", "no", "-tls-key", "no", "0"}, cli.StatusUsage, "-tls-cert", "openssl"},
		{[]string{"-allow", "::", "0"}, cli.StatusUsage, "rigin", "-allow https"},
		{[]string{"-serve-compress", "x", "0"}, cli.StatusUsage, "notakeover", "takeover"},
		{[]string{taken.Addr().String()}, cli.StatusFailed, "in use", "another port"},
		{[]string{"nowhere:port"}, cli.StatusFailed, "", "localhost:8080"},
	} {
		got := clitest.Run(t.Context(), Command(), endless(t), c.args...)
		require.Equal(t, c.status, got.Status, got.Stderr)
		require.Contains(t, got.Stderr, c.says)
		require.Contains(t, got.Stderr[strings.Index(got.Stderr, "  try: "):], c.try)
	}
}
