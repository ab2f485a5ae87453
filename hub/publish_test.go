package hub

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestWhatIsPublishedHereHasTheEnvelopeToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Envelope: JSONEnvelope, Broker: NewMemory(Keep(Retention{Messages: 10}))})
		p := join(t, h, "x").read()
		long := strings.Repeat("x", 1000)
		for _, s := range []string{"hello", long} {
			require.NoError(t, h.PublishHere(t.Context(), "x", text(s)))
		}
		require.Equal(t, []string{`{"topic":"x","text":"hello"}`, `{"topic":"x","text":"` + long + `"}`}, p.all())
		require.Equal(t, Stats{Connections: 1, Topics: 1, Published: 2, Delivered: 2}, h.Stats())
		requireIdle(t, h)
	})
}

// A message of the history keeps what it looks like on the wire, for those who recover, and nothing of those who got it.
func TestWhatAMessageOfTheHistoryKeeps(t *testing.T) {
	for _, e := range []Envelope{NoEnvelope, JSONEnvelope} {
		synctest.Test(t, func(t *testing.T) {
			b := NewMemory(Keep(Retention{Messages: 10}))
			h := New(&Options{Envelope: e, Broker: b, QueueMessages: 1, Policy: DropNewest})
			p := join(t, h, "x")
			clog(t, h, "x")
			publish(t, h, "x", "fits", "does not")
			page, err := b.History(t.Context(), "x", Query{Last: 1})
			require.NoError(t, err)
			m := page.Messages[0]
			require.Nil(t, m.full)
			require.NotNil(t, m.encoded)
			require.Same(t, m.encoded, new(excerpts).of(page.Messages, h).prepared[0])
			other := New(&Options{Envelope: BinaryEnvelope, Broker: b})
			require.Equal(t, conn.Binary, new(excerpts).of(page.Messages, other).prepared[0].Message().Type, "another hub has its own")
			p.read()
			requireIdle(t, h)
		})
	}
}

// With one processor, what is far behind gets it before a call that publishes returns.
func TestAPublisherLetsThePumpGoFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	far := conn.Prepare(conn.Binary, make([]byte, farBehind))
	for name, c := range map[string]struct {
		broker  Broker
		publish func(*Hub) error
	}{
		"Publish":     {nil, func(h *Hub) error { return h.Publish(t.Context(), "x", far) }},
		"PublishHere": {nil, func(h *Hub) error { return h.PublishHere(t.Context(), "x", far) }},
		"elsewhere":   {newRemote(nil), func(h *Hub) error { return h.Publish(t.Context(), "x", far) }},
	} {
		t.Run(name, func(t *testing.T) {
			went := false
			for range 10 { // now and then the scheduler goes on with whoever gives way
				h := New(&Options{Broker: c.broker})
				near, peer := wstest.Pipe(0)
				server := conn.Server(near, nil, nil)
				require.NoError(t, h.Subscribe(server, "x"))
				m := h.find(server)
				m.mu.Lock()
				m.queue.push(&Message{Topic: "x"}, text("first"))
				m.pumping = true
				h.start(m.pump)
				m.mu.Unlock()
				require.NoError(t, c.publish(h))
				m.mu.Lock()
				went = went || m.queue.len() == 0
				m.mu.Unlock()
				server.CloseNow()
				peer.Close()
			}
			require.True(t, went)
		})
	}
}
