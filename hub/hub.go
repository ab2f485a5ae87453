package hub

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/seed60239977/websocket/conn"
)

// Hub sends messages to the connections that have subscribed to a topic. [New] makes one. Its methods may be called from
// any goroutine, also by those that read or serve a connection.
type Hub struct {
	options    Options
	cut        context.Context // ends when Shutdown has no more time
	cutNow     context.CancelFunc
	closeRelay func() error

	delivered, dropped, slow, published atomic.Uint64

	// mu is locked after that of a topic and that of a member, and held for a moment only.
	mu      sync.Mutex
	topics  map[string]*topic
	members map[*conn.Conn]*member
	doomed  []*member // for the reaper
	reaping bool      // it is at work
	active  int       // calls and goroutines that are under way
	down    bool      // Shutdown was called
	idle    chan struct{}
	over    bool // idle is closed
	sealed  bool // no goroutine is started any more

	workers sync.WaitGroup // goroutines of the hub
}

// topic is a set of members. It exists while it is not empty.
type topic struct {
	name    string
	mu      sync.Mutex // held while a message goes to all members, so that all get the same order
	members map[*member]struct{}
	gone    bool // it was empty: whoever has it must look again
}

// New returns a hub. It starts nothing. New panics if the options make no sense, which is a mistake in the program.
func New(o *Options) *Hub {
	h := &Hub{
		options: o.withDefaults(),
		topics:  map[string]*topic{},
		members: map[*conn.Conn]*member{},
		idle:    make(chan struct{}),
	}
	h.cut, h.cutNow = context.WithCancel(context.Background())
	h.closeRelay = func() error { return nil }
	if relay := h.options.Relay; relay != nil {
		h.closeRelay = sync.OnceValue(relay.Close)
		relay.Start(h.receive)
	}
	return h
}

// Subscribe adds c to a topic, until [Hub.Unsubscribe] or shortly after the end of the connection. It gets everything that
// is published from now on. To subscribe twice is to subscribe once.
//
// The error is [ErrShutdown], [ErrTooManyTopics], or how the connection has ended.
func (h *Hub) Subscribe(c *conn.Conn, topic string) error {
	for {
		m, err := h.member(c)
		if err != nil {
			return err
		}
		if done, err := h.join(h.topic(topic), m); done {
			return err
		}
	}
}

// member returns the member that c is, from now on if it was none before.
func (h *Hub) member(c *conn.Conn) (*member, error) {
	if err := c.Err(); err != nil {
		return nil, err
	}
	h.mu.Lock()
	if h.down {
		h.mu.Unlock()
		return nil, ErrShutdown
	}
	if m := h.members[c]; m != nil {
		h.mu.Unlock()
		return m, nil
	}
	m := &member{h: h, c: c, topics: map[string]*topic{}}
	m.mu.Lock() // which nobody else has seen
	defer m.mu.Unlock()
	h.members[c] = m
	h.mu.Unlock()
	m.stop = c.OnEnd(func() { h.doom(m) })
	return m, nil
}

// topic returns the topic of that name, which may be a new one.
func (h *Hub) topic(name string) *topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[name]
	if t == nil {
		t = &topic{name: name, members: map[*member]struct{}{}}
		h.topics[name] = t
	}
	return t
}

// join adds m to t. It reports false if one of them is gone and a new one has to be looked up.
func (h *Hub) join(t *topic, m *member) (done bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gone {
		return false, nil
	}
	defer h.drop(t) // if nobody is in it
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		h.forget(m)
		return false, nil
	}
	if _, already := m.topics[t.name]; already {
		return true, nil
	}
	if limit := h.options.MaxTopics; limit >= 0 && len(m.topics) >= limit {
		return true, ErrTooManyTopics
	}
	m.topics[t.name] = t
	t.members[m] = struct{}{}
	return true, nil
}

// Unsubscribe removes c from a topic, if it is there. What was published before is sent.
func (h *Hub) Unsubscribe(c *conn.Conn, topic string) {
	h.mu.Lock()
	t, m := h.topics[topic], h.members[c]
	h.mu.Unlock()
	if t == nil || m == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(t.members, m)
	h.drop(t)
	if m.topics[topic] == t { // and not one that has been made anew since
		delete(m.topics, topic)
	}
	m.tidy()
}

// Remove removes c from all topics, and drops what waits for it.
func (h *Hub) Remove(c *conn.Conn) {
	h.mu.Lock()
	m := h.members[c]
	h.mu.Unlock()
	if m != nil {
		h.retire(m)
	}
}

// retire lets go of a member. No lock is held by the caller.
func (h *Hub) retire(m *member) {
	m.mu.Lock()
	m.gone = true
	topics := m.topics
	m.topics = nil
	m.clear()
	m.letIn()
	h.forget(m)
	m.stop()
	m.mu.Unlock()
	for _, t := range topics {
		t.mu.Lock()
		delete(t.members, m)
		h.drop(t)
		t.mu.Unlock()
	}
}

// forget takes a member out of the list. The caller holds its mu.
func (h *Hub) forget(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.members[m.c] == m {
		delete(h.members, m.c)
	}
}

// drop takes a topic out of the list if nobody is in it. The caller holds its mu.
func (h *Hub) drop(t *topic) {
	if len(t.members) > 0 || t.gone {
		return
	}
	t.gone = true
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.topics, t.name)
}

// doom has a member retired soon, by a goroutine that holds no locks: connections end, and refuse to send, in the middle
// of calls that do.
func (h *Hub) doom(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sealed || m.doomed {
		return
	}
	m.doomed = true
	h.doomed = append(h.doomed, m)
	if !h.reaping {
		h.reaping = true
		h.startLocked(h.reap)
	}
}

// reap retires all who are doomed.
func (h *Hub) reap() {
	for {
		h.mu.Lock()
		batch := h.doomed
		h.doomed = nil
		h.reaping = len(batch) > 0
		h.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, m := range batch {
			h.retire(m)
		}
	}
}
