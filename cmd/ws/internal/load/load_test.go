package load

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/clitest"
)

func run(t *testing.T, args ...string) clitest.Outcome {
	t.Helper()
	return clitest.Run(t.Context(), Command(), clitest.Words(""), args...)
}

// steady are flags with which the number of messages does not depend on how fast anything goes.
func steady(more ...string) []string {
	return append([]string{"-c", "4", "-rate", "50", "-duration", "100ms", "-warmup", "20ms", "-ramp", "0s", "-drain", "1h"}, more...)
}

func TestAServerIsMeasured(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "r.html")
	url := strings.Replace(clitest.Echoing(t).WS(), "://", "://me:secret@", 1)
	got := run(t, steady("-json", "-", "-html", page, "-b", "-size", "100", url)...)
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Empty(t, got.Stderr)
	var r Result
	require.NoError(t, json.Unmarshal([]byte(got.Stdout), &r))
	require.NotContains(t, got.Stdout, "secret")
	require.Equal(t, Connections{Asked: 4, Opened: 4}, r.Connections)
	require.EqualValues(t, 20, r.Messages.Sent)
	require.EqualValues(t, 20, r.Messages.Answered)
	require.EqualValues(t, 2000, r.Messages.BytesIn)
	require.EqualValues(t, 4, r.Connect.Count)
	require.EqualValues(t, 4, r.FirstByte.Count)
	require.EqualValues(t, 20, r.RoundTrip.Count)
	require.Positive(t, r.Connect.Min)
	require.LessOrEqual(t, r.Connect.Max, r.FirstByte.Max)
	require.LessOrEqual(t, r.RoundTrip.P50, r.RoundTrip.P99)
	require.Equal(t, "binary", r.Load.Type)
	sent := 0
	for i, s := range r.Seconds {
		require.Equal(t, i, s.At)
		sent += s.Sent
	}
	require.Equal(t, 24, sent, "with those of the warm-up")

	report, err := os.ReadFile(page)
	require.NoError(t, err)
	require.NotContains(t, string(report), "secret")
	require.Equal(t, 3, strings.Count(string(report), "<svg "))
	require.NotRegexp(t, `(?i)<script|<link|src=|@import|url\(`, string(report), "it needs nothing else")
}

func TestTheResultIsPrintedForPeople(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.json")
	got := run(t, steady("-json", file, clitest.Echoing(t).WS())...)
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Regexp(t, `^ws://\S+: 4 of 4 connections, 50 messages a second each \(text\), 32 bytes, for 0\.1 s\n\n`+
		`ms +min +p50 +p90 +p99 +p99\.9 +max\nconnect( +[\d.]+){6}\nfirst byte( +[\d.]+){6}\nround trip( +[\d.]+){6}\n\n`+
		`20 messages sent, 20 answered, [\d.]+ a second; 640 bytes out, 640 in\nno errors\n$`, got.Stdout)
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, json.Valid(kept))
}

func TestTemplatesMakeMessages(t *testing.T) {
	heard := make(chan string, 100)
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error {
			heard <- string(m.Data)
			return c.Write(ctx, m.Type, m.Data)
		})
	})
	got := run(t, "-c", "1", "-rate", "100", "-duration", "30ms", "-warmup", "0s", "-ramp", "0s", "-drain", "1h", "-message", `{{conn}}/{{ seq }}/{{time}}/{{rand}}.`, s.WS())
	require.Equal(t, 0, got.Status, got.Stderr)
	for i := range 3 {
		require.Regexp(t, fmt.Sprintf(`^0/%d/\d{13}/\d+\.$`, i), <-heard)
	}
	require.Empty(t, heard)
}

func TestAGreetingComesFirstAndIsNotMeasured(t *testing.T) {
	heard := make(chan string, 100)
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error {
			heard <- fmt.Sprintf("%v %x", m.Type, m.Data)
			return nil
		})
	})
	got := run(t, "-c", "1", "-rate", "100", "-duration", "20ms", "-warmup", "0s", "-ramp", "0s", "-one-way", "-b",
		"-hello", "{{0x01}}{{conn:2}}", "-message", "{{0x02}}{{seq:2}}", s.WS())
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Contains(t, got.Stdout, "2 messages sent")
	for _, want := range []string{"binary 010000", "binary 020000", "binary 020001"} {
		require.Equal(t, want, <-heard)
	}
}

