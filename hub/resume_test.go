package hub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

// from subscribes from somewhere and requires that to work.
func from(t *testing.T, h *Hub, p *peer, topic string, f From) Recovery {
	t.Helper()
	r, err := h.SubscribeFrom(t.Context(), p.server, topic, f)
	require.NoError(t, err)
	return r
}

// counted are the texts from one number to before another.
func counted(from, to int) (all []string) {
	for n := from; n < to; n++ {
		all = append(all, fmt.Sprint(n))
	}
	return all
}

func TestASubscriptionBeginsWhereTheClientWas(t *testing.T) {
	for name, broker := range map[string]func(func(string) Retention) Broker{
		"in memory": func(r func(string) Retention) Broker { return NewMemory(r) },
		"elsewhere": func(r func(string) Retention) Broker { return newRemote(r) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(&Options{Broker: broker(Keep(Retention{Messages: 200}))})
				first := newPeer(t).read()
				start := from(t, h, first, "x", From{})
				require.False(t, start.Recovered, "it had nothing")
				require.False(t, start.Position.IsZero())
				publish(t, h, "x", counted(0, 150)...)
				at := func(n int) Position { return Position{start.Position.Epoch, start.Position.Offset + uint64(n)} }
				for n, want := range map[int][]string{0: counted(0, 151), 10: counted(10, 151), 150: {"150"}} {
					p := newPeer(t).read()
					r := from(t, h, p, "x", From{Since: at(n)})
					require.Equal(t, Recovery{Position: at(150), Recovered: true, Sent: 150 - n}, r)
					require.NoError(t, h.PublishHere(t.Context(), "x", text("150")))
					require.Equal(t, want, p.all())
					h.Remove(p.server)
				}
				publish(t, h, "x", counted(150, 300)...)
				p := newPeer(t).read()
				r := from(t, h, p, "x", From{Since: at(50), Last: 3})
				require.Equal(t, Recovery{Position: at(300), Missed: 50, Sent: 3}, r)
				require.Equal(t, counted(297, 300), p.all())
				p = newPeer(t).read()
				r = from(t, h, p, "x", From{Since: Position{at(0).Epoch + 1, 1}})
				require.Equal(t, Recovery{Position: at(300)}, r)
				require.Empty(t, p.all())
				p = newPeer(t).read()
				r = from(t, h, p, "x", From{Last: 100})
				require.Equal(t, Recovery{Position: at(300), Sent: 100}, r)
				require.Equal(t, counted(200, 300), p.all())
				require.NoError(t, h.Shutdown(t.Context()))
			})
		})
	}
}

func TestATopicWithoutHistoryRecoversNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(nil)
		p := newPeer(t).read()
		require.Zero(t, from(t, h, p, "x", From{Since: Position{1, 1}, Last: 10}))
		publish(t, h, "x", "hello")
		require.Equal(t, []string{"hello"}, p.all())
	})
}

func TestWhoIsReadyIsToldBetweenWhatWasAndWhatIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Broker: NewMemory(Keep(Retention{Messages: 10}))})
		publish(t, h, "x", "before")
		p := newPeer(t).read()
		from(t, h, p, "x", From{Last: 5, Ready: func(r Recovery) *conn.Prepared { return text(fmt.Sprint("sent ", r.Sent)) }})
		publish(t, h, "x", "after")
		require.Equal(t, []string{"before", "sent 1", "after"}, p.all())
		_, err := h.SubscribeFrom(t.Context(), p.server, "x", From{})
		require.ErrorIs(t, err, ErrSubscribed)
		require.Equal(t, 1, h.Count("x"))
	})
}

func TestAPeerThatDoesNotReadIsNotWaitedForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Broker: NewMemory(Keep(Retention{Messages: 100})), QueueMessages: 4})
		for range 20 {
			require.NoError(t, h.Publish(t.Context(), "x", padded("long", 2*pipeSize)))
		}
		p, other := newPeer(t), join(t, h, "x").read()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		var subscribing sync.WaitGroup
		subscribing.Go(func() { _, err = h.SubscribeFrom(ctx, p.server, "x", From{Last: 50}) })
		synctest.Wait()
		for n := range 50 {
			publish(t, h, "x", fmt.Sprint(n))
		}
		require.Equal(t, counted(0, 50), other.all(), "nobody waits for it")
		h.mu.Lock()
		topic, m := h.topics["x"], h.members[p.server]
		h.mu.Unlock()
		topic.mu.Lock()
		held := len(topic.members[m].held)
		topic.mu.Unlock()
		require.LessOrEqual(t, held, 4, "what is held back is bounded")
		subscribing.Wait()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 1, h.Count("x"))
	})
}

func TestLeavingEndsTheRecovery(t *testing.T) {
	for name, leave := range map[string]func(*Hub, *peer){
		"Unsubscribe": func(h *Hub, p *peer) { h.Unsubscribe(p.server, "x"); p.read() },
		"Remove":      func(h *Hub, p *peer) { h.Remove(p.server); p.read() },
		"the end":     func(_ *Hub, p *peer) { p.server.CloseNow() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(&Options{Broker: NewMemory(Keep(Retention{Messages: 100}))})
				for range 20 {
					require.NoError(t, h.Publish(t.Context(), "x", padded("long", 2*pipeSize)))
				}
				p := newPeer(t)
				var err error
				var subscribing sync.WaitGroup
				subscribing.Go(func() { _, err = h.SubscribeFrom(t.Context(), p.server, "x", From{Last: 50}) })
				synctest.Wait()
				leave(h, p)
				subscribing.Wait()
				want := ErrNotSubscribed
				if name == "the end" {
					want = p.server.Err()
				}
				require.ErrorIs(t, err, want)
				synctest.Wait()
				require.Empty(t, h.topics)
				require.Empty(t, h.members)
			})
		})
	}
}

