package conn

import (
	"context"
	"errors"
	"iter"
	"net"
	"sync"

	"github.com/seed60239977/websocket/internal/interrupt"
)

// readState is how far the reading of messages has come. It belongs to whoever holds Conn.reading.
type readState struct {
	partial *buffer        // what was gathered of a message whose reading was cut
	reader  *messageReader // has not yet come to the end of its message
	ending  *CloseError    // how the connection will have ended, once closing has come to that
}

// Read waits for the next message and returns it whole. The caller owns the bytes.
//
// If ctx ends first, Read returns its error and nothing is lost: what has arrived of a message stays in the connection,
// and the next call that reads goes on from there. Once the connection has ended, the error is the *[CloseError]; see
// there for a peer that broke a rule; it is told so and given up to Config.CloseTimeout to close before Read returns.
// [ErrConcurrentRead] says that another goroutine is reading.
func (c *Conn) Read(ctx context.Context) (MessageType, []byte, error) {
	return c.ReadAppend(ctx, nil)
}

// ReadAppend is like [Conn.Read] but appends the message to dst and returns the extended slice. With an error, dst is
// returned as it was. It allocates only if dst is too small.
func (c *Conn) ReadAppend(ctx context.Context, dst []byte) (MessageType, []byte, error) {
	if err := c.beginMessageRead(ctx); err != nil {
		return 0, dst, err
	}
	defer c.endRead()
	if err := c.firstBytes(ctx); err != nil {
		return 0, dst, err
	}
	into := lent.Get().(*buffer)
	*into = buffer{b: dst, foreign: true}
	if c.read.partial != nil {
		into.add(c.read.partial.b)
		c.dropPartial()
	}
	_, err := c.gather(ctx, into, new(event))
	whole := into.b
	*into = buffer{}
	lent.Put(into)
	if err != nil {
		c.keepPartial(whole[len(dst):])
		return 0, dst, err
	}
	return c.recv.typ, whole, nil
}

// lent are for the memory that ReadAppend is given.
var lent = sync.Pool{New: func() any { return new(buffer) }}

// Messages returns the messages that come, one by one, for a range loop:
//
//	for m, err := range c.Messages(ctx) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// It is [Conn.Read] without the copy: m.Data is valid, and may be changed, until the next iteration or, once the loop
// has been left, until the next call that reads or the end of the connection. The last
// iteration is the one with an error, the same that Read would return. The loop body may call anything but the methods
// that read; it may end the loop at any time, and reading may go on later in any way.
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	// As little as this can be inlined into the loop, which then makes no garbage.
	return func(yield func(Message, error) bool) { c.messages(ctx, yield) }
}

func (c *Conn) messages(ctx context.Context, yield func(Message, error) bool) {
	var l loan
	for {
		err := c.awaitMessage(ctx, &l, false)
		if err == nil {
			err = c.gatherRest(ctx, &l)
		}
		if err != nil {
			yield(Message{}, err)
			return
		}
		c.borrow(&l)
		if !yield(l.message(), nil) {
			c.keepLoan(&l)
			return
		}
		c.giveBack(&l)
	}
}

// loan is a message that the connection lends to its reader.
type loan struct {
	part event   // the first part of it, and in the end all of it
	held *buffer // the memory that it lies in
}

func (l *loan) message() Message { return Message{l.part.typ, l.part.payload} }

// awaitMessage waits for the first part of the next message. If it returns nil, gatherRest must follow.
//
// Nothing that is called from here or from Serve needs much of the stack: a goroutine that has never needed more than a
// little has 2 KiB of it, and once it has more it keeps that. So what goes deep is called from where the stack is not deep
// yet, and structs are passed by reference.
func (c *Conn) awaitMessage(ctx context.Context, l *loan, serving bool) error {
	if err := c.beginMessageRead(ctx); err != nil {
		return err
	}
	c.in.serving = serving
	if c.read.partial != nil {
		return nil
	}
	err := c.nextPart(ctx, &l.part)
	if err != nil {
		c.endRead()
	}
	return err
}

