package hub

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestPresenceLastsAsLongAsTheSubscription(t *testing.T) {
	for name, end := range map[string]func(*Hub, *peer){
		"Unsubscribe":           func(h *Hub, p *peer) { h.Unsubscribe(p.server, "x") },
		"Remove":                func(h *Hub, p *peer) { h.Remove(p.server) },
		"the connection's end":  func(_ *Hub, p *peer) { p.client.CloseNow() },
		"the end of the server": func(h *Hub, p *peer) { require.NoError(p.t, h.Shutdown(p.t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broker := NewMemory(nil)
				var events []PresenceEvent
				one := New(&Options{Broker: broker})
				two := New(&Options{Broker: broker, OnPresence: func(topic string, e PresenceEvent) {
					require.Equal(t, "x", topic)
					events = append(events, e)
				}})
				p := join(t, one, "x")
				join(t, two, "x")
				ada := Presence{"1", "Ada"}
				require.NoError(t, one.Enter(t.Context(), p.server, "x", Presence{"1", "A"}))
				require.NoError(t, one.Enter(t.Context(), p.server, "x", ada))
				require.NoError(t, one.Enter(t.Context(), p.server, "x", ada), "which is no news")
				there, err := two.Present(t.Context(), "x")
				require.NoError(t, err)
				require.Equal(t, []Presence{ada}, there)
				end(one, p)
				synctest.Wait()
				n, err := two.CountPresent(t.Context(), "x")
				require.NoError(t, err)
				require.Zero(t, n)
				require.Equal(t, []PresenceEvent{{Presence: Presence{"1", "A"}}, {Presence: ada}, {Presence: ada, Left: true}}, events)
			})
		})
	}
}

func TestWhoEntersWithAnotherIDIsPresentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		p := join(t, h, "x")
		for _, id := range []string{"1", "2"} {
			require.NoError(t, h.Enter(t.Context(), p.server, "x", Presence{ID: id}))
			there, err := h.Present(t.Context(), "x")
			require.NoError(t, err)
			require.Equal(t, []Presence{{ID: id}}, there)
		}
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

func TestOnlySubscribersArePresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := newRemote(nil)
		h := New(&Options{Broker: broker})
		p := join(t, h, "x")
		require.ErrorIs(t, h.Enter(t.Context(), p.server, "y", Presence{ID: "1"}), ErrNotSubscribed)
		require.ErrorIs(t, h.Enter(t.Context(), newPeer(t).server, "x", Presence{ID: "1"}), ErrNotSubscribed)
		require.NoError(t, broker.Close())
		require.ErrorIs(t, h.Enter(t.Context(), p.server, "x", Presence{ID: "1"}), ErrBrokerClosed)
		require.NoError(t, h.Shutdown(t.Context()))
		require.ErrorIs(t, h.Enter(t.Context(), p.server, "x", Presence{ID: "1"}), ErrShutdown)
	})
}

// entering is a broker where something happens while somebody enters.
type entering struct {
	*Memory
	happens func()
}

func (b *entering) Enter(ctx context.Context, topic string, p Presence) (leave func(), err error) {
	leave, err = b.Memory.Enter(ctx, topic, p)
	b.happens()
	return leave, err
}

func TestWhoLeavesATopicWhileEnteringIsNotPresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &entering{Memory: NewMemory(nil)}
		h := New(&Options{Broker: b, Linger: -1})
		p := join(t, h, "x").read()
		b.happens = func() { h.Unsubscribe(p.server, "x") }
		require.ErrorIs(t, h.Enter(t.Context(), p.server, "x", Presence{ID: "1"}), ErrNotSubscribed)
		n, err := h.CountPresent(t.Context(), "x")
		require.NoError(t, err)
		require.Zero(t, n)
		requireIdle(t, h)
	})
}

func TestWhoEntersLastIsPresent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &entering{Memory: NewMemory(nil)}
		h := New(&Options{Broker: b, Linger: -1})
		p := join(t, h, "x").read()
		goOn := make(chan struct{})
		b.happens = func() { <-goOn }
		entered := make(chan error, 2)
		enter := func(ctx context.Context, value string) { entered <- h.Enter(ctx, p.server, "x", Presence{"1", value}) }
		go enter(t.Context(), "first")
		synctest.Wait()
		b.happens = func() {}
		go enter(t.Context(), "second")
		synctest.Wait()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		enter(ended, "third")
		require.ErrorIs(t, <-entered, context.Canceled)
		close(goOn)
		require.NoError(t, <-entered)
		require.NoError(t, <-entered)
		there, err := h.Present(t.Context(), "x")
		require.NoError(t, err)
		require.Equal(t, []Presence{{"1", "second"}}, there)
		p.client.CloseNow()
		requireIdle(t, h)
	})
}

func TestWhoLeavesATopicIsNotRememberedThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		p := join(t, h, "x", "y")
		require.NoError(t, h.Enter(t.Context(), p.server, "x", Presence{ID: "1"}))
		h.Unsubscribe(p.server, "x")
		require.Empty(t, h.find(p.server).present)
		require.NoError(t, h.Shutdown(t.Context()))
	})
}
