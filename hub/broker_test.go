package hub

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
)

// remote is a broker as it is elsewhere: what comes back from it is not what was given to it.
type remote struct {
	*Memory
	err error // of everything that is asked, if not nil

	mu        sync.Mutex
	followers map[string][]Follower
}

func newRemote(retention func(string) Retention) *remote {
	return &remote{Memory: NewMemory(retention), followers: map[string][]Follower{}}
}

func (b *remote) Publish(ctx context.Context, m *Message) error {
	if b.err != nil {
		return b.err
	}
	c := &Message{Topic: m.Topic, Type: m.Type, Data: m.Data, Latest: m.Latest, Key: m.Key, Except: m.Except}
	err := b.Memory.Publish(ctx, c)
	m.Position = c.Position
	return err
}

func (b *remote) Follow(ctx context.Context, topic string, f Follower) (Position, func(), error) {
	if b.err != nil {
		return Position{}, nil, b.err
	}
	at, stop, err := b.Memory.Follow(ctx, topic, f)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.followers[topic] = append(b.followers[topic], f)
	return at, func() {
		b.mu.Lock()
		delete(b.followers, topic)
		b.mu.Unlock()
		stop()
	}, err
}

// followed returns how many topics are followed.
func (b *remote) followed() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.followers)
}

func TestHubsWithOneBrokerShareTheirTopics(t *testing.T) {
	for name, broker := range map[string]Broker{"in memory": NewMemory(nil), "elsewhere": newRemote(nil)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, two := New(&Options{Broker: broker}), New(&Options{Broker: broker})
				a, b, c := join(t, one, "x").read(), join(t, two, "x").read(), join(t, two, "y").read()
				publish(t, one, "x", "from one")
				publish(t, two, "x", "from two")
				require.NoError(t, one.PublishExcept(t.Context(), "x", text("except a"), a.server))
				require.NoError(t, two.PublishExcept(t.Context(), "x", text("except b"), b.server))
				require.NoError(t, two.PublishHere(t.Context(), "x", text("here")))
				require.NoError(t, two.PublishHere(t.Context(), "nobody", text("here")))
				require.Equal(t, []string{"from one", "from two", "except b"}, a.all())
				require.Equal(t, []string{"from one", "from two", "except a", "here"}, b.all())
				require.Empty(t, c.all())
				require.NoError(t, two.Shutdown(t.Context()))
				publish(t, one, "x", "two is gone")
				require.Equal(t, "two is gone", a.all()[3])
				require.Len(t, b.all(), 4)
				require.NoError(t, one.Shutdown(t.Context()))
			})
		})
	}
}

func TestLatestValuesStayThatAcrossHubs(t *testing.T) {
	for name, broker := range map[string]Broker{"in memory": NewMemory(nil), "elsewhere": newRemote(nil)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, two := New(&Options{Broker: broker}), New(&Options{Broker: broker})
				p := join(t, two, "x")
				clogs := clog(t, one, "x")
				for n := range 100 {
					require.NoError(t, one.PublishLatest(t.Context(), "x", "k", text(fmt.Sprint(n)), nil))
				}
				require.Equal(t, []string{"99"}, p.read().all()[clogs:])
				require.NoError(t, two.Shutdown(t.Context()))
			})
		})
	}
}

func TestBlockReachesThroughTheMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker := NewMemory(nil)
		one, two := New(&Options{Broker: broker}), New(&Options{Broker: broker, Policy: Block, QueueMessages: 1})
		join(t, two, "x")
		clog(t, one, "x")
		publish(t, one, "x", "fits")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, one.Publish(ctx, "x", text("waits for no longer than one's policy says")))
		require.ErrorIs(t, two.Publish(ctx, "x", text("does not")), context.DeadlineExceeded)
	})
}

func TestWhatComesFromElsewhereFindsOutWhoIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Broker: newRemote(nil), QueueMessages: 1})
		slow, other := join(t, h, "x"), join(t, h, "x").read()
		clogs := clog(t, h, "x")
		publish(t, h, "x", "fits", "does not")
		require.Equal(t, []string{"fits", "does not"}, other.all()[clogs:])
		slow.read()
		require.Equal(t, conn.StatusTryAgainLater, slow.end().Code)
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

