package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var updateScreenshots = flag.Bool("update-screenshots", false, "write the pictures in docs")

// An example is a program of the folder examples.
type example struct {
	t       *testing.T
	program string
	args    []string
	process *process
	addr    string
}

// startExample builds an example and runs it on a free port.
func startExample(t *testing.T, name string, args ...string) *example {
	t.Helper()
	e := &example{t: t, program: filepath.Join(t.TempDir(), name), args: args, addr: "127.0.0.1:0"}
	build := exec.Command("go", "build", "-o", e.program, "./examples/"+name)
	build.Dir = ".." // with the requirements of the main module, as a reader builds it
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	e.start()
	return e
}

// start runs the program where it ran before.
func (e *example) start() {
	e.t.Helper()
	e.process = start(e.t, e.program, append([]string{"-addr", e.addr}, e.args...)...)
	e.addr = e.process.listening()
}

// stop ends the program as an operator would.
func (e *example) stop() {
	e.t.Helper()
	e.process.terminate()
	require.Zero(e.t, e.process.exitCode(patience))
}

// openTab opens one more tab in a browser.
func openTab(t *testing.T, browser context.Context, url string) context.Context {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(url)))
	return ctx
}

// becomes waits until an expression is true in the page.
func becomes(t *testing.T, ctx context.Context, expression string, args ...any) {
	t.Helper()
	expression = fmt.Sprintf(expression, args...)
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(patience),
		chromedp.WithPollingInterval(50*time.Millisecond)))
	if err != nil {
		require.NoError(t, err, "waiting for %s in a page that says\n%s", expression, evaluate(t, ctx, "document.body.innerText"))
	}
}

// connected waits until the page says that it is connected, or that it is not.
func connected(t *testing.T, ctx context.Context, yes bool) {
	t.Helper()
	becomes(t, ctx, `document.getElementById('state').textContent.startsWith(%q)`, map[bool]string{
		true: "connected", false: "not connected"}[yes])
}

// keys types into what has the focus.
func keys(t *testing.T, ctx context.Context, text string) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(text)))
}

// requireFitsAPhone requires the page to need no more than the width of a phone.
func requireFitsAPhone(t *testing.T, ctx context.Context) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch)))
	require.JSONEq(t, `360`, evaluate(t, ctx, "innerWidth"))
	require.JSONEq(t, `[]`, evaluate(t, ctx,
		`[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML)`))
}

// darkMode makes the browser prefer dark pages.
var darkMode = chromedp.Flag("blink-settings", "preferredColorScheme=0")

// requireDark requires a page to be light on dark.
func requireDark(t *testing.T, ctx context.Context, dark bool) {
	t.Helper()
	require.JSONEq(t, fmt.Sprint(dark), evaluate(t, ctx, `matchMedia('(prefers-color-scheme: dark)').matches`))
	var text int
	require.NoError(t, json.Unmarshal([]byte(evaluate(t, ctx, `Number(getComputedStyle(document.body).color.match(/\d+/)[0])`)), &text))
	require.Equal(t, dark, text > 128, "the text is light if the page is dark")
}

// screenshot writes docs/name.png if that was asked for.
func screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	screenshotOf(t, ctx, name, 800, 500)
}

// screenshotOf is screenshot for a page that needs another size.
func screenshotOf(t *testing.T, ctx context.Context, name string, width, height int64) {
	t.Helper()
	if !*updateScreenshots {
		return
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, height)))
	evaluate(t, ctx, "new Promise(done => setTimeout(done, 300))") // it is laid out and drawn again
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.Less(t, len(png), int(width*height)*3/8)
	require.NoError(t, os.MkdirAll("../docs", 0o755))
	require.NoError(t, os.WriteFile(filepath.Join("../docs", name+".png"), png, 0o644))
}

// number returns the value of an expression that is a number.
func number(t *testing.T, ctx context.Context, expression string, args ...any) (n float64) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(evaluate(t, ctx, fmt.Sprintf(expression, args...))), &n))
	return n
}
