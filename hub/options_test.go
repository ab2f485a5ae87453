package hub

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestAQueueWithoutALimitTakesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, bad := slow(t, &Options{QueueMessages: -1, QueueBytes: -1})
		clogs := clog(t, h, "x")
		publish(t, h, "x", numbers(2*DefaultQueueMessages)...)
		require.NoError(t, h.Publish(t.Context(), "x", padded("long", 2*DefaultQueueBytes)))
		require.Equal(t, 2*DefaultQueueMessages+1, h.Subscription(bad.server).Queued)
		require.Equal(t, append(numbers(2*DefaultQueueMessages), "long"), bad.read().all()[clogs:])
		require.Zero(t, h.Stats().Dropped)
		requireIdle(t, h)
	})
}
