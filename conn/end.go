package conn

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/interrupt"
)

// conclude ends the connection after close frames went in both directions. "The server MUST close the underlying TCP
// connection immediately"; "the client SHOULD wait for the server to close" (§7.1.1): until by, and in the background.
func (c *Conn) conclude(e *CloseError, by time.Time) *CloseError {
	if c.role() == frame.Server || c.unsendable() {
		return c.fail(e)
	}
	l := &linger{done: make(chan struct{})}
	c.out.mu.Lock()
	c.rarely().lingering = l // before the end, so that CloseNow sees it
	e.own = c.rare.closing.own
	c.out.mu.Unlock()
	if !c.end.CompareAndSwap(nil, e) {
		close(l.done)
		return c.end.Load()
	}
	go c.linger(l, by)
	c.letGo()
	return e
}

// fail makes e the way in which the connection ended, unless it had ended before, and lets go of what it holds. It
// returns how the connection ended.
func (c *Conn) fail(e *CloseError) *CloseError {
	c.out.mu.Lock()
	e.own = e.Err == ErrClosedNow || c.rare != nil && c.rare.closing.own
	c.out.mu.Unlock()
	if !c.end.CompareAndSwap(nil, e) {
		return c.end.Load()
	}
	c.hangUp(e.WasClean && !c.unsendable())
	c.letGo()
	return e
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

// letGo lets go of all that only an open connection needs, and tells those who wait for its end.
func (c *Conn) letGo() {
	c.calls.Forget(interrupt.Reading)
	if c.beat != nil {
		c.beat.timer.Stop()
	}
	c.out.mu.Lock()
	c.out.pending.release()
	c.out.pending = nil
	if c.out.packer != nil {
		c.out.packer.Release()
	}
	if c.rare != nil {
		c.rare.release()
	}
	hooks := c.hooks
	c.hooks = nil
	c.out.mu.Unlock()
	if c.reading.tryAcquire() {
		c.endRead()
	}
	hooks.call()
}

// release lets go of what only an open connection needs, and tells those who wait for its end.
func (r *rare) release() {
	if r.dead != nil {
		close(r.dead)
	}
	r.newest, r.deferred, r.kept = nil, nil, nil
	if r.closing.clock != nil {
		r.closing.clock.Stop()
	}
}

// failNetwork ends the connection because reading failed, or time is over. What the peer did before is kept: its close frame,
// or the rule that it broke, says more than that it is no longer there.
func (c *Conn) failNetwork(err error) *CloseError {
	e := &CloseError{Code: StatusAbnormalClosure, Err: err}
	if err == io.EOF {
		e.Remote, e.Err = true, errPeerVanished
	}
	c.out.mu.Lock()
	if c.rare != nil && c.rare.refused != nil && !errors.Is(c.rare.refused.Err, net.ErrClosed) {
		e.Err = c.rare.refused.Err // what came first, unless this side has closed the network, for the reason that err is
	}
	if c.rare != nil && c.rare.closing.peer != nil {
		cause := e.Err
		*e = *c.rare.closing.peer
		if e.Err == nil {
			e.Err = cause
		}
	}
	c.out.mu.Unlock()
	return c.fail(e)
}

// ended prefers how the connection ended, if it has, to err.
func (c *Conn) ended(err error) error {
	if e := c.end.Load(); e != nil {
		return e
	}
	return err
}
