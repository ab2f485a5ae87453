package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/programtest"
	"github.com/seed60239977/websocket/websockettest"
)

// browser is a page, less the picture.
type browser struct {
	t      *testing.T
	c      *websocket.Conn
	id     uint16 // of its player
	last   seen
	states int
	names  map[uint16]string
	alive  []byte
}

// visit returns a page that watches an arena, in a bubble of fake time.
func visit(t *testing.T, a *arena) *browser {
	t.Helper()
	client, server := websockettest.Pair(t, &websockettest.Options{Buffer: 4 << 10})
	go func() {
		a.serve(context.Background(), server)
		server.CloseNow()
	}()
	return &browser{t: t, c: client}
}

func (b *browser) send(q request) {
	b.t.Helper()
	require.NoError(b.t, b.c.Write(b.t.Context(), websocket.Binary, q.append(nil)))
}

// read takes the next message, whichever it is, and returns its kind.
func (b *browser) read() byte {
	b.t.Helper()
	typ, m, err := b.c.Read(b.t.Context())
	require.NoError(b.t, err)
	require.Equal(b.t, websocket.Binary, typ)
	switch m[0] {
	case kindState:
		b.last = readState(b.t, m)
		b.states++
	case kindNames:
		b.names = readNames(b.t, m)
	case kindWelcome:
		require.Len(b.t, m, 3)
		b.id = binary.BigEndian.Uint16(m[1:])
	case kindAlive:
		b.alive = m
	default:
		require.Fail(b.t, "unknown message", "%x", m)
	}
	return m[0]
}

// until reads until there was a message of a kind.
func (b *browser) until(kind byte) {
	b.t.Helper()
	for b.read() != kind {
	}
}

// join makes the page play.
func (b *browser) join(tok byte, name string) {
	b.t.Helper()
	b.send(request{kind: kindJoin, token: token{tok}, name: name})
	b.until(kindWelcome)
}

// own returns what the page knows of its player.
func (b *browser) own() *shown {
	for i := range b.last.players {
		if b.last.players[i].id == b.id {
			return &b.last.players[i]
		}
	}
	return nil
}

// play runs an arena for a time that costs none, between two ticks.
func play(t *testing.T, a *arena, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d+interval/2)
	defer cancel()
	a.run(ctx)
}

func TestThereAre30TicksASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArena(seeded(1))
		b := visit(t, a)
		got := make(chan uint32)
		go func() {
			for b.last.tick < ticksPerSecond {
				b.read()
			}
			got <- b.last.tick
		}()
		play(t, a, time.Second)
		require.EqualValues(t, ticksPerSecond, <-got)
		require.Equal(t, ticksPerSecond+1, b.states, "each of them, and the one that was there before")
	})
}

func TestWhoJoinsMovesForAllToSee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArena(seeded(1))
		ada, watcher := visit(t, a), visit(t, a)
		ada.join(1, "Ada")
		require.NotZero(t, ada.id)
		for seq := range uint16(3) {
			ada.send(request{kind: kindInput, input: input{seq: seq + 1, dx: 127}})
		}
		synctest.Wait()
		play(t, a, 3*interval)
		for watcher.last.tick < 3 {
			watcher.read()
		}
		require.Equal(t, map[uint16]string{ada.id: "Ada"}, watcher.names)
		require.Len(t, watcher.last.players, 1)
		require.Positive(t, watcher.last.players[0].body.vx)
		require.EqualValues(t, 3, watcher.last.players[0].ack)

		ada.send(request{kind: kindLeave})
		ada.send(request{kind: kindInput, input: input{seq: 4}}) // which was under way
		synctest.Wait()
		play(t, a, interval)
		for watcher.last.tick < 4 {
			watcher.read()
		}
		require.Empty(t, watcher.last.players)
		require.Empty(t, watcher.names)
	})
}

