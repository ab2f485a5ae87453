package conn

import (
	"time"

	"github.com/seed60239977/websocket/internal/interrupt"
	"github.com/seed60239977/websocket/protocol"
)

// What follows from what protocol.Closing is told: this file tells it of failures, and lets go of everything when it knows how
// the connection ended.

// happened tells Closing what happened and does what follows.
func (c *Conn) happened(what func(w *protocol.Closing)) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	what(&c.coldState().closing)
	c.follow()
}

// follow does what follows from what Closing was told. The caller holds out.mu, which is given up if that is the end.
func (c *Conn) follow() {
	if c.isOver() {
		c.release()
	}
}

// followReading is follow for a caller that holds reading. Most connections end deep in calls that read, on goroutines that have
// little of the stack (see freshstack.go). So that closing the network does not make them need more, endRead releases the
// connection, or whoever closes it, if that comes first. The caller holds out.mu.
func (c *Conn) followReading() {
	if c.isOver() {
		c.cold.parting = true
	}
}

// isOver starts the clock for what Closing waits for, and reports whether the connection has just ended. The caller holds out.mu.
func (c *Conn) isOver() bool {
	c.startClock()
	e := c.cold.closing.End()
	return e != nil && c.end.CompareAndSwap(nil, e)
}

// part does what followReading has left to do, if nobody has. The caller does not hold out.mu.
func (c *Conn) part() {
	c.out.mu.Lock()
	if c.cold.parting {
		c.cold.parting = false
		c.release()
	}
	c.out.mu.Unlock()
}

// release lets go of what only an open connection needs, and tells those who wait for its end. The caller has set c.end, and
// holds out.mu, which is given up meanwhile.
func (c *Conn) release() {
	o, r := &c.out, c.cold
	o.sender.DropQueue()
	o.flusher.Stop()
	c.unblock()
	if o.turn.TryLock() { // else whoever has it does this
		o.sender.ReleasePacker()
		o.turn.Unlock()
	}
	r.deferred, r.deferredBytes = nil, 0
	if r.corkTimer != nil {
		r.corkTimer.Stop()
	}
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
		c.hangUp(c.end.Load().WasClean && !o.refused || c.saysGoodbyeAtOnce())
	}
	c.calls.Forget(interrupt.Reading)
	c.calls.Forget(interrupt.Writing)
	if c.beat != nil {
		c.beat.timer.Stop()
	}
	if c.reading.TryLock() {
		c.endRead()
	}
	c.observeEnd()
	hooks.call() // after that: who has waited for the end, as a Registry does, may look at what an Observer has counted
	if d := c.driven(); d != nil {
		d.nc().Ended()
	}
	o.mu.Lock()
}

// hangUp closes the net.Conn. A tls.Conn says goodbye only if that is asked for: it may have to wait seconds for a peer that does not
// read.
//
// It can be inlined, since a function less is what keeps the stack of a goroutine small that has used a Reader: see nextPart.
func (c *Conn) hangUp(goodbye bool) {
	hangUp := interrupt.Close
	if goodbye {
		hangUp = interrupt.CloseGently
	}
	hangUp(c.nc)
}

// goodbye is how many bytes a tls.Conn takes to say goodbye, or more.
const goodbye = 64

// saysGoodbyeAtOnce reports whether it is known that a tls.Conn need not wait to say goodbye.
func (c *Conn) saysGoodbyeAtOnce() bool {
	s, ok := c.transport.(*portable)
	return ok && s.takesNow(goodbye)
}

// refuse ends sending, because the network has refused a write, and not receiving: a peer that has said what there was to
// say and gone away refuses what comes after, and what it said may be on its way to whoever reads. The caller may write, and
// holds out.mu, which is given up if that is the end.
func (c *Conn) refuse(err error) {
	if c.refusal() != nil {
		return
	}
	err = c.asNet(err)
	o, r := &c.out, c.coldState()
	o.refused, r.refusal = true, &WriteError{err}
	r.deferred, r.deferredBytes, r.closeFrame = nil, 0, nil
	o.sender.DropQueue()
	o.sender.DropTaken()
	o.flusher.Stop()
	c.resumeReading(0) // nothing waits to be written any more
	r.closing.SendFailed(err, time.Now())
	c.follow()
}

// startClock sets the one timer that Config.CloseTimeout is. The caller holds out.mu.
func (c *Conn) startClock() {
	if by := c.cold.closing.Deadline(); c.cold.clock == nil && !by.IsZero() && c.end.Load() == nil {
		c.cold.clock = c.afterFunc(time.Until(by), c.expire)
	}
}
