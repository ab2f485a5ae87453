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
	"github.com/seed60239977/websocket/internal/wstest"
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

// get asks a server for what is no WebSocket.
func get(t *testing.T, url, path string) (resp *http.Response, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(url, "ws", "http", 1)+path, nil)
	require.NoError(t, err)
	resp, err = http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(all)
}

func TestThePageIsServed(t *testing.T) {
	_, url := start(t)
	resp, body := get(t, url, "/")
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, body, "new WebSocket(")
	require.Contains(t, body, `path = ""`, "any path takes WebSockets, and so does that of the page")
	resp, _ = get(t, url, "/favicon.ico")
	require.Equal(t, 404, resp.StatusCode)

	r, url := start(t, "-path", "/ws</script>")
	require.Regexp(t, `^ws: a page to talk to it is at http://127\.0\.0\.1:\d+/$`, r.Stderr.Line("a page"))
	_, body = get(t, strings.TrimSuffix(url, "/ws</script>"), "/")
	require.Contains(t, body, `path = "/ws\u003c/script\u003e"`)

	_, url = start(t, "-no-page", "-path", "/ws")
	resp, _ = get(t, strings.TrimSuffix(url, "/ws"), "/")
	require.Equal(t, 404, resp.StatusCode)
	require.True(t, strings.HasSuffix(url, "/ws"))
	say(t, dial(t, url, nil), websocket.Text, "x")
	_, _, err := websocket.Dial(t.Context(), url+"/other", nil)
	require.ErrorContains(t, err, "404")
}

func TestFilesAreServedInPlaceOfThePage(t *testing.T) {
	secret := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(secret, "key"), []byte("secret"), 0o600))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "index.html"), []byte("<p>mine"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.js"), []byte("code()"), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "out")))
	r, url := start(t, "-dir", dir, "-path", "/ws")
	host := strings.TrimSuffix(url, "/ws")
	require.Equal(t, "ws: the files are at "+strings.Replace(host, "ws", "http", 1)+"/", r.Stderr.Line("the files"))
	_, body := get(t, host, "/")
	require.Equal(t, "<p>mine", body)
	_, body = get(t, host, "/a.js")
	require.Equal(t, "code()", body)
	for _, path := range []string{"/out/key", "/../" + filepath.Base(secret) + "/key", "/none"} {
		resp, body := get(t, host, path)
		require.GreaterOrEqual(t, resp.StatusCode, 400, path)
		require.NotContains(t, body, "secret")
	}
	c := dial(t, url, nil)
	say(t, c, websocket.Text, "x")
	require.Equal(t, "x", hear(t, c))
}

func TestFieldsAreAddedToTheResponse(t *testing.T) {
	_, url := start(t, "-serve-header", "X-A: b", "-serve-header", "X-A: c")
	c, resp, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	require.Equal(t, []string{"b", "c"}, resp.Header.Values("X-A"))
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
	path := wstest.SocketPath(t)
	_, url := clitest.Listening(t, Command(), endless(t), "unix:"+path)
	require.Equal(t, "ws+unix:"+path, url)
	c := dial(t, "ws://localhost", &websocket.DialOptions{NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
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
		{[]string{"-dir", "x", "-no-page", "0"}, cli.StatusUsage, "exclude", "one of them"},
		{[]string{"-dir", "no/such", "0"}, cli.StatusUsage, "no/such", "-dir ."},
		{[]string{"-serve-ping", "-1s", "0"}, cli.StatusUsage, "-serve-ping", "-serve-ping 30s"},
		{[]string{"-serve-header", "x", "0"}, cli.StatusUsage, "there is no colon", "ws listen -h"},
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
