package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// saidOnce is true in a page of examples/browser if a text is there, has come back from the server, and is there once.
const saidOnce = `[...document.querySelectorAll('#log li:not(.pending)')].filter(li => li.lastChild.textContent === %q).length === 1`

// startGoPage runs examples/browser. What that compiles when it starts is compiled before, however long it takes.
func startGoPage(t *testing.T) *example {
	t.Helper()
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(t.TempDir(), "client.wasm"), "./examples/browser/client")
	build.Dir = ".."
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return startExample(t, "browser")
}

// enterGo says a name in a page of examples/browser, by keyboard alone.
func enterGo(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	connected(t, ctx, true)
	require.NoError(t, chromedp.Do(ctx, chromedp.Focus(element("name"))))
	keys(t, ctx, name+"\r")
	becomes(t, ctx, `document.getElementById('people').textContent.includes(%q)`, name)
	becomes(t, ctx, `document.activeElement.id === 'text'`)
}

func TestThePageInGoChatsAndComesBack(t *testing.T) {
	server := startGoPage(t)
	ada := browse(t, "http://"+server.addr+"/")
	way, addr := newLink(t, server.addr)
	ben := openTab(t, ada, "http://"+addr+"/")
	enterGo(t, ada, "Ada")
	enterGo(t, ben, "Ben")
	becomes(t, ada, `document.getElementById('people').textContent === 'Here: Ada, Ben'`)
	keys(t, ada, "Hello, 你好 🚀\r")
	becomes(t, ben, saidOnce, "Hello, 你好 🚀")

	way.set(true, false)
	connected(t, ben, false)
	keys(t, ada, "Where did you go?\r")
	keys(t, ben, "Somebody cut the cable.\r")
	becomes(t, ben, `document.querySelector('#log li.pending').lastChild.textContent === 'Somebody cut the cable.'`)
	way.set(false, false)
	connected(t, ben, true)
	for _, tab := range []context.Context{ada, ben} {
		becomes(t, tab, saidOnce, "Where did you go?")
		becomes(t, tab, saidOnce, "Somebody cut the cable.")
		becomes(t, tab, `document.querySelectorAll('#log li').length === 3`)
	}
	requireFitsAPhone(t, ada)
	server.stop()
	connected(t, ada, false)
}

func TestThePageInGoRunsInFirefox(t *testing.T) {
	server := startGoPage(t)
	f := browseFirefox(t, "http://"+server.addr+"/")
	until := func(expression string) {
		t.Helper()
		f.evaluate(fmt.Sprintf("new Promise(done => { const look = () => (%s) ? done(true) : setTimeout(look, 50); look() })", expression))
	}
	say := func(field, text string) {
		t.Helper()
		f.evaluate(fmt.Sprintf("(field => { field.value = %q; field.form.requestSubmit(); return true })(document.getElementById(%q))", text, field))
	}
	until("document.getElementById('state').textContent === 'connected'")
	say("name", "Ada")
	until("document.getElementById('people').textContent === 'Here: Ada'")
	say("text", "Hello, who is here?")
	until(fmt.Sprintf(saidOnce, "Hello, who is here?"))

	for coding, most := range map[string]int{"": 12 << 20, "gzip": 4 << 20} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.addr+"/client.wasm", nil)
		require.NoError(t, err)
		req.Header.Set("Accept-Encoding", coding)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		size, err := io.Copy(io.Discard, resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		t.Logf("the page's program has %d bytes, coding %q", size, coding)
		require.Less(t, int(size), most)
	}
}
