package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/wsjson"
)

// A firefox is a headless Firefox, driven by WebDriver BiDi, which is JSON over a WebSocket: this library's own.
type firefox struct {
	t    *testing.T
	ctx  context.Context
	c    *websocket.Conn
	last atomic.Int64
	tab  string
}

func findFirefox(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"firefox-esr", "firefox"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "firefox-esr")
	return ""
}

var bidiURL = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

// browseFirefox starts a Firefox of its own and opens a page, whose certificate need not be known.
func browseFirefox(t *testing.T, url string) *firefox {
	t.Helper()
	program := findFirefox(t)
	profile, err := os.MkdirTemp("", "websocket-e2e-firefox")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	// Nothing that would reach beyond this machine.
	require.NoError(t, os.WriteFile(filepath.Join(profile, "user.js"), []byte(`
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,");
user_pref("toolkit.telemetry.enabled", false);
`), 0o600))
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	cmd := exec.CommandContext(ctx, program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+profile, "MOZ_DISABLE_CONTENT_SANDBOX=1")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	address := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if m := bidiURL.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-read
		_ = cmd.Wait()
	})
	f := &firefox{t: t, ctx: ctx}
	select {
	case a := <-address:
		f.c, _, err = websocket.Dial(ctx, a+"/session", &websocket.DialOptions{Config: websocket.Config{ReadLimit: 16 << 20}})
		require.NoError(t, err)
	case <-ctx.Done():
		require.FailNow(t, "Firefox does not say where it listens")
	}
	t.Cleanup(func() { _ = f.c.CloseNow() })
	f.command("session.new", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"acceptInsecureCerts": true}}})
	var tree struct{ Contexts []struct{ Context string } }
	require.NoError(t, json.Unmarshal(f.command("browsingContext.getTree", map[string]any{}), &tree))
	require.NotEmpty(t, tree.Contexts)
	f.tab = tree.Contexts[0].Context
	f.command("browsingContext.navigate", map[string]any{"context": f.tab, "url": url, "wait": "complete"})
	return f
}

// command sends a command and returns its result.
func (f *firefox) command(method string, params map[string]any) json.RawMessage {
	f.t.Helper()
	id := f.last.Add(1)
	require.NoError(f.t, wsjson.Write(f.ctx, f.c, map[string]any{"id": id, "method": method, "params": params}))
	for {
		m, err := wsjson.Read[struct {
			ID             int64
			Result         json.RawMessage
			Error, Message string
		}](f.ctx, f.c)
		require.NoError(f.t, err)
		if m.ID == id {
			require.Empty(f.t, m.Error, "%s: %s", method, m.Message)
			return m.Result
		}
	}
}

// evaluate runs an expression in the page, waits if its value is a promise, and returns the value as JSON.
func (f *firefox) evaluate(expression string) string {
	f.t.Helper()
	var got struct {
		Result           struct{ Value string }
		ExceptionDetails struct{ Text string }
	}
	require.NoError(f.t, json.Unmarshal(f.command("script.evaluate", map[string]any{
		"expression":   "(async () => JSON.stringify(await (" + expression + ")))()",
		"target":       map[string]any{"context": f.tab},
		"awaitPromise": true,
	}), &got))
	require.Empty(f.t, got.ExceptionDetails.Text)
	return got.Result.Value
}

// scenario runs one of the scenarios of page.js.
func (f *firefox) scenario(name, url string) string {
	f.t.Helper()
	got := f.evaluate(fmt.Sprintf("(%s).%s(%q)", pageScript, name, url))
	f.t.Logf("%s: %s", name, got)
	return got
}

func TestFirefoxTalksToTheEchoServer(t *testing.T) {
	server, addr := startEcho(t, "-log")
	f := browseFirefox(t, "http://"+addr+"/")
	require.JSONEq(t, wantEcho, f.scenario("echo", "ws://"+addr+"/echo"))
	require.JSONEq(t, wantStates, f.scenario("states", "ws://"+addr+"/echo"))
	require.Contains(t, server.stderr.String(), "HTTP/1.1 GET /echo")
}

func TestFirefoxTalksToTheEchoServerOverHTTP2(t *testing.T) {
	server, addr, _, _ := startEcho2(t)
	f := browseFirefox(t, "https://"+addr+"/")
	url := "wss://" + addr + "/echo"
	require.JSONEq(t, wantEcho, f.scenario("echo", url))
	require.JSONEq(t, wantStates, f.scenario("states", url))
	require.JSONEq(t, `{"code": 1005, "reason": "", "wasClean": true}`, f.scenario("noStatus", url))
	require.JSONEq(t, `20`, f.scenario("many", url))
	require.JSONEq(t, `"connected"`, f.scenario("wait", url))
	server.terminate()
	require.Zero(t, server.exitCode(patience))
	require.JSONEq(t, `{"code": 1001, "reason": "", "wasClean": true}`, f.evaluate("globalThis.goneAway"))
	requireStreams(t, server, 24)
}

func TestFirefoxChatsOverHTTP2(t *testing.T) {
	cert, key, _ := selfSigned(t)
	server := startExample(t, "chat", "-tls-cert", cert, "-tls-key", key, "-http2", "-log")
	f := browseFirefox(t, "https://"+server.addr+"/")
	// until waits until an expression is true in the page.
	until := func(expression string) {
		t.Helper()
		f.evaluate(fmt.Sprintf("new Promise(done => { const look = () => (%s) ? done(true) : setTimeout(look, 50); look() })", expression))
	}
	// say puts a text into a field and sends the form that it is in.
	say := func(field, text string) {
		t.Helper()
		f.evaluate(fmt.Sprintf("(field => { field.value = %q; field.form.requestSubmit(); return true })(document.getElementById(%q))", text, field))
	}
	say("name", "Ada")
	until("document.getElementById('people').textContent === 'Here: Ada'")
	say("text", "Hello, who is here?")
	until(fmt.Sprintf(arrived, "Hello, who is here?"))
	requireStreams(t, server.process, 1)
}
