package redis

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/brokertest"
)

// ttl is for tests of presence: whoever is there stays, however long a busy machine holds up who renews that.
const ttl = 6 * time.Second

// open returns a broker on an address until the end of the test.
func open(t testing.TB, addr string, ttl time.Duration) *Broker {
	b, err := Open("redis://"+addr, &Options{Prefix: "test", Retention: brokertest.Retention, PresenceTTL: ttl})
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

// die ends a broker as the death of its process does: nobody leaves.
func die(b *Broker) {
	b.keeper.Shut()
	b.cancel()
	b.feed.shut()
	b.work.Wait()
	b.close()
}

func TestItKeepsWhatBrokersPromise(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	brokertest.Run(t, brokertest.Broker{
		New:  func(t *testing.T) hub.Broker { return open(t, s.addr, ttl) },
		Kill: func(_ *testing.T, b hub.Broker) { die(b.(*Broker)) },
		Lose: func(*testing.T) { s.flush() },
	})
}

// listener remembers what it is told.
type listener struct {
	t *testing.T

	mu      sync.Mutex
	changed chan struct{}
	texts   []string
	gaps    int
}

func listen(t *testing.T, b hub.Broker, topic string) *listener {
	l := &listener{t: t, changed: make(chan struct{})}
	_, stop, err := b.Follow(t.Context(), topic, l)
	require.NoError(t, err)
	t.Cleanup(stop)
	return l
}

func (l *listener) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *listener) Deliver(m *hub.Message) {
	l.change(func() { l.texts = append(l.texts, string(m.Data)) })
}
func (l *listener) Gap(hub.Position)           { l.change(func() { l.gaps++ }) }
func (l *listener) Presence(hub.PresenceEvent) {}

// until waits for a condition.
func (l *listener) until(ok func() bool) {
	l.t.Helper()
	for late := time.After(brokertest.Patience); ; {
		l.mu.Lock()
		done, changed := ok(), l.changed
		l.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-late:
			l.mu.Lock()
			defer l.mu.Unlock()
			require.Fail(l.t, "waited in vain", "%q, %d gaps", l.texts, l.gaps)
		}
	}
}

func (l *listener) hears(texts ...string) {
	l.t.Helper()
	l.until(func() bool { return len(l.texts) >= len(texts) })
	require.Equal(l.t, texts, l.texts)
	require.Zero(l.t, l.gaps)
}

// say publishes, and tries again until that works: errors here are those of servers that have just come back.
func say(t *testing.T, b hub.Broker, topic, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return b.Publish(t.Context(), &hub.Message{Topic: topic, Type: conn.Text, Data: []byte(text)}) == nil
	}, brokertest.Patience, 10*time.Millisecond)
}

func TestFaultsLoseNothing(t *testing.T) {
	t.Parallel()
	brokertest.RunFaults(t, func(t *testing.T) brokertest.Server {
		s := newServer(t)
		return brokertest.Server{
			Addr:  s.addr,
			Open:  func(t *testing.T, addr string) hub.Broker { return open(t, addr, ttl) },
			Kill:  s.kill,
			Start: s.start,
		}
	})
}

func TestAnOlderLogIsAnotherOne(t *testing.T) {
	s := newServer(t)
	client := redis.NewClient(&redis.Options{Addr: s.addr})
	defer client.Close()
	b := open(t, s.addr, 0)
	l := listen(t, b, "kept.x")
	for n := range 5 {
		say(t, b, "kept.x", fmt.Sprint(n))
	}
	l.hears("0", "1", "2", "3", "4")
	page, err := b.History(t.Context(), "kept.x", hub.Query{Last: 1})
	require.NoError(t, err)
	before := page.Top
	// What a server that comes back from an old snapshot has, and then others have published.
	for _, offset := range []int{4, 5} {
		require.NoError(t, client.Do(t.Context(), "XDEL", b.key("kept.x", "log"), fmt.Sprint(offset, "-0")).Err())
	}
	require.NoError(t, client.Do(t.Context(), "XSETID", b.key("kept.x", "log"), "3-0", "ENTRIESADDED", "3", "MAXDELETEDID", "0-0").Err())
	require.NoError(t, client.HSet(t.Context(), b.key("kept.x", "meta"), "o", 3).Err())
	say(t, b, "kept.x", "other 3")
	l.until(func() bool { return l.gaps > 0 })
	page, err = b.History(t.Context(), "kept.x", hub.Query{Since: before})
	require.NoError(t, err)
	require.False(t, page.Complete)
	require.NotEqual(t, before.Epoch, page.Top.Epoch)
	say(t, b, "kept.x", "last")
	l.until(func() bool { return l.texts[len(l.texts)-1] == "last" })
}

func TestRefusalsAreTold(t *testing.T) {
	s := newServer(t)
	client := redis.NewClient(&redis.Options{Addr: s.addr})
	defer client.Close()
	b := open(t, s.addr, 0)
	l := listen(t, b, "kept.x")
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	err := b.Publish(t.Context(), &hub.Message{Topic: "kept.x", Type: conn.Text, Data: []byte("too much")})
	require.ErrorIs(t, err, hub.ErrRefused)
	require.ErrorContains(t, err, "OOM")
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	say(t, b, "kept.x", "fits")
	l.hears("fits")
}

func TestWhatOthersWriteIsNotTakenForMessages(t *testing.T) {
	s := newServer(t)
	client := redis.NewClient(&redis.Options{Addr: s.addr})
	defer client.Close()
	b := open(t, s.addr, 0)
	l := listen(t, b, "none.x")
	for _, line := range []string{"", "x", "m1 2", "m1 x y z", "p", "p+\x05a", "m0 0 0 ?"} {
		require.NoError(t, client.Publish(t.Context(), b.key("none.x", ""), line).Err())
	}
	say(t, b, "none.x", "ours")
	l.hears("ours")
}

func TestKeysOfATopicAreInOneSlotAndThoseOfTwoDiffer(t *testing.T) {
	s := newServer(t)
	b := open(t, s.addr, 0)
	require.Equal(t, "test:{.a%7Bb%7D%2Fc}:log", b.key("a{b}/c", "log"))
	require.Equal(t, "test:{.}", b.key("", ""))
	other, err := Open("redis://"+s.addr, &Options{Prefix: "other"})
	require.NoError(t, err)
	defer other.Close()
	l := listen(t, other, "none.x")
	say(t, b, "none.x", "not for others")
	say(t, other, "none.x", "hello")
	l.hears("hello")
	_, err = Open("http://x", nil)
	require.Error(t, err)
}

func FuzzLine(f *testing.F) {
	for _, line := range []string{
		"m1 2 abc \x01\x01hello", "m0 0 0 \x01\x02", "m9007199254740991 9007199254740991 x \x01\x11\x01kv", "p+\x02idvalue", "p-\x00",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if e, ok := parseEvent(line); ok {
			require.LessOrEqual(t, len(e.ID)+len(e.Value), len(line))
			again, ok := parseEvent(line[:2] + string(hub.AppendPresence(nil, e.Presence)))
			require.True(t, ok)
			require.Equal(t, e, again)
			return
		}
		s, err := parseLine([]byte(line))
		if err != nil {
			return
		}
		again, err := parseLine(hub.AppendRecord(fmt.Appendf(nil, "m%d %d %s ", s.Position.Epoch, s.Position.Offset, s.nonce), s.Message))
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}
