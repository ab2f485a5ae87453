package ctxmutex

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAMutexIsHandedOverInTheOrderOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Mutex
		require.True(t, s.TryLock())
		require.False(t, s.TryLock())
		turns := make(chan int, 10)
		for i := range 10 {
			go func() {
				assert.NoError(t, s.Lock(context.Background(), nil))
				turns <- i
				s.Unlock()
			}()
			synctest.Wait()
		}
		s.Unlock()
		for i := range 10 {
			require.Equal(t, i, <-turns)
		}
		synctest.Wait()
		require.True(t, s.TryLock())
	})
}

func TestWhoStopsWaitingForAMutexDoesNotGetIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Mutex
		require.NoError(t, s.Lock(context.Background(), nil))
		ctx, cancel := context.WithCancel(t.Context())
		dead := make(chan struct{})
		left := make(chan error, 2)
		go func() { left <- s.Lock(ctx, nil) }()
		synctest.Wait()
		go func() { left <- s.Lock(context.Background(), dead) }()
		synctest.Wait()
		got := make(chan error, 1)
		go func() { got <- s.Lock(context.Background(), nil) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		close(dead)
		require.ErrorIs(t, <-left, net.ErrClosed)
		s.Unlock()
		require.NoError(t, <-got, "the one behind them does")
		s.Unlock()
		require.True(t, s.TryLock())
	})
}

// TestAMutexIsNeverHeldByTwoAndNeverLost gives up waiting at the very moment when the turn comes.
func TestAMutexIsNeverHeldByTwoAndNeverLost(t *testing.T) {
	var s Mutex
	holders := 0 // guarded by s; the race detector looks as well
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 2000 {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				if s.Lock(ctx, nil) == nil {
					holders++
					if holders != 1 {
						t.Error("held twice")
					}
					holders--
					s.Unlock()
				}
			}
		})
	}
	all.Wait()
	require.True(t, s.TryLock())
}

// TestWhoGivesUpTooLateHasTheMutex is about a waiter whose context has ended, and who was handed the mutex before he could leave. It is
// never passed on behind his back: what is to be done before it is given up would be left undone.
func TestWhoGivesUpTooLateHasTheMutex(t *testing.T) {
	var s Mutex
	require.True(t, s.TryLock())
	turn, next := make(chan struct{}), make(chan struct{})
	q := s.join(turn)
	require.Same(t, q, s.join(next))
	s.Unlock()
	require.False(t, s.leave(q, turn))
	require.True(t, s.Held())
	require.True(t, s.leave(q, next))
	s.Unlock()
	require.True(t, s.TryLock())
}

// movedDeadline is a context whose deadline has passed, and was then moved.
type movedDeadline struct{ context.Context }

func (movedDeadline) Err() error { return nil }

func TestWhoGivesUpHasAnErrorWhateverTheContextSays(t *testing.T) {
	var s Mutex
	require.True(t, s.TryLock())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Lock(movedDeadline{ctx}, nil), context.DeadlineExceeded)
	s.Unlock()
	require.True(t, s.TryLock())
}
