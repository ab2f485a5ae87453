package hub

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

// A publisher lets the pumps go first when as much waits as goes out in one write, unless it is the peer that they wait for.
func TestPublishersGiveWayToPumpsThatAreFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{QueueBytes: -1})
		p := join(t, h, "x").read()
		m := h.find(p.server)
		msg := &Message{Topic: "x", Type: conn.Binary}
		deliver := func(size int) bool {
			at, behind := m.deliver(msg, conn.Prepare(conn.Binary, make([]byte, size)))
			require.Nil(t, at)
			return behind
		}
		require.False(t, deliver(2*farBehind), "the connection takes it")
		synctest.Wait()
		m.pumping, m.ahead = true, Ahead // as if the pump had not got the processor yet
		require.False(t, deliver(farBehind-1))
		require.True(t, deliver(1))
		require.True(t, deliver(1))
		batch := m.take(nil)
		require.NotEmpty(t, batch)
		require.False(t, deliver(1), "it is at work")
		m.sent()
		require.False(t, deliver(1), "there is little left")
		require.True(t, deliver(farBehind))
		m.h.start(m.pump)
		synctest.Wait()
		require.False(t, m.sending)
		require.False(t, m.pumping)
		require.Len(t, p.all(), 6, "but for what was taken here")
		requireIdle(t, h)
	})
}

// A newer value takes the place of the one that it replaces if the queue has room for it there, and else waits at the end.
func TestAValueKeepsItsPlaceIfThereIsRoom(t *testing.T) {
	for size, keeps := range map[int]bool{10: true, 50: true, 51: false} {
		synctest.Test(t, func(t *testing.T) {
			h := New(&Options{QueueBytes: 100})
			p := join(t, h, "x").read()
			m := h.find(p.server)
			m.pumping = true // as if the pump had not got the processor yet
			deliver := func(latest bool, size int) {
				msg := &Message{Topic: "x", Type: conn.Binary, Latest: latest}
				m.deliver(msg, conn.Prepare(conn.Binary, make([]byte, size)))
			}
			deliver(true, 40)
			deliver(false, 50)
			deliver(true, size)
			require.Equal(t, 2, m.queue.len())
			require.Equal(t, 50+size, m.queue.bytes)
			require.Equal(t, keeps, m.queue.first.Latest)
			m.h.start(m.pump)
			require.Len(t, p.all(), 2)
			requireIdle(t, h)
		})
	}
}

// With Block, a message that is taken out again because its publisher gave up leaves room that others wait for.
func TestWhatIsTakenOutMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, bad := slow(t, &Options{Policy: Block, QueueBytes: 1000})
		clogs := clog(t, h, "x")
		publish(t, h, "x", "first")
		var publishing sync.WaitGroup
		publishing.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			assert.ErrorIs(t, h.Publish(ctx, "x", padded("too long", 1000)), context.DeadlineExceeded)
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		require.NoError(t, h.Publish(ctx, "x", text("second")), "as soon as the first one has given up")
		require.Equal(t, time.Second, time.Since(start))
		publishing.Wait()
		require.Equal(t, []string{"first", "second"}, bad.read().all()[clogs:])
		requireIdle(t, h)
	})
}

// What the pump has taken, but not yet handed over when the connection is removed, counts as dropped like what still waits.
func TestWhatThePumpHoldsIsDroppedWithTheMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		p := join(t, h, "x").read()
		m := h.find(p.server)
		m.pumping, m.ahead = true, 3 // as if the pump had just begun
		publish(t, h, "x", "one", "two", "and one that waits")
		batch := m.take(nil)
		require.Len(t, batch, 1)
		h.Remove(p.server)
		require.ErrorIs(t, m.send(batch), errRemoved)
		require.Equal(t, Stats{Published: 3, Dropped: 3}, h.Stats())
		require.Empty(t, p.all())
		requireIdle(t, h)
	})
}
