package conn

import (
	"errors"
	"time"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/protocol"
)

// sendClose queues a close frame, unless nothing can be sent any more; own says that the application has closed. It returns
// what is wrong with code and reason; the frame then has what fits. The caller holds out.mu, which may be given up meanwhile.
func (c *Conn) sendClose(code StatusCode, reason string, own bool) (wrong error) {
	code, reason, wrong = protocol.FitClose(code, reason)
	if err := c.uncarried(frame.Close, code); err != nil {
		code, reason, wrong = StatusNoStatus, "", errors.Join(wrong, err)
	}
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

// beginClose queues a close frame, unless there was one, and sends it as far as that is possible without waiting.
func (c *Conn) beginClose(code StatusCode, reason string, own bool) (wrong error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	wrong = c.sendClose(code, reason, own)
	c.flushNow()
	return wrong
}
