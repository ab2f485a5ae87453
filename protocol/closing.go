package protocol

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Causes of an end that no close frame explains.
var (
	// ErrCloseTimeout: the closing handshake took too long. Messages on their way may or may not have arrived.
	ErrCloseTimeout = errors.New("websocket: closing handshake took too long (Config.CloseTimeout, FailFast)")
	// ErrPeerVanished: the byte stream ended without a close frame.
	ErrPeerVanished = errors.New("websocket: peer closed the network connection without a close frame")
	// ErrMessageCut: it ended in the middle of a message. It matches ErrPeerVanished, and io.ErrUnexpectedEOF.
	ErrMessageCut = fmt.Errorf("%w, in the middle of a message: %w", ErrPeerVanished, io.ErrUnexpectedEOF)
)

// Step is what a driver does next on the way from open to closed.
type Step uint8

// The steps, in the order in which a connection comes to them.
const (
	ReadOn    Step = iota // read and write as ever; after Sender.Close, write what is queued
	Flush                 // write what is queued, then call Closing.Flushed
	HalfClose             // end this direction of TCP if that is possible, then await the end as with AwaitEOF
	AwaitEOF              // throw away what comes until the end of the stream or an error
	Drop                  // close TCP
)

// Closing takes a connection from open to closed (§7.1), and decides how it ended. A driver tells it what has happened and does
// what [Closing.Step] says. With Role and Timeout set, the zero value stands for an open connection.
//
//	what happened                      method      step         section
//	our close frame was queued         Sent        ReadOn       §7.1.2
//	their close frame came             Received    Flush        §5.5.1, §7.1.3, §7.1.4
//	they broke a rule                  Violated    Flush        §7.1.7
//	our frame is on the wire           Flushed
//	  as a server, both frames went                Drop         §7.1.1
//	  as a client, both frames went                AwaitEOF     §7.1.1
//	  they broke a rule                            HalfClose    §7.1.1
//	nobody is to wait any longer       HalfClosed  AwaitEOF
//	a write failed                     SendFailed  ReadOn       §7.1.5
//	  their close frame had come                   Drop
//	EOF, or reading failed             ReadFailed  Drop         §7.1.5 (1006)
//	the deadline went by               Expired     Drop         §7.1.5 (1006)
//	this end gives up                  Abort       Drop         §7.1.5 (1006)
//
// "After receiving a control frame indicating the connection should be closed, a peer discards any further data received"
// (§1.4), so nothing is read as frames from Flush on. The deadline counts from the first close frame in either direction,
// the first broken rule, or the first write that failed.
//
// A Closing may be used by one goroutine at a time.
type Closing struct {
	Role    Role
	Timeout time.Duration // from the first of these events until TCP is closed; 0 and less: no limit

	// Local is matched by the error of a connection that this end has closed, and of no other. A driver over package net sets
	// net.ErrClosed.
	Local error

	step     Step
	sent     bool // our close frame was queued
	own      bool // because this end has closed, or it gave up
	received bool // their close frame came
	mute     bool // a write failed
	peer     *CloseError
	end      *CloseError
	failure  error // of the write that failed
	by       time.Time
}

// Step returns what to do next.
func (c *Closing) Step() Step { return c.step }

// Own reports whether this end has closed the connection, of its own accord.
func (c *Closing) Own() bool { return c.own }

// Begun reports whether a close frame was sent or received, so that a browser's readyState would be CLOSING.
func (c *Closing) Begun() bool { return c.sent || c.received }

// SentClose reports whether this end has queued a close frame, of its own accord or as an answer.
func (c *Closing) SentClose() bool { return c.sent }

// Mute reports whether nothing can be sent any more because a write failed, and the error of that.
func (c *Closing) Mute() (bool, error) { return c.mute, c.failure }

// Deadline returns when to call Expired, or the zero time as long as there is no limit.
func (c *Closing) Deadline() time.Time { return c.by }

// End returns how the connection ended, or nil as long as that is open. It does not change any more; with AwaitEOF it is known
// although TCP is still there, and nobody who uses the connection has to wait for that.
func (c *Closing) End() *CloseError { return c.end }

// start starts the clock.
func (c *Closing) start(now time.Time) {
	if c.by.IsZero() && c.Timeout > 0 {
		c.by = now.Add(c.Timeout)
	}
}

// Sent notes that this end has queued a close frame; own says that it has closed, and does not answer.
func (c *Closing) Sent(own bool, now time.Time) {
	if !c.sent && !c.received {
		c.own = own
	}
	c.sent = true
	c.start(now)
}

