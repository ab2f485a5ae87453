package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// playAs joins the game in a page.
func playAs(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	connected(t, ctx, true)
	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(element("name"), name+kb.Enter)))
	becomes(t, ctx, `playing && me !== null && names.get(id) === %q`, name)
}

// hold presses a key in a page of the game, or lets go of it.
func press(t *testing.T, ctx context.Context, code string, down bool) {
	t.Helper()
	evaluate(t, ctx, fmt.Sprintf(`document.getElementById('field').dispatchEvent(new KeyboardEvent(%q, {code: %q, bubbles: true})), 0`,
		map[bool]string{true: "keydown", false: "keyup"}[down], code))
}

// at is where a page of the game sees a player.
const at = `[...players.values()].find(p => names.get(p.id) === %q)`

func TestThePageMovesByTheRulesOfTheServer(t *testing.T) {
	server := startExample(t, "game")
	ada := browse(t, "http://"+server.addr+"/")
	// The same moves and figures are in the game's own tests.
	require.JSONEq(t, `"25967,8486,24,-16,0"`, evaluate(t, ada, `(() => {
		const b = {x: 1000 * UNIT, y: 300 * UNIT, vx: 0, vy: 0, pause: 0}
		for (let i = 0; i < 200; i++) step(b, i * 37 % 255 - 127, i * 91 % 255 - 127, i % 60 === 0)
		return [b.x, b.y, b.vx, b.vy, b.pause].join()
	})()`))
}

func TestTwoTabsPlayAndOneIsCutOff(t *testing.T) {
	server := startExample(t, "game")
	way, addr := newLink(t, server.addr)
	ada := browse(t, "http://"+server.addr+"/")
	ben := openTab(t, ada, "http://"+addr+"/")
	requireDark(t, ada, false)
	playAs(t, ben, "Ben")
	playAs(t, ada, "Ada")
	becomes(t, ben, `players.size === 2 && names.size === 2`)
	becomes(t, ada, `rtt > 0 && document.getElementById('rtt').textContent.endsWith(' ms')`)

	left := number(t, ben, at+".x", "Ada") > 800*32
	key, sign := map[bool]string{true: "ArrowLeft", false: "ArrowRight"}[left], map[bool]string{true: "<", false: ">"}[left]
	x := number(t, ben, at+".x", "Ada")
	press(t, ada, key, true)
	becomes(t, ben, at+".x %s %v", "Ada", sign, x+map[bool]float64{true: -2000, false: 2000}[left])
	press(t, ada, key, false)
	becomes(t, ada, `pending.length < 30 && players.get(id).vx === 0`)
	becomes(t, ada, `me.x === players.get(id).x && me.y === players.get(id).y`) // page and server agree

	way.set(true, false)
	connected(t, ben, false)
	becomes(t, ada, at+".away", "Ben")
	score, id := number(t, ada, at+".score", "Ben"), number(t, ada, at+".id", "Ben")
	way.set(false, false)
	connected(t, ben, true)
	becomes(t, ben, `playing && players.get(id)?.id === %v && players.get(id).score >= %v`, id, score)

	require.NoError(t, chromedp.Do(ada, chromedp.Click(element("leave"))))
	becomes(t, ben, `players.size === 1 && names.size === 1`)
	becomes(t, ada, `!playing && players.size === 1`) // she still watches
}

func TestTheGameComesBackWhenTheServerRestarts(t *testing.T) {
	server := startExample(t, "game")
	ada := browse(t, "http://"+server.addr+"/")
	playAs(t, ada, "Ada")
	server.stop()
	connected(t, ada, false)
	server.start()
	connected(t, ada, true)
	becomes(t, ada, `playing && me !== null && names.get(id) === "Ada"`)
}

