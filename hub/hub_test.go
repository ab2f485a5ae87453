package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/websockettest"
)

func TestAMessageReachesAllWhoAreInTheTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		a, b, both := join(t, h, "a").read(), join(t, h, "b").read(), join(t, h, "a", "b").read()
		publish(t, h, "a", "to a")
		publish(t, h, "b", "to b")
		publish(t, h, "nobody", "lost")
		require.NoError(t, h.PublishExcept(t.Context(), "a", text("not to b"), both.server))
		require.NoError(t, h.PublishLatest(t.Context(), "b", "key", text("not to b either"), both.server))
		require.Equal(t, []string{"to a", "not to b"}, a.all())
		require.Equal(t, []string{"to b", "not to b either"}, b.all())
		require.Equal(t, []string{"to a", "to b"}, both.all())
		require.Equal(t, Stats{Connections: 3, Topics: 2, Published: 5, Delivered: 6}, h.Stats())
		requireIdle(t, h)
	})
}

func TestMembershipCanBeSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		a, b := join(t, h, "x", "y"), join(t, h, "y", "y")
		require.Equal(t, map[string]int{"x": 1, "y": 2}, maps.Collect(h.Topics()))
		for range h.Topics() {
			break
		}
		require.Equal(t, 2, h.Count("y"))
		require.Zero(t, h.Count("z"))
		require.Len(t, h.Subscribers("y"), 2)
		require.True(t, slices.Contains(h.Subscribers("y"), a.server) && slices.Contains(h.Subscribers("y"), b.server))
		require.Empty(t, h.Subscribers("z"))
		require.Equal(t, Subscription{Topics: []string{"x", "y"}}, h.Subscription(a.server))
		require.Zero(t, h.Subscription(newPeer(t).server))
	})
}

func TestUnsubscribingLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		a, b := join(t, h, "x", "y").read(), join(t, h, "x").read()
		h.Unsubscribe(a.server, "x")
		h.Unsubscribe(a.server, "never")
		h.Unsubscribe(newPeer(t).server, "x")
		h.Unsubscribe(b.server, "y")
		publish(t, h, "x", "one")
		publish(t, h, "y", "two")
		require.Equal(t, []string{"two"}, a.all())
		require.Equal(t, []string{"one"}, b.all())
		h.Unsubscribe(a.server, "y")
		h.Remove(b.server)
		h.Remove(b.server)
		require.Zero(t, h.Count("x"))
		require.Empty(t, h.members)
		require.Empty(t, h.topics)
		require.NoError(t, h.Subscribe(a.server, "y"), "it may come back")
		publish(t, h, "y", "three")
		require.Equal(t, []string{"two", "three"}, a.all())
	})
}

func TestAConnectionThatEndsIsUnsubscribed(t *testing.T) {
	for name, end := range map[string]func(p *peer){
		"by its server":      func(p *peer) { p.server.CloseNow() },
		"by its client":      func(p *peer) { p.client.CloseNow() },
		"by a handshake":     func(p *peer) { p.client.Close(websocket.StatusNormalClosure, "") },
		"while it is closed": func(p *peer) { p.server.Close(websocket.StatusNormalClosure, "") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(nil)
				p, other := join(t, h, "x", "y").read(), join(t, h, "x").read()
				go end(p)
				publish(t, h, "x", "while it ends")
				<-p.server.Done()
				publish(t, h, "x", "after")
				require.Contains(t, other.all(), "after")
				require.Equal(t, map[string]int{"x": 1}, maps.Collect(h.Topics()))
				require.Equal(t, 1, h.Stats().Connections)
				require.ErrorIs(t, h.Subscribe(p.server, "x"), p.server.Err())
				requireIdle(t, h)
			})
		})
	}
}

func TestAConnectionThatIsBeingClosedGetsNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		p := join(t, h, "x")
		go p.server.Close(websocket.StatusNormalClosure, "")
		synctest.Wait()
		require.Equal(t, websocket.StateClosing, p.server.State())
		publish(t, h, "x", "too late")
		synctest.Wait()
		require.Zero(t, h.Count("x"))
		require.Zero(t, h.Stats().Delivered)
	})
}

func TestTopicsOfAConnectionAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{MaxTopics: 2})
		p := join(t, h, "a", "b")
		require.ErrorIs(t, h.Subscribe(p.server, "c"), ErrTooManyTopics)
		require.NoError(t, h.Subscribe(p.server, "b"))
		require.Len(t, h.topics, 2, "no topic is left without connections")
		h.Unsubscribe(p.server, "a")
		require.NoError(t, h.Subscribe(p.server, "c"))

		free := New(&Options{MaxTopics: -1})
		for n := range DefaultMaxTopics + 1 {
			require.NoError(t, free.Subscribe(p.server, fmt.Sprint(n)))
		}
	})
}

