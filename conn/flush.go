package conn

import (
	"context"

	"github.com/seed60239977/websocket/internal/interrupt"
)

// How bytes get from the queue to the network. Who writes, and when, is decided by flush.Flusher; this file does what that
// says. A caller that waits for its bytes writes them itself, unless somebody writes already; bytes that nobody waits for are
// written by a goroutine; and whoever has written goes on with what was queued meanwhile.

// flush returns when everything up to end is on the wire, or the error of ctx if that ends first, or why nothing can be sent
// any more. The caller holds mu, which is given up while it waits.
func (c *Conn) flush(ctx context.Context, end int64) error {
	o := &c.out
	if o.sender.Done() >= end {
		return nil
	}
	writer := o.flusher.Begin()
	if writer && c.writeTaken(c.atOnce(ctx)) && o.sender.Done() >= end { // nearly always
		c.endWriting()
		return nil
	}
	return c.flushSlowly(ctx, end, writer)
}

// mayWait reports whether the caller may wait for the network itself: if ctx cuts that, the network can go on later. With an
// event loop, that waits.
func (c *Conn) mayWait(ctx context.Context) bool {
	return (ctx.Done() == nil || c.transport.resumable()) && c.driven() == nil
}

// flushSlowly is flush for when it has to wait. writer says whether the caller may write. It is apart because it takes more of
// the stack, see nextPart.
func (c *Conn) flushSlowly(ctx context.Context, end int64, writer bool) (err error) {
	o := &c.out
	for o.sender.Done() < end && err == nil {
		switch err = c.refusal(); {
		case err != nil:
		case !writer:
			writer, err = c.awaitWriter(ctx, end)
		case !c.mayWait(ctx):
			c.startBlocked() // only the waiting for it is cut
			writer, err = c.awaitWriter(ctx, end)
		case !c.writeTaken(c.atOnce(ctx)):
			err = c.writeWaiting(ctx)
		}
	}
	if writer {
		c.endWriting()
	}
	if o.sender.Done() >= end {
		return nil
	}
	return err
}

