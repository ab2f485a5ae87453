package conn

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestASlotIsHandedOverInTheOrderOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slot
		require.True(t, s.tryAcquire())
		require.False(t, s.tryAcquire())
		turns := make(chan int, 10)
		for i := range 10 {
			go func() {
				require.NoError(t, s.acquire(context.Background(), nil))
				turns <- i
				s.release()
			}()
			synctest.Wait()
		}
		s.release()
		for i := range 10 {
			require.Equal(t, i, <-turns)
		}
		synctest.Wait()
		require.True(t, s.tryAcquire())
	})
}

func TestWhoStopsWaitingForASlotDoesNotGetIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s slot
		require.NoError(t, s.acquire(context.Background(), nil))
		ctx, cancel := context.WithCancel(t.Context())
		dead := make(chan struct{})
		left := make(chan error, 2)
		go func() { left <- s.acquire(ctx, nil) }()
		synctest.Wait()
		go func() { left <- s.acquire(context.Background(), dead) }()
		synctest.Wait()
		got := make(chan error, 1)
		go func() { got <- s.acquire(context.Background(), nil) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		close(dead)
		require.ErrorIs(t, <-left, net.ErrClosed)
		s.release()
		require.NoError(t, <-got, "the one behind them does")
		s.release()
		require.True(t, s.tryAcquire())
	})
}

// TestASlotIsNeverHeldByTwoAndNeverLost gives up waiting at the very moment when the turn comes.
func TestASlotIsNeverHeldByTwoAndNeverLost(t *testing.T) {
	var s slot
	holders := 0 // guarded by s; the race detector looks as well
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 2000 {
				ctx, cancel := context.WithCancel(context.Background())
				go cancel()
				if s.acquire(ctx, nil) == nil {
					holders++
					if holders != 1 {
						t.Error("held twice")
					}
					holders--
					s.release()
				}
			}
		})
	}
	all.Wait()
	require.True(t, s.tryAcquire())
}
