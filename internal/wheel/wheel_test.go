package wheel

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestATimerGoesOffInItsTickAndNeverEarly(t *testing.T) {
	for _, at := range []time.Duration{
		0, 1, Tick, Tick + 1, 63 * Tick, 64 * Tick, 65 * Tick, 100 * Tick, 4096 * Tick, 4097 * Tick, time.Hour, 400 * 24 * time.Hour,
		138 * 365 * 24 * time.Hour,
	} {
		var w Wheel
		timer := &Timer{}
		require.False(t, timer.Pending())
		w.Set(timer, at)
		require.True(t, timer.Pending())
		for now := time.Duration(0); ; {
			next, ok := w.Next()
			require.True(t, ok)
			require.Greater(t, next, now)
			require.Nil(t, w.Advance(next-1))
			now = next
			if got := w.Advance(now); got != nil {
				require.Same(t, timer, got)
				break
			}
		}
		require.GreaterOrEqual(t, time.Duration(w.now)*Tick, at)
		require.LessOrEqual(t, time.Duration(w.now)*Tick, max(at+Tick-1, Tick))
		require.False(t, timer.Pending())
		require.Nil(t, w.Advance(at+time.Hour))
		_, ok := w.Next()
		require.False(t, ok)
	}
}

func TestATimerMayBeMovedAndStopped(t *testing.T) {
	var w Wheel
	a, b := &Timer{}, &Timer{}
	require.False(t, w.Stop(a))
	w.Set(a, 10*Tick)
	w.Set(b, 10*Tick)
	w.Set(a, 20*Tick)
	require.Same(t, b, w.Advance(15*Tick))
	require.Nil(t, w.Advance(15*Tick))
	require.True(t, w.Stop(a))
	require.Nil(t, w.Advance(time.Hour))
	w.Set(a, 0) // in the past: at once
	require.Same(t, a, w.Advance(time.Hour+Tick))
}

// FuzzWheel compares a wheel with a list that is searched.
func FuzzWheel(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		var w Wheel
		var now int64 // in ticks
		timers := make([]Timer, 20)
		due := map[*Timer]int64{}
		for range 400 {
			timer := &timers[r.IntN(len(timers))]
			switch r.IntN(4) {
			case 0:
				_, was := due[timer]
				require.Equal(t, was, w.Stop(timer))
				delete(due, timer)
			case 1, 2:
				at := now + r.Int64N(1<<(1+r.IntN(24)))
				w.Set(timer, time.Duration(at)*Tick)
				due[timer] = max(at, now+1)
			case 3:
				to := now + r.Int64N(1<<(1+r.IntN(20)))
				requireOrder(t, &w, due, to)
				now = to
			}
			requireNext(t, &w, due, now)
		}
	})
}

// requireOrder advances to a time, and requires that exactly the timers go off whose time has come, earlier ones first.
func requireOrder(t *testing.T, w *Wheel, due map[*Timer]int64, to int64) {
	last := int64(0)
	for timer := w.Advance(time.Duration(to) * Tick); timer != nil; timer = w.Advance(time.Duration(to) * Tick) {
		at, ok := due[timer]
		require.True(t, ok)
		require.LessOrEqual(t, at, to)
		require.GreaterOrEqual(t, at, last)
		last = at
		delete(due, timer)
	}
	for _, at := range due {
		require.Greater(t, at, to)
	}
}

// requireNext requires Next not to be later than the first timer, nor in the past.
func requireNext(t *testing.T, w *Wheel, due map[*Timer]int64, now int64) {
	next, ok := w.Next()
	require.Equal(t, len(due) > 0, ok)
	for _, at := range due {
		require.LessOrEqual(t, int64(next/Tick), at)
		require.Greater(t, int64(next/Tick), now)
	}
}
