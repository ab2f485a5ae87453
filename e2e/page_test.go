package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// element is the CSS selector of an element of the echo server's page, by its id.
func element(id string) chromedp.CSS { return chromedp.CSS("#" + id) }

// shows waits until an element of the page has a text.
func shows(t *testing.T, ctx context.Context, id, text string) {
	t.Helper()
	until := fmt.Sprintf("document.getElementById(%q).textContent === %q", id, text)
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](until, chromedp.WithPollingTimeout(patience)))
	require.NoError(t, err, "waiting until #%s shows %q", id, text)
}

// logged waits until the newest line of the page's log has a text, and a class: sent, came, note or error.
func logged(t *testing.T, ctx context.Context, class, text string) {
	t.Helper()
	until := fmt.Sprintf("document.querySelector('#log li:first-child.%s')?.textContent === %q", class, text)
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](until, chromedp.WithPollingTimeout(patience)))
	require.NoError(t, err, "waiting until the log says %q", text)
}

func TestThePageOfTheEchoServerIsUsable(t *testing.T) {
	_, addr := startEcho(t)
	ctx := browse(t, "http://"+addr+"/")
	file := filepath.Join(t.TempDir(), "some.bin")
	require.NoError(t, os.WriteFile(file, make([]byte, 100_000), 0o600))

	shows(t, ctx, "state", "3 CLOSED")
	require.NoError(t, chromedp.Do(ctx, chromedp.Click(element("connect"))))
	shows(t, ctx, "state", "1 OPEN")
	shows(t, ctx, "protocol", "echo.v1")
	shows(t, ctx, "extensions", "–")

	require.NoError(t, chromedp.Do(ctx,
		chromedp.SendKeys(element("text"), "你好 🚀"), chromedp.Click(element("send"))))
	logged(t, ctx, "came", "你好 🚀")

	require.NoError(t, chromedp.Do(ctx,
		chromedp.SetUploadFiles(element("file"), []string{file}), chromedp.Click(element("sendfile"))))
	logged(t, ctx, "came", "100000 bytes of binary")
	shows(t, ctx, "buffered", "0")

	require.NoError(t, chromedp.Do(ctx,
		chromedp.SetValue(element("code"), "3000"), chromedp.SetValue(element("reason"), "that was 好"),
		chromedp.Click(element("close"))))
	shows(t, ctx, "state", "3 CLOSED")
	shows(t, ctx, "closecode", "3000")
	shows(t, ctx, "closereason", "that was 好")
	shows(t, ctx, "clean", "true")
	logged(t, ctx, "note", "closed: 3000 that was 好 clean")
}

func TestThePageOfTheEchoServerFitsAPhone(t *testing.T) {
	_, addr := startEcho(t)
	ctx := browse(t, "http://"+addr+"/")
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch)))
	require.JSONEq(t, `360`, evaluate(t, ctx, "innerWidth"), "the page is laid out for the width of the screen")
	require.JSONEq(t, `[]`, evaluate(t, ctx,
		`[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML)`))
}
