package conn

import (
	"context"
	"sync/atomic"
	"time"
)

// linger is a client's wait for its server to close TCP first, once the connection has ended cleanly (§7.1.1). Whoever
// closes first has to remember the connection for minutes (TIME_WAIT), which is the server's to do. With Config.FailFast, it also is
// the wait for a peer that has broken a rule.
type linger struct {
	hungUp atomic.Bool   // somebody closes the net.Conn, or has
	done   chan struct{} // closed when the goroutine has ended
}

// hangUp closes the net.Conn of c unless that was done.
func (l *linger) hangUp(c *Conn, goodbye bool) {
	if l.hungUp.CompareAndSwap(false, true) {
		c.hangUp(goodbye || c.saysGoodbyeAtOnce())
	}
}

// linger reads until the peer has closed, or by. Whoever was reading lets go, since the connection has ended.
func (c *Conn) linger(l *linger, by time.Time) {
	defer close(l.done)
	if !by.IsZero() {
		clock := time.AfterFunc(time.Until(by), func() { l.hangUp(c, false) })
		defer clock.Stop()
	}
	c.reading.Lock(context.Background(), nil)
	c.readToEOF()
	c.in.release()
	c.reading.Unlock()
	l.hangUp(c, true)
}

// stopLingering closes TCP now, and waits for the goroutine.
func (c *Conn) stopLingering() {
	c.out.mu.Lock()
	var l *linger
	if c.cold != nil {
		l = c.cold.lingering
	}
	c.out.mu.Unlock()
	if l != nil {
		l.hangUp(c, false)
		<-l.done
	}
}