// borrow leaves the message where it lies: in the input buffer if it came whole, else in a buffer of its own. Its data is
// valid until giveBack.
func (c *Conn) borrow(l *loan) {
	switch {
	case l.held != nil:
	case c.in.lent && !c.recv.compressed: // to another loop, which may give it back before this one does
		l.held = l.held.add(l.part.payload)
		l.part.payload = l.held.b
	default:
		l.held = c.lend()
	}
	if c.in.serving {
		c.gatherIf(c.moreArrived())
	}
	c.endRead()
}

// lend leaves the memory in which a message lies whole to the caller.
func (c *Conn) lend() *buffer {
	if c.recv.compressed {
		held := c.recv.unpacker.out
		c.recv.unpacker.out = nil
		return held
	}
	c.in.lent = true
	return c.in.buf
}

// giveBack ends a loan.
func (c *Conn) giveBack(l *loan) {
	if !c.reading.tryAcquire() {
		return // somebody reads, perhaps for long, or cleans up; the garbage collector takes the buffer
	}
	c.endLoan(l)
	c.endRead()
}

// endLoan is giveBack for who holds reading.
func (c *Conn) endLoan(l *loan) {
	if c.in.buf == l.held {
		c.in.lent = false
	} else {
		l.held.release()
	}
}

// keepLoan leaves a loan to a caller who has left the loop, until the next call that reads.
func (c *Conn) keepLoan(l *loan) {
	if l.held == nil || !c.reading.tryAcquire() {
		return // somebody reads, perhaps for long, or cleans up; the garbage collector takes the buffer
	}
	c.out.mu.Lock()
	if c.end.Load() == nil { // else nobody asks for it back
		c.rarely().kept = l.held
		c.in.kept = true
	}
	c.out.mu.Unlock()
	c.endRead()
}

// takeBack ends the loan that keepLoan left. The caller holds reading.
func (c *Conn) takeBack() {
	if !c.in.kept {
		return
	}
	c.in.kept = false
	c.out.mu.Lock()
	l := loan{held: c.rare.kept}
	c.rare.kept = nil
	c.out.mu.Unlock()
	c.endLoan(&l)
}

// beginRead makes the caller the one who reads. If it returns nil, endRead must follow.
func (c *Conn) beginRead(ctx context.Context) error {
	if !c.reading.tryAcquire() {
		if err := c.takeOver(ctx); err != nil {
			return err
		}
	}
	return c.startRead(ctx)
}

// takeOver takes reading, which was not free, if whoever reads is no call of the application's or about to end.
func (c *Conn) takeOver(ctx context.Context) error {
	if c.State() < StateClosing && !c.closeReadEnds() {
		if c.reading.tryAcquire() { // that was CloseRead, which has ended since
			return nil
		}
		return ErrConcurrentRead
	}
	// Close is reading the rest, or CloseRead is about to let go.
	if err := c.acquire(ctx, &c.reading); err != nil {
		return c.ended(err)
	}
	return nil
}

// startRead is beginRead for who holds reading. If it fails, the caller does no longer.
func (c *Conn) startRead(ctx context.Context) error {
	c.takeBack()
	c.in.serving = false
	err := c.Err()
	if err == nil {
		err = c.calls.Begin(ctx, c.nc, interrupt.Reading)
	}
	if err != nil {
		c.endRead()
	}
	return err
}

// beginMessageRead is beginRead for calls that want a message from its start: what a Reader left is dropped.
func (c *Conn) beginMessageRead(ctx context.Context) error {
	if err := c.beginRead(ctx); err != nil {
		return err
	}
	return c.dropRest(ctx)
}

