package conn

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/protocol"
)

// How bytes become parts of messages. Every way of reading is a loop over nextPart, which deals with everything that is not
// a part of a message. Who reads holds Conn.reading, from beginRead to endRead.

// readState is how far the reading of messages has come. It belongs to whoever holds Conn.reading.
type readState struct {
	held       *held  // nil until something is held between calls that read
	growth     uint16 // how much the history of decompression may still grow, in bytes
	finishing  bool   // nothing more is read as frames: see Conn.finish
	halfClosed bool   // this direction of TCP is closed
	replied    bool   // pongs are queued and nobody was told to send them
	serving    bool   // the caller is Serve
	refuses    bool   // the caller is CloseRead: what comes once its context has ended is for the next reader
	reuses     bool   // Config.ReuseReader
}

// held is what most connections do without: what is held of messages between calls, and whom to call for control frames.
type held struct {
	partial  *buffer.Buffer // what was assembled of a message whose reading was cut
	inflated *buffer.Buffer // what compressed messages are decompressed to; nil when no part lies in it
	kept     *buffer.Buffer // a message that is left to a caller who has left the loop of Messages
	reader   *messageReader // has not yet come to the end of its message
	reused   *messageReader // of each message, with Config.ReuseReader
	hooks    *hooks         // nil for none
}

// empty reports whether nothing is held.
func (h *held) empty() bool {
	return *h == held{}
}

// helds are those that hold nothing.
var helds = sync.Pool{New: func() any { return new(held) }}

// nothingHeld is what a connection holds that never held anything. Nobody writes to it.
var nothingHeld held

// now returns what is held, to be looked at.
func (r *readState) now() *held {
	if r.held == nil {
		return &nothingHeld
	}
	return r.held
}

// hold returns what is held, to be written to.
func (r *readState) hold() *held {
	if r.held == nil {
		r.held = helds.Get().(*held)
	}
	return r.held
}

// untidy reports whether tidy may find something to do. It is inlined, and tidy is not.
func (r *readState) untidy() bool {
	h := r.held
	return h != nil && (h.inflated != nil || h.hooks == nil && h.reused == nil) // these two stay
}

// tidy lets go of held if nothing is held.
func (r *readState) tidy() {
	if h := r.held; h != nil && h.empty() {
		r.held = nil
		helds.Put(h)
	}
}

// beginRead makes the caller the one who reads. If it returns nil, endRead must follow.
func (c *Conn) beginRead(ctx context.Context) error {
	if c.driven() != nil {
		return c.ended(ErrEventDriven)
	}
	if !c.reading.TryLock() {
		if err := c.takeOver(ctx); err != nil {
			return err
		}
	}
	return c.startRead(ctx)
}

// takeOver takes reading, which was not free, if whoever reads is no call of the application's or about to end.
func (c *Conn) takeOver(ctx context.Context) error {
	if c.State() < StateClosing && !c.closeReadEnds() {
		if c.reading.TryLock() { // that was CloseRead, which has ended since
			return nil
		}
		return ErrConcurrentRead
	}
	// Close is reading the rest, or CloseRead is about to let go.
	if err := c.reading.Lock(ctx, c.Done()); err != nil {
		return c.ended(err)
	}
	return nil
}

// startRead is beginRead for a caller that holds reading. If it fails, the caller no longer does.
func (c *Conn) startRead(ctx context.Context) error {
	if c.read.now().kept != nil {
		c.takeBack()
	}
	c.read.serving = false
	err := c.Err()
	c.in.uncut = ctx.Done() == nil
	if err == nil && !c.in.uncut {
		err = c.cutBy(ctx)
	}
	if err != nil {
		c.endRead()
		return err
	}
	return nil
}

// cutBy has ctx cut the call that reads. With Config.NetDeadlines, one that has ended does so where the call would wait, see beforeWait.
func (c *Conn) cutBy(ctx context.Context) error {
	err := c.calls.Begin(ctx, c.nc, interrupt.Reading)
	if err != nil && c.settings.Value().netDeadlines {
		c.in.uncut, c.in.late = true, true
		return nil
	}
	return err
}

