package hub

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/seed60239977/websocket/conn"
)

// Relay is one hub's line to other hubs, usually through a broker, so that topics span processes. A hub delivers what is
// published in it to its own connections itself, and passes it on to the relay; what the relay receives goes to the
// connections of the hub and no further. So a relay never gives a hub back what came from it.
//
// Messages that one goroutine publishes should arrive in order. Those of several hubs may be seen in different orders by
// different hubs, unless they are all published in one.
type Relay interface {
	// Start is called once, before the first message. deliver may be called from any goroutine until Close, and waits as
	// Publish does. Its errors are [ErrShutdown], conn.ErrMessageType, and that of the context.
	Start(deliver func(ctx context.Context, e Envelope) error)
	// Publish passes a message on to all other hubs, and need not wait until they have it. It is called by several
	// goroutines at once; its error is returned by that of the hub. It must not change or keep e.Data after it returns.
	Publish(ctx context.Context, e Envelope) error
	// Close is called once, after the last message.
	Close() error
}

// Envelope is a message on its way between hubs.
type Envelope struct {
	Topic  string           // where it was published
	Latest bool             // a value of which only the latest matters: see [Hub.PublishLatest]
	Key    string           // of such a value
	Type   conn.MessageType // Text or Binary
	Data   []byte           // must not be changed
}

// Bus connects hubs of one process: each gets a relay of its own. The zero value is ready for use.
type Bus struct {
	mu    sync.Mutex
	lines map[*line]func(context.Context, Envelope) error
}

// Relay returns the relay for one more hub.
func (b *Bus) Relay() Relay { return &line{b} }

// line is one hub's end of a bus.
type line struct{ bus *Bus }

func (l *line) Start(deliver func(context.Context, Envelope) error) {
	b := l.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lines == nil {
		b.lines = map[*line]func(context.Context, Envelope) error{}
	}
	b.lines[l] = deliver
}

func (l *line) Publish(ctx context.Context, e Envelope) error {
	for _, deliver := range l.others() {
		if err := deliver(ctx, e); err != nil && ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// others returns how to deliver to the other hubs.
func (l *line) others() []func(context.Context, Envelope) error {
	b := l.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	others := maps.Clone(b.lines)
	delete(others, l)
	return slices.Collect(maps.Values(others))
}

func (l *line) Close() error {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	delete(l.bus.lines, l)
	return nil
}
