package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/autobahn"
)

// command runs wstest and returns what it printed.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = run(t.Context(), args, &out, &err)
	return status, out.String(), err.String()
}

// echoServer accepts connections by the suite's own handler and echoes frames;
// with masked it masks them too, which a server must not.
func echoServer(t *testing.T, masked bool) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { echo(nc, masked) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		group.Wait()
	})
	return "ws://" + l.Addr().String()
}

func TestListNamesEveryCase(t *testing.T) {
	status, out, _ := command(t, "list")
	require.Equal(t, passed, status)
	require.Equal(t, 517+len(autobahn.StrictCases()), strings.Count(out, "\n"))
	require.Contains(t, out, "6.4.1    6.4   text that goes wrong")
	status, out, _ = command(t, "list", "-cases", "14.1.1")
	require.Equal(t, passed, status)
	require.Contains(t, out, "(RFC 6455 §5.2)")
	cases, err := autobahn.Select(autobahn.Quick(), nil)
	require.NoError(t, err)
	status, out, _ = command(t, "list", "-quick")
	require.Equal(t, passed, status)
	require.Equal(t, len(cases), strings.Count(out, "\n"))
	status, out, _ = command(t, "list", "-cases", "1.1.*, 2.1", "-exclude", "1.1.8")
	require.Equal(t, passed, status)
	require.Equal(t, 8, strings.Count(out, "\n"))
}

func TestMisuseIsToldAndExitsWith2(t *testing.T) {
	for _, args := range [][]string{
		nil, {"what"}, {"client"}, {"client", "-url", "http://x"}, {"client", "-nonsense"}, {"list", "extra"}, {"list", "-cases", "99.*"},
		{"client", "-spec", filepath.Join(t.TempDir(), "none.json")}, {"list", "-quick", "-cases", "1.*"}, {"list", "-exclude", "foo"}, {"client", "-url", "ws://x", "-exclude", "foo"},
		{"server", "-addr", "nowhere:99999"}, {"server", "-cases", "99"},
	} {
		status, _, stderr := command(t, args...)
		require.Equal(t, unable, status, args)
		require.NotEmpty(t, stderr, args)
	}
	_, _, stderr := command(t, "list", "-exclude", "1.1.1,foo")
	require.Equal(t, "wstest: no case is called \"foo\"\n", stderr)
	_, _, stderr = command(t, "client", "-nonsense")
	require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	_, _, stderr = command(t, "client", "ws://127.0.0.1:9001")
	require.Equal(t, "wstest: unexpected argument \"ws://127.0.0.1:9001\": wstest client takes flags only, which -h lists\n", stderr)
}

func TestHelpGoesToStdoutWithStatus0(t *testing.T) {
	for _, x := range []struct{ args, says string }{
		{"help", "wstest list"}, {"-h", "wstest list"}, {"--help", "wstest list"},
		{"client -h", "-parallel"}, {"server -help", "-addr"}, {"list -h", "-exclude"},
	} {
		status, stdout, stderr := command(t, strings.Fields(x.args)...)
		require.Equal(t, passed, status, x.args)
		require.Contains(t, stdout, x.says, x.args)
		require.Empty(t, stderr, x.args)
	}
}

func TestAServerThatIsNotThereIsToldOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	status, stdout, stderr := command(t, "client", "-url", "ws://"+l.Addr().String(), "-out", "-")
	require.Equal(t, unable, status)
	require.Empty(t, stdout)
	require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
	require.Contains(t, stderr, l.Addr().String())
}

func TestClientTestsAServerAndWritesReports(t *testing.T) {
	url, out := echoServer(t, false), filepath.Join(t.TempDir(), "reports")
	status, stdout, stderr := command(t, "client", "-url", url, "-agent", "good", "-cases", "1.1.*,1.2.*", "-out", out)
	require.Equal(t, passed, status, "%s%s", stdout, stderr)
	require.Contains(t, stdout, "good: 16 OK, 0 INFORMATIONAL, 0 NON-STRICT, 0 UNIMPLEMENTED, 0 FAILED of 16")
	index, err := autobahn.ReadIndex(filepath.Join(out, "index.json"))
	require.NoError(t, err)
	require.Len(t, index["good"], 16)

	status, stdout, _ = command(t, "client", "-url", echoServer(t, true), "-cases", "1.1.1", "-out", "-")
	require.Equal(t, failed, status)
	require.Contains(t, stdout, "1.1.1    FAILED")
	require.Contains(t, stdout, "a frame from a server is masked")
	status, stdout, _ = command(t, "client", "-quiet", "-url", url, "-cases", "12.1.1", "-out", "-")
	require.Equal(t, passed, status, "UNIMPLEMENTED is no failure")
	require.Empty(t, stdout)
	status, stdout, stderr = command(t, "client", "-quiet", "-url", echoServer(t, true), "-cases", "1.1.1", "-out", "-")
	require.Equal(t, failed, status)
	require.Empty(t, stdout+stderr, "the status tells")
	status, _, _ = command(t, "client", "-strict", "-url", url, "-cases", "12.1.1", "-out", "-")
	require.Equal(t, failed, status)
}