// cutLate is cutBy where the call would wait.
func (c *Conn) cutLate(ctx context.Context) error {
	c.in.late = false
	err := c.calls.Begin(ctx, c.nc, interrupt.Reading)
	c.in.uncut = err != nil
	return err
}

// endRead ends what beginRead began.
func (c *Conn) endRead() {
	if d := c.driven(); d != nil {
		d.polling = false
	}
	if c.in.uncut {
		c.in.uncut, c.in.late = false, false // and calls was not told of a begin
	} else if cause := c.calls.End(interrupt.Reading); cause != nil { // the network's deadlines do not work
		c.readEnded(cause)
	}
	if c.end.Load() != nil {
		c.part()
		c.calls.Forget(interrupt.Reading) // again: begin may have come after the end, and a context may outlive the connection by far
		if c.read.held != nil {
			c.read.held.kept = nil // its memory stays the caller's
		}
		c.in.release()
		c.dropInflated()
		c.receiver.Release()
		c.dropPartial()
	} else if c.read.now().reader == nil {
		c.in.idle()
		if c.read.untidy() {
			c.tidy()
		}
	}
	c.reading.Unlock()
}

// beforeHook is called before a hook of the application's runs within a call that reads, and afterHook after that. Nothing is read
// meanwhile, so that the end of ctx has nothing to interrupt; and the hook may have made ctx end later.
func (c *Conn) beforeHook() {
	if !c.in.uncut {
		c.calls.End(interrupt.Reading) // if that had to close the network, Closed says so
	}
}

func (c *Conn) afterHook(ctx context.Context) {
	if !c.in.uncut && c.cutBy(ctx) != nil {
		c.calls.Resume(ctx, c.nc, interrupt.Reading)
	}
}

// nextPart waits for the next part of a message and deals with the control frames before it (§5.4: they may stand
// between the fragments of a message). The part's payload is valid until the next call. The caller holds reading.
//
// Nothing that is called from here needs much of the stack: a goroutine that has never needed more than a little has 2 KiB of
// it, and once it has more it keeps that. So structs are passed by reference, and what goes deep is called elsewhere.
func (c *Conn) nextPart(ctx context.Context, part *protocol.Event) error {
	if c.read.finishing {
		return c.finish(ctx)
	}
	for {
		var n int
		var err error
		if c.read.growth > 0 && c.receiver.Inflates(c.in.unread()) {
			n, err = c.nextOnFreshStack(part)
		} else {
			n, err = c.receiver.Next(c.in.unread(), part)
		}
		c.in.take(n)
		if err != nil {
			return c.peerFailed(ctx, err)
		}
		switch part.Kind {
		case protocol.Data:
			if part.Fin && c.out.observed {
				c.observeReceived()
			}
			if c.read.replied {
				c.sendReplies()
			}
			return nil
		case protocol.NeedOutput:
			c.inflateMore()
		case protocol.Ping:
			if err := c.peerPinged(ctx, part.Payload); err != nil {
				return c.peerFailed(ctx, err)
			}
		case protocol.Pong:
			if err := c.peerPonged(ctx, part.Payload); err != nil {
				return c.peerFailed(ctx, err)
			}
		case protocol.Close:
			return c.peerClosed(ctx, part)
		case protocol.NeedBytes:
			if err := c.waitForBytes(ctx); err != nil {
				return err
			}
		}
	}
}

// nothingCame reports whether whoever reads the next message has to wait first, with less of the stack than nextPart needs.
func (c *Conn) nothingCame() bool {
	return len(c.in.unread()) == 0 && !c.receiver.InMessage() && !c.read.finishing
}

