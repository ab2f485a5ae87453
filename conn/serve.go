package conn

import (
	"context"
	"time"

	"github.com/seed60239977/websocket/frame"
)

// Bounds for what is gathered before it is sent, by [Conn.Serve] and after [Conn.Send].
const (
	gatherSize = 16 << 10         // octets
	gatherTime = time.Millisecond // in case that a callback takes long
)

// Serve calls handle for each message that comes, until there is an error, and returns that: what handle returned, the
// error of ctx, or how the connection ended. It never returns nil and does not close the connection. m.Data is valid, and
// may be changed, until handle returns. handle must not read from the connection; it may close it.
//
// Serve is [Conn.Messages] for servers that answer: while more messages have already arrived, what is written by
// [Conn.Write] and [Conn.Send] is gathered and goes out in one system call: when the last of these messages has been
// handled, at 16 KiB, on [Conn.Flush], and after about 1 ms at the latest. So a Write that returns may not be on the
// wire yet. Nothing is gathered while messages come one at a time.
func (c *Conn) Serve(ctx context.Context, handle func(c *Conn, m Message) error) error {
	var l loan
	for {
		err := c.awaitMessage(ctx, &l, true)
		if err == nil {
			err = c.gatherRest(ctx, &l)
		}
		if err == nil {
			c.borrow(&l)
			err = handle(c, l.message())
			c.giveBack(&l)
		}
		if err != nil {
			c.stopGathering()
			return err
		}
	}
}

// moreArrived reports whether the bytes that wait to be read begin with a whole frame.
func (c *Conn) moreArrived() bool {
	p := c.in.unread()
	h, n, err := frame.Parse(p)
	return err == nil && n > 0 && h.Length <= int64(len(p)-n)
}

// gatherIf says whether what is written from now on waits for more.
func (c *Conn) gatherIf(more bool) {
	c.out.gather.Store(more)
}

// gathered reports whether what was just queued may wait for more. If so, it goes out in time without anybody's help.
func (c *Conn) gathered() bool {
	o := &c.out
	if !o.gather.Load() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pending == nil || len(o.pending.b) >= gatherSize {
		return false
	}
	if !o.hurrying {
		o.hurrying = true
		if r := c.rarely(); r.hurry == nil {
			r.hurry = time.AfterFunc(gatherTime, c.stopGathering) // the callback is slow, or has panicked
		} else {
			r.hurry.Reset(gatherTime)
		}
	}
	return true
}

// sendGathered is called when there is nothing left to handle before bytes come. If the peer is slow to read, the
// callback's answers wait here, and the peer's next messages with them; pongs alone never do that.
func (c *Conn) sendGathered(ctx context.Context) error {
	if !c.in.serving {
		return nil
	}
	c.gatherIf(false)
	o := &c.out
	o.mu.Lock()
	waiting, end := o.hurrying, o.queued
	o.mu.Unlock()
	if !waiting {
		return nil
	}
	if err := c.flush(ctx, end); !c.unsendable() {
		return err
	}
	return nil // what has arrived is read all the same
}

// stopGathering sends what Serve has gathered and lets writes go out at once again.
func (c *Conn) stopGathering() {
	c.gatherIf(false)
	c.kick()
}
