package hub

import (
	"container/list"
	"context"
	"errors"

	"github.com/seed60239977/websocket/conn"
)

// Publish sends a message to all connections that are subscribed to a topic. Once all of them have it, or have it in
// their queues, it waits for room in those that are full: for [Patience] at most, except with the policy [Block], and not
// for those that are known to be slow. See [Policy] for what happens to these.
//
// The error is [ErrShutdown], that of the relay, or that of ctx. Whatever it is, the message may have reached some.
func (h *Hub) Publish(ctx context.Context, topic string, p *conn.Prepared) error {
	return h.publish(ctx, &message{topic: topic, p: p})
}

// PublishExcept is [Hub.Publish] to all but one, usually the one who has said it.
func (h *Hub) PublishExcept(ctx context.Context, topic string, p *conn.Prepared, except *conn.Conn) error {
	return h.publish(ctx, &message{topic: topic, p: p, except: except})
}

// PublishLatest is [Hub.Publish] for a value of which only the latest matters: while it waits for somebody, a newer one
// with the same topic and key takes its place. When a queue is full, values are dropped whatever the policy; it never
// waits for longer than [Patience]. except may be nil.
func (h *Hub) PublishLatest(ctx context.Context, topic, key string, p *conn.Prepared, except *conn.Conn) error {
	return h.publish(ctx, &message{topic: topic, p: p, except: except, latest: true, key: key})
}

func (h *Hub) publish(ctx context.Context, m *message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t, err := h.begin(m.topic)
	if err != nil {
		return err
	}
	defer h.done()
	h.published.Add(1)
	full := t.deliver(m)
	if h.options.Relay != nil {
		said := m.p.Message()
		err = h.options.Relay.Publish(ctx, Envelope{m.topic, m.latest, m.key, said.Type, said.Data})
	}
	return errors.Join(err, h.await(ctx, full))
}

// receive is what the relay calls.
func (h *Hub) receive(ctx context.Context, e Envelope) error {
	if e.Type != conn.Text && e.Type != conn.Binary {
		return conn.ErrMessageType
	}
	t, err := h.begin(e.Topic)
	if err != nil {
		return err
	}
	defer h.done()
	if t == nil {
		return nil
	}
	m := message{topic: e.Topic, p: conn.Prepare(e.Type, e.Data), latest: e.Latest, key: e.Key}
	return h.await(ctx, t.deliver(&m))
}

// place is a place in a queue beyond its bounds.
type place struct {
	m  *member
	at *list.Element
}

// deliver hands m to all members, and returns where the policy Block asks to wait. t may be nil.
func (t *topic) deliver(m *message) (full []place) {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for to := range t.members {
		if to.c == m.except {
			continue
		}
		if at := to.deliver(m); at != nil {
			full = append(full, place{to, at})
		}
	}
	return full
}

// await waits until all queues are within their bounds, for which something may be dropped: in the end by the policy, or,
// if that is [Block], with the end of ctx.
func (h *Hub) await(ctx context.Context, full []place) error {
	if len(full) == 0 {
		return nil
	}
	full = h.patience(ctx, full)
	if h.options.Policy != Block {
		return nil
	}
	var err error
	for _, p := range full {
		if !p.m.await(p.at, ctx.Done()) && p.m.withdraw(p.at) {
			err = ctx.Err()
		}
	}
	return err
}

// patience waits until all queues are within their bounds, or else for [Patience]. It returns the places where that was
// in vain.
func (h *Hub) patience(ctx context.Context, full []place) (inVain []place) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for _, p := range full {
		if !p.m.await(p.at, ctx.Done()) {
			p.m.giveUp()
			inVain = append(inVain, p)
		}
	}
	return inVain
}
