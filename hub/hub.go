package hub

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// Hub sends messages to the connections that have subscribed to a topic. [New] makes one. Its methods may be called from any
// goroutine, including those that read or serve a connection.
type Hub struct {
	options Options
	broker  Broker
	id      uint64          // Origin.Hub of its connections
	cut     context.Context // ends when Shutdown has no more time
	cutNow  context.CancelFunc

	delivered, dropped, slow, published atomic.Uint64

	// mu is locked after that of a topic and that of a member, and held for a moment only.
	mu       sync.Mutex
	topics   map[string]*topic
	occupied int // topics that somebody uses
	members  map[*conn.Conn]*member
	numbers  uint64    // that members have got
	evicted  []*member // for the goroutine that retires them
	evicting bool      // it is at work
	active   int       // calls and goroutines that are under way
	down     bool      // Shutdown was called
	idle     chan struct{}
	over     bool // idle is closed
	sealed   bool // no goroutine is started any more

	workers sync.WaitGroup // goroutines of the hub
}

// New returns a hub. It starts no goroutines. New panics if the options are invalid, which is a mistake in the program.
func New(o *Options) *Hub {
	h := &Hub{
		options: o.withDefaults(),
		id:      1 + rand.Uint64N(maxNumber),
		topics:  map[string]*topic{},
		members: map[*conn.Conn]*member{},
		idle:    make(chan struct{}),
	}
	h.broker = h.options.Broker
	h.cut, h.cutNow = context.WithCancel(context.Background())
	return h
}

// Subscribe subscribes c to a topic, until [Hub.Unsubscribe] or shortly after the end of the connection. c gets everything that
// is published from now on. Subscribing again has no effect. [Hub.SubscribeFrom] also sends earlier messages.
//
// The error is [ErrShutdown], [ErrTooManyTopics], that of a connection that has ended, or that of the broker, for which
// Subscribe waits no longer than [Options].BrokerTimeout.
func (h *Hub) Subscribe(c *conn.Conn, topic string) error {
	_, _, _, err := h.enlist(h.cut, c, topic, nil)
	return err
}

// enlist makes c a member of a topic that is followed. Unless it is one already, s says what kind of subscription it has:
// nil is one that begins now. With
// any other one, the caller has to release the topic.
func (h *Hub) enlist(ctx context.Context, c *conn.Conn, name string, s *catchUp) (m *member, t *topic, already bool, err error) {
	for {
		m, err = h.member(c)
		if err != nil {
			return nil, nil, false, err
		}
		t = h.acquire(name)
		if s != nil {
			h.acquire(name) // for the caller
		}
		done := false
		if err = h.follow(ctx, t); err == nil {
			done, already, err = t.join(m, s)
		}
		if err != nil || !done || already {
			h.release(t) // a member that has joined keeps it
			if s != nil {
				h.release(t)
			}
		}
		if err != nil {
			m.mu.Lock()
			m.tidy()
			m.mu.Unlock()
		}
		if err != nil || done {
			return m, t, already, err
		}
	}
}

// follow makes sure that what is published to a topic comes here.
func (h *Hub) follow(ctx context.Context, t *topic) error {
	if t.followed.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.options.BrokerTimeout)
	defer cancel()
	err := t.follow(ctx)
	if err != nil && h.cut.Err() != nil {
		return ErrShutdown
	}
	return err
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
	h.numbers++
	m := &member{h: h, c: c, number: h.numbers, topics: map[string]*topic{}}
	m.mu.Lock() // which nobody else has seen
	defer m.mu.Unlock()
	h.members[c] = m
	h.mu.Unlock()
	m.stop = c.OnEnd(func() { h.evict(m) })
	return m, nil
}

// Unsubscribe unsubscribes c from a topic, if it is subscribed. Messages published before are still sent.
func (h *Hub) Unsubscribe(c *conn.Conn, topic string) {
	h.mu.Lock()
	t, m := h.topics[topic], h.members[c]
	h.mu.Unlock()
	if t == nil || m == nil {
		return
	}
	h.part(t, m, nil)
}

// part ends a subscription of m, or the one that s is. The caller holds no lock.
func (h *Hub) part(t *topic, m *member, s *catchUp) {
	if leave, was := t.part(m, s); was {
		leave()
		h.release(t)
	}
}

// Remove unsubscribes c from all topics, and drops what is waiting for it.
func (h *Hub) Remove(c *conn.Conn) {
	if m := h.find(c); m != nil {
		h.retire(m)
	}
}

// find returns the member that c is, or nil.
func (h *Hub) find(c *conn.Conn) *member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.members[c]
}

// retire lets go of a member. No lock is held by the caller.
func (h *Hub) retire(m *member) {
	m.mu.Lock()
	m.gone = true
	topics, present := m.topics, m.present
	m.topics, m.present = nil, nil
	m.clear()
	m.makeRoom()
	h.forget(m)
	m.stop()
	m.mu.Unlock()
	for _, leave := range present {
		leave()
	}
	for _, t := range topics {
		t.mu.Lock()
		delete(t.members, m)
		t.mu.Unlock()
		h.release(t)
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

// evict has a member retired soon, by a goroutine that holds no locks: connections end, and refuse to send, in the middle
// of calls that do.
func (h *Hub) evict(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sealed || m.evicted {
		return
	}
	m.evicted = true
	h.evicted = append(h.evicted, m)
	if !h.evicting {
		h.evicting = true
		h.startLocked(h.retireEvicted)
	}
}

// retireEvicted retires all who were evicted.
func (h *Hub) retireEvicted() {
	for {
		h.mu.Lock()
		batch := h.evicted
		h.evicted = nil
		h.evicting = len(batch) > 0
		h.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, m := range batch {
			h.retire(m)
		}
	}
}

// acquire returns the topic of that name, which may be a new one, and keeps it from being forgotten until release.
func (h *Hub) acquire(name string) *topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[name]
	if t == nil {
		t = &topic{h: h, name: name, following: make(chan struct{}, 1), members: map[*member]*catchUp{}}
		h.topics[name] = t
	}
	if t.users == 0 {
		h.occupied++
	}
	t.users++
	return t
}

// release lets go of a topic. Once nobody needs it, it is followed for [Options].Linger, and then forgotten. The caller
// holds no lock.
func (h *Hub) release(t *topic) {
	h.mu.Lock()
	t.users--
	if t.users > 0 {
		h.mu.Unlock()
		return
	}
	h.occupied--
	if h.options.Linger > 0 && !h.down {
		if t.linger == nil {
			t.linger = time.AfterFunc(h.options.Linger, func() { h.abandon(t) })
		} else {
			t.linger.Reset(h.options.Linger)
		}
		h.mu.Unlock()
		return
	}
	delete(h.topics, t.name)
	h.mu.Unlock()
	t.unfollow()
}

// abandon forgets a topic that has had no users for a while.
func (h *Hub) abandon(t *topic) {
	h.mu.Lock()
	if t.users > 0 || h.topics[t.name] != t || h.sealed {
		h.mu.Unlock()
		return
	}
	delete(h.topics, t.name)
	h.startLocked(t.unfollow)
	h.mu.Unlock()
}