func TestTheGameIsUsableByKeyboardOnAPhoneAndInTheDark(t *testing.T) {
	server := startExample(t, "game")
	ada := browse(t, "http://"+server.addr+"/", darkMode)
	requireDark(t, ada, true)
	playAs(t, ada, "Ada")
	require.JSONEq(t, `"field"`, evaluate(t, ada, "document.activeElement.id"), "the keys go where they belong")
	evaluate(t, ada, `(() => {
		globalThis.dashed = false
		const own = correct
		correct = mine => { dashed ||= mine.pause > 0; own(mine) } // by the server's word
	})(), 0`)
	press(t, ada, "KeyD", true)
	keys(t, ada, " ")
	becomes(t, ada, `dashed`)
	press(t, ada, "KeyD", false)

	requireFitsAPhone(t, ada)
	becomes(t, ada, `getComputedStyle(document.getElementById('dash')).display === 'block'`)
	becomes(t, ada, `me.pause === 0 && players.get(id).vx === 0 && players.get(id).vy === 0`)
	y := number(t, ada, "me.y")
	up := y > 450*32
	step := map[bool]int{true: -60, false: 60}[up]
	evaluate(t, ada, fmt.Sprintf(`(() => {
		const touch = (type, y) => document.getElementById('field').dispatchEvent(
			new PointerEvent(type, {pointerId: 1, pointerType: 'touch', clientX: 180, clientY: y, bubbles: true}))
		HTMLElement.prototype.setPointerCapture = () => {} // there is no such finger
		touch('pointerdown', 300); touch('pointermove', 300 + %d)
	})(), 0`, step))
	becomes(t, ada, `(me.y - %v) * %d > 0`, y, step)
}

func TestAPictureOfTheGame(t *testing.T) {
	server := startExample(t, "game")
	var bots sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer bots.Wait()
	defer stop()
	for i, name := range []string{"Grace", "Edsger", "Barbara", "Ken", "Radia", "Leslie", "Frances"} {
		bots.Go(func() { bot(t, ctx, server.addr, name, i) })
	}
	ada := browse(t, "http://"+server.addr+"/")
	playAs(t, ada, "Ada")
	becomes(t, ada, `players.size === 8 && names.size === 8`)
	becomes(t, ada, `[...players.values()].filter(p => p.score > 3).length >= 5 && rtt !== null`)
	becomes(t, ada, `document.querySelectorAll('#best li').length === 5`)
	screenshot(t, ada, "game")
}

// bot plays: it goes for the gem that is nearest. Its turn is whenever the server has said how things are.
func bot(t *testing.T, ctx context.Context, addr, name string, number int) {
	c, _, err := websocket.Dial(ctx, "ws://"+addr+"/ws", nil)
	if !assert.NoError(t, err) {
		return
	}
	defer c.CloseNow()
	be := binary.BigEndian
	join := append([]byte{1, 'b', 'o', 't', 0, 0, 0, 0, byte(number)}, name...)
	if !assert.NoError(t, c.Write(ctx, websocket.Binary, join)) {
		return
	}
	var id, seq uint16
	for m, err := range c.Messages(ctx) {
		switch {
		case err != nil:
			return
		case m.Data[0] == 5:
			id = be.Uint16(m.Data[1:])
		case m.Data[0] == 6 && id != 0:
			seq++
			dx, dy := towardsAGem(m.Data, id)
			in := append(be.AppendUint16([]byte{2}, seq), byte(int8(dx)), byte(int8(dy)), 0)
			if c.Write(ctx, websocket.Binary, in) != nil {
				return
			}
		}
	}
}

// towardsAGem returns the direction in which a player has to go, by a state message of the game.
func towardsAGem(m []byte, id uint16) (dx, dy int) {
	be, gems := binary.BigEndian, m[6:6+4*int(m[5])]
	for p := m[6+len(gems):]; len(p) > 0; p = p[16:] {
		if be.Uint16(p) != id {
			continue
		}
		x, y, nearest := float64(be.Uint16(p[2:])), float64(be.Uint16(p[4:])), math.Inf(1)
		for g := gems; len(g) > 0; g = g[4:] {
			gx, gy := float64(be.Uint16(g))-x, float64(be.Uint16(g[2:]))-y
			if far := math.Hypot(gx, gy); far < nearest {
				nearest, dx, dy = far, int(127*gx/far), int(127*gy/far)
			}
		}
	}
	return dx, dy
}
