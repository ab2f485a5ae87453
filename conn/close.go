package conn

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/interrupt"
)

// closing is a connection's way from open to closed (§7.1). These are its edges; the state is what of it is set.
//
//	from      event                                         to        section
//	open      Close: our close frame is queued              sent      §7.1.2
//	open      their close frame came; its echo is queued    ending    §5.5.1, §7.1.3
//	open      they broke a rule; close frame is queued      ending    §7.1.7
//	sent      their close frame came                        ending    §7.1.4
//	sent      they broke a rule                             ending    §7.1.7
//	ending    our frame is on the wire                      closed    §7.1.4; after a broken rule, once TCP may go
//	any       a write failed: sending is over, reading goes on until one of these, or Config.CloseTimeout
//	any       reading failed, EOF without a close frame     closed    §7.1.5 (1006)
//	any       Config.CloseTimeout went by, CloseNow         closed    §7.1.5 (1006)
//
// In the state "ending", for which readState has a field, nothing more is read as frames: "after receiving a control frame indicating the connection
// should be closed, a peer discards any further data received" (§1.4). Who lets TCP go first is told at conclude and awaitEOF.
type closing struct {
	own      bool        // our close frame is the application's: Close or SendClose queued it
	sent     bool        // our close frame is queued: nothing may be sent behind it (§5.5.1)
	received bool        // their close frame came
	clock    *time.Timer // ends the connection when CloseTimeout is over and nobody else did
	at       int64       // value of output.sent at which our close frame is on the wire
	by       time.Time   // when Config.CloseTimeout is over
	peer     *CloseError // what their close frame said, or which rule they broke
}

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
	wrong := c.queueClose(code, reason, true)
	if c.end.Load() == nil {
		c.finishClose()
	}
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
	err := c.sendable()
	c.out.mu.Unlock()
	if err != nil {
		return err
	}
	wrong := c.queueClose(code, reason, true)
	c.kick()
	return wrong
}

// finishClose sends our close frame, which is queued, and waits for the end.
func (c *Conn) finishClose() {
	bound, cancel := context.WithDeadlineCause(context.Background(), c.closeBy(), ErrCloseTimeout)
	defer cancel()
	c.kick()
	if c.acquire(bound, &c.reading) == nil {
		c.drain(bound)
		c.failNetwork(ErrCloseTimeout) // first: nobody may read on where parts of a message were thrown away
		c.endRead()
	}
	c.failNetwork(ErrCloseTimeout)
}

// CloseNow closes the net.Conn without a closing handshake. Every call that is under way returns. It returns nil, unless
// the connection had ended before and not cleanly: then how it had. Nothing of the connection is left when it returns.
func (c *Conn) CloseNow() error {
	c.fail(&CloseError{Code: StatusAbnormalClosure, Err: ErrClosedNow})
	c.stopLingering()
	return c.closed()
}

// closed waits for what is still at work on a connection that has ended and says whether that was as it should be.
func (c *Conn) closed() error {
	c.awaitFlusher()
	c.out.mu.Lock()
	var background *slot
	var learning chan struct{}
	if c.rare != nil {
		background, learning = c.rare.background, c.rare.learning
	}
	c.out.mu.Unlock()
	if learning != nil {
		<-learning
	}
	if background != nil {
		background.acquire(context.Background(), nil)
		background.release()
	}
	if e := c.end.Load(); !e.WasClean && e.Err != ErrClosedNow {
		return e
	}
	return nil
}

// awaitFlusher returns when no goroutine of ours is writing any more.
func (c *Conn) awaitFlusher() {
	c.out.later.acquire(context.Background(), nil)
	c.out.later.release()
	c.out.flushing.acquire(context.Background(), nil)
	c.stopFlushing()
}

// sendClose queues a close frame unless one was queued before, and starts the clock. It returns what is wrong with code
// and reason; the frame then has what fits.
func (c *Conn) sendClose(code StatusCode, reason string) (wrong error) {
	return c.queueClose(code, reason, false)
}

// queueClose is sendClose; own says that it is the application that closes.
func (c *Conn) queueClose(code StatusCode, reason string, own bool) (wrong error) {
	var room [frame.MaxControlPayload]byte
	body, wrong := appendFitting(room[:0], code, reason)
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.sendable() != nil {
		return wrong
	}
	if c.out.unbegun { // it never will; what waits for it is not lost with it
		c.out.open, c.out.unbegun = false, false
		c.encodeDeferred()
	}
	c.encode(&outgoing{opcode: frame.Close, fin: true, payload: body})
	way := &c.rarely().closing
	way.sent, way.own = true, own && !way.received
	way.at = c.out.queued
	c.startClock()
	return wrong
}

