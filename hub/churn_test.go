package hub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
)

// crowd is peers that come and go.
type crowd struct {
	t *testing.T
	h *Hub

	mu    sync.Mutex
	peers []*peer
	ever  []*peer
}

// come adds a peer in the nth place; every third never reads. Whoever was there ends.
func (c *crowd) come(n int, end func(*websocket.Conn)) {
	p := newPeer(c.t)
	if rand.IntN(3) > 0 {
		p.read()
	}
	c.mu.Lock()
	old := c.peers[n]
	c.peers[n] = p
	c.ever = append(c.ever, p)
	c.mu.Unlock()
	if old != nil {
		end(old.server)
	}
}

func (c *crowd) pick() (int, *peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := rand.IntN(len(c.peers))
	return n, c.peers[n]
}

// live does something at random. Messages of one publisher are numbered.
func (c *crowd) live(who, number int) {
	n, p := c.pick()
	topic := fmt.Sprint("topic", rand.IntN(5))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	message := func(kind string) *conn.Prepared {
		return padded(fmt.Sprint(topic, " by ", who, " ", kind, " ", number), 30+rand.IntN(200))
	}
	switch rand.IntN(20) {
	case 0, 1, 2:
		c.h.Subscribe(p.server, topic) // which may have ended
	case 3, 4:
		c.h.Unsubscribe(p.server, topic)
	case 5:
		c.h.Remove(p.server)
	case 6:
		c.come(n, func(old *websocket.Conn) { old.CloseNow() })
	case 7:
		c.come(n, func(old *websocket.Conn) { old.Close(websocket.StatusGoingAway, "") })
	case 8, 9, 10:
		c.h.PublishLatest(ctx, topic, fmt.Sprint("by ", who), message("value"), p.server)
	case 11:
		c.h.PublishExcept(ctx, topic, message("message"), p.server)
	default:
		c.h.Publish(ctx, topic, message("message"))
	}
}

// requireConsistent looks at a hub on which nothing is under way.
func requireConsistent(t *testing.T, h *Hub) {
	t.Helper()
	for name, topic := range h.topics {
		require.Equal(t, name, topic.name)
		require.Equal(t, len(topic.members), topic.users)
		require.NotEmpty(t, topic.members)
		for m := range topic.members {
			require.Same(t, topic, m.topics[name])
			require.Same(t, m, h.members[m.c])
		}
	}
	for c, m := range h.members {
		require.Same(t, c, m.c)
		require.False(t, m.gone)
		require.NoError(t, c.Err())
		require.True(t, m.pumping || m.queue.len() == 0)
		require.True(t, m.within())
		require.True(t, m.pumping || len(m.topics) > 0, "who has nothing is nobody")
		for _, topic := range m.topics {
			_, there := topic.members[m]
			require.True(t, there)
		}
	}
}

// requireInOrder requires what a peer got to be in the order in which it was published. Values may overtake messages, so
// the two are looked at apart.
func requireInOrder(t *testing.T, got []string) {
	t.Helper()
	last := map[string]int{}
	for _, s := range got {
		at := strings.LastIndexByte(s, ' ')
		line := s[:at] // topic, publisher and kind
		n, err := strconv.Atoi(s[at+1:])
		require.NoError(t, err, s)
		require.Greater(t, n, last[line], s)
		last[line] = n
	}
}

func TestNothingIsMixedUpWhilePeersComeAndGo(t *testing.T) {
	for _, policy := range []Policy{CloseSlow, DropOldest, DropNewest, Block} {
		synctest.Test(t, func(t *testing.T) {
			c := &crowd{t: t, h: New(&Options{Policy: policy, QueueMessages: 5}), peers: make([]*peer, 15)}
			for n := range c.peers {
				c.come(n, nil)
			}
			var all sync.WaitGroup
			for who := range 6 {
				all.Go(func() {
					for number := range 300 {
						c.live(who, number+1)
					}
				})
			}
			all.Wait()
			<-time.After(time.Minute) // closing handshakes with those who do not read
			synctest.Wait()
			requireConsistent(t, c.h)
			for _, p := range c.ever {
				p.server.CloseNow()
			}
			requireIdle(t, c.h) // a goroutine of the hub lets go of those who have ended
			for _, p := range c.ever {
				require.Zero(t, c.h.Subscription(p.server).Bytes)
			}
			require.Empty(t, c.h.members)
			require.Empty(t, c.h.topics)
			require.NoError(t, c.h.Shutdown(t.Context()))
			received := 0
			for _, p := range c.ever {
				got := p.all()
				received += len(got)
				requireInOrder(t, got)
			}
			require.Greater(t, received, 100)
		})
	}
}
