package main

import (
	"math/rand/v2"
	"slices"
)

// Distances are in 32nds of a pixel of a field of 1600 by 900, and speeds in that for each tick. All of it is integers, so
// that the page, which moves its own player by the same rules, comes to the same numbers. See step in page.html.
const (
	unit   = 32
	width  = 1600 * unit
	height = 900 * unit

	playerRadius = 18 * unit
	gemRadius    = 9 * unit

	thrust     = 40  // added to the speed in each tick, in the direction that the player wants
	drag       = 225 // 256ths of the speed that are left after each tick
	dashThrust = 700 // added once
	dashTicks  = 8   // for which a dash is dangerous to others
	dashPause  = 75  // ticks from one dash to the next

	gems       = 30
	stolen     = 3 // points that a dash takes from the player it hits
	maxPlayers = 250
	maxName    = 16 // characters

	maxInputs = 6  // inputs that wait; of more than that, the oldest are lost, but for their dash
	coasting  = 15 // ticks for which a player who says nothing goes on as before

	ticksPerSecond = 30
	keepAbsent     = 30 * ticksPerSecond  // how long a player without a connection stays in the game
	keepSilent     = 600 * ticksPerSecond // and one who has a connection and says nothing
)

// token is how a page that comes back is known. It makes one up.
type token [8]byte

// input is what a player wants in one tick.
type input struct {
	seq    uint16
	dx, dy int8 // the direction, and how much: a vector of length 128 at most
	dash   bool
}

// body is what moves, and all that its next step depends on.
type body struct {
	x, y, vx, vy int
	pause        int // ticks until the next dash is possible
}

// step is one tick of one player who meets nobody.
func (b *body) step(in input) {
	b.pause = max(0, b.pause-1)
	b.vx += int(in.dx) * thrust / 127
	b.vy += int(in.dy) * thrust / 127
	if in.dash && b.pause == 0 && (in.dx != 0 || in.dy != 0) {
		b.vx += int(in.dx) * dashThrust / 127
		b.vy += int(in.dy) * dashThrust / 127
		b.pause = dashPause
	}
	b.vx = b.vx * drag / 256
	b.vy = b.vy * drag / 256
	b.x, b.vx = bounce(b.x+b.vx, b.vx, width)
	b.y, b.vy = bounce(b.y+b.vy, b.vy, height)
}

// bounce keeps a coordinate between two walls.
func bounce(at, speed, size int) (int, int) {
	switch {
	case at < playerRadius:
		return playerRadius, -speed / 2
	case at > size-playerRadius:
		return size - playerRadius, -speed / 2
	}
	return at, speed
}

func (b *body) dashing() bool { return b.pause > dashPause-dashTicks }

// player is one player.
type player struct {
	body
	id    uint16 // not 0
	name  string
	token token
	score int

	last   input   // which was applied, or goes on being applied while nothing comes
	inputs []input // not applied yet
	owed   int     // steps that were made without an input, each of which the next inputs make up for
	silent int     // ticks since the last input came

	present bool // there is a connection
	absent  int  // ticks since there was one
}

func (p *player) away() bool { return p.silent > ticksPerSecond }

// next returns the input for this tick. When none has come in time the last one goes on, and the one that comes late does
// not count twice: so a delay changes nothing for a player who goes straight on.
func (p *player) next() input {
	p.last.dash = false
	for ; p.owed > 0 && len(p.inputs) > 0; p.owed-- {
		p.take()
	}
	p.silent++
	switch {
	case len(p.inputs) > 0:
		p.take()
	case p.silent > coasting:
		p.owed, p.last.dx, p.last.dy = 0, 0, 0
	default:
		p.owed++
	}
	return p.last
}

// take goes on to the next input. A dash that had no effect yet is kept.
func (p *player) take() {
	dash := p.last.dash
	p.last = p.inputs[0]
	p.last.dash = p.last.dash || dash
	p.inputs = slices.Delete(p.inputs, 0, 1)
}

