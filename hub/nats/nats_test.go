package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/brokertest"
)

// ttl is for tests of presence: whoever is there stays, however long a busy machine holds up who renews that.
const ttl = 6 * time.Second

// open returns a broker on an address until the end of the test.
func open(t testing.TB, addr string, ttl time.Duration, client ...nats.Option) *Broker {
	b, err := Open("nats://"+addr, &Options{Prefix: "test", Retention: brokertest.Retention, PresenceTTL: ttl}, client...)
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// impatient is open for a broker that soon gives up a connection that is silent, and soon makes another one.
func impatient(t *testing.T, addr string) hub.Broker {
	return open(t, addr, ttl, nats.PingInterval(400*time.Millisecond), nats.ReconnectJitter(100*time.Millisecond, 0))
}

// die ends a broker as the death of its process does: nobody leaves.
func die(b *Broker) {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.end()
}

func TestItKeepsWhatBrokersPromise(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	brokertest.Run(t, brokertest.Broker{
		New:  func(t *testing.T) hub.Broker { return open(t, s.addr(), ttl) },
		Kill: func(_ *testing.T, b hub.Broker) { die(b.(*Broker)) },
		Lose: func(*testing.T) { s.lose() },
	})
}

func TestFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	brokertest.RunFaults(t, func(t *testing.T) brokertest.Server {
		s := newServer(t)
		return brokertest.Server{
			Addr:  s.addr(),
			Open:  impatient,
			Kill:  s.stop,
			Start: s.start,
		}
	})
}

// listener remembers what it is told.
type listener struct{ heard chan string }

func (l listener) Deliver(m *hub.Message)     { l.heard <- string(m.Data) }
func (l listener) Gap(hub.Position)           { l.heard <- "gap" }
func (listener) Presence(e hub.PresenceEvent) {}

func listen(t *testing.T, b hub.Broker, topic string) listener {
	l := listener{make(chan string, 100)}
	_, stop, err := b.Follow(t.Context(), topic, l)
	require.NoError(t, err)
	t.Cleanup(stop)
	return l
}

func say(b hub.Broker, topic, text string) error {
	return b.Publish(context.Background(), &hub.Message{Topic: topic, Type: conn.Text, Data: []byte(text)})
}

func TestRefusalsAreTold(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr(), 0)
	l := listen(t, b, "kept.x")
	require.NoError(t, say(b, "kept.x", "one"))
	log, err := b.stream(t.Context())
	require.NoError(t, err)
	config := log.CachedInfo().Config
	config.MaxMsgSize = 50
	_, err = s.streams().UpdateStream(t.Context(), config)
	require.NoError(t, err)
	require.ErrorIs(t, say(b, "kept.x", strings.Repeat("x", 100)), hub.ErrRefused)
	require.ErrorIs(t, say(b, "none.x", strings.Repeat("x", 2<<20)), hub.ErrRefused, "more than the server takes")
	require.NoError(t, say(b, "kept.x", "two"))
	require.Equal(t, "one", <-l.heard)
	require.Equal(t, "two", <-l.heard, "nobody gets what was refused")
	s.stop()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // what was sent to a server that is gone waits for an answer
		defer cancel()
		return errors.Is(b.Publish(ctx, &hub.Message{Topic: "kept.x", Type: conn.Text, Data: []byte("three")}), hub.ErrRefused)
	}, brokertest.Patience, time.Millisecond)
	s.start()
}

// A topic whose messages have all gone is not one from which nothing was lost.
func TestWhatTheStreamHasDroppedIsNotRecovered(t *testing.T) {
	s := newServer(t)
	b, err := Open("nats://"+s.addr(), &Options{Retention: hub.Keep(hub.Retention{Messages: 5}), MaxMessages: 5})
	require.NoError(t, err)
	defer b.Close()
	complete := func(since hub.Position) bool {
		page, err := b.History(t.Context(), "x", hub.Query{Since: since})
		require.NoError(t, err)
		return page.Complete
	}
	l := listener{make(chan string, 100)}
	start, stop, err := b.Follow(t.Context(), "x", l)
	require.NoError(t, err)
	defer stop()
	require.NoError(t, say(b, "other", "0"))
	for n := range 5 {
		require.NoError(t, say(b, "x", fmt.Sprint(n)))
	}
	require.True(t, complete(start), "all five are there")
	between, stop, err := b.Follow(t.Context(), "other", l)
	require.NoError(t, err)
	defer stop()
	require.True(t, complete(hub.Position{Epoch: between.Epoch, Offset: between.Offset}), "the position of another topic")
	require.NoError(t, say(b, "x", "5"))
	require.False(t, complete(start), "one may be gone")
	log, err := b.stream(t.Context())
	require.NoError(t, err)
	page, err := b.History(t.Context(), "x", hub.Query{Last: 1})
	require.NoError(t, err)
	require.NoError(t, log.Purge(t.Context()))
	require.True(t, complete(page.Top), "nothing came after that")
	require.NoError(t, say(b, "x", "6"))
	require.False(t, complete(start))
}

