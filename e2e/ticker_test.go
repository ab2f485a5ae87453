package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// drawn is true in a page of the ticker if its chart has at least so many pixels in the color of the nth line.
const drawn = `(() => {
	const [r, g, b] = color('--c%d').match(/\d+/g).map(Number)
	const d = chart.getContext('2d').getImageData(0, 0, chart.width, chart.height).data
	let n = 0
	for (let i = 0; i < d.length; i += 4) n += d[i] === r && d[i + 1] === g && d[i + 2] === b && d[i + 3] === 255
	return n >= %d
})()`

// price is true in a page of the ticker if it shows the price of a symbol.
const price = `((e) => /^\d+\.\d\d$/.test(e.value) && e.checkVisibility({ visibilityProperty: true }))(document.getElementById('price-%s'))`

func TestTheTickerDrawsWhatIsQuoted(t *testing.T) {
	server := startExample(t, "ticker")
	page := browse(t, "http://"+server.addr+"/")
	requireDark(t, page, false)
	connected(t, page, true)
	becomes(t, page, drawn, 0, 50)
	becomes(t, page, drawn, 1, 50)
	becomes(t, page, `Number(document.getElementById('rate').textContent) >= 30`) // of two symbols; the machine may be busy

	becomes(t, page, price, "ACME")
	require.NoError(t, chromedp.Do(page, chromedp.Focus(element("watch-ACME"))))
	keys(t, page, " ")
	becomes(t, page, "!"+drawn, 0, 1)
	becomes(t, page, "!"+price, "ACME")
	keys(t, page, "\t\t ")
	becomes(t, page, `document.getElementById('watch-CRUX').checked`)
	becomes(t, page, drawn, 2, 50)
	require.JSONEq(t, `"0"`, evaluate(t, page, `document.getElementById('missed').textContent`))
	requireFitsAPhone(t, page)
}

func TestTheTickerComesBackWhenTheServerRestarts(t *testing.T) {
	server := startExample(t, "ticker")
	page := browse(t, "http://"+server.addr+"/", darkMode)
	requireDark(t, page, true)
	connected(t, page, true)
	becomes(t, page, drawn, 0, 50)
	server.stop()
	connected(t, page, false)
	server.start()
	connected(t, page, true)
	becomes(t, page, `points.ACME.length > 20 && points.ACME.at(-1).tick < 600`)
	becomes(t, page, drawn, 0, 20)
}

func TestTheTickerNoticesALinkThatHasGoneSilent(t *testing.T) {
	server := startExample(t, "ticker")
	way, addr := newLink(t, server.addr)
	page := browse(t, "http://"+addr+"/")
	connected(t, page, true)
	becomes(t, page, drawn, 0, 20)
	way.set(false, true)
	connected(t, page, false)
	way.set(true, false)
	way.set(false, false)
	connected(t, page, true)
	becomes(t, page, drawn, 0, 20)
	for _, symbol := range []string{"watch-CRUX", "watch-DUNE"} {
		require.NoError(t, chromedp.Do(page, chromedp.Click(element(symbol))))
	}
	becomes(t, page, drawn, 3, 50)
	becomes(t, page, `Number(document.getElementById('rate').textContent) >= 70`)
	screenshot(t, page, "ticker")
}
