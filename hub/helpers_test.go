package hub

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/websockettest"
)

// peer is a client and the connection that its server has with it.
type peer struct {
	t      *testing.T
	client *websocket.Conn
	server *websocket.Conn

	mu  sync.Mutex
	got []string
}

// pipeSize is what the network between the two ends of a peer holds, in bytes.
const pipeSize = 1000

// newPeer returns a peer that does not read yet.
func newPeer(t *testing.T) *peer {
	client, server := websockettest.Pair(t, &websockettest.Options{Buffer: pipeSize})
	go server.Read(context.Background())
	return &peer{t: t, client: client, server: server}
}

// join returns a peer that does not read yet and is subscribed to topics.
func join(t *testing.T, h *Hub, topics ...string) *peer {
	t.Helper()
	p := newPeer(t)
	for _, topic := range topics {
		require.NoError(t, h.Subscribe(p.server, topic))
	}
	return p
}

// read makes the peer read until its end, from now on.
func (p *peer) read() *peer {
	go func() {
		for m, err := range p.client.Messages(context.Background()) {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.got = append(p.got, string(bytes.TrimRight(m.Data, " ")))
			p.mu.Unlock()
		}
	}()
	return p
}

// all returns everything that has come, once nothing is under way any more.
func (p *peer) all() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// end returns how the connection ended for the client.
func (p *peer) end() *websocket.CloseError {
	p.t.Helper()
	<-p.client.Done()
	var end *websocket.CloseError
	require.ErrorAs(p.t, p.client.Err(), &end)
	return end
}

func text(s string) *conn.Prepared { return conn.Prepare(conn.Text, []byte(s)) }

// padded is a text of n bytes of which the first are s.
func padded(s string, n int) *conn.Prepared {
	return text(fmt.Sprintf("%-*s", n, s))
}

// publish publishes texts to a topic, and they must be accepted.
func publish(t *testing.T, h *Hub, topic string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		require.NoError(t, h.Publish(t.Context(), topic, text(s)))
	}
}

// clog publishes so much to a topic that a peer there who does not read has nothing but what is published from now on in
// its queue. It returns how many messages of a peer's come first.
func clog(t *testing.T, h *Hub, topic string) int {
	t.Helper()
	const n = 2 // one for the network, one for the pump
	for range n {
		require.NoError(t, h.Publish(t.Context(), topic, padded("clog", Ahead+pipeSize)))
		synctest.Wait()
	}
	return n
}

// requireIdle requires that nothing of the hub is at work.
func requireIdle(t *testing.T, h *Hub) {
	t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Zero(t, h.active)
	require.False(t, h.evicting)
	require.Empty(t, h.evicted)
}
