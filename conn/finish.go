package conn

import (
	"context"
	"io"
	"time"

	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/protocol"
)

// The last steps of a connection: its answer to a close frame or a broken rule, and the wait for the end of TCP.

// peerClosed takes the peer's close frame, answers it, and goes on to the end.
func (c *Conn) peerClosed(ctx context.Context, ev *protocol.Event) error {
	code, reason, answer := ev.Code, string(ev.Payload), false
	c.happened(func(w *protocol.Closing) { answer = w.Received(code, reason, time.Now()) })
	if h := c.read.now().hooks; h != nil && h.close != nil {
		var err error
		c.beforeHook()
		code, reason, err = h.close(c, code, reason)
		c.afterHook(ctx)
		if err != nil {
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

// readEnded ends the connection because there is nothing more to read. The caller holds reading.
func (c *Conn) readEnded(err error) error {
	if err == io.EOF && c.receiver.InMessage() {
		err = protocol.ErrMessageCut
	}
	c.out.mu.Lock() // not by happened, which needs more of the stack
	c.noteReadEnd(err)
	c.followReading()
	c.out.mu.Unlock()
	return c.end.Load()
}

// noteReadEnd tells Closing of it. The caller holds out.mu.
func (c *Conn) noteReadEnd(err error) { c.coldState().closing.ReadFailed(c.asNet(err)) }

// finish goes the last steps of the connection. If ctx ends first it returns that error, and the next call that reads
// goes on from there. The caller holds reading.
func (c *Conn) finish(ctx context.Context) error {
	c.read.finishing = true
	if c.in.late && c.cutLate(ctx) != nil {
		c.in.uncut = false
		c.calls.Resume(ctx, c.nc, interrupt.Reading)
	}
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
		if c.polling() != nil {
			if err := c.finishPolled(); err != nil {
				return err
			}
			w.Flushed()
			c.followReading()
			return nil
		}
		if err := c.flushLast(ctx); err != nil && !c.out.refused {
			return err
		}
		w.Flushed()
		c.followReading()
	case protocol.HalfClose:
		c.out.mu.Unlock()
		err := c.awaitEOF(ctx)
		c.out.mu.Lock()
		switch {
		case err == nil:
			w.HalfClosed()
			c.followReading()
		case !nonblock.Stopped(err) && err != ctx.Err():
			w.ReadFailed(err)
			c.followReading()
		}
		return err
	}
	return nil
}

// flushLast has the last of what is queued written: with Config.FailFast, for no longer than that. The caller holds reading and out.mu,
// which is given up meanwhile.
func (c *Conn) flushLast(ctx context.Context) error {
	by := c.settings.Value().failFast
	if by <= 0 || c.driven() != nil {
		return c.flushBehindTurn(ctx)
	}
	if c.cold.closeFrame != nil && c.out.holder == turnPacks { // which is this side's own work, and no wait for the peer
		if err := c.passTurn(ctx); err != nil {
			return c.ended(err)
		}
	}
	if c.flushNow(); c.out.sender.Buffered() == 0 && c.cold.closeFrame == nil { // nearly always
		return nil
	}
	within, cancel := context.WithTimeout(ctx, by)
	defer cancel()
	err := c.flushBehindTurn(within)
	if err != nil && ctx.Err() == nil && within.Err() != nil && c.end.Load() == nil {
		c.cold.closing.Expired()
		c.followReading()
	}
	return c.ended(err)
}

// flushBehindTurn has what is queued written, and before that what waits for somebody's turn to end: a close frame may come behind what
// is being compressed, or written from where the caller has it. The caller holds out.mu, which is given up meanwhile.
func (c *Conn) flushBehindTurn(ctx context.Context) error {
	if c.cold.closeFrame != nil {
		if err := c.passTurn(ctx); err != nil {
			return err
		}
	}
	return c.flush(ctx, c.out.sender.Queued())
}

// awaitEOF half-closes TCP, and throws away what comes until the peer closes, too. A server does not wait where a half-close
// is not possible. It returns nil if it leaves the waiting to a goroutine, see linger. The caller holds reading.
func (c *Conn) awaitEOF(ctx context.Context) error {
	if !c.read.halfClosed {
		c.read.halfClosed = true
		if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		} else if c.receiver.Role() == protocol.Server {
			return io.EOF
		}
	}
	if c.settings.Value().failFast > 0 && c.driven() == nil {
		return nil
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