func TestAPageThatIsSlowLosesTicksButNotTheGame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArena(seeded(1))
		sleeper, other := visit(t, a), visit(t, a)
		sleeper.join(1, "Ada")
		other.join(2, "Ben")
		var reader sync.WaitGroup
		reader.Go(func() {
			for other.last.tick < 20*ticksPerSecond {
				other.read()
			}
		})
		play(t, a, 20*time.Second) // the sleeper reads nothing
		reader.Wait()
		require.GreaterOrEqual(t, other.states, 20*ticksPerSecond, "nobody else misses anything")
		for sleeper.last.tick < 20*ticksPerSecond {
			before := sleeper.last.tick
			if sleeper.read() == kindState {
				require.Greater(t, sleeper.last.tick, before, "never an older one")
			}
		}
		require.Less(t, sleeper.states, 10*ticksPerSecond)
		require.NoError(t, sleeper.c.Err())
		require.True(t, sleeper.own().away)
		sleeper.send(request{kind: kindInput, input: input{seq: 1, dx: 50}})
		synctest.Wait()
		play(t, a, interval)
		sleeper.until(kindState)
		require.False(t, sleeper.own().away)
	})
}

func TestAPageThatComesBackHasItsPlayerAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArena(seeded(1))
		ada := visit(t, a)
		ada.join(1, "Ada")
		a.world.players[0].score = 7
		require.NoError(t, ada.c.CloseNow())
		synctest.Wait()
		require.False(t, a.world.players[0].present)
		play(t, a, 20*time.Second)

		again := visit(t, a)
		again.join(1, "Ada")
		require.Equal(t, ada.id, again.id)
		play(t, a, interval)
		for again.last.tick < 20*ticksPerSecond+1 {
			again.read()
		}
		require.EqualValues(t, 7, again.own().score)
		require.NoError(t, again.c.CloseNow())
		synctest.Wait()
		play(t, a, 31*time.Second)
		require.Empty(t, a.world.players)
	})
}

func TestAPlayerPlaysInOneTab(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArena(seeded(1))
		first, second := visit(t, a), visit(t, a)
		first.join(1, "Ada")
		second.join(1, "Ada")
		require.Equal(t, first.id, second.id)
		require.Equal(t, websocket.StatusPolicyViolation, programtest.Closed(t, first.c).Code)
		synctest.Wait()
		require.True(t, a.world.players[0].present, "the end of the first has not ended the second")
	})
}

func TestWhoFindsNoRoomMayWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := seeded(1)
		for i := range maxPlayers {
			w.join(token{1, byte(i)}, "p")
		}
		a := newArena(w)
		b := visit(t, a)
		b.join(2, "Ada")
		require.Zero(t, b.id)
		b.send(request{kind: kindInput})
		b.send(request{kind: kindAlive, alive: [4]byte{1, 2, 3, 4}})
		b.until(kindAlive)
		require.Equal(t, []byte{kindAlive, 1, 2, 3, 4}, b.alive)
	})
}

func TestWhatThePageWouldNotSendIsRefused(t *testing.T) {
	for _, engine := range []string{"goroutine", "event"} {
		p := programtest.Start(t, server(), "127.0.0.1:0", "-engine", engine)
		for name, m := range nonsense {
			c := p.Dial()
			require.NoError(t, c.Write(t.Context(), websocket.Binary, m))
			end := programtest.Closed(t, c)
			require.Equal(t, websocket.StatusPolicyViolation, end.Code, name)
			require.Equal(t, errNonsense.Error(), end.Reason, name)
		}
		c := p.Dial()
		require.NoError(t, c.Write(t.Context(), websocket.Text, []byte{kindLeave}))
		require.Equal(t, websocket.StatusPolicyViolation, programtest.Closed(t, c).Code)
		c = p.Dial()
		require.NoError(t, c.Write(t.Context(), websocket.Binary, make([]byte, maxMessage+1)))
		require.Equal(t, websocket.StatusMessageTooBig, programtest.Closed(t, c).Code)
	}
}

