package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// says is an expression for whether the page of the example has a line.
func says(line string) string {
	return fmt.Sprintf(`document.getElementById('log').textContent.split("\n").includes(%q)`, line)
}

func TestAPageKnowsThreeWaysToSayWhoItIs(t *testing.T) {
	e := startExample(t, "auth")
	ctx := browse(t, "http://"+e.addr+"/")
	by := func(way string) chromedp.CSS { return chromedp.CSS("[data-by=" + way + "]") }

	require.NoError(t, chromedp.Do(ctx, chromedp.Click(by("ticket"))))
	becomes(t, ctx, "%s", says("ticket: log in first"))
	require.NoError(t, chromedp.Do(ctx, chromedp.Click(chromedp.CSS("#login button:not([type])"))))
	becomes(t, ctx, "%s", says("logged in as Ada"))
	for _, way := range []string{"cookie", "ticket", "token"} {
		require.NoError(t, chromedp.Do(ctx, chromedp.Click(by(way))))
		becomes(t, ctx, "%s", says(way+": hello Ada"))
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.Click(element("logout"))))
	for _, way := range []string{"cookie", "ticket", "token"} {
		becomes(t, ctx, "%s", says(way+": closed, 3000 the session has ended"))
	}
}

// TestAPageOfAnotherSiteCannotUseTheCookie: cookies do not know ports, so that the browser attaches this one, SameSite=Strict or not.
func TestAPageOfAnotherSiteCannotUseTheCookie(t *testing.T) {
	e := startExample(t, "auth")
	_, elsewhere := startEcho(t)
	ctx := browse(t, "http://"+e.addr+"/")
	require.NoError(t, chromedp.Do(ctx, chromedp.Click(chromedp.CSS("#login button:not([type])"))))
	becomes(t, ctx, "%s", says("logged in as Ada"))

	attempt := fmt.Sprintf(`new Promise(done => {
		const ws = new WebSocket("ws://%s/by-cookie");
		ws.onmessage = event => done(event.data);
		ws.onclose = event => done("closed " + event.code);
	})`, e.addr)
	require.JSONEq(t, `"hello Ada"`, evaluate(t, ctx, attempt))
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("http://"+elsewhere+"/")))
	require.JSONEq(t, `"closed 1006"`, evaluate(t, ctx, attempt))
}
