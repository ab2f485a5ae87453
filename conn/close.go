package conn

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/protocol"
)

// How a connection ends. What follows from what is decided by protocol.Closing; this file tells it what happened, waits for
// what it asks for, and lets go of everything when it knows the end.

// Close closes the connection with the closing handshake of §7: it sends a close frame with code and reason, waits for
// the peer's, and closes the net.Conn. All that was written before goes out first, but for the rest of a message that a
// Writer has begun to send, and what [Conn.Send] has left behind that. It takes no longer than Config.CloseTimeout. Messages
// that arrive meanwhile are dropped, as in a browser, except that a call which waits for one when Close is called may still
// return it. To have the peer's last answers first, read them before closing.
//
// code is one of those that [StatusCode.ValidOnWire] allows, or [StatusNoStatus] with no reason for a close frame
// without a body; reason is UTF-8 of at most [frame.MaxCloseReason] bytes. If they are not, the connection is closed all the
// same, with what fits: a reason is cut at a character, and what is not UTF-8 in it replaced by U+FFFD; with
// [StatusNoStatus] it is left out; any code that may not travel, such as the [StatusAbnormalClosure] of a connection whose
// end is passed on to another, goes out as [StatusInternalError]. The error is then, or has in its tree, a
// [*frame.ProtocolError] that says what was wrong.
//
// Apart from that, Close returns nil if the handshake was completed, now or before, or given up by [Conn.CloseNow], and else
// the *[CloseError]. Close may be called more than once and by several goroutines: the first one's code goes out, and all
// return when the connection has ended.
//
// A client's connection has ended when both close frames have gone, while TCP may be there still: the server is to close it
// first (§7.1.1), and has until the end of Config.CloseTimeout for that. A goroutine of the connection waits for it;
// CloseNow closes TCP at once and waits for the goroutine. A server's connection leaves nothing behind.
func (c *Conn) Close(code StatusCode, reason string) error {
	wrong := c.beginClose(code, reason, true)
	c.awaitEnd()
	if err := c.closed(); err != nil && wrong != nil {
		return errors.Join(wrong, err)
	} else if err != nil {
		return err
	}
	return wrong
}

// SendClose sends a close frame and returns without waiting for anything: not for the frame to be on the wire, nor for the
// peer's. Nothing may be sent from then on; reading goes on, and gets what the peer still sends, until its close frame. The
// clock of Config.CloseTimeout runs. It is for programs that want the peer's last messages; all others use [Conn.Close], which
// must follow in any case.
//
// code and reason are as for Close, and so is the [*frame.ProtocolError] for those that may not travel. Other errors are
// [ErrCloseSent] if a close frame was sent before and, once the connection has ended, the *[CloseError].
func (c *Conn) SendClose(code StatusCode, reason string) error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if err := c.sendable(); err != nil {
		return err
	}
	wrong := c.sendClose(code, reason, true)
	c.flushNow()
	return wrong
}

// beginClose queues a close frame, unless there was one, and sends it as far as that is possible without waiting.
func (c *Conn) beginClose(code StatusCode, reason string, own bool) (wrong error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	wrong = c.sendClose(code, reason, own)
	c.flushNow()
	return wrong
}

// awaitEnd waits until a connection that is closing has ended. If nobody reads, it does that itself, and keeps nothing.
func (c *Conn) awaitEnd() {
	if c.end.Load() == nil && c.reading.Lock(context.Background(), c.Done()) == nil {
		c.drain(context.Background())
		c.endRead()
	}
	<-c.Done()
}

// drain reads until there is an error. The caller holds reading.
func (c *Conn) drain(ctx context.Context) {
	var ev protocol.Event
	for c.nextPart(ctx, &ev) == nil {
	}
}

// CloseNow closes the net.Conn without a closing handshake. Every call that is under way returns. It returns nil, unless
// the connection had ended before and not cleanly: then how it had. Nothing of the connection is left when it returns.
func (c *Conn) CloseNow() error {
	c.happened(func(w *protocol.Closing) { w.Abort(ErrClosedNow) })
	c.stopLingering()
	return c.closed()
}

// closed waits for what is still at work on a connection that has ended and says whether that was as it should be.
func (c *Conn) closed() error {
	c.quiet()
	c.out.mu.Lock()
	background, learning := c.cold.background, c.cold.learning
	c.out.mu.Unlock()
	if learning != nil {
		<-learning
	}
	if background != nil {
		background.Lock(context.Background(), nil)
		background.Unlock()
	}
	if e := c.end.Load(); !e.WasClean && !errors.Is(e.Err, ErrClosedNow) {
		return e
	}
	return nil
}