func TestOptionsThatMakeNoSenseAreAMistakeInTheProgram(t *testing.T) {
	require.Panics(t, func() { New(&Options{Policy: Block + 1}) })
	require.Panics(t, func() { New(&Options{SlowCode: conn.StatusAbnormalClosure}) })
	require.NotPanics(t, func() { New(&Options{Policy: Block, SlowCode: conn.StatusPolicyViolation}) })
}

func TestAllGetTheSameOrderFromManyPublishers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Policy: Block, QueueMessages: 3})
		var peers []*peer
		for range 10 {
			peers = append(peers, join(t, h, "x").read())
		}
		var publishers sync.WaitGroup
		for n := range 8 {
			publishers.Go(func() {
				for i := range 100 {
					assert.NoError(t, h.Publish(t.Context(), "x", padded(fmt.Sprint(n, " ", i), 200)))
				}
			})
		}
		publishers.Wait()
		want := peers[0].all()
		require.Len(t, want, 800)
		next := map[string]int{}
		for _, s := range want {
			who, i, _ := strings.Cut(s, " ")
			require.Equal(t, fmt.Sprint(next[who]), i)
			next[who]++
		}
		for _, p := range peers {
			require.Equal(t, want, p.all())
		}
		requireIdle(t, h)
	})
}

func TestWhatTheApplicationSendsItselfGoesInBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Policy: Block})
		p := join(t, h, "x").read()
		// A message that the application has begun makes others wait: in the connection's queue, and when that is full, in
		// the hub's.
		w, err := p.server.Writer(t.Context(), websocket.Text)
		require.NoError(t, err)
		_, err = w.Write([]byte(strings.Repeat("a", 20_000)))
		require.NoError(t, err)
		require.NoError(t, p.server.Send(websocket.Binary, make([]byte, conn.DefaultSendQueue-5_000)))
		var sent []string
		for n := range 100 {
			sent = append(sent, fmt.Sprint(n))
			require.NoError(t, h.Publish(t.Context(), "x", padded(sent[n], 500)))
		}
		require.Empty(t, p.all())
		require.NoError(t, w.Close())
		require.Equal(t, sent, p.all()[2:])
		requireIdle(t, h)
	})
}

func TestCompressedConnectionsGetTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		var peers []*peer
		for range 3 {
			client, server := websockettest.Pair(t, &websockettest.Options{
				Dial:   &websocket.DialOptions{Deflate: &websocket.DeflateOptions{}},
				Accept: &websocket.AcceptOptions{Deflate: &websocket.DeflateOptions{}},
			})
			go server.Read(context.Background())
			peers = append(peers, (&peer{t: t, client: client, server: server}).read())
			require.NoError(t, h.Subscribe(server, "x"))
		}
		long := strings.Repeat("compress me ", 100)
		publish(t, h, "x", long, "short", long)
		for _, p := range peers {
			require.Equal(t, []string{strings.TrimSpace(long), "short", strings.TrimSpace(long)}, p.all())
		}
	})
}

func TestAConnectionThatTakesWhatItGetsCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		p := join(t, h, "x")
		clog(t, h, "x")
		require.Equal(t, 1, h.active, "one goroutine for the peer that does not read")
		h.Unsubscribe(p.server, "x")
		require.Len(t, h.members, 1, "there is still something to send")
		p.read()
		require.Len(t, p.all(), 2)
		requireIdle(t, h)
		require.Empty(t, h.members)
	})
}

// A topic lingers when its timer fires, but somebody came and went, or the topic has been made anew, or the hub is shut down.
func TestOnlyATopicThatNobodyNeedsIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Linger: time.Minute})
		p := join(t, h, "x")
		old := h.existing("x")
		h.abandon(old)
		require.Same(t, old, h.existing("x"), "somebody is there")
		h.Unsubscribe(p.server, "x")
		require.Zero(t, h.Count("x"))
		for name := range h.Topics() {
			require.Fail(t, "nobody is in "+name)
		}
		<-time.After(2 * time.Minute)
		require.Nil(t, h.existing("x"))

		require.NoError(t, h.Subscribe(p.server, "x"))
		h.Unsubscribe(p.server, "x")
		again := h.existing("x")
		require.NotSame(t, old, again)
		h.abandon(old)
		require.Same(t, again, h.existing("x"), "that is another one")
		h.seal()
		h.abandon(again)
		require.Same(t, again, h.existing("x"), "Shutdown sees to it")
		requireIdle(t, h)
		require.NoError(t, h.Shutdown(t.Context()))
		require.Nil(t, h.existing("x"))
	})
}