var errBroken = errors.New("the broker is gone")

func TestErrorsOfTheBrokerAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRemote(nil)
		h := New(&Options{Broker: b})
		p := join(t, h, "x").read()
		b.err = errBroken
		require.ErrorIs(t, h.Publish(t.Context(), "x", text("refused")), errBroken)
		require.Empty(t, p.all(), "nobody sees what the broker has refused")
		require.ErrorIs(t, h.Subscribe(p.server, "y"), errBroken)
		_, err := h.SubscribeFrom(t.Context(), p.server, "y", From{})
		require.ErrorIs(t, err, errBroken)
		require.Equal(t, Subscription{Topics: []string{"x"}}, h.Subscription(p.server))
		stranger := newPeer(t)
		require.ErrorIs(t, h.Subscribe(stranger.server, "y"), errBroken)
		require.Equal(t, 1, h.Stats().Connections, "who is subscribed to nothing is nobody")
		b.err = nil
		require.NoError(t, h.Subscribe(p.server, "y"), "it may be tried again")
		publish(t, h, "y", "hello")
		require.Equal(t, []string{"hello"}, p.all())
		require.NoError(t, h.Shutdown(t.Context()))
		require.Zero(t, b.followed())
	})
}

func TestMessagesThatAreNoneAreNotDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRemote(nil)
		h := New(&Options{Broker: b})
		p := join(t, h, "x").read()
		require.NoError(t, b.Publish(t.Context(), &Message{Topic: "x", Type: 9, Data: []byte("?")}))
		publish(t, h, "x", "!")
		require.Equal(t, []string{"!"}, p.all())
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

// stuckBroker is a broker that does not answer.
type stuckBroker struct{ *Memory }

func (stuckBroker) Follow(ctx context.Context, _ string, _ Follower) (Position, func(), error) {
	<-ctx.Done()
	return Position{}, nil, ctx.Err()
}

func TestSubscribeWaitsForTheBrokerForALimitedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Broker: stuckBroker{NewMemory(nil)}, BrokerTimeout: time.Second})
		a, b := newPeer(t), newPeer(t)
		began := time.Now()
		var both sync.WaitGroup
		both.Go(func() { assert.ErrorIs(t, h.Subscribe(a.server, "x"), context.DeadlineExceeded) })
		both.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
			defer cancel()
			_, err := h.SubscribeFrom(ctx, b.server, "x", From{})
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
		both.Wait()
		require.Equal(t, time.Second, time.Since(began))
		require.NoError(t, h.Shutdown(t.Context()))
		require.Empty(t, h.topics)
	})
}

func TestANegativeBrokerTimeoutLeavesItToTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(&Options{Broker: stuckBroker{NewMemory(nil)}, BrokerTimeout: -1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		_, err := h.SubscribeFrom(ctx, newPeer(t).server, "x", From{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Hour, time.Since(began))
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

func TestATopicIsFollowedForAWhileAfterTheLastHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRemote(nil)
		h := New(&Options{Broker: b})
		p := newPeer(t).read()
		for range 3 {
			require.NoError(t, h.Subscribe(p.server, "x"))
			h.Unsubscribe(p.server, "x")
			<-time.After(DefaultLinger - 1)
		}
		require.Equal(t, 1, b.followed())
		require.Zero(t, h.Stats().Topics)
		require.NoError(t, h.Subscribe(p.server, "x"))
		<-time.After(2 * DefaultLinger)
		require.Equal(t, 1, b.followed(), "somebody is there")
		h.Unsubscribe(p.server, "x")
		<-time.After(2 * DefaultLinger)
		synctest.Wait()
		require.Zero(t, b.followed())
		require.Empty(t, h.topics)

		require.NoError(t, h.Subscribe(p.server, "x"))
		h.Unsubscribe(p.server, "x")
		require.NoError(t, h.Shutdown(t.Context()))
		require.Zero(t, b.followed(), "a hub that is shut down follows nothing")
	})
}

func TestMessagesThatAreLostEndThoseWhoCountOnThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRemote(Keep(Retention{Messages: 10}))
		h := New(&Options{Broker: b})
		counts, casual := newPeer(t).read(), join(t, h, "x").read()
		r, err := h.SubscribeFrom(t.Context(), counts.server, "x", From{})
		require.NoError(t, err)
		b.followers["x"][0].Gap(Position{r.Position.Epoch + 1, 5})
		require.Equal(t, websocket.StatusTryAgainLater, counts.end().Code)
		publish(t, h, "x", "it goes on")
		require.Equal(t, []string{"it goes on"}, casual.all())
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