// closeFrame is a close frame that waits for what was accepted before it to be compressed.
type closeFrame struct {
	code   StatusCode
	reason string
}

// sendClose queues a close frame, unless nothing can be sent any more; own says that the application has closed. It returns
// what is wrong with code and reason; the frame then has what fits. The caller holds out.mu, which may be given up meanwhile.
func (c *Conn) sendClose(code StatusCode, reason string, own bool) (wrong error) {
	code, reason, wrong = protocol.FitClose(code, reason)
	if c.sendable() == nil {
		c.coldState().closing.Sent(own, time.Now())
		c.startClock()
		c.queueClose(code, reason)
	}
	return wrong
}

// queueClose queues a close frame that Closing knows of, behind everything that was accepted before it, but for the rest of a
// message that a Writer has begun. The caller holds out.mu, which may be given up meanwhile.
func (c *Conn) queueClose(code StatusCode, reason string) {
	o := &c.out
	c.coldState().closeFrame = &closeFrame{code, reason}
	switch {
	case o.holder == turnUnbegun: // it never will; what waits for it is not lost with it
		c.cold.tookTurn = true
		c.endTurn()
	case o.holder != turnPacks && (o.sender.InMessage() || len(c.cold.deferred) == 0):
		c.queueLateClose()
	} // else whoever has the turn does that
}

// queueLateClose queues the close frame that waits, if there is one. The caller holds out.mu.
func (c *Conn) queueLateClose() {
	if c.cold == nil || c.cold.closeFrame == nil {
		return
	}
	f := c.cold.closeFrame
	c.cold.closeFrame = nil
	c.out.sender.Close(f.code, f.reason)
}

// happened tells Closing what happened and does what follows.
func (c *Conn) happened(what func(w *protocol.Closing)) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	what(&c.coldState().closing)
	c.follow()
}

// follow does what follows from what Closing was told. The caller holds out.mu, which is given up if that is the end.
func (c *Conn) follow() {
	c.startClock()
	if e := c.cold.closing.End(); e != nil && c.end.CompareAndSwap(nil, e) {
		c.release()
	}
}

// startClock sets the one timer that Config.CloseTimeout is. The caller holds out.mu.
func (c *Conn) startClock() {
	if by := c.cold.closing.Deadline(); c.cold.clock == nil && !by.IsZero() && c.end.Load() == nil {
		c.cold.clock = time.AfterFunc(time.Until(by), c.expire)
	}
}

// expire is called when Config.CloseTimeout is over. Where the network has refused a write and nobody has read, it first
// reads what there is to learn the peer's code (§7.1.5), and keeps nothing of it.
func (c *Conn) expire() {
	learned := c.beginLearning()
	if learned != nil {
		bound, cancel := context.WithTimeout(context.Background(), learnTime)
		if c.calls.Begin(bound, c.nc, interrupt.Reading) == nil {
			c.drain(bound)
		}
		cancel()
	}
	c.happened((*protocol.Closing).Expired) // first: nobody may read on where parts of a message were thrown away
	if learned != nil {
		c.endRead()
		close(learned)
	}
}

// learnTime bounds how long reading takes of what has arrived already.
const learnTime = 100 * time.Millisecond

// beginLearning makes the caller the one who reads if nobody does and that may tell the peer's code. What it returns, nil
// if not so, is to be closed after: closed waits for it.
func (c *Conn) beginLearning() chan struct{} {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.end.Load() != nil || !c.out.refused || !c.reading.TryLock() {
		return nil
	}
	c.cold.learning = make(chan struct{})
	return c.cold.learning
}

// refuse ends sending, because the network has refused a write, and not receiving: a peer that has said what there was to
// say and gone away refuses what comes after, and what it said may be on its way to whoever reads. The caller may write, and
// holds out.mu, which is given up if that is the end.
func (c *Conn) refuse(err error) {
	if c.refusal() != nil {
		return
	}
	o, r := &c.out, c.coldState()
	o.refused, r.refusal = true, &WriteError{err}
	r.deferred, r.deferredBytes, r.closeFrame = nil, 0, nil
	o.sender.DropQueue()
	o.sender.DropTaken()
	o.flusher.Stop()
	r.closing.SendFailed(err, time.Now())
	c.follow()
}

// peerClosed takes the peer's close frame, answers it, and goes on to the end.
func (c *Conn) peerClosed(ctx context.Context, ev *protocol.Event) error {
	code, reason, answer := ev.Code, string(ev.Payload), false
	c.happened(func(w *protocol.Closing) { answer = w.Received(code, reason, time.Now()) })
	if h := c.settings.Value().hooks; h != nil && h.close != nil {
		var err error
		if code, reason, err = h.close(c, code, reason); err != nil {
			return c.peerFailed(ctx, err)
		}
	}
	if answer {
		c.beginClose(code, reason, false)
	}
	return c.finish(ctx)
}

