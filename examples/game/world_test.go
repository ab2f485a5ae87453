package main

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// seeded returns a world that is the same for the same seed.
func seeded(seed uint64) *world { return newWorld(rand.New(rand.NewPCG(seed, 0))) }

// empty returns a world whose gems lie in a corner, and a player in the middle.
func empty() (*world, *player) {
	w := seeded(1)
	p := w.join(token{1}, "Ada")
	w.gems = [gems]point{}
	p.x, p.y = width/2, height/2
	return w, p
}

// wander returns what a player might do, one input for each tick.
func wander(random *rand.Rand, n int) []input {
	all := make([]input, n)
	in := input{}
	for i := range all {
		if random.IntN(8) == 0 {
			in.dx, in.dy = int8(random.IntN(181)-90), int8(random.IntN(181)-90)
		}
		in.seq, in.dash = uint16(i+1), random.IntN(30) == 0
		all[i] = in
	}
	return all
}

func TestTheSameInputsMakeTheSameGame(t *testing.T) {
	play := func() string {
		w, random := seeded(7), rand.New(rand.NewPCG(8, 0))
		for i := range 20 {
			w.join(token{byte(i)}, fmt.Sprint("player ", i))
		}
		moves := make([][]input, len(w.players))
		for i := range moves {
			moves[i] = wander(random, 2000)
		}
		for tick := range 2000 {
			for i, p := range w.players {
				w.input(p, moves[i][tick])
			}
			w.step()
		}
		return string(w.appendState(nil))
	}
	require.Equal(t, play(), play())
}

// TestTheRulesAreThoseOfThePage holds figures that the page has to come to as well; see the end-to-end tests.
func TestTheRulesAreThoseOfThePage(t *testing.T) {
	b := body{x: 1000 * unit, y: 300 * unit}
	for i := range 200 {
		b.step(input{dx: int8(i*37%255 - 127), dy: int8(i*91%255 - 127), dash: i%60 == 0})
	}
	require.Equal(t, rules, fmt.Sprintf("%d,%d,%d,%d,%d", b.x, b.y, b.vx, b.vy, b.pause))
}

// rules is where a player is after the moves of that test.
const rules = "25967,8486,24,-16,0"

func TestPlayersStayInTheFieldWhateverTheyDo(t *testing.T) {
	for seed := range uint64(20) {
		w, random := seeded(seed), rand.New(rand.NewPCG(seed, 1))
		for i := range 30 {
			w.join(token{byte(i)}, "p")
		}
		for range 500 {
			for _, p := range w.players {
				w.input(p, input{dx: int8(random.IntN(181) - 90), dy: int8(random.IntN(181) - 90), dash: true})
			}
			w.step()
			for _, p := range w.players {
				require.True(t, p.x >= playerRadius && p.x <= width-playerRadius, p.x)
				require.True(t, p.y >= playerRadius && p.y <= height-playerRadius, p.y)
				require.True(t, p.pause >= 0 && p.pause <= dashPause && p.score >= 0)
			}
		}
	}
}

func TestAGemIsAPointAndComesBackElsewhere(t *testing.T) {
	w, p := empty()
	at := point{p.x + playerRadius + gemRadius, p.y}
	w.gems[3] = at
	w.step()
	require.Equal(t, 1, p.score)
	require.NotEqual(t, at, w.gems[3])
	w.gems[3] = point{at.x + 1, at.y}
	w.step()
	require.Equal(t, 1, p.score, "that one is too far away")
}

func TestADashTakesPointsFromThePlayerItHits(t *testing.T) {
	w, p := empty()
	victim := w.join(token{2}, "Ben")
	victim.x, victim.y, victim.score = p.x+100*unit, p.y, 4
	for seq := uint16(1); p.score == 0; seq++ {
		require.Less(t, seq, uint16(dashTicks+1))
		w.input(p, input{seq: seq, dx: 127, dash: true})
		w.step()
	}
	require.Equal(t, stolen, p.score)
	require.Equal(t, 1, victim.score)
	require.Positive(t, victim.vx, "it was pushed")
	require.False(t, p.dashing(), "one dash, one hit")
	for seq := uint16(20); p.pause > 1; seq++ {
		w.input(p, input{seq: seq, dash: true, dx: 127})
		w.step()
	}
	require.Equal(t, stolen, p.score, "the next dash has to wait")
}

func TestADashNeedsADirection(t *testing.T) {
	w, p := empty()
	w.input(p, input{dash: true})
	w.step()
	require.Zero(t, p.pause)
}