// dropRest throws away what a Reader has left of its message. If it fails, reading has ended.
func (c *Conn) dropRest(ctx context.Context) error {
	r := c.read.reader
	if r == nil {
		return nil
	}
	r.dropped.Store(true)
	var part event
	for !r.fin {
		if err := c.nextPart(ctx, &part); err != nil {
			c.endRead()
			return err
		}
		r.have(&part)
	}
	r.rest = nil
	r.partial.release()
	c.read.reader, r.partial = nil, nil
	return nil
}

// endRead ends what beginRead began.
func (c *Conn) endRead() {
	if cause := c.calls.End(interrupt.Reading); cause != nil {
		c.failNetwork(cause)
	}
	if c.end.Load() != nil {
		c.calls.Forget(interrupt.Reading) // again: begin may have come after the end, and a context may outlive the connection by far
		c.in.release()
		c.recv.release()
		c.dropPartial()
	} else if c.read.reader == nil {
		c.in.idle()
		c.recv.idle()
	}
	c.reading.release()
}

// nextPart waits for the next part of a message and deals with the control frames before it (§5.4: they may stand
// between the fragments of a message). The part's payload is valid until the next call. The caller holds reading.
func (c *Conn) nextPart(ctx context.Context, part *event) error {
	if c.read.ending != nil {
		return c.finish(ctx)
	}
	for {
		var n int
		var err error
		if c.recv.grows(c.in.unread()) {
			n, err = c.nextAside(part)
		} else {
			n, err = c.recv.next(c.in.unread(), part)
		}
		c.in.take(n)
		if err != nil {
			return c.peerFailed(ctx, err)
		}
		switch part.kind {
		case eventData:
			c.sendReplies()
			return nil
		case eventPing:
			if err := c.peerPinged(part.payload); err != nil {
				return c.peerFailed(ctx, err)
			}
		case eventPong:
			if err := c.peerPonged(part.payload); err != nil {
				return c.peerFailed(ctx, err)
			}
		case eventClose:
			return c.peerClosed(ctx, part.payload)
		case eventNone:
			if err := c.waitForBytes(ctx); err != nil {
				return err
			}
		}
	}
}

// firstBytes waits until there is something to read, unless a message has begun.
func (c *Conn) firstBytes(ctx context.Context) error {
	if len(c.in.unread()) > 0 || c.recv.inFrame || c.recv.checker.InMessage() || c.read.ending != nil {
		return nil
	}
	return c.waitForBytes(ctx)
}

// waitForBytes returns when there is something more to read.
func (c *Conn) waitForBytes(ctx context.Context) error {
	if err := c.beforeWait(ctx); err != nil {
		return err
	}
	c.in.before(c.recv.inFrame)
	c.beat.wait()
	err := c.src.read(&c.in)
	c.beat.came(err)
	if err != nil {
		return c.readFailed(ctx, err)
	}
	if c.in.refuses {
		return ctx.Err()
	}
	return nil
}

// beforeWait is for what waited for this moment: memory that is of no use any more, frames to send.
func (c *Conn) beforeWait(ctx context.Context) error {
	c.recv.idle()
	c.sendReplies()
	return c.sendGathered(ctx)
}

// sendReplies sends the pongs that are queued. It does not wait for them: a peer that does not read must not keep this
// side from reading.
func (c *Conn) sendReplies() {
	if c.in.replied {
		c.in.replied = false
		c.kick()
	}
}

// readFailed tells a context that cut the call from a connection that is gone.
func (c *Conn) readFailed(ctx context.Context, err error) error {
	if e := c.end.Load(); e != nil {
		return e
	}
	cut := ctx.Err()
	switch {
	case cut == nil:
		return c.failNetwork(err)
	case c.calls.Closed(interrupt.Reading): // the network's deadlines do not work
		if context.Cause(ctx) == ErrCloseTimeout {
			cut = ErrCloseTimeout
		}
		return c.failNetwork(cut)
	case isTimeout(err):
		return cut
	}
	return c.failNetwork(err)
}

// isTimeout reports whether a deadline made I/O fail.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