func TestConnectionsThatTheLoopCannotDriveAreMeasuredTheSame(t *testing.T) {
	s := clitest.Serve(t, (*httptest.Server).StartTLS, nil, clitest.Echo)
	for _, flags := range [][]string{{"-rate", "50"}, {"-rate", "0", "-max-errors", "0"}} {
		got := run(t, steady(append(flags, "-k", "-compress", "takeover", s.WS())...)...)
		require.Equal(t, 0, got.Status, got.Stderr)
		require.Contains(t, got.Stdout, "4 of 4 connections")
		require.Contains(t, got.Stdout, "no errors")
	}
}

func TestErrorsDecideTheStatus(t *testing.T) {
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Read(ctx)
		c.Close(websocket.StatusTryAgainLater, "")
	})
	got := run(t, "-c", "2", "-rate", "100", "-duration", "10ms", "-warmup", "0s", "-ramp", "0s", "-drain", "1h", s.WS())
	require.Equal(t, cli.StatusFindings, got.Status)
	require.Contains(t, got.Stdout, "2 errors: lost: closed with 1013\n2 errors: unanswered: the connection was lost\n")
	require.Contains(t, got.Stderr, "there were 4 errors\n  try: less -c or -rate")
	require.Equal(t, 0, run(t, "-c", "2", "-rate", "100", "-duration", "10ms", "-warmup", "0s", "-ramp", "0s", "-drain", "1h", "-max-errors", "4", s.WS()).Status)

	got = run(t, steady("-max-p99", "1ns", clitest.Echoing(t).WS())...)
	require.Equal(t, cli.StatusFindings, got.Status)
	require.Contains(t, got.Stderr, "the 99th percentile of round trips is ")

	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	got = run(t, steady(refusing.URL)...)
	require.Equal(t, cli.StatusFailed, got.Status)
	require.Contains(t, got.Stdout, "4 errors: connect: HTTP 404\n")
	require.Contains(t, got.Stderr, "no connection was made\n  try: ws connect http://")
}

func TestAnInterruptEndsItWithoutErrors(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Read(ctx)
		interrupt() // there is no answer
		for {
			if _, _, err := c.Read(ctx); err != nil {
				return
			}
		}
	})
	got := clitest.Run(ctx, Command(), clitest.Words(""), "-c", "1", "-rate", "1000", "-duration", "1h", "-ramp", "0s", s.WS())
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Contains(t, got.Stdout, "no errors")
}

func TestWrongCommandLinesAreExplained(t *testing.T) {
	for _, c := range []struct {
		args      []string
		says, try string
	}{
		{nil, "URL is missing", "ws load ws://"},
		{[]string{"-c", "0", "ws://a"}, "-c is", "-c 100"},
		{[]string{"-rate", "-1", "ws://a"}, "-rate", "-rate 10"},
		{[]string{"-rate", "NaN", "ws://a"}, "-rate", "-rate 10"},
		{[]string{"-duration", "0s", "ws://a"}, "-duration", "-duration 10s"},
		{[]string{"-ramp", "-1s", "ws://a"}, "-ramp", "0s"},
		{[]string{"-size", "-1", "ws://a"}, "-size", "-size 1024"},
		{[]string{"-one-way", "-rate", "0", "ws://a"}, "-one-way", "-rate 1000"},
		{[]string{"-message", "{{x}}", "ws://a"}, "no {{x}}", "{{conn}}"},
		{[]string{"-message", "{{conn", "ws://a"}, "not closed", "}}"},
		{[]string{"-hello", "{{seq:9}}", "ws://a"}, "-hello knows no {{seq:9}}", "{{seq:4}}"},
		{[]string{"-max-errors", "-1", "ws://a"}, "-max-errors", "-max-errors 0"},
		{[]string{"-max-errors", "nan", "ws://a"}, "-max-errors", "-max-errors 0"},
		{[]string{"-max-p99", "1s", "-one-way", "ws://a"}, "-max-p99", "-max-errors"},
		{[]string{"-max-p99", "-1s", "ws://a"}, "not positive", "ws load -h"},
		{[]string{"-max-p99", "soon", "ws://a"}, "-max-p99", "ws load -h"},
		{[]string{"ftp://a"}, "ftp", "ws://"},
	} {
		clitest.RequireTry(t, run(t, c.args...), cli.StatusUsage, c.says, c.try)
	}
	got := run(t, steady("-json", "no/such/dir/x", clitest.Echoing(t).WS())...)
	require.Equal(t, cli.StatusFailed, got.Status)
	require.Contains(t, got.Stderr, "  try: a file that can be written")
}