// lagging is a broker whose deliveries come late: the history has more than was delivered.
type lagging struct {
	*remote
	late []func()
}

func (b *lagging) Publish(ctx context.Context, m *Message) error {
	return b.Memory.Publish(ctx, &Message{Topic: m.Topic, Type: m.Type, Data: m.Data})
}

func (b *lagging) Follow(ctx context.Context, topic string, f Follower) (Position, func(), error) {
	return b.remote.Follow(ctx, topic, lateFollower{b, f})
}

type lateFollower struct {
	b *lagging
	Follower
}

func (f lateFollower) Deliver(m *Message) {
	f.b.late = append(f.b.late, func() { f.Follower.Deliver(m) })
}

// arrive delivers what is late.
func (b *lagging) arrive() {
	for _, deliver := range b.late {
		deliver()
	}
	b.late = nil
}

func TestWhatTheHistoryHadDoesNotComeAgainWhenTheBrokerIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &lagging{remote: newRemote(Keep(Retention{Messages: 10}))}
		h := New(&Options{Broker: b})
		start := from(t, h, newPeer(t).read(), "x", From{}).Position
		publish(t, h, "x", "1", "2")
		a, c := newPeer(t).read(), newPeer(t).read()
		end := Position{start.Epoch, start.Offset + 2}
		require.Equal(t, Recovery{Position: end, Recovered: true, Sent: 2}, from(t, h, a, "x", From{Since: start}))
		require.Equal(t, Recovery{Position: end, Recovered: true}, from(t, h, c, "x", From{Since: end}))
		require.NoError(t, h.PublishHere(t.Context(), "x", text("between")))
		publish(t, h, "x", "3")
		b.arrive()
		require.Equal(t, []string{"1", "2", "between", "3"}, a.all())
		require.Equal(t, []string{"between", "3"}, c.all())
		publish(t, h, "x", "4")
		b.arrive()
		require.Equal(t, []string{"between", "3", "4"}, c.all())
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

func TestAGapBeforeWhatTheHistoryHadEndsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &lagging{remote: newRemote(Keep(Retention{Messages: 10}))}
		h := New(&Options{Broker: b})
		first := newPeer(t).read()
		start := from(t, h, first, "x", From{}).Position
		publish(t, h, "x", "1", "2")
		p := newPeer(t).read()
		from(t, h, p, "x", From{Since: start})
		topic := h.topics["x"]
		topic.Gap(Position{start.Epoch, start.Offset + 2})
		b.late = nil
		require.Equal(t, websocket.StatusTryAgainLater, first.end().Code)
		publish(t, h, "x", "3")
		b.arrive()
		require.Equal(t, []string{"1", "2", "3"}, p.all())
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

// meanwhile is a broker where something happens after each answer about the history.
type meanwhile struct {
	*remote
	happens func()
}

func (b *meanwhile) History(ctx context.Context, topic string, q Query) (Page, error) {
	page, err := b.remote.History(ctx, topic, q)
	b.happens()
	return page, err
}

func TestAGapWhileSomebodyRecovers(t *testing.T) {
	for name, c := range map[string]struct {
		gap       func(at Position) Position // after the history was read up to at
		recovered bool
		want      []string
	}{
		"behind what the history had":     {func(at Position) Position { return at }, true, []string{"1", "2", "3"}},
		"beyond what the history had":     {func(at Position) Position { return Position{at.Epoch, at.Offset + 5} }, false, []string{"1", "2", "8"}},
		"of a log that is another by now": {func(at Position) Position { return Position{at.Epoch + 1, 0} }, false, []string{"1", "2", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &meanwhile{remote: newRemote(Keep(Retention{Messages: 10})), happens: func() {}}
				h := New(&Options{Broker: b})
				start := from(t, h, newPeer(t).read(), "x", From{}).Position
				publish(t, h, "x", "1", "2")
				topic := h.topics["x"]
				end := Position{start.Epoch, start.Offset + 2}
				gap := c.gap(end)
				deliver := func(m string, at Position) {
					topic.Deliver(&Message{Topic: "x", Type: conn.Text, Data: []byte(m), Position: at})
				}
				b.happens = func() {
					deliver("2", end) // which comes late
					topic.Gap(gap)
					if gap == end {
						deliver("2", end) // which comes late
					}
					deliver(c.want[len(c.want)-1], Position{gap.Epoch, gap.Offset + 1})
				}
				p := newPeer(t).read()
				r := from(t, h, p, "x", From{Since: start})
				require.Equal(t, c.recovered, r.Recovered)
				require.Equal(t, Position{gap.Epoch, gap.Offset + 1}, r.Position)
				require.Equal(t, c.want, p.all())
				require.NoError(t, h.Shutdown(t.Context()))
			})
		})
	}
}

