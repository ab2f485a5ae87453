package hub

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
)

// A connection whose history was ahead of the broker's deliveries is like all others once these have caught up: a log that goes
// back behind what it has, in the same epoch, ends it. What comes then is new, but has positions from before.
func TestALogThatGoesBackEndsWhoeverWasAheadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &lagging{remote: newRemote(Keep(Retention{Messages: 10}))}
		h := New(&Options{Broker: b})
		start := from(t, h, newPeer(t).read(), "x", From{}).Position
		publish(t, h, "x", "1", "2")
		p := newPeer(t).read()
		from(t, h, p, "x", From{Since: start})
		publish(t, h, "x", "3")
		b.arrive()
		require.Equal(t, []string{"1", "2", "3"}, p.all())
		h.topics["x"].Gap(Position{start.Epoch, start.Offset + 1})
		require.Equal(t, websocket.StatusTryAgainLater, p.end().Code)
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

func TestWhoComesAfterAGapIsToldWhereTheLogGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Broker: newRemote(Keep(Retention{Messages: 10}))})
		join(t, h, "x")
		gap := Position{h.topics["x"].last.Epoch + 1, 5}
		h.topics["x"].Gap(gap)
		require.Equal(t, Recovery{Position: gap}, from(t, h, newPeer(t), "x", From{}))
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

// One member is enough for a publisher to give way, whatever the others are like.
func TestAPublisherIsToldOfOneThatIsFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{QueueBytes: -1})
		p := join(t, h, "x").read()
		for range 10 {
			join(t, h, "x").read()
		}
		m := h.find(p.server)
		m.pumping = true // as if the pump had not got the processor yet
		said := conn.Prepare(conn.Binary, make([]byte, farBehind-1))
		for _, behind := range []bool{false, true} {
			msg := &Message{Topic: "x", Type: conn.Binary, Data: said.Message().Data, prepared: said}
			h.topics["x"].Deliver(msg)
			require.Equal(t, behind, msg.behind)
			synctest.Wait() // the others have it
		}
		m.h.start(m.pump)
		require.Len(t, p.all(), 2)
		requireIdle(t, h)
	})
}

// Whoever finds a member that is gone need not wait until it is retired.
func TestAMemberThatIsGoneIsLookedUpAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		p := join(t, h, "x")
		m, topic := h.find(p.server), h.topics["x"]
		m.gone = true // as it is once the member has been expelled
		done, already, err := topic.join(m, nil)
		require.NoError(t, err)
		require.False(t, done)
		require.False(t, already)
		require.Nil(t, h.find(p.server))
		h.retire(m)
		require.NoError(t, h.Subscribe(p.server, "x"))
		require.NotSame(t, m, h.find(p.server))
		require.NoError(t, h.Shutdown(t.Context()))
	})
}
