package conn

import (
	"context"
	"slices"
)

// CloseRead is for connections on which the peer has nothing to say: it reads in the background, so that pings are
// answered and the end of the connection is noticed. The returned context ends when the connection does, or ctx;
// [Conn.Err] tells which, and why. A message from the peer closes the connection, and the peer is told
// [StatusPolicyViolation]. No other call may read from then on, until ctx ends; one that still does when CloseRead is called
// is waited for, in the background.
func (c *Conn) CloseRead(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	c.out.mu.Lock()
	r := c.rarely()
	if r.background == nil {
		r.background = new(slot)
	}
	busy := r.background
	first := busy.tryAcquire() // a call before may not have let go of it yet
	held := first && c.reading.tryAcquire()
	r.listening = append(r.listening, ctx)
	c.out.mu.Unlock()
	go func() {
		if !first && busy.acquire(ctx, nil) != nil {
			c.endCloseRead(ctx, cancel)
			return
		}
		defer func() {
			c.endCloseRead(ctx, cancel)
			busy.release()
		}()
		if c.readBackground(ctx, held) == nil {
			c.sendClose(StatusPolicyViolation, "unexpected message")
			c.finishClose()
		}
	}()
	return ctx
}

// readBackground returns nil when a message has begun to come. If held is set, the caller holds reading, and gives it up.
func (c *Conn) readBackground(ctx context.Context, held bool) error {
	if !held {
		if err := c.acquire(ctx, &c.reading); err != nil {
			return err
		}
	}
	err := c.startRead(ctx)
	if err == nil {
		err = c.dropRest(ctx)
	}
	if err != nil {
		return err
	}
	defer c.endRead()
	c.read.refuses = true
	defer func() { c.read.refuses = false }()
	_, _, err = c.openReader(ctx)
	return err
}

// endCloseRead is the end of a call of CloseRead.
func (c *Conn) endCloseRead(ctx context.Context, cancel context.CancelFunc) {
	cancel()
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	r := c.rare
	r.listening = slices.DeleteFunc(r.listening, func(other context.Context) bool { return other == ctx })
}

// closeReadEnds reports whether CloseRead, whose context has ended, is about to give up reading.
func (c *Conn) closeReadEnds() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.rare == nil || len(c.rare.listening) == 0 {
		return false
	}
	return !slices.ContainsFunc(c.rare.listening, func(ctx context.Context) bool { return ctx.Err() == nil })
}
