package conn

import (
	"context"

	"github.com/seed60239977/websocket/protocol"
)

// WriteBatch is [Conn.WritePrepared] for several messages, which are sent in order; what others send meanwhile may go in
// between. It uses as few writes as possible: one, if the messages are no longer than 64 KiB in total and the network takes
// that much. It reports whether it had to wait for the network, which means that the peer is slower than the caller; where it
// cannot tell, as mostly over TLS, it reports true. With an error, some of the first messages may have been accepted.
func (c *Conn) WriteBatch(ctx context.Context, batch []*Prepared) (waited bool, err error) {
	if c.out.hot.grows() { // each is compressed on a stack of its own
		return false, c.writeEach(ctx, batch)
	}
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	flush := false
	for i, p := range batch {
		if i == 1 {
			c.reserve(batch[1:])
		}
		m := p.outgoing()
		then, err := c.enqueue(ctx, &m)
		if then == refused || err != nil {
			return false, err
		}
		flush = flush || then == toFlush
	}
	if !flush {
		return false, nil
	}
	// As flush does, which is not asked whether it has waited: idle connections keep the stack that it needs.
	end := o.sender.Queued()
	if o.sender.Done() >= end {
		return false, nil
	}
	writer := o.flusher.Begin()
	if writer && c.driven() == nil && c.writeNow() && o.sender.Done() >= end {
		c.endWriting()
		return false, nil
	}
	return true, c.flushSlowly(ctx, end, writer)
}

// writeEach is WriteBatch with a write for each message.
func (c *Conn) writeEach(ctx context.Context, batch []*Prepared) error {
	for _, p := range batch {
		if err := c.WritePrepared(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// reserve makes room for messages behind what is queued, which otherwise would be copied each time that the room has to grow.
// The caller holds mu.
func (c *Conn) reserve(batch []*Prepared) {
	n := c.out.sender.Waiting()
	if n == 0 || c.sendable() != nil {
		return // an empty queue stays without a buffer, in case that nothing follows
	}
	have := n
	for _, p := range batch {
		m := p.outgoing()
		if c.packs(&m) || m.size() >= corkSize {
			return // which is not copied
		}
		n += m.size()
	}
	if n = min(n, protocol.MaxQueued); n > have {
		c.out.sender.Reserve(n - maxHeader - have)
	}
}
