package autobahn_test

import (
	"bufio"
	"context"
	"flag"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/autobahn"
	"github.com/seed60239977/websocket/internal/wstest"
)

var (
	full   = flag.Bool("full", false, "run all 517 cases, not the quick ones alone; so does CI=true without the race detector")
	update = flag.Bool("update", false, "write what this library comes to into testdata/expected.json; implies -full")
)

// maxMessage is the longest message of the suite, in bytes: the one option besides compression that is not the default.
const maxMessage = 16 << 20

// runsAll says whether all cases run.
func runsAll() bool { return *full || *update || os.Getenv("CI") == "true" && !wstest.Racing }

// patterns are the cases to run.
func patterns() []string {
	if runsAll() {
		return []string{"*", "14.*"}
	}
	return autobahn.Quick()
}

// repeated are the cases to run once more in another way, over HTTP/2 or on an event loop. For every run of go test these are the
// ones that may differ; the race detector, -full, CI=true and WEBSOCKET_TESTS=all add the rest of the quick ones.
func repeated() []string {
	if runsAll() || wstest.All() {
		return autobahn.Quick()
	}
	return different
}

// busyGroups are those whose cases keep a processor busy.
var busyGroups = []string{"9", "12", "13"}

// besideOthers lets a test run at the same time as others. Most cases wait for time to pass; what takes long runs alone.
func besideOthers(t *testing.T) {
	if !runsAll() && !*eventFull && !wstest.Racing {
		t.Parallel()
	}
}

func TestTheServerComesToTheExpectedVerdicts(t *testing.T) {
	besideOthers(t)
	program := buildEcho(t)
	t.Run("HTTP/1.1", func(t *testing.T) {
		besideOthers(t)
		url := echoServer(t, program)
		report, err := autobahn.TestServer(t.Context(), url, &autobahn.Options{Cases: patterns()})
		require.NoError(t, err)
		again(t, server, report, selected(t), func(ids []string) (*autobahn.Report, error) {
			return autobahn.TestServer(t.Context(), url, &autobahn.Options{Cases: ids})
		})
		requireExpected(t, server, report, selected(t))
	})
	t.Run("HTTP/2", func(t *testing.T) {
		if *update {
			t.Skip("its verdicts are not kept apart")
		}
		besideOthers(t)
		ids := repeated()
		if runsAll() {
			ids = patterns()
		}
		url := echoServer(t, program, "-http2")
		report, err := autobahn.TestServer(t.Context(), url, &autobahn.Options{Cases: ids, HTTP2: true})
		require.NoError(t, err)
		cases, err := autobahn.Select(ids, nil)
		require.NoError(t, err)
		cases = slices.DeleteFunc(cases, func(c autobahn.Case) bool { return c.Opening != nil })
		again(t, server, report, cases, func(ids []string) (*autobahn.Report, error) {
			return autobahn.TestServer(t.Context(), url, &autobahn.Options{Cases: ids, HTTP2: true})
		})
		requireExpected(t, server, report, cases)
	})
}

func TestTheClientComesToTheExpectedVerdicts(t *testing.T) {
	besideOthers(t)
	suite, err := autobahn.NewHandler(nil)
	require.NoError(t, err)
	web := httptest.NewServer(suite)
	defer web.Close()
	base := "ws" + strings.TrimPrefix(web.URL, "http")
	started := time.Now()
	runCases(t, base, selected(t), runCase)
	report := suite.Report(agent)
	again(t, client, report, selected(t), func(ids []string) (*autobahn.Report, error) {
		runSideBySide(t.Context(), base, ids, 1, runCase)
		return suite.Report(agent), nil
	})
	report.Took = time.Since(started)
	requireExpected(t, client, report, selected(t))
}

const agent = "client"

// runCases lets the library's client take part in the cases: those that wait side by side, then those that keep a
// processor busy.
func runCases(t *testing.T, base string, cases []autobahn.Case, run func(ctx context.Context, base, id string)) {
	var waiting, busy []string
	for _, c := range cases {
		group, _, _ := strings.Cut(c.ID, ".")
		switch {
		case c.Only == autobahn.ServersOnly:
		case slices.Contains(busyGroups, group):
			busy = append(busy, c.ID)
		default:
			waiting = append(waiting, c.ID)
		}
	}
	runSideBySide(t.Context(), base, waiting, 8, run)
	runSideBySide(t.Context(), base, busy, runtime.GOMAXPROCS(0)+1, run)
}

// runSideBySide runs cases, n at a time.
func runSideBySide(ctx context.Context, base string, ids []string, n int, run func(ctx context.Context, base, id string)) {
	next := make(chan string)
	var group sync.WaitGroup
	for range n {
		group.Go(func() {
			for id := range next {
				run(ctx, base, id)
			}
		})
	}
	for _, id := range ids {
		next <- id
	}
	close(next)
	group.Wait()
}

// runCase connects for one case and echoes until the connection ends.
func runCase(ctx context.Context, base, id string) {
	c, _, err := websocket.Dial(ctx, base+"/runCase?"+url.Values{"casetuple": {id}, "agent": {agent}}.Encode(), &websocket.DialOptions{
		Config:  websocket.Config{ReadLimit: maxMessage},
		Deflate: &websocket.DeflateOptions{},
	})
	if err != nil {
		return // a client may have to refuse: the suite has seen it
	}
	for m, err := range c.Messages(ctx) {
		if err != nil || c.Write(ctx, m.Type, m.Data) != nil {
			break
		}
	}
	_ = c.CloseNow()
}

// buildEcho builds the echo server that is shipped as an example, and returns the program, which is there until the test ends.
func buildEcho(t *testing.T) string {
	const source = "../examples/echo"
	_, err := os.ReadDir(source) // so that the go command looks there before it takes a result from its cache
	require.NoError(t, err)
	tool, err := exec.LookPath("go")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "the go command is not in PATH")
		t.Skip("the go command is not in PATH")
	}
	program := filepath.Join(t.TempDir(), "echo.exe")
	out, err := exec.CommandContext(t.Context(), tool, "build", "-o", program, source).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// echoServer runs the program that buildEcho has built, with more flags, and returns its URL.
func echoServer(t *testing.T, program string, flags ...string) string {
	cmd := exec.CommandContext(t.Context(), program, append(flags, "-compress", "takeover", "-addr", "127.0.0.1:0")...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { // the test's context has ended, and the program with it
		_ = cmd.Wait()
		t.Logf("the server took %v of processor time", cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	require.True(t, ok, "the server says %q", line)
	return "ws://" + address
}
