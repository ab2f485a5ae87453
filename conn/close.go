package conn

import (
	"context"
	"errors"
	"time"

	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/protocol"
)

// The calls that close a connection, and the time limit of that. What follows is decided by protocol.Closing, and done in end.go
// and finish.go.

// Close closes the connection with the closing handshake of §7: it sends a close frame with code and reason, waits for the
// peer's, and closes the net.Conn. Everything written before goes out first, except for the rest of a message that a Writer has
// begun to send, and what [Conn.Send] has queued behind it. Close takes no longer than Config.CloseTimeout. Messages that
// arrive meanwhile are dropped, as in a browser, but a call that is waiting for one when Close is called may still return it.
// To get the peer's last answers, read them before closing.
//
// code is one of those that [StatusCode.ValidOnWire] allows, or [StatusNoStatus] with no reason for a close frame without a
// body; reason is UTF-8 of at most [frame.MaxCloseReason] bytes. Otherwise the connection is closed all the same, with what is
// allowed: a long reason is cut between characters, and invalid UTF-8 in it is replaced by U+FFFD; with [StatusNoStatus] the
// reason is left out; and a code that must not be sent, such as the [StatusAbnormalClosure] of another connection whose end is
// passed on, goes out as [StatusInternalError]. The error is then, or has in its tree, a [*frame.ProtocolError] that says what
// was wrong. A browser lets programs close with 1000 and 3000 to 4999; with any other code it closes without one, and the error
// has a [*BrowserError] in its tree.
//
// Apart from that, Close returns nil if the closing handshake was completed, now or before, or cut short by [Conn.CloseNow],
// and otherwise the *[CloseError]. Close may be called more than once and by several goroutines: the first call's code is sent,
// and all calls return when the connection has ended.
//
// A client's connection has ended when both close frames have been sent, although TCP may still be open: the server should
// close it first (§7.1.1), and has until the end of Config.CloseTimeout to do so. A goroutine of the connection waits for that;
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

// SendClose queues a close frame and returns at once, without waiting for it to be on the wire or for the peer's. Nothing can
// be sent after it; reading still returns what the peer sends, up to its close frame. Config.CloseTimeout starts to run.
// SendClose is for programs that want the peer's last messages; others use [Conn.Close], which must follow in any case.
//
// code and reason are as for Close, and so is the [*frame.ProtocolError] for those that are not allowed. Other errors are
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

// awaitEnd waits until a connection that is closing has ended. If nobody reads, it does that itself, and keeps nothing.
func (c *Conn) awaitEnd() {
	if c.end.Load() == nil && c.reading.Lock(context.Background(), c.Done()) == nil {
		c.drain(context.Background())
		c.endRead()
	}
	<-c.Done()
}

// drain reads until there is an error, and returns that. The caller holds reading.
func (c *Conn) drain(ctx context.Context) error {
	var ev protocol.Event
	for {
		if err := c.nextPart(ctx, &ev); err != nil {
			return err
		}
	}
}

// CloseNow closes the net.Conn without a closing handshake. All calls under way return. CloseNow returns nil, unless the
// connection had already ended, and not cleanly: then it returns how. Nothing of the connection is left when it returns.
func (c *Conn) CloseNow() error {
	if c.end.Load() == nil {
		c.happened(func(w *protocol.Closing) { w.Abort(ErrClosedNow) })
	}
	c.stopLingering()
	return c.closed()
}

// closed waits for what is still at work on a connection that has ended and says whether that was as it should be.
func (c *Conn) closed() error {
	c.part()
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

// expire is called when Config.CloseTimeout is over. Where the network has refused a write and nobody has read, it first
// reads what there is to learn the peer's code (§7.1.5), and keeps nothing of it.
func (c *Conn) expire() {
	learned := c.beginLearning()
	if learned != nil {
		c.learn()
	}
	c.happened((*protocol.Closing).Expired) // first: nobody may read on where parts of a message were thrown away
	if learned != nil {
		c.endRead()
		close(learned)
	}
}

// learn reads what has arrived already. The caller holds reading.
func (c *Conn) learn() {
	if d := c.driven(); d != nil {
		for range learnTurns {
			d.beginTurn(ArrivedEnd)
			if c.drain(context.Background()) != nonblock.ErrTurnOver {
				return
			}
		}
		return
	}
	bound, cancel := context.WithTimeout(context.Background(), learnTime)
	defer cancel()
	if c.calls.Begin(bound, c.nc, interrupt.Reading) == nil {
		c.drain(bound)
	}
}

// Bounds for reading what has arrived already: of a goroutine, and of an event loop.
const (
	learnTime  = 100 * time.Millisecond
	learnTurns = 16
)

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
