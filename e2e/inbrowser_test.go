package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// partner is the server that the tests of package inbrowser talk to.
type partner struct {
	*httptest.Server
	nobody string // where nobody listens
	tests  string // the file of the compiled tests
	root   string // GOROOT
	over   <-chan struct{}

	mu    sync.Mutex
	ends  map[string]chan string   // how connections ended, by their name
	start map[string]chan struct{} // closed when they are to be read
}

// newPartner compiles the tests and starts a server for them, and for pages that run them.
func newPartner(t *testing.T) *partner {
	t.Helper()
	p := &partner{tests: filepath.Join(t.TempDir(), "tests.wasm"), ends: map[string]chan string{}, start: map[string]chan struct{}{}, over: t.Context().Done()}
	build := exec.Command("go", "test", "-c", "-o", p.tests, "./inbrowser")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	p.root = strings.TrimSpace(string(out))

	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.nobody = free.Addr().String()
	require.NoError(t, free.Close())

	mux := http.NewServeMux()
	handle := func(pattern string, o *websocket.AcceptOptions, f func(ctx context.Context, c *websocket.Conn, r *http.Request)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.accept(w, r, o, f) })
	}
	handle("/echo", &websocket.AcceptOptions{Subprotocols: []string{"echo.v1"}}, echoForPage)
	handle("/deflate", &websocket.AcceptOptions{Deflate: &websocket.DeflateOptions{}}, echoForPage)
	handle("/bytes", nil, func(ctx context.Context, c *websocket.Conn, _ *http.Request) {
		_ = c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, websocket.Binary, m.Data) })
	})
	handle("/close/{code}/{reason...}", nil, closeWithCode)
	handle("/drop", nil, func(ctx context.Context, c *websocket.Conn, _ *http.Request) {
		lastWords(ctx, c)
		_ = c.CloseNow()
	})
	handle("/count", nil, p.count)
	handle("/start", nil, p.startCounting)
	handle("/ended", nil, p.tellEnd)
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	mux.Handle("/redirect", http.RedirectHandler("/echo", http.StatusFound))
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><title>tests</title><script src="/wasm_exec.js"></script>`))
	})
	mux.HandleFunc("GET /tests.wasm", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, p.tests) })
	mux.HandleFunc("GET /wasm_exec.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(p.root, "lib", "wasm", "wasm_exec.js"))
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// env is what the tests are told.
func (p *partner) env() map[string]string {
	return map[string]string{"WEBSOCKET_URL": "ws" + strings.TrimPrefix(p.URL, "http"), "WEBSOCKET_NOBODY": p.nobody}
}

// script is runTests with the environment of the tests.
func (p *partner) script(t *testing.T) string {
	t.Helper()
	env, err := json.Marshal(p.env())
	require.NoError(t, err)
	return fmt.Sprintf(runTests, env)
}

// accept accepts a connection whatever its origin, since Node has none, runs f, and remembers how it ended.
func (p *partner) accept(w http.ResponseWriter, r *http.Request, o *websocket.AcceptOptions, f func(context.Context, *websocket.Conn, *http.Request)) {
	c, err := websocket.Accept(w, r, o)
	if err != nil {
		return
	}
	defer c.CloseNow()
	f(r.Context(), c, r)
	<-c.Done()
	end := c.Err().(*websocket.CloseError)
	p.end(r.FormValue("name")) <- fmt.Sprint(int(end.Code), " ", end.Reason, " ", end.WasClean)
}

// end returns where it is told how a connection ended.
func (p *partner) end(name string) chan string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ends[name] == nil {
		p.ends[name] = make(chan string, 1)
	}
	return p.ends[name]
}

// started returns what is closed when a connection is to be read.
func (p *partner) started(name string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.start[name] == nil {
		p.start[name] = make(chan struct{})
	}
	return p.start[name]
}

func echoForPage(ctx context.Context, c *websocket.Conn, _ *http.Request) {
	c.SetReadLimit(16 << 20)
	_ = c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
}

// lastWords answers the first message. What ends before that, Firefox may not have opened.
func lastWords(ctx context.Context, c *websocket.Conn) {
	_, _, _ = c.Read(ctx)
	_ = c.Write(ctx, websocket.Text, []byte("last words"))
}

func closeWithCode(ctx context.Context, c *websocket.Conn, r *http.Request) {
	var code websocket.StatusCode
	_, _ = fmt.Sscan(r.PathValue("code"), &code)
	lastWords(ctx, c)
	_ = c.Close(code, r.PathValue("reason"))
}

// count reads numbered messages once it is told to, and says how many there were when it is asked.
func (p *partner) count(ctx context.Context, c *websocket.Conn, r *http.Request) {
	select {
	case <-p.started(r.FormValue("name")):
	case <-p.over:
		_ = c.CloseNow()
		return
	}
	n := 0
	for m, err := range c.Messages(ctx) {
		switch {
		case err != nil:
			return
		case m.Type == websocket.Text:
			_ = c.Write(ctx, websocket.Text, []byte(fmt.Sprint(n)))
		case strings.TrimSpace(string(m.Data[:8])) != fmt.Sprint(n):
			_ = c.Close(websocket.StatusPolicyViolation, fmt.Sprintf("%.8s where %d was due", m.Data, n))
		default:
			n++
		}
	}
}

// startCounting has the connection of a name be read.
func (p *partner) startCounting(ctx context.Context, c *websocket.Conn, _ *http.Request) {
	if _, name, err := c.Read(ctx); err == nil {
		close(p.started(string(name)))
	}
	_ = c.Close(websocket.StatusNormalClosure, "")
}

// tellEnd says how the connection of a name ended, once it has.
func (p *partner) tellEnd(ctx context.Context, c *websocket.Conn, _ *http.Request) {
	if _, name, err := c.Read(ctx); err == nil {
		select {
		case how := <-p.end(string(name)):
			_ = c.Write(ctx, websocket.Text, []byte(how))
		case <-ctx.Done():
		}
	}
	_ = c.Close(websocket.StatusNormalClosure, "")
}

// runTests is JavaScript that runs the tests in a page and returns their exit status and what they have printed.
const runTests = `(async env => {
	let output = ''
	const decoder = new TextDecoder()
	fs.writeSync = (fd, bytes) => { output += decoder.decode(bytes, { stream: true }); return bytes.length }
	console.error = (...what) => { output += 'console: ' + what.join(' ') + '\n' }
	const go = new Go()
	let code
	go.argv = ['tests', '-test.v']
	go.env = env
	go.exit = c => { code = c }
	const { instance } = await WebAssembly.instantiateStreaming(fetch('/tests.wasm'), go.importObject)
	await go.run(instance)
	return { code, output }
})(%s)`

// requirePassed looks at what runTests has returned.
func requirePassed(t *testing.T, result string) {
	t.Helper()
	var r struct {
		Code   int
		Output string
	}
	require.NoError(t, json.Unmarshal([]byte(result), &r))
	requireTestsPassed(t, r.Code, r.Output)
}

func requireTestsPassed(t *testing.T, code int, output string) {
	t.Helper()
	t.Log(output)
	require.Zero(t, code)
	require.Contains(t, output, "\nPASS\n")
	require.NotContains(t, output, "SKIP")
	require.NotContains(t, output, "released function", "no event may come after the last")
}

// TestInBrowser runs the tests of package inbrowser wherever there is a WebSocket that is not ours.
func TestInBrowser(t *testing.T) {
	p := newPartner(t)
	t.Run("Node", func(t *testing.T) {
		node, options := findNodeWithWebSocket(t)
		args := []string{"--stack-size=8192", filepath.Join(p.root, "lib", "wasm", "wasm_exec_node.js"), p.tests, "-test.v"}
		cmd := exec.CommandContext(t.Context(), node, append(options, args...)...)
		cmd.Dir = "inbrowser"
		cmd.Env = []string{"HOME=" + os.Getenv("HOME"), "PATH=" + os.Getenv("PATH")} // there is little room for them
		for name, value := range p.env() {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		out, _ := cmd.CombinedOutput()
		requireTestsPassed(t, cmd.ProcessState.ExitCode(), string(out))
	})
	t.Run("Chromium", func(t *testing.T) {
		ctx := browse(t, p.URL)
		requirePassed(t, evaluate(t, ctx, p.script(t)))
	})
	t.Run("Firefox", func(t *testing.T) {
		f := browseFirefox(t, p.URL)
		requirePassed(t, f.evaluate(p.script(t)))
	})
}

// findNodeWithWebSocket returns Node, and the options with which it has a global WebSocket: none from version 22 on.
func findNodeWithWebSocket(t *testing.T) (node string, options []string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node")
	}
	for _, options := range [][]string{nil, {"--experimental-websocket"}} {
		if exec.Command(node, append(options, "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)")...).Run() == nil {
			return node, options
		}
	}
	missing(t, "a Node with a global WebSocket (20.10 or later)")
	return "", nil
}
