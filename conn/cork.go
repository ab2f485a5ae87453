package conn

import "time"

// Bounds for what is corked: kept back so that it goes out together, by [Conn.Serve] and after [Conn.Send].
const (
	corkSize = 16 << 10         // bytes
	corkTime = time.Millisecond // in case that a callback takes long
)

// cork reports whether what was just queued waits for more. If so, it goes out in time without anybody's help. The caller
// holds mu.
func (c *Conn) cork() bool {
	o := &c.out
	if !o.hot.has(hotCorked) || o.sender.Waiting() >= corkSize {
		return false
	}
	if d := c.driven(); d != nil { // whose loop takes care of slow callbacks
		return !d.has(flagDetached)
	}
	o.hurried = true
	return true
}

// uncork sends what is corked and lets writes go out at once again.
func (c *Conn) uncork() {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.disarmCork()
	c.flushNow()
}

// flushCorked is called when Serve has nothing left to handle before bytes come. It does not wait for a peer that is slow to read:
// that may wait for this side to read, and what is queued may be other goroutines'. Who answers with Write waits there.
func (c *Conn) flushCorked() error {
	if d := c.polling(); d != nil {
		return c.flushPolled(d)
	}
	o := &c.out
	o.mu.Lock()
	c.disarmCork()
	if o.hurried {
		c.flushNow()
	}
	o.mu.Unlock()
	return nil
}

// corkIfMore has what is written from now on wait for more, if the next message has arrived behind this one, and, once that was
// so, for as long as there is anything. What waits already goes on to do so.
func (c *Conn) corkIfMore() {
	switch corked := c.out.hot.has(hotCorked); {
	case len(c.in.unread()) == 0:
		if corked {
			c.out.hot.clear(hotCorked)
		}
	case !corked && c.in.holdsFrame():
		c.out.hot.set(hotCorked)
		if c.driven() == nil {
			c.armCork()
		}
	}
}

// armCork sets the timer that bounds how long corked frames wait. That is done here, and not when there are frames, because
// timers take much of the stack, see nextPart.
func (c *Conn) armCork() {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	switch r := c.coldState(); {
	case r.corkArmed:
	case r.corkTimer == nil:
		r.corkTimer = time.AfterFunc(corkTime, c.uncork) // the callback is slow, or has panicked
		r.corkArmed = true
	default:
		r.corkTimer.Reset(corkTime)
		r.corkArmed = true
	}
}

// disarmCork lets writes go out at once again. The caller holds mu.
func (c *Conn) disarmCork() {
	c.out.hot.clear(hotCorked)
	if r := c.cold; r != nil && r.corkArmed {
		r.corkArmed = false
		r.corkTimer.Stop()
	}
}