func TestWhoEndsWhileTheHistoryIsAskedForIsNotJustUnsubscribed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t)
		b := &meanwhile{remote: newRemote(Keep(Retention{Messages: 10})), happens: func() {
			p.server.CloseNow()
			synctest.Wait() // the hub has let go of it
		}}
		h := New(&Options{Broker: b})
		_, err := h.SubscribeFrom(t.Context(), p.server, "x", From{Last: 10})
		require.Equal(t, p.server.Err(), err)
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

// stale is a broker whose history has, for the first questions, only a few messages: those that a server has got so far
// which follows another one.
type stale struct {
	*remote
	has []int // by question
}

func (b *stale) History(ctx context.Context, topic string, q Query) (Page, error) {
	page, err := b.remote.History(ctx, topic, q)
	if len(b.has) > 0 && err == nil {
		page.Messages = page.Messages[:b.has[0]]
		page.Top.Offset, b.has = q.Since.Offset+uint64(b.has[0]), b.has[1:]
	}
	return page, err
}

func TestAHistoryThatIsBehindWhatWasDeliveredIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &stale{remote: newRemote(Keep(Retention{Messages: 10}))}
		h := New(&Options{Broker: b})
		start := from(t, h, newPeer(t).read(), "x", From{}).Position
		publish(t, h, "x", "1", "2", "3")
		b.has = []int{1, 0, 1}
		p := newPeer(t).read()
		end := Position{start.Epoch, start.Offset + 3}
		require.Equal(t, Recovery{Position: end, Recovered: true, Sent: 3}, from(t, h, p, "x", From{Since: start}))
		publish(t, h, "x", "4")
		require.Equal(t, []string{"1", "2", "3", "4"}, p.all())

		b.has = make([]int, 1000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := h.SubscribeFrom(ctx, newPeer(t).read().server, "x", From{Since: start})
		require.ErrorIs(t, err, context.DeadlineExceeded, "it is not taken for all there is")
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

func TestWhoIsNotRecoveredGetsNothingTwiceEither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &meanwhile{remote: newRemote(Keep(Retention{Messages: 10})), happens: func() {}}
		h := New(&Options{Broker: b})
		at := from(t, h, newPeer(t).read(), "x", From{}).Position
		publish(t, h, "x", "1", "2")
		topic := h.topics["x"]
		b.happens = func() { // the process hears only now that the log is another one
			topic.Gap(at)
			for n := range uint64(2) {
				topic.Deliver(&Message{Topic: "x", Type: conn.Text, Data: fmt.Append(nil, n+1), Position: Position{at.Epoch, at.Offset + n + 1}})
			}
		}
		p := newPeer(t).read()
		r := from(t, h, p, "x", From{Since: Position{at.Epoch - 1, 7}, Last: 10})
		require.False(t, r.Recovered)
		require.Equal(t, []string{"1", "2"}, p.all())
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

func TestANegativeRetentionIsNoLimit(t *testing.T) {
	require.Equal(t, Retention{Messages: 5, Age: DefaultAge, Bytes: DefaultBytes}, Retention{Messages: 5}.WithDefaults())
	r := Retention{Messages: 5, Age: -1, Bytes: -1}.WithDefaults()
	require.Greater(t, r.Age, 50*365*24*time.Hour)
	require.Equal(t, math.MaxInt, r.Bytes)
	require.Zero(t, Retention{Messages: -1, Age: -1}.WithDefaults())
}