// peerFailed ends the connection because the peer broke a rule: "Fail the WebSocket Connection" (§7.1.7).
func (c *Conn) peerFailed(ctx context.Context, err error) error {
	c.happened(func(w *protocol.Closing) {
		if code, reason, send := w.Violated(err, time.Now()); send {
			c.sendClose(code, reason, false)
		}
	})
	return c.finish(ctx)
}

// readEnded ends the connection because there is nothing more to read.
func (c *Conn) readEnded(err error) error {
	c.happened(func(w *protocol.Closing) { w.ReadFailed(err) })
	return c.end.Load()
}

// finishing reports whether nothing more is to be read as frames.
func (c *Conn) finishing() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.cold != nil && c.cold.closing.Step() != protocol.ReadOn
}

// finish goes the last steps of the connection. If ctx ends first it returns that error, and the next call that reads
// goes on from there. The caller holds reading.
func (c *Conn) finish(ctx context.Context) error {
	c.read.finishing = true
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for {
		if e := c.end.Load(); e != nil {
			return e
		}
		if err := c.finishStep(ctx); err != nil {
			return c.ended(err)
		}
	}
}

// finishStep goes one step. The caller holds reading and out.mu, which is given up meanwhile.
func (c *Conn) finishStep(ctx context.Context) error {
	w := &c.cold.closing
	switch w.Step() {
	case protocol.Flush:
		if c.cold.closeFrame != nil { // behind what is being compressed
			if err := c.beginTurn(ctx); err != nil {
				return err
			}
			c.endTurn()
		}
		if err := c.flush(ctx, c.out.sender.Queued()); err != nil && !c.out.refused {
			return err
		}
		w.Flushed()
		c.follow()
	case protocol.HalfClose:
		c.out.mu.Unlock()
		err := c.awaitEOF(ctx)
		c.out.mu.Lock()
		if err == nil || err != ctx.Err() {
			w.ReadFailed(err)
			c.follow()
		}
		return err
	}
	return nil
}

// awaitEOF half-closes TCP, and throws away what comes until the peer closes, too. A server does not wait where a half-close
// is not possible. The caller holds reading.
func (c *Conn) awaitEOF(ctx context.Context) error {
	if !c.read.halfClosed {
		c.read.halfClosed = true
		if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		} else if c.receiver.Role() == protocol.Server {
			return io.EOF
		}
	}
	err := c.readToEOF()
	if cut := ctx.Err(); cut != nil && isTimeout(err) && !c.calls.Closed(interrupt.Reading) {
		return cut
	}
	return err
}

// readToEOF throws away what comes until there is an error, and returns that. The caller holds reading.
func (c *Conn) readToEOF() error {
	for {
		c.in.release()
		c.in.buf = buffer.Get(buffer.Smallest)
		if err := c.transport.read(&c.in); err != nil {
			return err
		}
	}
}

// release lets go of what only an open connection needs, and tells those who wait for its end. The caller has set c.end, and
// holds out.mu, which is given up meanwhile.
func (c *Conn) release() {
	o, r := &c.out, c.cold
	o.sender.DropQueue()
	o.flusher.Stop()
	if o.turn.TryLock() { // else whoever has it does this
		o.sender.ReleasePacker()
		o.turn.Unlock()
	}
	r.deferred = nil
	c.takeCork()
	if r.dead != nil {
		close(r.dead)
	}
	if r.clock != nil {
		r.clock.Stop()
	}
	hooks := c.hooks
	c.hooks = nil
	lingers := r.closing.Step() == protocol.AwaitEOF
	if lingers {
		r.lingering = &linger{done: make(chan struct{})}
		go c.linger(r.lingering, r.closing.Deadline())
	}
	o.mu.Unlock()
	if !lingers {
		c.hangUp(c.end.Load().WasClean && !o.refused)
	}
	c.calls.Forget(interrupt.Reading)
	if c.beat != nil {
		c.beat.timer.Stop()
	}
	if c.reading.TryLock() {
		c.endRead()
	}
	hooks.call()
	o.mu.Lock()
}

// hangUp closes the net.Conn. A tls.Conn says goodbye only if that is asked for: it would wait seconds for a peer that does
// not read.
func (c *Conn) hangUp(goodbye bool) {
	if goodbye {
		interrupt.CloseGently(c.nc)
	} else {
		interrupt.Close(c.nc)
	}
}