func TestAPlayerGoesOnInAnotherTabWhateverDrivesIt(t *testing.T) {
	for _, engine := range []string{"goroutine", "event"} {
		p := programtest.Start(t, server(), "127.0.0.1:0", "-engine", engine)
		first, second := &browser{t: t, c: p.Dial()}, &browser{t: t, c: p.Dial()}
		first.join(1, "Ada")
		second.join(1, "Ada")
		require.NotZero(t, first.id)
		require.Equal(t, first.id, second.id)
		require.Equal(t, websocket.StatusPolicyViolation, programtest.Closed(t, first.c).Code)
		second.send(request{kind: kindInput, input: input{seq: 7, dx: 1}})
		for own := second.own(); own == nil || own.ack != 7; own = second.own() {
			second.until(kindState)
		}
		require.NoError(t, second.c.Close(websocket.StatusNormalClosure, ""))
	}
}

func TestAFloodIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArena(seeded(1))
		b := visit(t, a)
		for range maxPerSecond + 1 {
			b.send(request{kind: kindLeave})
		}
		end := programtest.Closed(t, b.c)
		require.Equal(t, websocket.StatusPolicyViolation, end.Code)
		require.Equal(t, errTooMuch.Error(), end.Reason)

		b = visit(t, a)
		for range 10 {
			for range maxPerSecond {
				b.send(request{kind: kindLeave})
			}
			time.Sleep(time.Second) // in fake time
		}
		require.NoError(t, b.c.Err())
	})
}

func TestNobodyPlaysAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArena(seeded(1))
		a.close()
		a.run(t.Context()) // which ends by itself
		require.Equal(t, websocket.StatusGoingAway, programtest.Closed(t, visit(t, a).c).Code)
	})
}

// BenchmarkTwoHundredPlayers plays one tick an operation, in real time, with 200 players over TCP who all send and read.
// It reports how late the server had sent a tick: half of the time at most, and 99 of 100 times.
//
//	go test ./examples/game -run '^$' -bench Players -benchtime 600x
func BenchmarkTwoHundredPlayers(b *testing.B) {
	a := newArena(seeded(1))
	late := make([]time.Duration, 0, b.N)
	ctx, stop := context.WithCancel(b.Context())
	a.late = func(d time.Duration) {
		if late = append(late, d); len(late) == b.N {
			stop()
		}
	}
	front := httptest.NewServer(a.handler())
	defer front.Close()
	var pages sync.WaitGroup
	for i := range 200 {
		c, _, err := websocket.Dial(b.Context(), front.URL+"/ws", nil)
		require.NoError(b, err)
		name := fmt.Sprint("player ", i)
		require.NoError(b, c.Write(b.Context(), websocket.Binary,
			request{kind: kindJoin, token: token{1, byte(i)}, name: name}.append(nil)))
		pages.Go(func() { benchmarkPage(b, c, uint16(i)) })
	}
	b.ResetTimer()
	a.run(ctx)
	b.StopTimer()
	a.close()
	pages.Wait()
	slices.Sort(late)
	b.ReportMetric(late[len(late)/2].Seconds()*1e3, "ms-late-p50")
	b.ReportMetric(late[len(late)*99/100].Seconds()*1e3, "ms-late-p99")
}

// benchmarkPage answers each state with an input, until the server goes away.
func benchmarkPage(b *testing.B, c *websocket.Conn, seq uint16) {
	for m, err := range c.Messages(context.Background()) {
		if err != nil {
			var end *websocket.CloseError
			if assert.ErrorAs(b, err, &end) {
				assert.Equal(b, websocket.StatusGoingAway, end.Code)
			}
			return
		}
		if m.Data[0] == kindState {
			seq++
			in := input{seq: seq, dx: int8(seq%180) - 90, dy: int8(seq/3%180) - 90, dash: seq%100 == 0}
			_ = c.Send(websocket.Binary, request{kind: kindInput, input: in}.append(nil))
		}
	}
}
