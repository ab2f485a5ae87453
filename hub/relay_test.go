package hub

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

func TestHubsOnABusShareTheirTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus Bus
		one, two, three := New(&Options{Relay: bus.Relay()}), New(&Options{Relay: bus.Relay()}), New(&Options{Relay: bus.Relay()})
		a, b, c := join(t, one, "x").read(), join(t, two, "x").read(), join(t, three, "y").read()
		publish(t, one, "x", "from one")
		publish(t, two, "x", "from two")
		require.NoError(t, one.PublishExcept(t.Context(), "x", text("except a"), a.server))
		require.Equal(t, []string{"from one", "from two"}, a.all())
		require.Equal(t, []string{"from one", "from two", "except a"}, b.all())
		require.Empty(t, c.all())

		require.NoError(t, two.Shutdown(t.Context()))
		publish(t, one, "x", "two is gone")
		require.Equal(t, "two is gone", a.all()[2])
		require.Len(t, b.all(), 3)
	})
}

func TestLatestValuesStayThatBehindARelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus Bus
		one, two := New(&Options{Relay: bus.Relay()}), New(&Options{Relay: bus.Relay()})
		p := join(t, two, "x")
		clogs := clog(t, one, "x")
		for n := range 100 {
			require.NoError(t, one.PublishLatest(t.Context(), "x", "k", text(fmt.Sprint(n)), nil))
		}
		require.Equal(t, []string{"99"}, p.read().all()[clogs:])
	})
}

func TestBlockReachesThroughARelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bus Bus
		one, two := New(&Options{Relay: bus.Relay()}), New(&Options{Relay: bus.Relay(), Policy: Block, QueueMessages: 1})
		join(t, two, "x")
		clog(t, one, "x")
		publish(t, one, "x", "fits")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, one.Publish(ctx, "x", text("does not")), context.DeadlineExceeded)
	})
}

// brokenRelay is a relay of which nothing works.
type brokenRelay struct {
	deliver func(context.Context, Envelope) error
	closed  int
}

var errBroken = errors.New("the broker is gone")

func (r *brokenRelay) Start(deliver func(context.Context, Envelope) error) { r.deliver = deliver }
func (r *brokenRelay) Publish(context.Context, Envelope) error             { return errBroken }
func (r *brokenRelay) Close() error                                        { r.closed++; return errBroken }

func TestErrorsOfARelayAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relay := &brokenRelay{}
		h := New(&Options{Relay: relay})
		p := join(t, h, "x").read()
		require.ErrorIs(t, h.Publish(t.Context(), "x", text("hello")), errBroken)
		require.NoError(t, relay.deliver(t.Context(), Envelope{Topic: "x", Type: conn.Binary, Data: []byte("from afar")}))
		require.ErrorIs(t, relay.deliver(t.Context(), Envelope{Topic: "x"}), conn.ErrMessageType)
		require.Equal(t, []string{"hello", "from afar"}, p.all(), "here it arrives all the same")
		require.ErrorIs(t, h.Shutdown(t.Context()), errBroken)
		require.ErrorIs(t, h.Shutdown(t.Context()), errBroken)
		require.Equal(t, 1, relay.closed)
		require.ErrorIs(t, relay.deliver(t.Context(), Envelope{Topic: "x", Type: conn.Text}), ErrShutdown)
	})
}
