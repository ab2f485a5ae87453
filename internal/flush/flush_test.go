package flush

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// in returns a Flusher in a state.
func in(state State) *Flusher { return &Flusher{state: state, started: state == Scheduled} }

func TestEveryStateHasItsWayOn(t *testing.T) {
	const none = State(255) // the event does not happen there
	for _, tc := range []struct {
		name  string
		event func(f *Flusher)
		to    [4]State // from Idle, Scheduled, Writing, Blocked
	}{
		{"Begin", func(f *Flusher) { f.Begin() }, [4]State{Writing, Writing, Writing, Blocked}},
		{"Later", func(f *Flusher) { f.Later() }, [4]State{Scheduled, Scheduled, Writing, Blocked}},
		{"Run", func(f *Flusher) { f.Run() }, [4]State{Idle, Writing, Writing, Blocked}},
		{"Arrived", func(f *Flusher) { f.Arrived() }, [4]State{Idle, Scheduled, Writing, Blocked}},
		{"Yield", func(f *Flusher) { f.Yield() }, [4]State{none, none, Scheduled, Scheduled}},
		{"Block", func(f *Flusher) { f.Block() }, [4]State{none, none, Blocked, Blocked}},
		{"End, somebody waits", func(f *Flusher) { f.Wait(1); require.False(t, f.End(true)) }, [4]State{none, none, Writing, Writing}},
		{"End, bytes are left", func(f *Flusher) { require.True(t, f.End(true)) }, [4]State{none, none, Writing, Writing}},
		{"End, nothing is left", func(f *Flusher) { require.False(t, f.End(false)) }, [4]State{none, none, Idle, Idle}},
	} {
		for from, to := range tc.to {
			if to != none {
				f := in(State(from))
				tc.event(f)
				require.Equal(t, to, f.State(), "%s from %d", tc.name, from)
			}
		}
	}
}

func TestOneWritesAtATime(t *testing.T) {
	for state, begins := range map[State]bool{Idle: true, Scheduled: true, Writing: false, Blocked: false} {
		require.Equal(t, begins, in(state).Begin(), state)
	}
}

func TestAGoroutineIsStartedOnce(t *testing.T) {
	var f Flusher
	require.True(t, f.Later())
	require.False(t, f.Later())
	require.True(t, f.Begin(), "somebody is faster")
	require.False(t, f.End(false))
	require.False(t, f.Later(), "it is still on its way")
	require.True(t, f.Run())
	require.False(t, f.Later(), "it writes that, too")
	require.True(t, f.End(true))
	require.True(t, f.Yield())
	require.True(t, f.Begin())
	require.False(t, f.End(false))
	require.False(t, f.Run(), "nothing is left for it")
}

func TestWaitersAreServedInOrder(t *testing.T) {
	var f Flusher
	require.True(t, f.Begin())
	first, second, third := f.Wait(10), f.Wait(20), f.Wait(5)
	f.Wrote(9)
	require.Len(t, third.C, 1)
	require.Empty(t, first.C)
	require.False(t, f.Leave(third, false), "its bytes are written")
	require.False(t, f.End(true))
	require.Len(t, first.C, 1)
	require.True(t, f.Leave(first, false), "it is its turn")
	f.Wrote(20)
	require.Len(t, second.C, 1)
	require.False(t, f.Leave(second, false))
	require.False(t, f.End(false))
	require.Equal(t, Idle, f.State())
}

func TestWhoGivesUpIsNotWaitedFor(t *testing.T) {
	var f Flusher
	require.True(t, f.Begin())
	first, second := f.Wait(10), f.Wait(20)
	require.False(t, f.Leave(first, false))
	require.False(t, f.End(true))
	require.Empty(t, first.C)
	require.True(t, f.Leave(second, false))
	f.Wait(30)
	f.Stop()
	require.False(t, f.End(false))
}

func TestQuietIsWhenNobodyIsAtWork(t *testing.T) {
	var f Flusher
	require.Nil(t, f.Quiet())
	require.True(t, f.Later())
	on := f.Quiet()
	require.NotNil(t, on)
	require.True(t, f.Run())
	select {
	case <-on:
		t.Fatal("it writes")
	default:
	}
	require.False(t, f.End(false))
	<-on
	require.Nil(t, f.Quiet())
}

func TestAGoroutineThatHasArrivedKeepsNobodyWaiting(t *testing.T) {
	var f Flusher
	require.True(t, f.Later())
	on := f.Quiet()
	f.Arrived()
	<-on
	require.Nil(t, f.Quiet())
	require.False(t, f.Later(), "it will write this, too")
	require.True(t, f.Run())
}

// TestNothingIsForgotten has many goroutines queue and wait, or not wait, and requires that all is written, by one at a time.
func TestNothingIsForgotten(t *testing.T) {
	var mu sync.Mutex
	var f Flusher
	var queued, done int64
	var all, own sync.WaitGroup
	write := func() { // between Begin and End; mu is held
		for goOn := true; goOn; goOn = f.End(queued > done) {
			take := queued
			require.True(t, f.State() == Writing)
			mu.Unlock()
			mu.Lock()
			done = take
			f.Wrote(done)
		}
	}
	run := func() {
		own.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			if f.Run() {
				write()
			}
		})
	}
	for seed := range uint64(8) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for range 2000 {
				mu.Lock()
				queued++
				end := queued
				switch {
				case random.IntN(2) == 0:
					if f.Later() {
						run()
					}
				case f.Begin():
					write()
				default:
					w := f.Wait(end)
					mu.Unlock()
					<-w.C
					mu.Lock()
					if f.Leave(w, false) {
						write()
					}
					if done < end {
						t.Error("woken too early")
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	own.Wait()
	require.Equal(t, queued, done)
	require.Equal(t, Idle, f.State())
	require.Nil(t, f.Quiet())
}

func TestAWaiterIsUsedAgainAndBringsNothingAlong(t *testing.T) {
	var f Flusher
	require.True(t, f.Begin())
	gaveUp := f.Wait(10)
	require.False(t, f.End(false))
	require.True(t, f.Leave(gaveUp, true), "its turn came as it gave up")
	first, second := f.Wait(20), f.Wait(20)
	require.Same(t, gaveUp, first)
	require.Empty(t, first.C)
	f.Stop()
	require.Len(t, second.C, 1)
	require.False(t, f.Leave(second, true))
	require.False(t, f.Leave(first, true))
	require.Zero(t, testing.AllocsPerRun(100, func() { f.Leave(f.Wait(30), true) }))
}
