package hub

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/websockettest"
)

// slow is what a test of a policy starts with: somebody who reads, and somebody who does not.
func slow(t *testing.T, o *Options) (h *Hub, good, bad *peer) {
	t.Helper()
	h = New(o)
	bad = join(t, h, "x")
	good = join(t, h, "x").read()
	return h, good, bad
}

func numbers(n int) (texts []string) {
	for i := range n {
		texts = append(texts, fmt.Sprint("message ", i))
	}
	return texts
}

func TestWhatPoliciesDropWhenAQueueIsFull(t *testing.T) {
	const clogs = 2
	sent := numbers(100)
	for name, c := range map[string]struct {
		policy Policy
		want   []string
	}{
		"drop oldest": {DropOldest, sent[90:]},
		"drop newest": {DropNewest, sent[:10]},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, good, bad := slow(t, &Options{Policy: c.policy, QueueMessages: 10})
				require.Equal(t, clogs, clog(t, h, "x"))
				start := time.Now()
				publish(t, h, "x", sent...)
				require.Equal(t, sent, good.all()[clogs:], "others get everything")
				require.Equal(t, Patience, time.Since(start), "and whoever is slow is waited for once")
				require.Equal(t, 10, h.Subscription(bad.server).Queued)
				require.EqualValues(t, 90, h.Subscription(bad.server).Dropped)
				bad.read()
				require.Equal(t, c.want, bad.all()[clogs:])
				publish(t, h, "x", "and on it goes")
				require.Equal(t, "and on it goes", bad.all()[clogs+10])
				require.Equal(t, Stats{Connections: 2, Topics: 1, Published: 103, Delivered: 103 + 13, Dropped: 90}, h.Stats())
				requireIdle(t, h)
				require.False(t, h.members[bad.server].slow, "it has caught up")
			})
		})
	}
}

func TestABurstIsNotTakenForSlowPeers(t *testing.T) {
	for _, policy := range []Policy{CloseSlow, DropOldest, DropNewest, Block} {
		synctest.Test(t, func(t *testing.T) {
			h := New(&Options{Policy: policy, QueueMessages: 2})
			var peers []*peer
			for range 10 {
				peers = append(peers, join(t, h, "x").read())
			}
			sent := numbers(2000)
			start := time.Now()
			for n, s := range sent {
				if n%2 == 0 {
					publish(t, h, "x", s)
				} else {
					require.NoError(t, h.PublishLatest(t.Context(), "x", s, text(s), nil))
				}
			}
			for _, p := range peers {
				require.Equal(t, sent, p.all())
			}
			require.Zero(t, time.Since(start))
			require.Zero(t, h.Stats().Dropped)
			requireIdle(t, h)
		})
	}
}

func TestWithoutAContextThatLastsAQueueIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, bad := slow(t, &Options{Policy: DropOldest, QueueMessages: 1})
		clogs := clog(t, h, "x")
		publish(t, h, "x", "one")
		ctx, cancel := context.WithTimeout(t.Context(), Patience/5)
		defer cancel()
		start := time.Now()
		require.NoError(t, h.Publish(ctx, "x", text("two")), "the policy has dropped something, as it does")
		require.Equal(t, Patience/5, time.Since(start))
		require.Equal(t, []string{"two"}, bad.read().all()[clogs:])
	})
}

func TestASlowPeerIsClosed(t *testing.T) {
	for want, o := range map[conn.StatusCode]*Options{
		conn.StatusTryAgainLater:   {QueueMessages: 10},
		conn.StatusPolicyViolation: {QueueMessages: 10, SlowCode: conn.StatusPolicyViolation},
	} {
		synctest.Test(t, func(t *testing.T) {
			h, good, bad := slow(t, o)
			clogs := clog(t, h, "x")
			publish(t, h, "x", numbers(11)...)
			require.Equal(t, numbers(11), good.all()[clogs:])
			require.Equal(t, 1, h.Count("x"))
			require.Zero(t, h.Subscription(bad.server))
			bad.read()
			require.Len(t, bad.all(), clogs)
			require.Equal(t, want, bad.end().Code)
			require.Equal(t, Stats{Connections: 1, Topics: 1, Published: 13, Delivered: 13 + 2, Dropped: 11, Slow: 1}, h.Stats())
			requireIdle(t, h)
		})
	}
}

func TestASlowPeerThatNeverReadsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, bad := slow(t, nil)
		clog(t, h, "x")
		publish(t, h, "x", numbers(DefaultQueueMessages+1)...)
		start := time.Now()
		<-bad.server.Done()
		require.Equal(t, websocket.DefaultCloseTimeout, time.Since(start))
		requireIdle(t, h)
	})
}

func TestBlockWaitsForRoomOnceAllOthersHaveTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, good, bad := slow(t, &Options{Policy: Block, QueueMessages: 10})
		clogs := clog(t, h, "x")
		sent := numbers(30)
		var publishers sync.WaitGroup
		publish(t, h, "x", sent[:10]...)
		for _, s := range sent[10:] {
			publishers.Go(func() { publish(t, h, "x", s) })
			synctest.Wait()
		}
		require.Equal(t, sent, good.all()[clogs:])
		require.Equal(t, 30, h.Subscription(bad.server).Queued, "one for each goroutine that waits")
		bad.read()
		publishers.Wait()
		require.Equal(t, sent, bad.all()[clogs:], "nothing is dropped, and the order is kept")
		require.Zero(t, h.Stats().Dropped)
		requireIdle(t, h)
	})
}

func TestBlockGivesUpWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, good, bad := slow(t, &Options{Policy: Block, QueueMessages: 10})
		clogs := clog(t, h, "x")
		sent := numbers(10)
		publish(t, h, "x", sent...)
		start := time.Now()
		for range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			require.ErrorIs(t, h.Publish(ctx, "x", text("no room")), context.DeadlineExceeded)
			require.ErrorIs(t, h.Publish(ctx, "x", text("not even begun")), context.DeadlineExceeded)
			cancel()
		}
		require.Equal(t, 50*time.Second, time.Since(start))
		require.Len(t, good.all(), clogs+10+50)
		require.Equal(t, 10, h.Subscription(bad.server).Queued)
		require.EqualValues(t, 50, h.Subscription(bad.server).Dropped)
		bad.read()
		require.Equal(t, sent, bad.all()[clogs:])
	})
}

func TestBlockEndsWithTheConnection(t *testing.T) {
	for name, end := range map[string]func(h *Hub, p *peer){
		"closed":  func(_ *Hub, p *peer) { p.server.CloseNow() },
		"removed": func(h *Hub, p *peer) { h.Remove(p.server) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, _, bad := slow(t, &Options{Policy: Block, QueueMessages: 1})
				clog(t, h, "x")
				publish(t, h, "x", "fits")
				go func() {
					<-time.After(time.Minute)
					end(h, bad)
				}()
				start := time.Now()
				publish(t, h, "x", "does not")
				require.Equal(t, time.Minute, time.Since(start))
			})
		})
	}
}

func TestAQueueIsAlsoBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, good, bad := slow(t, &Options{Policy: DropOldest, QueueBytes: 1000})
		clogs := clog(t, h, "x")
		for n := range 10 {
			require.NoError(t, h.Publish(t.Context(), "x", padded(fmt.Sprint(n), 300)))
		}
		require.Equal(t, Subscription{Topics: []string{"x"}, Queued: 3, Bytes: 900, Dropped: 7}, h.Subscription(bad.server))
		require.NoError(t, h.Publish(t.Context(), "x", padded("large", 5000)))
		require.Equal(t, Subscription{Topics: []string{"x"}, Queued: 1, Bytes: 5000, Dropped: 10}, h.Subscription(bad.server))
		require.Len(t, good.all(), clogs+11)
		bad.read()
		require.Equal(t, []string{"large"}, bad.all()[clogs:])
		require.Zero(t, h.Subscription(bad.server).Bytes)
	})
}

func TestAQueueIsFilledToItsLastByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, bad := slow(t, &Options{Policy: DropOldest, QueueBytes: 900})
		clog(t, h, "x")
		for n := range 3 {
			require.NoError(t, h.Publish(t.Context(), "x", padded(fmt.Sprint(n), 300)))
		}
		require.Equal(t, Subscription{Topics: []string{"x"}, Queued: 3, Bytes: 900}, h.Subscription(bad.server))
		require.NoError(t, h.Publish(t.Context(), "x", text("4")))
		require.Equal(t, Subscription{Topics: []string{"x"}, Queued: 3, Bytes: 601, Dropped: 1}, h.Subscription(bad.server))
	})
}

func TestOnlyTheLatestValueWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, good, bad := slow(t, nil)
		clogs := clog(t, h, "x")
		for n := range 1000 {
			for _, key := range []string{"A", "B", "C"} {
				require.NoError(t, h.PublishLatest(t.Context(), "x", key, text(fmt.Sprint(key, n)), nil))
			}
			synctest.Wait() // or values would replace each other also for those who read
		}
		require.Len(t, good.all(), clogs+3000)
		require.Equal(t, Subscription{Topics: []string{"x"}, Queued: 3, Bytes: 12, Dropped: 2997}, h.Subscription(bad.server))
		bad.read()
		require.Equal(t, []string{"A999", "B999", "C999"}, bad.all()[clogs:])
		require.Equal(t, websocket.StateOpen, bad.server.State())
		require.Nil(t, h.members[bad.server].queue.values)
	})
}

func TestKeysOfDifferentTopicsAreDifferent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		p := join(t, h, "x", "y")
		clogs := clog(t, h, "x")
		require.NoError(t, h.PublishLatest(t.Context(), "x", "k", text("x"), nil))
		require.NoError(t, h.PublishLatest(t.Context(), "y", "k", text("y"), nil))
		require.Equal(t, []string{"x", "y"}, p.read().all()[clogs:])
	})
}

func TestValuesAreDroppedBeforeMessages(t *testing.T) {
	for _, policy := range []Policy{CloseSlow, DropOldest, DropNewest, Block} {
		synctest.Test(t, func(t *testing.T) {
			h, _, bad := slow(t, &Options{Policy: policy, QueueMessages: 4})
			clogs := clog(t, h, "x")
			value := func(key string) {
				require.NoError(t, h.PublishLatest(t.Context(), "x", key, text("value "+key), nil))
			}
			publish(t, h, "x", "1")
			for _, key := range []string{"a", "b", "c", "d", "e"} { // a and b make room
				value(key)
			}
			publish(t, h, "x", "2", "3") // c and d make room
			value("e")                   // takes its own place
			publish(t, h, "x", "4")      // e makes room
			value("f")                   // there is none
			require.Equal(t, Subscription{Topics: []string{"x"}, Queued: 4, Bytes: 4, Dropped: 7}, h.Subscription(bad.server))
			bad.read()
			require.Equal(t, []string{"1", "2", "3", "4"}, bad.all()[clogs:])
			require.Equal(t, websocket.StateOpen, bad.server.State())
		})
	}
}

func TestAValueThatHasGrownGoesToTheEndIfItMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, bad := slow(t, &Options{QueueBytes: 1000})
		clogs := clog(t, h, "x")
		latest := func(key string, size int) {
			require.NoError(t, h.PublishLatest(t.Context(), "x", key, padded(key, size), nil))
		}
		latest("a", 300)
		latest("b", 300)
		latest("a", 500) // fits where it is
		require.Equal(t, Subscription{Topics: []string{"x"}, Queued: 2, Bytes: 800, Dropped: 1}, h.Subscription(bad.server))
		latest("a", 800) // does not: b makes room
		require.Equal(t, Subscription{Topics: []string{"x"}, Queued: 1, Bytes: 800, Dropped: 3}, h.Subscription(bad.server))
		latest("a", 2000) // alone it may be as long as it is
		require.Equal(t, Subscription{Topics: []string{"x"}, Queued: 1, Bytes: 2000, Dropped: 4}, h.Subscription(bad.server))
		require.Equal(t, []string{"a"}, bad.read().all()[clogs:])
	})
}

func TestAConnectionWithASmallQueueIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		client, server := websockettest.Pair(t, &websockettest.Options{
			Buffer: pipeSize,
			Accept: &websocket.AcceptOptions{Config: websocket.Config{SendQueue: 100}},
		})
		go server.Read(context.Background())
		p := &peer{t: t, client: client, server: server}
		require.NoError(t, h.Subscribe(server, "x"))
		require.NoError(t, server.Send(websocket.Text, []byte(strings.Repeat("a", 3000))))
		publish(t, h, "x", numbers(100)...)
		require.NotZero(t, h.Subscription(server).Queued)
		p.read()
		require.Equal(t, numbers(100), p.all()[1:])
	})
}

// Whoever gives up on a slow peer makes room, for which others need not wait any longer.
func TestWhoGivesUpOnAPeerLetsOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, bad := slow(t, &Options{Policy: DropOldest, QueueMessages: 1})
		clog(t, h, "x")
		publish(t, h, "x", "fills the queue")
		start := time.Now()
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { publish(t, h, "x", "waits for room") })
			<-time.After(Patience / 2)
		}
		all.Wait()
		require.Equal(t, Patience, time.Since(start))
		bad.read()
		requireIdle(t, h)
	})
}
