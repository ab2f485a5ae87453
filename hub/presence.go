package hub

import (
	"context"

	"github.com/seed60239977/websocket/conn"
)

// Enter makes c present in a topic to which it is subscribed, until it is unsubscribed or the connection ends. All hubs of the
// broker see it, with [Hub.Present] and [Options].OnPresence. The id should belong to this connection alone. Entering again
// changes the value or the id; calls for one connection have their turn one after the other.
//
// The error is [ErrNotSubscribed], [ErrShutdown], that of the broker, or that of ctx.
func (h *Hub) Enter(ctx context.Context, c *conn.Conn, topic string, p Presence) error {
	if _, err := h.begin(nil); err != nil {
		return err
	}
	defer h.done()
	m := h.find(c)
	if m == nil || !m.in(topic) {
		return ErrNotSubscribed
	}
	turn := m.entrance() // else a call could undo what one that came later has entered
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-turn }()
	leave, err := h.broker.Enter(ctx, topic, p)
	if err != nil {
		return err
	}
	before, ok := m.enter(topic, leave)
	if !ok {
		leave()
		return ErrNotSubscribed
	}
	if before != nil {
		before()
	}
	return nil
}

// Present returns who is present in a topic, in all hubs of the broker.
func (h *Hub) Present(ctx context.Context, topic string) ([]Presence, error) {
	return h.broker.Present(ctx, topic)
}

// CountPresent returns how many are present in a topic, in all hubs of the broker. It is cheap even if they are many.
func (h *Hub) CountPresent(ctx context.Context, topic string) (int, error) {
	return h.broker.CountPresent(ctx, topic)
}

// in reports whether m is subscribed to a topic.
func (m *member) in(topic string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.topics[topic] != nil
}

// entrance returns what only one call of Enter may hold.
func (m *member) entrance() chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entering == nil {
		m.entering = make(chan struct{}, 1)
	}
	return m.entering
}

// enter keeps how to leave a topic, and returns what it kept before. It reports false if m is not subscribed any more.
func (m *member) enter(topic string, leave func()) (before func(), ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.topics[topic] == nil {
		return nil, false
	}
	if m.present == nil {
		m.present = map[string]func(){}
	}
	before = m.present[topic]
	m.present[topic] = leave
	return before, true
}
