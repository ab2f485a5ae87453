package conn

import (
	"context"

	"github.com/seed60239977/websocket/internal/ctxmutex"
)

// CloseRead is for connections on which the peer should send no messages: it reads in the background, so that pings are
// answered and the end of the connection is noticed. The returned context ends when the connection or ctx does; [Conn.Err] says
// which, and why. A message from the peer closes the connection with [StatusPolicyViolation]. No other call may read until ctx
// ends; if one is still reading when CloseRead is called, CloseRead waits for it, in the background.
func (c *Conn) CloseRead(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	if c.driven() != nil { // the loop reads, and hands messages on
		c.OnEnd(cancel)
		return ctx
	}
	c.out.mu.Lock()
	r := c.coldState()
	if r.background == nil {
		r.background = new(ctxmutex.Mutex)
	}
	busy := r.background
	first := busy.TryLock() // a call before may not have let go of it yet
	held := first && c.reading.TryLock()
	if held {
		r.listening = ctx.Err
	}
	c.out.mu.Unlock()
	go func() {
		defer cancel()
		if !first && busy.Lock(ctx, nil) != nil {
			return
		}
		defer func() {
			cancel()
			busy.Unlock()
		}()
		if c.readBackground(ctx, held) == nil {
			c.beginClose(StatusPolicyViolation, "unexpected data message", false)
			c.awaitEnd()
		}
	}()
	return ctx
}

// readBackground returns nil when a message has begun to come. If held is set, the caller holds reading, and gives it up.
func (c *Conn) readBackground(ctx context.Context, held bool) error {
	if !held {
		if err := c.reading.Lock(ctx, c.Done()); err != nil {
			return err
		}
		c.listen(ctx.Err)
	}
	defer c.listen(nil) // after reading is free: who finds it taken until then is to wait
	err := c.startRead(ctx)
	if err == nil {
		if h := c.read.held; h != nil {
			h.reused = nil // a program that breaks the rule above may be using it
		}
		err = c.dropRest(ctx)
	}
	if err != nil {
		return err
	}
	defer c.endRead()
	c.read.refuses = true
	_, _, err = c.openReader(ctx)
	c.read.refuses = false
	return err
}

// listen notes that CloseRead reads, and until when, or with nil that it does no longer.
func (c *Conn) listen(ended func() error) {
	c.out.mu.Lock()
	c.cold.listening = ended
	c.out.mu.Unlock()
}