// appendFitting appends the body of a close frame to dst. If code and reason may not travel it says why, and appends what
// comes nearest.
func appendFitting(dst []byte, code StatusCode, reason string) (body []byte, wrong error) {
	body, wrong = frame.AppendClose(dst, code, reason)
	if wrong == nil || code == StatusNoStatus {
		return body, wrong
	}
	if !code.ValidOnWire() {
		code = StatusInternalError
	}
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if end := frame.MaxCloseReason; len(reason) > end {
		for !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	body, _ = frame.AppendClose(dst, code, reason)
	return body, wrong
}

// startClock is called at the first close frame in either direction. The caller holds out.mu.
func (c *Conn) startClock() {
	way := &c.rarely().closing
	if way.by.IsZero() {
		timeout := c.settings.Value().closeTimeout
		way.by = time.Now().Add(timeout)
		if c.end.Load() == nil { // else nobody is left to stop it
			way.clock = time.AfterFunc(c.patience(timeout), c.expire)
		}
	}
}

// closeGrace is how much longer than Config.CloseTimeout a closing connection lasts that no call sees to. Calls that do
// end it in time themselves.
const closeGrace = 100 * time.Millisecond

// patience is how long the clock runs. The caller holds out.mu.
func (c *Conn) patience(timeout time.Duration) time.Duration {
	if c.out.broken {
		return timeout // nobody has to see to it
	}
	return timeout + closeGrace
}

// expire is what the clock does. Where the network has refused a write and nobody has read, it first reads what there is
// to learn the peer's code (§7.1.5), and keeps nothing of it.
func (c *Conn) expire() {
	if learned := c.beginLearning(); learned != nil {
		bound, cancel := context.WithTimeoutCause(context.Background(), closeGrace, ErrCloseTimeout)
		c.drain(bound)
		cancel()
		c.failNetwork(ErrCloseTimeout) // first, as in finishClose
		c.endRead()
		close(learned)
	}
	c.failNetwork(ErrCloseTimeout)
}

// beginLearning makes the caller the one who reads if nobody does and that may tell the peer's code. What it returns, nil
// if not so, is to be closed after: closed waits for it.
func (c *Conn) beginLearning() chan struct{} {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.end.Load() != nil || !c.out.broken || !c.reading.tryAcquire() {
		return nil
	}
	c.rare.learning = make(chan struct{})
	return c.rare.learning
}

func (c *Conn) closeBy() time.Time {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.rarely().closing.by
}

// drain reads until the connection has ended, or bound has.
func (c *Conn) drain(bound context.Context) {
	if c.calls.Begin(bound, c.nc, interrupt.Reading) != nil {
		return
	}
	var part event
	for {
		if err := c.nextPart(bound, &part); err != nil {
			return
		}
	}
}

// peerClosed takes the body of the peer's close frame, answers it, and ends the connection. "When sending a Close frame
// in response, the endpoint typically echos the status code it received" (§5.5.1).
func (c *Conn) peerClosed(ctx context.Context, body []byte) error {
	code, reason, err := frame.ParseClose(body)
	if err != nil {
		return c.peerFailed(ctx, err)
	}
	c.out.mu.Lock()
	way := &c.rarely().closing
	peer := &CloseError{Code: code, Reason: reason, Remote: !way.sent}
	way.received, way.peer = true, peer
	c.startClock()
	c.out.mu.Unlock()
	if h := c.settings.Value().hooks; h != nil && h.close != nil {
		if code, reason, err = h.close(c, code, reason); err != nil {
			return c.peerFailed(ctx, err)
		}
	}
	c.sendClose(code, reason)
	clean := *peer
	clean.WasClean = true
	c.read.ending = &clean
	return c.finish(ctx)
}

// peerFailed ends the connection because the peer broke a rule: "Fail the WebSocket Connection" (§7.1.7).
func (c *Conn) peerFailed(ctx context.Context, err error) error {
	e := violation(err)
	c.sendClose(e.Code, e.Reason)
	c.out.mu.Lock()
	c.rarely().closing.peer = e
	c.startClock()
	c.out.mu.Unlock()
	c.read.ending = e
	return c.finish(ctx)
}

// finish goes the last steps to readState.ending. If ctx ends first it returns that error, and the next call that reads
// goes on from there. The caller holds reading.
func (c *Conn) finish(ctx context.Context) error {
	c.out.mu.Lock()
	at, by := c.rarely().closing.at, c.rare.closing.by
	c.out.mu.Unlock()
	bound, cancel := context.WithDeadlineCause(ctx, by, ErrCloseTimeout)
	defer cancel()
	e := c.read.ending
	flushed := c.flush(bound, at)
	if flushed != nil && c.unsendable() { // it never will be; and if they have closed, that is not why
		closed := *e
		closed.Remote = e.WasClean
		e, flushed = &closed, nil
	}
	switch {
	case flushed == nil && e.WasClean:
		return c.conclude(e, by)
	case flushed == nil:
		c.awaitEOF(bound)
	}
	if ended := c.end.Load(); ended != nil {
		return ended
	}
	if err := ctx.Err(); err != nil && time.Now().Before(by) {
		return err
	}
	if flushed != nil {
		late := *e
		late.WasClean = false
		if late.Err == nil {
			late.Err = ErrCloseTimeout
		}
		e = &late
	}
	return c.fail(e)
}

// awaitEOF half-closes after a broken rule and waits, as the other end does: were TCP closed while unread data stands in its
// receive buffer, the reset could overtake our close frame.
func (c *Conn) awaitEOF(bound context.Context) {
	if c.unsendable() {
		return
	}
	half, ok := c.nc.(interface{ CloseWrite() error })
	if ok {
		half.CloseWrite()
	} else if c.role() == frame.Server {
		return
	}
	c.calls.End(interrupt.Reading) // the call's context is part of bound
	if c.calls.Begin(bound, c.nc, interrupt.Reading) == nil {
		c.readToEOF()
	}
}

// readToEOF throws away what comes until reading fails. The caller holds reading.
func (c *Conn) readToEOF() {
	for {
		c.in.release()
		c.in.buf = getBuffer(smallestBuffer)
		if c.src.read(&c.in) != nil {
			return
		}
	}
}
