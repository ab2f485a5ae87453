package replay

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/clitest"
	"github.com/seed60239977/websocket/cmd/ws/internal/connect"
	"github.com/seed60239977/websocket/cmd/ws/internal/record"
	"github.com/seed60239977/websocket/websockettest"
)

// recording is what was said with an echo server that greets, an hour for each message.
const recording = `{"time":"2026-01-02T03:00:00Z","type":"open","url":"URL","subprotocol":"p"}
{"time":"2026-01-02T04:00:00Z","type":"text","dir":"in","data":"welcome"}
{"time":"2026-01-02T04:00:01Z","type":"ping","dir":"in","data":"p"}
{"time":"2026-01-02T05:00:00Z","type":"text","dir":"out","data":"{\"a\":1}"}
{"time":"2026-01-02T06:00:00Z","type":"text","dir":"in","data":"{\"a\":1}"}
{"time":"2026-01-02T07:00:00Z","type":"binary","dir":"out","base64":"/w=="}
{"time":"2026-01-02T08:00:00Z","type":"binary","dir":"in","base64":"/w=="}
{"time":"2026-01-02T09:00:00Z","type":"close","code":1000}
`

func file(t *testing.T, url string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "r.jsonl")
	require.NoError(t, os.WriteFile(name, []byte(strings.Replace(recording, "URL", url, 1)), 0o600))
	return name
}

func run(t *testing.T, args ...string) clitest.Outcome {
	t.Helper()
	return clitest.Run(t.Context(), Command(), clitest.Words(""), args...)
}

// greeting is an echo server that says something first.
func greeting(t *testing.T, first string) *clitest.Server {
	return clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Write(ctx, websocket.Text, []byte(first))
		clitest.Echo(ctx, c)
	})
}

func TestWhatWasSentIsSentAgain(t *testing.T) {
	s := greeting(t, "welcome")
	const said = "welcome\n{\"a\":1}\nbinary, 1 bytes\n00000000  ff                                                |.|\n"
	for _, args := range [][]string{{"-lockstep"}, {"-verify"}, {"-speed", "0"}, {"-speed", "1e9"}} {
		got := run(t, append(args, file(t, s.WS()))...)
		require.Equal(t, 0, got.Status, got.Stderr)
		require.Equal(t, said, got.Stdout)
		require.Equal(t, "ws: connected to "+s.WS()+"\n", got.Stderr)
	}
	got := run(t, "-q", "-verify", file(t, "ws://elsewhere/"), s.WS())
	require.Equal(t, clitest.Outcome{}, got)
}

func TestADifferenceHasAStatus(t *testing.T) {
	got := run(t, "-q", "-verify", file(t, greeting(t, "hello").WS()))
	clitest.RequireTry(t, got, cli.StatusFindings, `message 1 differs: it was text "welcome", and is text "hello" now`, "-lockstep without -verify")
	require.Equal(t, 0, run(t, "-q", "-lockstep", file(t, greeting(t, "hello").WS())).Status)

	silent := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) { <-c.CloseRead(ctx).Done() })
	clitest.RequireTry(t, run(t, "-q", "-lockstep", "-w", "1ms", file(t, silent.WS())), cli.StatusTimeout, "message 1 of the other side did not come", "a longer -w")

	for code, status := range map[websocket.StatusCode]int{1000: cli.StatusFindings, 1013: 113} {
		closing := clitest.Serve(t, (*httptest.Server).Start, nil, func(_ context.Context, c *websocket.Conn) { c.Close(code, "") })
		clitest.RequireTry(t, run(t, "-q", "-lockstep", file(t, closing.WS())), status, "it was not over", "")
	}
}

// TestBothSidesMaySendAtOnce has an echo server that does not read on before its answer is taken. In fake time it would be
// seen if nobody did that.
func TestBothSidesMaySendAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", 1<<20)
		var entries []record.Entry
		for _, dir := range []string{record.Out, record.In} {
			for _, text := range []string{long, long, "end"} {
				entries = append(entries, record.Message(dir, websocket.Text, []byte(text)))
			}
		}
		client, server := websockettest.Pair(t, &websockettest.Options{Buffer: 4 << 10})
		client.SetReadLimit(-1)
		server.SetReadLimit(-1)
		go clitest.Echo(t.Context(), server)
		o := &options{lockstep: true, verify: true, quiet: true, wait: time.Second}
		require.NoError(t, o.play(t.Context(), client, record.Out, entries))
	})
}

