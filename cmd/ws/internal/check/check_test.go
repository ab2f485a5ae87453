package check

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/autobahn"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/clitest"
)

func run(t *testing.T, args ...string) clitest.Outcome {
	t.Helper()
	return clitest.Run(t.Context(), Command(), clitest.Words(""), args...)
}

func TestAGoodServerKeepsToTheProtocol(t *testing.T) {
	dir := t.TempDir()
	got := run(t, "-cases", "1.1.*,6.3.*, 12.1.1", "-exclude", "1.1.8", "-report", dir, clitest.Echoing(t).URL)
	require.Equal(t, 0, got.Status, got.Stdout+got.Stderr)
	require.Empty(t, got.Stderr)
	require.Regexp(t, `^http://127\.0\.0\.1:\d+ keeps to the protocol: nothing failed in 10 cases \([\d.]+m?s\)\.\n\n`+
		`It does not compress as 1 case would have it \(permessage-deflate, RFC 7692\)\. That is no fault\.\n$`, got.Stdout)
	_, err := os.Stat(filepath.Join(dir, "index.html"))
	require.NoError(t, err)
}

// careless takes text that is not UTF-8.
func careless(t *testing.T) *clitest.Server {
	return clitest.Serve(t, (*httptest.Server).Start, &websocket.AcceptOptions{Config: websocket.Config{SkipUTF8: true}}, clitest.Echo)
}

func TestWhatIsBrokenIsSaidInPlainWords(t *testing.T) {
	s := careless(t)
	got := run(t, "-cases", "6.3.*,6.6.2", s.WS())
	require.Equal(t, cli.StatusFindings, got.Status)
	require.Regexp(t, `does not keep to the protocol: 2 of 3 cases failed`, got.Stdout)
	require.Regexp(t, `What is broken:\n\n- .*browser.*\n  \(cases 6\.3\.1, 6\.3\.2\)\n`, got.Stdout)
	require.NotContains(t, got.Stdout, "6.3.1: ")
	require.Contains(t, run(t, "-v", "-cases", "6.3.1", s.WS()).Stdout, "    6.3.1: ")
}

func TestTheResultIsAvailableAsJSON(t *testing.T) {
	got := run(t, "-json", "-cases", "6.3.1,14.1", strings.Replace(careless(t).WS(), "ws://", "ws://me:secret@", 1))
	require.NotContains(t, got.Stdout, "secret")
	require.Equal(t, cli.StatusFindings, got.Status)
	var r result
	require.NoError(t, json.Unmarshal([]byte(got.Stdout), &r))
	require.False(t, r.Passed)
	require.Equal(t, map[string]int{"FAILED": 1}, r.Counts)
	require.NotEmpty(t, r.Strict)
	require.Equal(t, "6.3.1", r.Cases[0].ID)
	require.Equal(t, "FAILED", r.Cases[0].Verdict)
	require.NotEmpty(t, r.Cases[0].Plain)
	require.NotEmpty(t, r.Cases[0].Why)
}

func TestWhoDoesNotEchoIsToldSo(t *testing.T) {
	serve := func(f func(ctx context.Context, c *websocket.Conn)) string {
		return clitest.Serve(t, (*httptest.Server).Start, nil, f).WS()
	}
	for says, url := range map[string]string{
		"does not answer": serve(func(ctx context.Context, c *websocket.Conn) {
			c.Serve(ctx, func(*websocket.Conn, websocket.Message) error { return nil })
		}),
		`answers "hello`: serve(func(ctx context.Context, c *websocket.Conn) {
			c.Write(ctx, websocket.Text, []byte("hello"))
			c.Read(ctx)
		}),
		"1013": serve(func(_ context.Context, c *websocket.Conn) { c.Close(websocket.StatusTryAgainLater, "") }),
	} {
		args := []string{url}
		if says == "does not answer" {
			args = append(args, "-wait", "1ms")
		}
		clitest.RequireTry(t, run(t, args...), cli.StatusFailed, says, "sends every message back")
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	clitest.RequireTry(t, run(t, gone.URL), cli.StatusFailed, "404", "another path")
	gone.Close()
	clitest.RequireTry(t, run(t, gone.URL), cli.StatusFailed, "refused", "whether the server runs")
}

func TestTheQuickCasesAreTheDefault(t *testing.T) {
	require.Equal(t, autobahn.Quick(), new(options).suite("ws://a").Cases)
	require.Equal(t, []string{"*", "14.*"}, (&options{full: true}).suite("ws://a").Cases)
	require.Equal(t, []string{"1", "2.*"}, (&options{cases: "1, 2.*,"}).suite("ws://a").Cases)
}

func TestTLSAndProxiesAreUsed(t *testing.T) {
	s := clitest.Serve(t, (*httptest.Server).StartTLS, nil, clitest.Echo)
	asked := make(chan string, 100)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		there, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			io.Copy(there, here)
			there.Close()
		}()
		io.Copy(here, there)
		here.Close()
	}))
	defer proxy.Close()
	got := run(t, "-cases", "1.1.1", "-k", "-proxy", proxy.URL, "wss://far.example/")
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Len(t, asked, 2, "for the first look, and for the case")
	require.Equal(t, "CONNECT far.example:443", <-asked)
	require.Equal(t, "CONNECT far.example:443", <-asked)
}

func TestProxiesOfTheEnvironmentGoByTheScheme(t *testing.T) {
	for address, scheme := range map[string]string{"ws://a": "http", "wss://a": "https"} {
		seen := make(chan string, 1)
		o := &options{}
		o.dial.Websocket.HandshakeTimeout = time.Minute
		o.dial.Websocket.Proxy = func(r *http.Request) (*url.URL, error) {
			seen <- r.URL.Scheme
			return nil, context.Canceled
		}
		_, err := o.suite(address).Dial(t.Context(), "tcp", "a:1")
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, scheme, <-seen)
	}
}

func TestWrongCommandLinesAreExplained(t *testing.T) {
	clitest.RequireTry(t, run(t), cli.StatusUsage, "URL is missing", "ws check ws://")
	clitest.RequireTry(t, run(t, "-full", "-cases", "1", "ws://a"), cli.StatusUsage, "exclude", "one of them")
	clitest.RequireTry(t, run(t, "-parallel", "0", "ws://a"), cli.StatusUsage, "-parallel", "-parallel 8")
	clitest.RequireTry(t, run(t, "-wait", "0s", "ws://a"), cli.StatusUsage, "-wait", "-wait 10s")
	clitest.RequireTry(t, run(t, "-cases", "99", "ws://a"), cli.StatusUsage, "99", "-cases '1.*")
	clitest.RequireTry(t, run(t, "-H", "a: b", "ws://a"), cli.StatusUsage, "no flag -H", "ws check -h")
}

func TestManyCasesAreNamedShortly(t *testing.T) {
	require.Equal(t, "case 1", ids([]string{"1"}))
	require.Equal(t, "cases 1, 2", ids([]string{"1", "2"}))
	require.Equal(t, "cases 1, 2, 3, 4, 5, 6, 7, 8 and 2 more", ids(strings.Split("1 2 3 4 5 6 7 8 9 10", " ")))
}
