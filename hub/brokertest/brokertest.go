// Package brokertest has the tests that every [hub.Broker] must pass: order, recovery, bounds, presence, errors.
//
//	func TestBroker(t *testing.T) {
//		brokertest.Run(t, brokertest.Broker{
//			New: func(t *testing.T) hub.Broker { ... },
//		})
//	}
package brokertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/hub"
)

// Broker is what is tested.
type Broker struct {
	// New returns one more broker with the same server behind it, as another process would have it, with [Retention]. The
	// test closes it; that it is closed already must do no harm.
	New func(t *testing.T) hub.Broker

	// Kill, if not nil, does to a broker what the death of its process does. Whoever has entered through it must be gone
	// after its time to live.
	Kill func(t *testing.T, b hub.Broker)

	// Lose, if not nil, makes the server lose all that it knows.
	Lose func(t *testing.T)
}

// Bounds of the topics that [Retention] knows.
const (
	MaxMessages = 10
	MaxBytes    = 1000
	MaxAge      = time.Second
)

// Retention is what brokers that are tested keep: it depends on how the name of the topic begins.
func Retention(topic string) hub.Retention {
	switch kind, _, _ := strings.Cut(topic, "."); kind {
	case "kept":
		return hub.Retention{Messages: 1000}
	case "count":
		return hub.Retention{Messages: MaxMessages}
	case "bytes":
		return hub.Retention{Messages: 1000, Bytes: MaxBytes}
	case "age":
		return hub.Retention{Messages: 1000, Age: MaxAge}
	}
	return hub.Retention{}
}

// Patience is how long a test waits for something that must happen.
const Patience = 30 * time.Second

// Run runs all tests.
func Run(t *testing.T, b Broker) {
	for _, test := range []struct {
		name string
		run  func(*tester)
	}{
		{"messages arrive as they were published", testFields},
		{"positions grow and followers see them", testPositions},
		{"all followers see one order", testOrder},
		{"without history publishers keep their order", testOrderWithoutHistory},
		{"history begins at any position", testHistory},
		{"pages of the history join", testPages},
		{"history is bounded by count", testCount},
		{"history is bounded by bytes", testBytes},
		{"history is bounded by age", testAge},
		{"an unknown position is not recovered", testUnknownPosition},
		{"a topic without history has none", testNoHistory},
		{"nothing is missing between history and what is followed", testJoin},
		{"whoever stops gets nothing more", testStop},
		{"presence is seen everywhere", testPresence},
		{"who has been replaced takes nobody out", testReplaced},
		{"contexts are heeded", testContext},
		{"a broker that is closed says so", testClose},
		{"who dies is gone", testKill},
		{"a lost log is told", testLose},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(&tester{T: t, b: b, suffix: fmt.Sprintf(".%x", rand.Uint64())})
		})
	}
}

// tester is one test.
type tester struct {
	*testing.T
	b      Broker
	suffix string // so that topics are new ones
}

func (t *tester) topic(kind string) string { return kind + t.suffix }

func (t *tester) broker() hub.Broker {
	t.Helper()
	b := t.b.New(t.T)
	t.Cleanup(func() { b.Close() })
	return b
}

// ctx returns a context that lasts for long enough.
func (t *tester) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

func (t *tester) check(ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Fatalf(format, args...)
	}
}

func (t *tester) ok(err error) {
	t.Helper()
	t.check(err == nil, "error: %v", err)
}

// equal compares what can be printed.
func (t *tester) equal(want, got any) {
	t.Helper()
	t.check(reflect.DeepEqual(want, got), "want %+v, got %+v", want, got)
}

// publish publishes a text and returns its message.
func (t *tester) publish(b hub.Broker, topic, text string) *hub.Message {
	t.Helper()
	m := &hub.Message{Topic: topic, Type: conn.Text, Data: []byte(text)}
	t.ok(b.Publish(t.ctx(), m))
	return m
}

// series publishes texts that begin with 0 and returns their positions.
func (t *tester) series(b hub.Broker, topic string, n int) (at []hub.Position) {
	t.Helper()
	for i := range n {
		at = append(at, t.publish(b, topic, fmt.Sprint(i)).Position)
	}
	return at
}

// numbers are the texts from one number to before another.
func numbers(from, to int) []string {
	all := []string{}
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func texts(messages []*hub.Message) []string {
	all := []string{}
	for _, m := range messages {
		all = append(all, string(m.Data))
	}
	return all
}

// history asks for all since a position.
func (t *tester) history(b hub.Broker, topic string, since hub.Position) hub.Page {
	t.Helper()
	page, err := b.History(t.ctx(), topic, hub.Query{Since: since})
	t.ok(err)
	return page
}

// recorder is a follower that remembers.
type recorder struct {
	t  *tester
	at hub.Position // where it began

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with each change
	messages []*hub.Message
	gaps     []hub.Position
	events   []hub.PresenceEvent
	stop     func()
}

func (t *tester) follow(b hub.Broker, topic string) *recorder {
	t.Helper()
	r := &recorder{t: t, changed: make(chan struct{})}
	at, stop, err := b.Follow(t.ctx(), topic, r)
	t.ok(err)
	t.Cleanup(stop)
	r.at, r.stop = at, stop
	return r
}

func (r *recorder) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *recorder) Deliver(m *hub.Message) { r.change(func() { r.messages = append(r.messages, m) }) }

func (r *recorder) Gap(at hub.Position) { r.change(func() { r.gaps = append(r.gaps, at) }) }

func (r *recorder) Presence(e hub.PresenceEvent) {
	r.change(func() { r.events = append(r.events, e) })
}

// until waits until a condition holds. It is looked at whenever something has changed, under the lock of the recorder.
func (r *recorder) until(what string, ok func() bool) {
	r.t.Helper()
	late := time.After(Patience)
	for {
		r.mu.Lock()
		done, changed := ok(), r.changed
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-late:
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Fatalf("waited in vain for %s; got %q, gaps %v, presence %+v", what, texts(r.messages), r.gaps, r.events)
		}
	}
}

// got waits for so many messages and returns them.
func (r *recorder) got(n int) []*hub.Message {
	r.t.Helper()
	r.until(fmt.Sprint(n, " messages"), func() bool { return len(r.messages) >= n })
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*hub.Message{}, r.messages...)
}

// poll asks until a condition holds.
func (t *tester) poll(what string, ok func() bool) {
	t.Helper()
	for late := time.After(Patience); !ok(); {
		select {
		case <-late:
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