func TestPlayersWhoTouchWithoutADashKeepTheirPoints(t *testing.T) {
	w, p := empty()
	other := w.join(token{2}, "Ben")
	other.x, other.y, other.score = p.x, p.y, 4
	w.step()
	require.Zero(t, p.score)
	require.Equal(t, 4, other.score)
}

// predict is what the page does: the server's word, and on top of it what the server has not counted yet.
func predict(p *player, sent []input) body {
	b := p.body
	for _, in := range sent {
		if int16(p.last.seq-in.seq) < 0 {
			b.step(in)
		}
	}
	return b
}

func TestThePredictionOfThePageIsRightWhenInputsComeInTime(t *testing.T) {
	for delay := range maxInputs {
		w, p := empty()
		moves := wander(rand.New(rand.NewPCG(uint64(delay), 3)), 1000)
		own := p.body
		for tick := range moves {
			own.step(moves[tick])
			if tick >= delay {
				w.input(p, moves[tick-delay])
				p.owed = 0 // the first ones: the page begins to play when it sends the first
				w.step()
				require.Equal(t, own, predict(p, moves[max(0, tick-10):tick+1]), "tick %d", tick)
			}
		}
	}
}

func TestADelayChangesNothingForAPlayerWhoGoesStraightOn(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	w, p := empty()
	own, sent, arrived := p.body, uint16(0), uint16(0)
	deliver := func(upTo uint16) {
		for ; arrived < upTo; arrived++ {
			w.input(p, input{seq: arrived + 1, dx: 10})
		}
	}
	for range 100 {
		sent++
		own.step(input{dx: 10})
		if sent == 1 || random.IntN(3) == 0 { // now and then what is under way arrives, all at once
			deliver(sent)
		}
		w.step()
	}
	require.Equal(t, own, p.body)
	deliver(sent)
	w.step()
	require.Equal(t, sent, p.last.seq)
}

func TestOfTooManyInputsTheOldestAreLost(t *testing.T) {
	w, p := empty()
	for seq := uint16(1); seq <= 100; seq++ {
		w.input(p, input{seq: seq})
	}
	require.Len(t, p.inputs, maxInputs)
	w.step()
	require.Equal(t, uint16(100-maxInputs+1), p.last.seq)
}

func TestADashIsNotLostWithItsTick(t *testing.T) {
	w, p := empty()
	for seq := uint16(1); seq <= 100; seq++ {
		w.input(p, input{seq: seq, dx: 127, dash: seq == 1}) // too many at once
	}
	w.step()
	require.Equal(t, dashPause, p.pause)

	w, p = empty()
	w.step() // without an input, which the next one makes up for
	w.input(p, input{seq: 1, dx: 127, dash: true})
	w.step()
	require.Equal(t, dashPause, p.pause)
}

func TestAPlayerWhoFallsSilentCoastsAndStops(t *testing.T) {
	w, p := empty()
	w.input(p, input{seq: 1, dx: 127})
	for range coasting + 60 {
		w.step()
	}
	require.Zero(t, p.vx)
	require.True(t, p.away())
	at := p.x
	require.Greater(t, at, width/2)
	w.input(p, input{seq: 2, dx: -127})
	w.step()
	require.Less(t, p.x, at, "the first input counts at once")
	require.False(t, p.away())
}

func TestWhoComesBackInTimeGoesOnWithTheSameScore(t *testing.T) {
	w, p := empty()
	p.score, p.present = 42, false
	for range keepAbsent {
		require.False(t, w.step())
	}
	require.Same(t, p, w.join(token{1}, "Ada again"))
	require.Equal(t, 42, p.score)
	require.Equal(t, "Ada again", p.name)
	for range keepAbsent + 1 {
		require.False(t, w.step())
	}
	p.present = false
	for range keepAbsent {
		require.False(t, w.step())
	}
	require.True(t, w.step())
	require.Empty(t, w.players)
	require.NotSame(t, p, w.join(token{1}, "Ada"))
}

func TestWhoSaysNothingForTenMinutesMakesRoom(t *testing.T) {
	w, _ := empty()
	for range keepSilent {
		require.False(t, w.step())
	}
	require.True(t, w.step())
}

func TestTheFieldHasRoomForSoMany(t *testing.T) {
	w := seeded(1)
	w.lastID = 1<<16 - 3 // ids begin again, without 0
	seen := map[uint16]bool{0: true}
	for i := range maxPlayers {
		p := w.join(token{byte(i), byte(i >> 8)}, "p")
		require.False(t, seen[p.id])
		seen[p.id] = true
	}
	require.Nil(t, w.join(token{0xff}, "p"))
	w.leave(w.players[0])
	require.NotNil(t, w.join(token{0xff}, "p"))
}