func TestASubscriptionThatFollowsAnAbandonedOneStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t).read()
		b := &meanwhile{remote: newRemote(Keep(Retention{Messages: 10}))}
		h := New(&Options{Broker: b})
		b.happens = func() {
			h.Unsubscribe(p.server, "x")
			require.NoError(t, h.Subscribe(p.server, "x"))
		}
		_, err := h.SubscribeFrom(t.Context(), p.server, "x", From{Last: 10})
		require.ErrorIs(t, err, ErrNotSubscribed)
		require.Equal(t, 1, h.Count("x"))
		publish(t, h, "x", "hello")
		require.Equal(t, []string{"hello"}, p.all())
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

// Subscribers come from anywhere, and see the topic's order without a gap and nothing twice, while others publish as fast
// as they can and more than may be held back.
func TestNothingIsMissingAndNothingComesTwice(t *testing.T) {
	for name, broker := range map[string]Broker{
		"in memory": NewMemory(Keep(Retention{Messages: 10_000})), "elsewhere": newRemote(Keep(Retention{Messages: 10_000})),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(&Options{Broker: broker, QueueMessages: 8, Policy: DropOldest, Envelope: BinaryEnvelope})
				keeper := newPeer(t).read()
				start := from(t, h, keeper, "x", From{}).Position
				publish(t, h, "x", counted(0, 120)...)
				var all sync.WaitGroup
				for n := range 3 {
					all.Go(func() {
						for i := range 400 {
							assert.NoError(t, h.Publish(t.Context(), "x", text(fmt.Sprint(n, " ", i))))
						}
					})
				}
				var peers []*peer
				for n := range 12 {
					p := newPeer(t).read()
					peers = append(peers, p)
					all.Go(func() {
						since := Position{start.Epoch, start.Offset + uint64(n*10)}
						r, err := h.SubscribeFrom(t.Context(), p.server, "x", From{Since: since})
						assert.NoError(t, err)
						assert.True(t, r.Recovered)
					})
				}
				all.Wait()
				for n, p := range peers {
					next := start.Offset + uint64(n*10)
					dropped := h.Subscription(p.server).Dropped > 0 // by the policy, as the network is slow
					for _, s := range p.all() {
						i, err := BinaryEnvelope.Parse(conn.Binary, []byte(s))
						require.NoError(t, err)
						if i.Kind == KindMessage {
							next++
							require.True(t, i.Position.Offset == next || dropped && i.Position.Offset > next, "%d after %d", i.Position.Offset, next)
							next = i.Position.Offset
						}
					}
					require.Equal(t, start.Offset+1320, next)
				}
				require.NoError(t, h.Shutdown(t.Context()))
			})
		})
	}
}

// reference is a log that forgets nothing.
type reference struct {
	texts []string // all of this epoch
	epoch uint64
}

// Random publishing, trimming by count, bytes and age, losing of the log, and resuming give what a slow reference says.
func TestPositionsAgreeWithASlowReference(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			keep := Retention{Messages: 1 + random.IntN(20), Bytes: 20 + random.IntN(300), Age: time.Minute}
			var h *Hub
			var ref reference
			var sent []time.Time
			lose := func() {
				h = New(&Options{Broker: NewMemory(Keep(keep))})
				p := newPeer(t)
				ref, sent = reference{epoch: from(t, h, p, "x", From{}).Position.Epoch}, nil
			}
			lose()
			// kept returns how many of the last messages there are.
			kept := func() (n int) {
				bytes := 0
				for i := len(ref.texts) - 1; i >= 0 && n < keep.Messages; i-- {
					bytes += len(ref.texts[i])
					if time.Since(sent[i]) >= keep.Age || n > 0 && bytes > keep.Bytes {
						break
					}
					n++
				}
				return n
			}
			for range 150 {
				switch random.IntN(12) {
				case 0:
					<-time.After(time.Duration(random.IntN(40)) * time.Second)
				case 1:
					if random.IntN(4) == 0 {
						require.NoError(t, h.Shutdown(t.Context()))
						lose()
					}
				case 2, 3, 4:
					since := Position{ref.epoch, uint64(random.IntN(len(ref.texts) + 3))}
					if random.IntN(8) == 0 {
						since.Epoch++
					}
					p := newPeer(t).read()
					r := from(t, h, p, "x", From{Since: since})
					gone := len(ref.texts) - kept()
					want := Recovery{Position: Position{ref.epoch, uint64(len(ref.texts))}}
					var texts []string
					switch {
					case since.Epoch != ref.epoch || int(since.Offset) > len(ref.texts):
					case int(since.Offset) < gone:
						want.Missed = uint64(gone) - since.Offset
					default:
						want.Recovered, want.Sent = true, len(ref.texts)-int(since.Offset)
						texts = append(texts, ref.texts[since.Offset:]...)
					}
					require.Equal(t, want, r)
					require.Equal(t, texts, p.all())
					require.NoError(t, p.server.CloseNow())
				default:
					s := fmt.Sprintf("%d%0*d", len(ref.texts), random.IntN(60), 0)
					ref.texts, sent = append(ref.texts, s), append(sent, time.Now())
					publish(t, h, "x", s)
				}
			}
			require.NoError(t, h.Shutdown(t.Context()))
		})
	}
}