// restOfFrame waits until there is something to read, if what comes next is payload for sure. Whoever calls nextPart then waits
// with less of the stack.
func (c *Conn) restOfFrame(ctx context.Context) error {
	if c.receiver.Expected() == 0 || len(c.in.unread()) > 0 || c.read.finishing {
		return nil
	}
	return c.waitForBytes(ctx)
}

// waitForBytes returns when there is something more to read.
func (c *Conn) waitForBytes(ctx context.Context) error {
	if err := c.beforeWait(ctx); err != nil {
		return err
	}
	return c.afterWait(ctx, c.transport.read(&c.in))
}

// beforeWait is called before a wait for bytes. It is for what waited for this moment, which is memory that is of no use any
// more and frames to send, and prepares the read buffer and the heartbeat.
func (c *Conn) beforeWait(ctx context.Context) error {
	if c.in.late {
		if err := c.cutLate(ctx); err != nil {
			return err
		}
	}
	if c.read.untidy() {
		c.tidy()
	}
	if c.read.replied {
		c.sendReplies()
	}
	if c.read.serving {
		if err := c.flushCorked(); err != nil {
			return err
		}
	}
	c.in.before(c.receiver.InFrame())
	c.beat.wait()
	return nil
}

// afterWait deals with how a wait has ended. It is not inlined to keep it off the stack while waiting, see nextPart.
//
//go:noinline
func (c *Conn) afterWait(ctx context.Context, err error) error {
	c.beat.came(err)
	if err != nil {
		return c.readFailed(ctx, err)
	}
	if c.read.refuses {
		return ctx.Err()
	}
	return nil
}

// readFailed tells a context that cut the call from a connection that is gone.
func (c *Conn) readFailed(ctx context.Context, err error) error {
	if e := c.end.Load(); e != nil {
		return e
	}
	if nonblock.Stopped(err) {
		return err
	}
	cut := ctx.Err()
	switch {
	case cut == nil && c.settings.Value().netDeadlines && errors.Is(err, os.ErrDeadlineExceeded):
		return c.asNet(err)
	case cut == nil:
		return c.readEnded(err)
	case c.calls.Closed(interrupt.Reading): // the network's deadlines do not work
		return c.readEnded(cut)
	case isTimeout(err):
		return cut
	}
	return c.readEnded(err)
}

// inflateMore gives the Receiver room to decompress to, 16 KiB at a time.
func (c *Conn) inflateMore() {
	c.dropInflated()
	inflated := buffer.Get(16 << 10)
	c.read.hold().inflated = inflated
	c.receiver.SetOutput(inflated.B[:cap(inflated.B)])
}

// tidy lets go of what parts were decompressed to, and of what holds nothing.
func (c *Conn) tidy() {
	c.dropInflated()
	c.read.tidy()
}

// dropInflated lets go of what parts were decompressed to.
func (c *Conn) dropInflated() {
	if h := c.read.held; h != nil && h.inflated != nil {
		h.inflated.Release()
		h.inflated = nil
		c.receiver.SetOutput(nil)
	}
}

// closeReadEnds reports whether it is CloseRead that reads, and about to give up because its context has ended.
func (c *Conn) closeReadEnds() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.cold != nil && c.cold.listening != nil && c.cold.listening() != nil
}

// endLoan is giveBack for a caller that holds reading.
func (c *Conn) endLoan(held *buffer.Buffer) {
	if c.in.buf == held {
		c.in.lent = false
	} else {
		held.Release()
	}
}

// takeBack ends the loan that keepLoan left. The caller holds reading.
func (c *Conn) takeBack() {
	if held := c.read.now().kept; held != nil {
		c.read.held.kept = nil
		c.endLoan(held)
	}
}

func (c *Conn) dropPartial() {
	if h := c.read.held; h != nil {
		h.partial.Release()
		h.partial = nil
	}
}

// keepPartial makes b what was assembled of the message.
func (c *Conn) keepPartial(b []byte) {
	c.dropPartial()
	if _, n := c.receiver.Message(); n > 0 {
		c.read.hold().partial = c.read.now().partial.Add(b)
	}
}
