package hub

import (
	"context"
	"errors"

	"github.com/seed60239977/websocket/conn"
)

// Publish sends a message to all connections that are subscribed to a topic, in all hubs of the broker. It returns when the
// broker has accepted the message. Connections of this process get the message when it comes back from the broker, like all
// others; with [Memory], that is before Publish returns. Then Publish waits for room in the queues that are full: for at most
// [Patience], except with the policy [Block], and not for connections that are known to be slow. See [Policy] for what happens
// to these.
//
// The error is [ErrShutdown], that of the broker, or that of ctx. Nobody gets a message that the broker has refused. After an
// error that leaves this open, such as that of ctx, the message may have been accepted.
func (h *Hub) Publish(ctx context.Context, topic string, p *conn.Prepared) error {
	return h.publish(ctx, &Message{Topic: topic, prepared: p}, nil)
}

// PublishExcept is [Hub.Publish] to all connections but one, usually that of the author. If the author reconnects and recovers
// messages, it gets its own as well.
func (h *Hub) PublishExcept(ctx context.Context, topic string, p *conn.Prepared, except *conn.Conn) error {
	return h.publish(ctx, &Message{Topic: topic, prepared: p}, except)
}

// PublishLatest is [Hub.Publish] for a value of which only the latest matters: while it waits for a connection, a newer one
// with the same topic and key takes its place. When a queue is full, values are dropped whatever the policy, so PublishLatest
// never waits for longer than [Patience]. except may be nil.
//
// In the history of a topic, values are kept like other messages. So publish values that change often in a topic without
// history.
func (h *Hub) PublishLatest(ctx context.Context, topic, key string, p *conn.Prepared, except *conn.Conn) error {
	return h.publish(ctx, &Message{Topic: topic, prepared: p, Latest: true, Key: key}, except)
}

func (h *Hub) publish(ctx context.Context, m *Message, except *conn.Conn) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	number, err := h.begin(except)
	if err != nil {
		return err
	}
	defer h.done()
	if number != 0 {
		m.Except = Origin{h.id, number}
	}
	said := m.prepared.Message()
	m.Type, m.Data = said.Type, said.Data
	h.published.Add(1)
	err = h.broker.Publish(ctx, m)
	full := m.full
	m.full = nil // the history may keep m
	giveWay(m.behind)
	return errors.Join(err, h.settleFull(ctx, full))
}

// PublishHere is [Hub.Publish] to the connections of this hub only, bypassing the broker: the message has no position and is in
// no history.
func (h *Hub) PublishHere(ctx context.Context, topic string, p *conn.Prepared) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := h.begin(nil); err != nil {
		return err
	}
	defer h.done()
	h.published.Add(1)
	t := h.existing(topic)
	if t == nil {
		return nil
	}
	said := p.Message()
	m := &Message{Topic: topic, Type: said.Type, Data: said.Data}
	if h.options.Envelope != NoEnvelope {
		p = h.encode(m)
	}
	full, behind := t.deliver(m, p)
	giveWay(behind)
	return h.settleFull(ctx, full)
}

// place is a place in a queue beyond its bounds.
type place struct {
	m  *member
	at *entry
}

// settleFull waits until all queues are within their bounds, for which something may be dropped: in the end by the policy,
// or, if that is [Block], with the end of ctx.
func (h *Hub) settleFull(ctx context.Context, full []place) error {
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
