package hub

import (
	"iter"
	"maps"
	"slices"

	"github.com/seed60239977/websocket/conn"
)

// Stats has the figures of a hub. A message counts once for each connection, except in Published.
type Stats struct {
	Connections int    // subscribed to something, or still being sent something
	Topics      int    // with at least one connection
	Published   uint64 // calls of the Publish methods
	Delivered   uint64 // handed to a connection
	Dropped     uint64 // replaced by newer values, dropped by the policy, or left when a slow connection was closed
	Slow        uint64 // connections that were closed for being slow
}

// Stats returns the figures of this moment.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{
		Connections: len(h.members),
		Topics:      h.occupied,
		Published:   h.published.Load(),
		Delivered:   h.delivered.Load(),
		Dropped:     h.dropped.Load(),
		Slow:        h.slow.Load(),
	}
}

// Topics returns all topics and how many connections are subscribed to each of them, in no particular order.
func (h *Hub) Topics() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		h.mu.Lock()
		topics := slices.Collect(maps.Values(h.topics))
		h.mu.Unlock()
		for _, t := range topics {
			if n := t.len(); n > 0 && !yield(t.name, n) {
				return
			}
		}
	}
}

// Count returns how many connections are subscribed to a topic.
func (h *Hub) Count(topic string) int {
	if t := h.existing(topic); t != nil {
		return t.len()
	}
	return 0
}

// Subscribers returns the connections that are subscribed to a topic, in no particular order.
func (h *Hub) Subscribers(topic string) []*conn.Conn {
	t := h.existing(topic)
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*conn.Conn, 0, len(t.members))
	for m := range t.members {
		all = append(all, m.c)
	}
	return all
}

// existing returns the topic of that name, or nil.
func (h *Hub) existing(name string) *topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.topics[name]
}

func (t *topic) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.members)
}

// Subscription describes what a hub knows of one connection.
type Subscription struct {
	Topics  []string // sorted
	Queued  int      // messages that wait
	Bytes   int      // of these messages
	Dropped uint64   // messages that this connection has missed
}

// Subscription returns what the hub knows of c: nothing, if c is not subscribed to any topic.
func (h *Hub) Subscription(c *conn.Conn) Subscription {
	m := h.find(c)
	if m == nil {
		return Subscription{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return Subscription{
		Topics:  slices.Sorted(maps.Keys(m.topics)),
		Queued:  m.queue.len(),
		Bytes:   m.queue.bytes,
		Dropped: m.dropped,
	}
}