// Received notes the peer's close frame. It reports whether that is to be answered, since no close frame was sent yet: "When
// sending a Close frame in response, the endpoint typically echos the status code it received" (§5.5.1). Then Sent follows.
func (c *Closing) Received(code StatusCode, reason string, now time.Time) (answer bool) {
	if c.step != ReadOn {
		return false
	}
	answer = !c.sent && !c.mute
	c.received = true
	c.peer = &CloseError{Code: code, Reason: reason, Remote: !c.sent || c.mute, WasClean: true}
	c.start(now)
	c.step = Flush
	if c.mute { // no answer will go out, and they are gone: that is as clean as it gets
		c.finish(c.peer)
	}
	return answer
}

// Violated notes an error of [Receiver.Next], or that the peer's close frame is not accepted before it was answered: "Fail the
// WebSocket Connection" (§7.1.7). It returns the close frame to send, if send is set. Then Sent follows.
func (c *Closing) Violated(err error, now time.Time) (code StatusCode, reason string, send bool) {
	code, reason = Violation(err)
	if c.step != ReadOn && (c.step != Flush || c.sent) {
		return code, reason, false
	}
	send = !c.sent && !c.mute
	c.peer = &CloseError{Code: code, Reason: reason, Err: err}
	c.start(now)
	c.step = Flush
	if c.mute {
		c.finish(c.peer)
	}
	return code, reason, send
}

// Flushed notes that all that was queued is on the wire, after a step Flush. "The server MUST close the underlying TCP
// connection immediately"; "the client SHOULD wait for the server to close". After a broken rule both ends half-close and
// wait: were TCP closed while unread data stands in its receive buffer, the reset could overtake our close frame.
func (c *Closing) Flushed() {
	if c.step != Flush {
		return
	}
	switch {
	case !c.peer.WasClean:
		c.step = HalfClose
	case c.Role == Server:
		c.finish(c.peer)
	default:
		c.conclude(c.peer)
		c.step = AwaitEOF
	}
}

// HalfClosed notes that this direction of TCP is closed, after a step HalfClose, for a driver that has nobody wait for the end of the
// stream: how the connection ended is known then.
func (c *Closing) HalfClosed() {
	if c.step == HalfClose {
		c.conclude(c.peer)
		c.step = AwaitEOF
	}
}

// SendFailed notes that a write failed: that ends sending and not receiving. What has arrived is still to be read, and the
// peer's close frame among it says more than the error.
func (c *Closing) SendFailed(err error, now time.Time) {
	if c.mute {
		return
	}
	c.mute, c.failure = true, err
	c.start(now)
	if c.step == ReadOn || c.step == Drop {
		return
	}
	if c.end == nil {
		c.peer.Remote = c.received // what came was no answer to what never went out
	}
	c.finish(c.peer)
}

// ReadFailed notes that reading has come to an end: io.EOF, [ErrMessageCut], or an error of the network.
func (c *Closing) ReadFailed(err error) {
	switch {
	case c.peer != nil:
		c.finish(c.peer)
	case err == io.EOF:
		c.vanished(ErrPeerVanished)
	case err == ErrMessageCut:
		c.vanished(err)
	default:
		c.finish(abnormal(c.cause(err)))
	}
}

// vanished notes that the peer has ended the byte stream, and how.
func (c *Closing) vanished(how error) {
	e := abnormal(c.cause(how))
	e.Remote = true
	c.finish(e)
}

// cause returns the error of the write that failed, if one did, since that was first, and else err. If it failed because this
// side has closed the network, that was for the reason that err is.
func (c *Closing) cause(err error) error {
	if c.mute && (c.Local == nil || !errors.Is(c.failure, c.Local)) {
		return c.failure
	}
	return err
}

// Expired notes that the deadline went by.
func (c *Closing) Expired() { c.cut(ErrCloseTimeout) }

// Abort notes that this end gives up, whatever the state is.
func (c *Closing) Abort(cause error) {
	if c.end == nil && c.peer == nil {
		c.own = true
	}
	c.cut(cause)
}

// cut ends the connection for a reason of this end's. What the peer did before is kept: its close frame, or the rule that it
// broke, says more.
func (c *Closing) cut(cause error) {
	if c.peer == nil {
		if cause == ErrCloseTimeout {
			cause = c.cause(cause)
		}
		c.finish(abnormal(cause))
		return
	}
	e := *c.peer
	e.WasClean = false
	if e.Err == nil {
		e.Err = cause
	}
	c.finish(&e)
}

// finish is conclude, and the end of TCP.
func (c *Closing) finish(e *CloseError) {
	c.conclude(e)
	c.step = Drop
}

// conclude makes e the way in which the connection ended, unless that is known.
func (c *Closing) conclude(e *CloseError) {
	if c.end == nil {
		if c.own {
			e.local = c.Local
		}
		c.end = e
	}
}
