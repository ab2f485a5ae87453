package conn

import (
	"context"
	"math"
)

// minThrough is the length in bytes from which a message is written from where it lies, and not copied to the queue. Who
// does not mask, and has a socket, does so from corkSize on: it takes one call, and nothing is copied.
const minThrough = 64 << 10

// writesThrough reports whether m is one for writeThrough. The caller holds mu.
func (c *Conn) writesThrough(ctx context.Context, m *outgoing) bool {
	return len(m.payload) >= corkSize && c.longWritesThrough(ctx, m) // this is inlined, and the rest is not
}

func (c *Conn) longWritesThrough(ctx context.Context, m *outgoing) bool {
	n := len(m.payload)
	switch {
	case c.packs(m):
		return false
	case c.transport.resumable():
		return n >= minThrough || !c.out.sender.Role().Masks()
	}
	return n >= minThrough && ctx.Done() == nil
}

// writeThrough sends a long message. Nothing of it is copied if this side does not mask, and else only piece by piece. If
// ctx cuts it, the rest is copied for the next write to go on with. It reports whether the message was accepted. The caller
// holds mu, which is given up meanwhile.
func (c *Conn) writeThrough(ctx context.Context, m *outgoing) (accepted bool, err error) {
	o := &c.out
	if err := c.beginTurn(ctx); err != nil {
		return false, err
	}
	defer c.endTurn()
	writer := o.flusher.Begin()
	for !writer && err == nil {
		writer, err = c.awaitWriter(ctx, math.MaxInt64)
		if err == nil {
			err = c.sendable()
		}
	}
	if !writer {
		return false, err
	}
	defer c.endWriting()
	for err == nil && !accepted {
		if err = c.sendable(); err != nil {
			break
		}
		if accepted, err = o.sender.Through(m.typ, m.payload); err == nil && !accepted {
			err = c.writeOnce(ctx) // what a write that was cut has left
		}
	}
	if !accepted {
		return false, err
	}
	if o.observed {
		c.observeSent(m, len(m.payload))
	}
	for end := o.sender.Queued(); o.sender.Done() < end && err == nil; {
		err = c.writeOnce(ctx)
	}
	c.endThrough()
	return true, err
}

// tryThrough is writeThrough with an event loop, which is left to write what the network does not take at once. It reports
// false, with no error, if others are in the way. The caller holds mu, which is given up meanwhile.
func (c *Conn) tryThrough(m *outgoing) (accepted bool, err error) {
	o := &c.out
	if err := c.sendable(); err != nil || !o.turn.TryLock() {
		return false, err
	}
	defer c.endTurn()
	if !o.flusher.Begin() {
		return false, nil
	}
	defer c.endWriting()
	if accepted, err = o.sender.Through(m.typ, m.payload); accepted {
		if o.observed {
			c.observeSent(m, len(m.payload))
		}
		c.writeNow()
		err = c.refusal()
		c.endThrough()
	}
	return accepted, err
}

// endThrough lets go of a message that is written from where it lies. The caller may write, and holds mu.
func (c *Conn) endThrough() {
	if c.refusal() == nil {
		c.out.sender.Detach()
	} else {
		c.out.sender.DropTaken()
	}
}

// writeOnce writes what is queued, or as much of it as goes in one write, and returns why nothing more can be sent. The caller
// may write, and holds mu, which is given up meanwhile.
func (c *Conn) writeOnce(ctx context.Context) error {
	if !c.writeTaken(c.atOnce(ctx)) {
		if err := c.writeWaiting(ctx); err != nil {
			return err
		}
	}
	return c.refusal()
}
