package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// drag draws a line on the board of a page; coordinates are in hundredths of its width and height.
func drag(t *testing.T, ctx context.Context, fromX, fromY, toX, toY int) {
	t.Helper()
	var at [2][2]float64
	for i, p := range [2][2]int{{fromX, fromY}, {toX, toY}} {
		at[i][0] = number(t, ctx, `(r => r.left + r.width * %d / 100)(document.getElementById('top').getBoundingClientRect())`, p[0])
		at[i][1] = number(t, ctx, `(r => r.top + r.height * %d / 100)(document.getElementById('top').getBoundingClientRect())`, p[1])
	}
	require.NoError(t, chromedp.Do(ctx,
		chromedp.MouseEvent("mousePressed", at[0][0], at[0][1], chromedp.ButtonLeft),
		chromedp.MouseEvent("mouseMoved", (at[0][0]+at[1][0])/2, (at[0][1]+at[1][1])/2, chromedp.ButtonLeft),
		chromedp.MouseEvent("mouseMoved", at[1][0], at[1][1], chromedp.ButtonLeft),
		chromedp.MouseEvent("mouseReleased", at[1][0], at[1][1], chromedp.ButtonLeft)))
}

// inked is true in a page of the whiteboard if there is something on the board at a place, in hundredths.
const inked = `bottom.getImageData($('bottom').width * %d / 100, $('bottom').height * %d / 100, 1, 1).data[3] > 128`

// settled is true in a page of the whiteboard if all of its own strokes have come back.
const settled = `pending.size === 0`

func TestTwoTabsDrawAndOneIsCutOff(t *testing.T) {
	server := startExample(t, "whiteboard")
	way, addr := newLink(t, server.addr)
	ada := browse(t, "http://"+server.addr+"/")
	ben := openTab(t, ada, "http://"+addr+"/")
	requireDark(t, ada, false)
	connected(t, ada, true)
	connected(t, ben, true)

	drag(t, ada, 20, 20, 80, 20)
	becomes(t, ada, inked, 50, 20)
	becomes(t, ben, inked, 50, 20)
	becomes(t, ben, `people.size === 1`)

	way.set(true, false)
	connected(t, ben, false)
	drag(t, ada, 20, 40, 80, 40)
	drag(t, ben, 20, 60, 80, 60)
	becomes(t, ben, inked, 50, 60)
	way.set(false, false)
	connected(t, ben, true)
	becomes(t, ben, inked, 50, 40)
	becomes(t, ada, inked, 50, 60)
	becomes(t, ben, settled)

	late := openTab(t, ada, "http://"+server.addr+"/")
	for _, y := range []int{20, 40, 60} {
		becomes(t, late, inked, 50, y)
	}
	require.NoError(t, chromedp.Do(late, chromedp.Click(element("clear"))))
	for _, tab := range []context.Context{ada, ben, late} {
		becomes(t, tab, `strokes.size === 0 && !(`+inked+`)`, 50, 20)
	}
}

func TestTheWhiteboardComesBackWhenTheServerRestarts(t *testing.T) {
	server := startExample(t, "whiteboard")
	ada := browse(t, "http://"+server.addr+"/")
	connected(t, ada, true)
	drag(t, ada, 20, 20, 80, 20)
	becomes(t, ada, settled)
	server.stop()
	connected(t, ada, false)
	drag(t, ada, 20, 60, 80, 60)
	server.start()
	connected(t, ada, true)
	becomes(t, ada, settled)
	becomes(t, ada, inked, 50, 60)
	becomes(t, ada, "!("+inked+")", 50, 20) // the board has ended with the server
}

func TestTheWhiteboardIsUsableByKeyboardOnAPhoneAndInTheDark(t *testing.T) {
	server := startExample(t, "whiteboard")
	ada := browse(t, "http://"+server.addr+"/", darkMode)
	requireDark(t, ada, true)
	connected(t, ada, true)
	require.NoError(t, chromedp.Do(ada, chromedp.Focus(element("top"))))
	keys(t, ada, " "+kb.ArrowRight+kb.ArrowRight+kb.ArrowRight+" ")
	becomes(t, ada, settled+` && strokes.size > 0`)
	becomes(t, ada, inked, 51, 50)
	requireFitsAPhone(t, ada)
	becomes(t, ada, inked, 51, 50) // it was drawn again in the new size
}

func TestAPictureCanBeDrawnOnTheWhiteboard(t *testing.T) {
	server := startExample(t, "whiteboard")
	ada := browse(t, "http://"+server.addr+"/")
	connected(t, ada, true)
	lines := [][5]int{{0, 30, 60, 30, 30}, {0, 30, 30, 60, 30}, {0, 60, 30, 60, 60}, {0, 30, 60, 60, 60},
		{1, 27, 32, 45, 12}, {1, 45, 12, 63, 32}, {2, 15, 61, 75, 61}, {4, 42, 60, 42, 44}, {4, 42, 44, 49, 44}, {4, 49, 44, 49, 60}}
	for _, l := range lines {
		require.NoError(t, chromedp.Do(ada, chromedp.Click(chromedp.CSS("#colors input:nth-child("+string(rune('1'+l[0]))+")"))))
		drag(t, ada, l[1], l[2], l[3], l[4])
		becomes(t, ada, settled)
		becomes(t, ada, inked, (l[1]+l[3])/2, (l[2]+l[4])/2)
	}
	screenshot(t, ada, "whiteboard")
}