func TestTheServersSideIsPlayedToClients(t *testing.T) {
	r, url := clitest.Listening(t, Command(), nil, "-verify", "-listen", "127.0.0.1:0", file(t, ""))
	for range 2 {
		got := run(t, "-q", "-verify", file(t, url))
		require.Equal(t, clitest.Outcome{}, got, "its own client says what it expects")
		r.Stderr.Line("played to the end")
	}
	r.Stop()
	require.Equal(t, 0, r.Wait())

	r, url = clitest.Listening(t, Command(), nil, "-verify", "-listen", "127.0.0.1:0", file(t, ""))
	c, _, err := websocket.Dial(t.Context(), url, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	go clitest.Discard(c)
	require.NoError(t, c.Write(t.Context(), websocket.Text, []byte("wrong")))
	r.Stderr.Line("message 1 differs")
	r.Stop()
	require.Equal(t, cli.StatusFindings, r.Wait())
}

func TestARecordingIsPrinted(t *testing.T) {
	got := run(t, "-print", "-color", "never", file(t, "ws://there/"))
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Empty(t, got.Stderr)
	for _, line := range []string{"connected to ws://there/ p\n", ".000 < welcome\n", `ping in "p"`, ".000 > {\"a\":1}\n", ".000 > binary, 1 bytes\n", "closed with 1000"} {
		require.Contains(t, got.Stdout, line)
	}
}

func TestWhatConnectRecordsIsPlayed(t *testing.T) {
	s := greeting(t, "welcome")
	name := filepath.Join(t.TempDir(), "r.jsonl")
	got := clitest.Run(t.Context(), connect.Command(), clitest.Words("a\nb\n"), "-record", name, s.WS())
	require.Equal(t, 0, got.Status, got.Stderr)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	got = clitest.Run(t.Context(), Command(), strings.NewReader(string(text)), "-q", "-lockstep", "-")
	require.Equal(t, clitest.Outcome{}, got)
}

func TestAnInterruptGoesAway(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Read(ctx) // what is sent without waiting
		interrupt()
		for {
			if _, _, err := c.Read(ctx); err != nil {
				ended <- err
				return
			}
		}
	})
	require.Equal(t, clitest.Outcome{}, clitest.Run(ctx, Command(), nil, "-q", "-speed", "0", "-w", "1h", file(t, s.WS())))
	require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(<-ended))
}

func TestWrongCommandLinesAreExplained(t *testing.T) {
	noURL := filepath.Join(t.TempDir(), "n.jsonl")
	require.NoError(t, os.WriteFile(noURL, nil, 0o600))
	bad := filepath.Join(t.TempDir(), "b.jsonl")
	require.NoError(t, os.WriteFile(bad, []byte("no JSON"), 0o600))
	for _, c := range []struct {
		args      []string
		status    int
		says, try string
	}{
		{nil, cli.StatusUsage, "FILE is missing", "ws replay talk.jsonl"},
		{[]string{"-speed", "-1", "x"}, cli.StatusUsage, "-speed", "-speed 1"},
		{[]string{"no/such/file"}, cli.StatusFailed, "no such file", "ws connect -record"},
		{[]string{bad}, cli.StatusFailed, "line 1 of the recording", "ws connect -record"},
		{[]string{noURL}, cli.StatusUsage, "does not say to which URL", "ws://localhost:8080/"},
		{[]string{"-listen", "0", noURL, "ws://a"}, cli.StatusUsage, "exclude", "one of them"},
		{[]string{noURL, "ftp://a"}, cli.StatusUsage, "ftp", "ws://"},
	} {
		clitest.RequireTry(t, run(t, c.args...), c.status, c.says, c.try)
	}
}