// point is where a gem lies.
type point struct{ x, y int }

// world is the game: no clock, no connections. Its methods are for one goroutine at a time.
type world struct {
	random  *rand.Rand
	tick    uint32
	players []*player // by id
	gems    [gems]point
	lastID  uint16
}

func newWorld(random *rand.Rand) *world {
	w := &world{random: random}
	for i := range w.gems {
		w.gems[i] = w.anywhere()
	}
	return w
}

func (w *world) anywhere() point {
	return point{
		x: playerRadius + w.random.IntN(width-2*playerRadius),
		y: playerRadius + w.random.IntN(height-2*playerRadius),
	}
}

// join returns the player of a page: the one it had, or a new one. It is nil if there is no room.
func (w *world) join(t token, name string) *player {
	for _, p := range w.players {
		if p.token == t {
			// The page counts its inputs from the beginning.
			p.name, p.inputs, p.owed, p.silent, p.last = name, nil, 0, 0, input{}
			p.present, p.absent = true, 0
			return p
		}
	}
	if len(w.players) >= maxPlayers {
		return nil
	}
	at := w.anywhere()
	p := &player{id: w.newID(), name: name, token: t, present: true, body: body{x: at.x, y: at.y}}
	w.players = append(w.players, p)
	slices.SortFunc(w.players, func(a, b *player) int { return int(a.id) - int(b.id) })
	return p
}

// newID returns an id that nobody has.
func (w *world) newID() uint16 {
	for {
		w.lastID++
		taken := slices.ContainsFunc(w.players, func(p *player) bool { return p.id == w.lastID })
		if w.lastID != 0 && !taken {
			return w.lastID
		}
	}
}

// leave takes a player out of the game.
func (w *world) leave(gone *player) {
	w.players = slices.DeleteFunc(w.players, func(p *player) bool { return p == gone })
}

// input adds what a player wants next.
func (w *world) input(p *player, in input) {
	p.silent = 0
	if p.inputs = append(p.inputs, in); len(p.inputs) > maxInputs {
		dash := p.inputs[0].dash
		p.inputs = slices.Delete(p.inputs, 0, 1)
		p.inputs[0].dash = p.inputs[0].dash || dash
	}
}

// step is one tick. It reports whether a player has left for good.
func (w *world) step() (left bool) {
	w.tick++
	for _, p := range w.players {
		p.step(p.next())
	}
	for _, p := range w.players {
		w.collect(p)
		if p.dashing() {
			w.hit(p)
		}
	}
	before := len(w.players)
	w.players = slices.DeleteFunc(w.players, (*player).over)
	return len(w.players) != before
}

// over counts a tick of absence, and reports whether that was one too many.
func (p *player) over() bool {
	if !p.present {
		p.absent++
	}
	return p.absent > keepAbsent || p.silent > keepSilent
}

// collect gives a player the gems that it touches.
func (w *world) collect(p *player) {
	for i, g := range w.gems {
		if near(p.x-g.x, p.y-g.y, playerRadius+gemRadius) {
			p.score = min(p.score+1, 1<<16-1)
			w.gems[i] = w.anywhere()
		}
	}
}

// hit lets a dash end at the first player that it meets.
func (w *world) hit(p *player) {
	for _, other := range w.players {
		if other == p || other.dashing() || !near(p.x-other.x, p.y-other.y, 2*playerRadius) {
			continue
		}
		loot := min(stolen, other.score)
		other.score -= loot
		p.score = min(p.score+loot, 1<<16-1)
		other.vx, other.vy = other.vx+p.vx, other.vy+p.vy
		p.vx, p.vy = p.vx/4, p.vy/4
		p.pause = dashPause - dashTicks
		return
	}
}

func near(dx, dy, distance int) bool { return dx*dx+dy*dy <= distance*distance }