func TestASpecFileNamesServersAndCases(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "fuzzingclient.json")
	b, err := json.Marshal(map[string]any{
		"outdir": filepath.Join(dir, "out"),
		"servers": []map[string]any{
			{"agent": "One", "url": echoServer(t, false), "options": map[string]any{"version": 18}},
			{"agent": "Two", "url": echoServer(t, false)},
		},
		"cases": []string{"1.1.*"}, "exclude-cases": []string{"1.1.8"}, "exclude-agent-cases": map[string]any{"T*": []string{"1.1.7"}},
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, b, 0o600))
	status, stdout, stderr := command(t, "client", "-spec", file)
	require.Equal(t, passed, status, stderr)
	require.Contains(t, stdout, "One: 7 OK")
	require.Contains(t, stdout, "Two: 6 OK")
	index, err := autobahn.ReadIndex(filepath.Join(dir, "out", "index.json"))
	require.NoError(t, err)
	require.Len(t, index, 2)
	status, stdout, _ = command(t, "client", "-spec", file, "-cases", "1.1.2", "-exclude", "9.*")
	require.Equal(t, passed, status)
	require.Contains(t, stdout, "One: 1 OK", "flags win")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	status, _, _ = command(t, "client", "-spec", file)
	require.Equal(t, unable, status)
}

// follow is a writer that tells when a line has come.
type follow struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	lines chan string
}

func (f *follow) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buf.Write(b)
	for {
		line, err := f.buf.ReadString('\n')
		if err != nil {
			f.buf.WriteString(line)
			return len(b), nil
		}
		f.lines <- strings.TrimSpace(line)
	}
}

func TestServerTestsClientsUntilItIsStopped(t *testing.T) {
	out := &follow{lines: make(chan string, 100)}
	dir := t.TempDir()
	file := filepath.Join(dir, "fuzzingserver.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"url":"ws://127.0.0.1:0","cases":["1.1.1","1.1.2","1.1.3","1.1.4"],"exclude-agent-cases":{"a":["1.1.4"]}}`), 0o600))
	status := make(chan int)
	go func() { status <- run(t.Context(), []string{"server", "-spec", file, "-out", dir}, out, io.Discard) }()
	base := strings.TrimPrefix(<-out.lines, "listening on ws://")
	for _, path := range []string{"/runCase?case=1&agent=a", "/runCase?case=2&agent=a", "/updateReports?agent=a", "/stopServer"} {
		visit(t, base, path)
	}
	require.Equal(t, passed, <-status)
	require.Contains(t, <-out.lines, "a: 2 OK")
	require.Equal(t, "a: not run: 1 of 3 cases", <-out.lines)
	index, err := autobahn.ReadIndex(filepath.Join(dir, "index.json"))
	require.NoError(t, err)
	require.Len(t, index["a"], 2)
}

func TestServerEndsWhenItIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &follow{lines: make(chan string, 100)}
	status := make(chan int)
	go func() { status <- run(ctx, []string{"server", "-addr", "127.0.0.1:0", "-out", "-"}, out, io.Discard) }()
	require.Contains(t, <-out.lines, "listening on")
	cancel()
	require.Equal(t, passed, <-status)
}

// visit connects as a client and echoes until the connection ends.
func visit(t *testing.T, address, path string) {
	nc, err := net.Dial("tcp", address)
	require.NoError(t, err)
	_, err = io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	require.NoError(t, err)
	serveFrames(nc, false, true)
}

func TestProgressOnATerminalIsOneLineWrittenOver(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "agent")
	p.terminal = true
	good := &autobahn.Result{Case: autobahn.Case{ID: "1.1.1"}, Behavior: autobahn.OK, BehaviorClose: autobahn.OK}
	bad := &autobahn.Result{Case: autobahn.Case{ID: "1.1.2"}, Behavior: autobahn.OK, BehaviorClose: autobahn.WrongCode, Why: "why"}
	p.show(1, 2, good)
	p.show(2, 2, bad)
	p.end()
	require.Equal(t, "\r\x1b[Kagent: 1 of 2, 1.1.1\r\x1b[K\r\x1b[Kagent: 2 of 2, 1.1.2\r\x1b[K1.1.2    OK, close WRONG CODE: why\n", out.String())
	out.Reset()
	p = newProgress(&out, "agent")
	p.last = time.Now().Add(-time.Hour)
	p.show(1, 2, good)
	p.show(2, 2, good)
	p.end()
	require.Equal(t, "agent: 1 of 2\n", out.String())
}

func TestNeighboursThatFailAlikeShareALine(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "agent")
	for i, x := range []struct {
		id       string
		behavior autobahn.Verdict
		why      string
	}{
		{"1.1.1", autobahn.Failed, "why"}, {"1.1.2", autobahn.Failed, "why"}, {"1.1.3", autobahn.Failed, "why"},
		{"1.1.4", autobahn.OK, ""}, {"1.1.5", autobahn.Failed, "why"}, {"1.1.6", autobahn.Failed, "other"},
		{"1.1.7", autobahn.NonStrict, "other"}, {"1.1.8", autobahn.NonStrict, "other"},
	} {
		p.show(i+1, 8, &autobahn.Result{Case: autobahn.Case{ID: x.id}, Behavior: x.behavior, BehaviorClose: autobahn.OK, Why: x.why})
	}
	p.end()
	p.end()
	require.Equal(t, `1.1.1 to 1.1.3 (3 cases) FAILED: why
1.1.5    FAILED: why
1.1.6    FAILED: other
1.1.7 to 1.1.8 (2 cases) NON-STRICT: other
`, out.String())
}

func echo(nc net.Conn, masked bool) {
	head := make([]byte, 0, 4096)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		b := make([]byte, 1)
		if _, err := nc.Read(b); err != nil {
			_ = nc.Close()
			return
		}
		head = append(head, b...)
	}
	_, rest, _ := strings.Cut(string(head), "Sec-WebSocket-Key: ")
	key, _, _ := strings.Cut(rest, "\r\n")
	_, _ = io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+acceptOf(key)+"\r\n\r\n")
	serveFrames(nc, true, masked)
}
