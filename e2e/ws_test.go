package e2e

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// buildWS builds the command ws, and returns its file.
func buildWS(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ws")
	build := exec.Command("go", "build", "-o", file, ".")
	build.Dir = "../cmd/ws" // a module of its own
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

// listenWS runs ws listen on a free port, and returns its host and port.
func listenWS(t *testing.T, ws string, args ...string) (p *process, addr string) {
	t.Helper()
	p = start(t, ws, append([]string{"listen", "127.0.0.1:0"}, args...)...)
	u, err := url.Parse(p.listening())
	require.NoError(t, err)
	return p, u.Host
}

// said waits until the newest line of a class in the log of the page ends with a text.
func said(t *testing.T, page context.Context, class, text string) {
	t.Helper()
	becomes(t, page, `[...document.querySelectorAll('#log li.%s')].at(-1)?.textContent.endsWith(%q)`, class, text)
}

func TestThePageOfWSListenIsUsable(t *testing.T) {
	server, addr := listenWS(t, buildWS(t), "-exec", "read -r line; echo \"you said $line\"; read -r line")
	page := browse(t, "http://"+addr+"/")
	requireDark(t, page, false)
	becomes(t, page, `document.getElementById('state').textContent === 'open'`)
	keys(t, page, "hällo"+kb.Enter) // the input has the focus
	said(t, page, "out", "> hällo")
	said(t, page, "in", "< you said hällo")
	requireFitsAPhone(t, page)
	keys(t, page, "more"+kb.Enter)
	becomes(t, page, `document.getElementById('state').textContent === 'closed'`)
	said(t, page, "note", "closed: 1000")
	keys(t, page, "too late"+kb.Enter)
	said(t, page, "note", "not connected")
	evaluate(t, page, `document.getElementById('toggle').click()`)
	becomes(t, page, `document.getElementById('state').textContent === 'open'`)
	server.terminate()
	require.Zero(t, server.exitCode(30*time.Second))
	becomes(t, page, `document.getElementById('state').textContent === 'closed'`)
	said(t, page, "note", "closed: 1001")

	_, addr = listenWS(t, buildWS(t), "-path", "/ws")
	page = browse(t, "http://"+addr+"/", darkMode)
	requireDark(t, page, true)
	becomes(t, page, `document.getElementById('state').textContent === 'open'`)
}

func TestTheReportOfWSLoadIsShownByABrowser(t *testing.T) {
	ws := buildWS(t)
	_, addr := listenWS(t, ws)
	report := filepath.Join(t.TempDir(), "report.html")
	load := exec.Command(ws, "load", "-c", "50", "-rate", "20", "-duration", "4s", "-drain", "30s", "-html", report, "ws://"+addr+"/")
	out, err := load.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "50 of 50 connections")
	page := browse(t, "file://"+report)
	var charts []string
	require.NoError(t, json.Unmarshal([]byte(evaluate(t, page, `[...document.querySelectorAll('svg')].map(s => s.getAttribute('aria-label'))`)), &charts))
	require.Equal(t, []string{"Round trips by percentile", "Round trips over time", "Messages a second"}, charts)
	require.JSONEq(t, `true`, evaluate(t, page, `[...document.querySelectorAll('svg')].every(s => s.getBoundingClientRect().height > 100)`))
	require.Contains(t, evaluate(t, page, "document.body.innerText"), "4000 messages sent, 4000 answered")
	screenshot(t, page, "load")
	require.NoError(t, chromedp.Do(page, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch)))
	require.JSONEq(t, `true`, evaluate(t, page, `document.documentElement.scrollWidth <= 360`), "only the table is wider, and scrolls")
}

func TestWSIsAProcessThatScriptsCanUse(t *testing.T) {
	ws := buildWS(t)
	server, addr := listenWS(t, ws, "-v")
	echo := exec.Command(ws, "connect", "-1", addr)
	echo.Stdin = strings.NewReader("one line\n")
	out, err := echo.Output()
	require.NoError(t, err)
	require.Equal(t, "one line\n", string(out))

	// It is interrupted while it waits: it closes, and has ended well.
	stays := start(t, ws, "connect", "-n", "-x", "hello", addr)
	require.Equal(t, "hello", stays.line())
	require.NoError(t, stays.cmd.Process.Signal(os.Interrupt))
	require.Zero(t, stays.exitCode(30*time.Second))
	require.Contains(t, stays.stderr.String(), "connected to")

	require.NoError(t, server.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, server.exitCode(30*time.Second))
	require.Contains(t, server.stderr.String(), "1001")
	wrong := exec.Command(ws, "connect", addr)
	out, err = wrong.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, 1, wrong.ProcessState.ExitCode())
	require.Contains(t, string(out), "  try: whether the server runs")
}