func TestWhatOthersWriteIsNotTakenForMessages(t *testing.T) {
	s := newServer(t)
	nc, err := nats.Connect("nats://" + s.addr())
	require.NoError(t, err)
	defer nc.Close()
	b := open(t, s.addr(), 0)
	l := listen(t, b, "none.x")
	logged := listen(t, b, "kept.x")
	for _, data := range []string{"", "x", "\x01\x03x", "\x09\x01x"} {
		for _, subject := range []string{b.subject("live", "none.x"), b.subject("out", "kept.x"), b.subject("who", "none.x") + ".iX"} {
			require.NoError(t, nc.Publish(subject, []byte(data)))
		}
	}
	for header, value := range map[string]string{jetstream.StreamHeader: "other_1", jetstream.SequenceHeader: "x"} {
		msg := &nats.Msg{Subject: b.subject("out", "kept.x"), Data: []byte("\x01\x01x"), Header: nats.Header{header: []string{value}}}
		require.NoError(t, nc.PublishMsg(msg))
	}
	require.NoError(t, nc.Flush())
	require.NoError(t, say(b, "none.x", "ours"))
	require.NoError(t, say(b, "kept.x", "ours"))
	require.Equal(t, "ours", <-l.heard)
	require.Equal(t, "ours", <-logged.heard)
}

// The server lets streams be made at the same time whose subjects overlap, so the processes must make the same one.
func TestProcessesThatStartTogetherMakeOneStream(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for round := range 10 {
		epochs := make(chan uint64, 8)
		var all sync.WaitGroup
		for range cap(epochs) {
			b, err := Open("nats://"+s.addr(), &Options{Prefix: fmt.Sprint("p", round), Retention: brokertest.Retention})
			require.NoError(t, err)
			defer b.Close()
			all.Go(func() {
				log, err := b.stream(t.Context())
				assert.NoError(t, err)
				epochs <- log.epoch
			})
		}
		all.Wait()
		first := <-epochs
		for range cap(epochs) - 1 {
			require.Equal(t, first, <-epochs)
		}
	}
	names := s.streams().StreamNames(t.Context(), jetstream.WithStreamListSubject("p0.log.>"))
	n := 0
	for range names.Name() {
		n++
	}
	require.Equal(t, 1, n)
}

// A stream that is lost alone begins a new epoch when it is made again.
func TestAStreamThatIsMadeAgainHasAnotherEpoch(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr(), 0)
	log, err := b.stream(t.Context())
	require.NoError(t, err)
	js := s.streams()
	_, err = js.Publish(t.Context(), "test.epoch", []byte("not fresh"))
	require.NoError(t, err)
	require.NoError(t, js.DeleteStream(t.Context(), log.CachedInfo().Config.Name))
	require.NoError(t, say(b, "kept.x", "again"))
	again, err := b.stream(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, log.epoch, again.epoch)
}

func TestProgramsWithOtherPrefixesAreApart(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr(), 0)
	other, err := Open("nats://"+s.addr(), &Options{Prefix: "other", Retention: brokertest.Retention})
	require.NoError(t, err)
	defer other.Close()
	for _, topic := range []string{"none.x", "kept.x"} {
		l := listen(t, other, topic)
		require.NoError(t, say(b, topic, "not for others"))
		require.NoError(t, say(other, topic, "hello"))
		require.Equal(t, "hello", <-l.heard)
	}
}

func TestMistakesAreTold(t *testing.T) {
	_, err := Open("nats://127.0.0.1:x", nil)
	require.Error(t, err)
	_, err = Open("nats://127.0.0.1:1", &Options{Prefix: "a.b"})
	require.ErrorContains(t, err, "a.b")
}

func FuzzWho(f *testing.F) {
	f.Add([]byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ\x02idvalue"))
	f.Add([]byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ\x00"))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, data []byte) {
		owner, p, err := parseWho(data)
		if err != nil {
			return
		}
		require.Len(t, owner, ownerSize)
		again, q, err := parseWho(hub.AppendPresence([]byte(owner), p))
		require.NoError(t, err)
		require.Equal(t, owner, again)
		require.Equal(t, p, q)
	})
}
