package hub

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestShutdownDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, good, bad := slow(t, nil)
		clogs := clog(t, h, "x")
		publish(t, h, "x", numbers(50)...)
		down := make(chan error, 2)
		for range 2 {
			go func() { down <- h.Shutdown(t.Context()) }()
		}
		synctest.Wait()
		require.Empty(t, down)
		require.ErrorIs(t, h.Publish(t.Context(), "x", text("no")), ErrShutdown)
		require.ErrorIs(t, h.Subscribe(good.server, "y"), ErrShutdown)
		bad.read()
		require.NoError(t, <-down)
		require.NoError(t, <-down)
		require.Equal(t, numbers(50), bad.all()[clogs:])
		require.Equal(t, websocket.StateOpen, good.server.State(), "connections belong to others")
		require.Zero(t, h.Stats().Connections)
		require.Zero(t, h.Stats().Topics)
		good.server.CloseNow()
		requireIdle(t, h)
	})
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	for _, policy := range []Policy{CloseSlow, DropOldest, Block} {
		synctest.Test(t, func(t *testing.T) {
			h, _, bad := slow(t, &Options{Policy: policy, QueueMessages: 10})
			clog(t, h, "x")
			published := make(chan error, 1)
			go func() {
				for _, s := range numbers(11) {
					if err := h.Publish(t.Context(), "x", text(s)); err != nil {
						published <- err
						return
					}
				}
				published <- nil
			}()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			require.ErrorIs(t, h.Shutdown(ctx), context.DeadlineExceeded)
			require.Equal(t, time.Second, time.Since(start))
			require.NoError(t, <-published, "nobody waits any more")
			require.Zero(t, h.Stats().Connections)
			requireIdle(t, h)
			if policy == CloseSlow {
				require.Equal(t, websocket.StateClosed, bad.server.State())
				return
			}
			require.Equal(t, websocket.StateOpen, bad.server.State())
			bad.read()
			require.NoError(t, bad.server.Write(t.Context(), websocket.Text, []byte("still whole")))
			require.Equal(t, []string{"clog", "clog", "still whole"}, bad.all())
		})
	}
}

func TestShutdownOfAnIdleHubNeedsNoTime(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, New(nil).Shutdown(ended))
}

func TestASubscriptionThatShutdownCutsSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, p := New(&Options{Broker: stuckBroker{NewMemory(nil)}}), newPeer(t)
		subscribed := make(chan error, 1)
		go func() { subscribed <- h.Subscribe(p.server, "x") }()
		synctest.Wait()
		require.NoError(t, h.Shutdown(t.Context()))
		require.Equal(t, ErrShutdown, <-subscribed)
		requireIdle(t, h)
		p.server.CloseNow()
	})
}
