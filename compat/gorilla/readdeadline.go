package websocket

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// readDeadline is the deadline of calls that read. Most of the time that a connection lives, such a call waits, so that what a
// context takes would be taken by every connection. This is the context itself. Where the network is a socket, it has no
// channel: when the deadline passes, that of the socket ends the call, and Err says why.
type readDeadline struct {
	socket net.Conn // nil for a network whose own deadlines may not work
	// turns counts how often the deadline has passed, and how often that was taken back: while it has passed, turns is odd. It is
	// written with mu, before the deadline of the socket is set, and after that is cleared.
	turns    atomic.Uint32
	seen     atomic.Uint32 // turns when the call that reads began
	deadline               // mu and timer; the rest is for a network whose own deadlines may not work
	over     bool          // nobody reads any more; guarded by mu
	// now is that of the call that reads, or of the last one, for a network whose own deadlines may not work; guarded by mu.
	now context.Context
}

// init is called before all else. nc is the network.
func (d *readDeadline) init(nc net.Conn) {
	if isSocket(nc) {
		d.socket = nc
	}
}

// isSocket reports whether nc is a socket, or TLS on one.
func isSocket(nc net.Conn) bool {
	if t, ok := nc.(*tls.Conn); ok {
		return isSocket(t.NetConn())
	}
	return isPlainSocket(nc)
}

func isPlainSocket(nc net.Conn) bool {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// begin starts a call that reads, and returns a context for it that ends at the deadline, also at one that is set later. It is the
// same for each call, so that a message may be read on under a deadline that was set since it began.
func (d *readDeadline) begin() context.Context {
	if d.socket == nil {
		d.mu.Lock()
		d.now = d.context()
		d.mu.Unlock()
		return d
	}
	if n := d.turns.Load(); d.seen.Load() != n { // seldom: a store waits for other processors
		d.seen.Store(n)
	}
	return d
}

// set moves the deadline; the zero time is none.
func (d *readDeadline) set(t time.Time) {
	if d.socket == nil {
		d.deadline.set(t)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return
	}
	if d.timer != nil && !d.timer.Stop() {
		d.timer = nil // it has fired or is about to, and finds that it is not the one
	}
	if d.passed() {
		d.socket.SetReadDeadline(time.Time{})
		d.turns.Add(1)
	}
	if t.IsZero() {
		return
	}
	switch left := time.Until(t); {
	case left <= 0:
		d.pass()
	case d.timer != nil:
		d.timer.Reset(left)
	default:
		var timer *time.Timer
		timer = time.AfterFunc(left, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.timer == timer && !d.over {
				d.pass()
			}
		})
		d.timer = timer
	}
}

// takeBack takes back a deadline that the program has set on the network nc itself, unless reading has ended.
func (d *readDeadline) takeBack(nc net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.over {
		nc.SetReadDeadline(time.Time{})
	}
}

// passed reports whether the deadline has passed. The caller holds mu.
func (d *readDeadline) passed() bool { return d.turns.Load()%2 == 1 }

// pass ends the call that waits, and those to come. The caller holds mu.
func (d *readDeadline) pass() {
	if !d.passed() {
		d.turns.Add(1)
	}
	d.socket.SetReadDeadline(time.Unix(1, 0)) // long ago
}

// stop is called when nobody reads any more. The network has its own deadlines again.
func (d *readDeadline) stop() {
	d.deadline.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.passed() {
		d.socket.SetReadDeadline(time.Time{})
	}
}

// Deadline, Done, Err and Value implement context.Context.
func (d *readDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

func (d *readDeadline) Done() <-chan struct{} {
	if d.socket != nil {
		return nil
	}
	return d.current().Done()
}

func (d *readDeadline) Value(key any) any {
	if d.socket != nil {
		return nil
	}
	return d.current().Value(key)
}

func (d *readDeadline) Err() error {
	if d.socket == nil {
		return d.current().Err()
	}
	// A deadline that has passed since the call began, and was moved since then, may have ended it.
	if n := d.turns.Load(); n != d.seen.Load() || n%2 == 1 {
		return context.DeadlineExceeded
	}
	return nil
}

// current is now, where it is in use.
func (d *readDeadline) current() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}