func TestKindsOfErrorsAreFew(t *testing.T) {
	for want, err := range map[string]error{
		"closed with 4000":                &websocket.CloseError{Code: 4000, Remote: true},
		"ended with 1006":                 &websocket.CloseError{Code: 1006},
		"timeout":                         fmt.Errorf("x: %w", context.DeadlineExceeded),
		"refused":                         &websocket.HandshakeError{Err: syscall.ECONNREFUSED},
		"reset":                           &websocket.CloseError{Code: 1006, Err: syscall.ECONNRESET},
		"too many open files (ulimit -n)": syscall.EMFILE,
		"no free port on this machine":    syscall.EADDRNOTAVAIL,
		"unknown host":                    &net.DNSError{},
		"certificate":                     x509.UnknownAuthorityError{},
		"HTTP 503":                        &websocket.HandshakeError{Status: 503},
		"other: something":                errors.New("something"),
		"other: dial: no route to host":   fmt.Errorf("x: %w", &net.OpError{Op: "dial", Addr: &net.TCPAddr{Port: 1}, Err: syscall.EHOSTUNREACH}),
	} {
		require.Equal(t, want, kind(err))
	}
}

func TestChartsAreWellFormed(t *testing.T) {
	r := &Result{}
	require.Contains(t, string(r.curveChart()), "nothing to show")
	for i := range 40 {
		r.Seconds = append(r.Seconds, Second{At: i, Sent: 10 * i, Came: 9 * i, Errors: i % 2, P50: 0.2, P99: float64(i), Max: 1000})
	}
	r.Curve = []Point{{0, 0.1}, {33, 0.2}, {90, 1}, {99.9, 50}, {100, 1000}}
	coordinates := regexp.MustCompile(`[ML](-?[\d.]+|NaN|[+-]?Inf) (-?[\d.]+|NaN|[+-]?Inf)`)
	for _, svg := range []string{string(r.curveChart()), string(r.timesChart()), string(r.throughputChart())} {
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
		}
		for _, at := range coordinates.FindAllStringSubmatch(svg, -1) {
			var x, y float64
			_, err := fmt.Sscan(at[1], &x)
			require.NoError(t, err, at[0])
			_, err = fmt.Sscan(at[2], &y)
			require.NoError(t, err, at[0])
			require.True(t, x >= left-1 && x <= chartWidth && y >= 0 && y <= chartHeight-bottom+0.1, at[0])
		}
	}
	require.Contains(t, string(r.curveChart()), ">99.9</text>")
	require.Contains(t, string(r.timesChart()), ">1000</text>")
}

func TestProgressIsALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&options{connections: 1, duration: time.Second}, nil, nil)
		var b bytes.Buffer
		stop := e.showProgress(&b)
		synctest.Wait()
		stop()
		require.Equal(t, "\r\x1b[K0s of 1s, 0 connections, 0 errors\r\x1b[K", b.String())
		time.Sleep(2 * time.Second) // of the bubble
		require.Equal(t, "2s of 1s, 0 connections, 0 sent and 0 received a second, p50 0.000 ms, p99 0.000 ms, 0 errors", e.progress(2*time.Second))
	})
}