// awaitWriter waits until somebody else has written everything up to end, or for the turn to write. The caller holds mu,
// which is given up meanwhile.
func (c *Conn) awaitWriter(ctx context.Context, end int64) (turn bool, err error) {
	o := &c.out
	w := o.flusher.Wait(end)
	o.mu.Unlock()
	select {
	case <-w.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	o.mu.Lock()
	turn = o.flusher.Leave(w, !c.transport.resumable())
	if err != nil {
		err = c.ended(err)
	}
	return turn, err
}

// writeNow writes as much of what is queued as is possible without waiting. It reports whether that was all. The caller
// may write, and holds mu, which is given up meanwhile.
func (c *Conn) writeNow() (all bool) { return c.writeTaken(false) }

// atOnce reports whether a caller with a context writes all at once: where that cannot cut anything, and the transport is no
// better at writing a part. It is an argument of writeTaken, and no function around it, to keep that off the stack while writing:
// see nextPart.
func (c *Conn) atOnce(ctx context.Context) bool { return ctx.Done() == nil && !c.transport.resumable() }

// writeTaken takes what is queued and writes it, or, unless it is to wait, as much as is possible at once.
func (c *Conn) writeTaken(wait bool) (all bool) {
	if !c.take() {
		return true
	}
	c.out.mu.Unlock()
	var n int
	var err error
	if wait {
		n, err = c.writeWhole()
	} else {
		n, err = c.transport.write(&c.out.sender, false)
	}
	c.out.mu.Lock()
	return c.wrote(n, err)
}

// take takes what is queued, to write it, and reports whether there is anything. The caller may write, and holds mu. It is not
// inlined to keep it off the stack while writing, see nextPart.
//
//go:noinline
func (c *Conn) take() bool {
	c.takeCork()
	return c.refusal() == nil && c.out.sender.Take()
}

// writeWaiting writes what writeNow has left, however long that takes. If ctx cuts it, it returns its error, and the rest is
// what is written next. The caller may write, and holds mu, which is given up meanwhile.
func (c *Conn) writeWaiting(ctx context.Context) error {
	o := &c.out
	o.mu.Unlock()
	n, cut := 0, c.calls.Begin(ctx, c.nc, interrupt.Writing)
	var err error
	if cut == nil {
		n, err = c.writeWhole()
		c.calls.End(interrupt.Writing)
		cut = ctx.Err()
	}
	o.mu.Lock()
	if cut != nil && (err == nil || isTimeout(err)) {
		c.wrote(n, nil)
		return c.ended(cut)
	}
	c.wrote(n, err)
	return nil
}

// writeWhole is transport.write for all that was taken.
func (c *Conn) writeWhole() (int, error) {
	if c.out.observed {
		return c.writeObserved()
	}
	return c.transport.write(&c.out.sender, true)
}

// wrote records a write of n bytes and its error. It reports whether nothing of what was taken is left to write. The
// caller may write, and holds mu, which is given up if the error is the end.
//
//go:noinline
func (c *Conn) wrote(n int, err error) (all bool) {
	o := &c.out
	o.sender.Sent(n)
	o.flusher.Wrote(o.sender.Done())
	c.resumeReading(n)
	if err != nil {
		c.refuse(err)
	}
	return !o.sender.Taken()
}

// endWriting gives up the right to write, and has what others have queued written. The caller has it, and holds mu, which is
// given up meanwhile.
func (c *Conn) endWriting() {
	o := &c.out
	c.dropIfEnded()
	for rounds := 0; o.flusher.End(c.left()); rounds++ {
		if rounds > 0 { // a caller has its own work to do
			if o.flusher.Yield() {
				c.start((*Conn).runFlush)
			}
			return
		}
		if !c.writeNow() {
			c.startBlocked()
			return
		}
	}
}

// dropIfEnded lets go of what will not be written any more. The caller may write, and holds mu.
func (c *Conn) dropIfEnded() {
	if c.end.Load() != nil {
		c.out.sender.DropTaken()
		c.calls.Forget(interrupt.Writing)
	}
}

// left reports whether there are bytes for somebody to write. The caller holds mu.
func (c *Conn) left() bool { return c.out.sender.Buffered() > 0 && c.refusal() == nil }

// flushNow writes what is queued as far as that is possible without waiting, and has a goroutine wait for the rest. The
// caller holds mu, which is given up meanwhile.
func (c *Conn) flushNow() {
	if !c.left() || !c.out.flusher.Begin() {
		return
	}
	c.finishWriting()
}

// finishWriting is flushNow for a caller that may write.
func (c *Conn) finishWriting() {
	for {
		if !c.writeNow() {
			c.startBlocked()
			return
		}
		c.observeUnblocked()
		c.dropIfEnded()
		if !c.out.flusher.End(c.left()) {
			return
		}
	}
}

// scheduleFlush has a goroutine write what is queued, with what is queued by the time that it runs: whoever has queued
// something may go on to queue more, here or, with a prepared message, on other connections. It does not wait for much: then it
// is time to write now. The caller holds mu, which may be given up meanwhile.
func (c *Conn) scheduleFlush(of *fanOut) {
	o := &c.out
	switch {
	case !c.left():
	case o.sender.Waiting() >= corkSize:
		c.flushNow()
	case !o.flusher.Later():
	case of != nil:
		of.add(c, (*Conn).runFlush)
	default:
		c.start((*Conn).runFlush)
	}
}

// runFlush is the goroutine of scheduleFlush.
func (c *Conn) runFlush() {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.flusher.Run() {
		c.finishWriting()
	}
}

// startBlocked has a goroutine wait until the network takes more. The caller may write, which is the goroutine's from now on,
// and holds mu. Close and CloseNow wait for the goroutine.
func (c *Conn) startBlocked() {
	c.out.flusher.Block()
	if d := c.driven(); d != nil {
		if c.end.Load() != nil { // during the write: the loop tells nothing any more
			c.unblock()
			return
		}
		c.observeBlocked()
		d.nc().AwaitWrite() // and the loop goes on with it
		return
	}
	c.start((*Conn).runBlocked)
}

// runBlocked is the goroutine of startBlocked.
func (c *Conn) runBlocked() {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for {
		if !c.writeTaken(c.atOnce(context.Background())) {
			c.writeWaiting(context.Background())
		}
		c.dropIfEnded()
		if !c.out.flusher.End(c.left()) {
			return
		}
		c.out.flusher.Block()
	}
}

// quiet waits until nobody writes any more. The connection has ended.
func (c *Conn) quiet() {
	c.out.mu.Lock()
	on := c.out.flusher.Quiet()
	c.out.mu.Unlock()
	if on != nil {
		<-on
	}
}

// awaitRoom returns when the queue has room for more. The caller holds mu, which is given up meanwhile.
func (c *Conn) awaitRoom(ctx context.Context) error {
	for {
		if err := c.sendable(); err != nil || !c.out.sender.Full() {
			return err
		}
		if err := c.flush(ctx, c.out.sender.Queued()); err != nil {
			return err
		}
	}
}

// takeCork is called when all that is queued is about to be written. The caller holds mu.
func (c *Conn) takeCork() {
	c.out.hurried = false
}
