package websocket

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"
)

// readDeadline is the deadline of calls that read. Most of the time that a connection lives, such a call waits, so that what a
// context takes would be taken by every connection. Where the network is a socket, this is the context itself, one without a
// channel: when the deadline passes, that of the socket ends the call, and Err says why.
type readDeadline struct {
	socket   net.Conn    // nil for a network whose own deadlines may not work
	passed   atomic.Bool // written with mu, before the deadline of the socket is set, and after that is cleared
	reading  atomic.Bool // a call is under way that a deadline that has passed is about to end
	deadline             // for a network whose own deadlines may not work

	// Guarded by deadline.mu.
	timer *time.Timer // nil until there is a deadline
	over  bool        // nobody reads any more
}

// init is called before all else. nc is the network.
func (d *readDeadline) init(nc net.Conn) {
	if isSocket(nc) {
		d.socket = nc
	}
}

func isSocket(nc net.Conn) bool {
	switch nc := nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	case *tls.Conn:
		return isSocket(nc.NetConn())
	}
	return false
}

// begin starts a call that reads, and returns a context for it that ends at the deadline, also at one that is set later.
func (d *readDeadline) begin() context.Context {
	if d.socket == nil {
		return d.movable()
	}
	d.reading.Store(true)
	if d.passed.Load() { // perhaps set is taking that back, without having seen this call
		d.awaitSet()
	}
	return d
}

// awaitSet returns when nobody is setting the deadline.
func (d *readDeadline) awaitSet() {
	d.mu.Lock()
	defer d.mu.Unlock()
}

// finish ends what begin started.
func (d *readDeadline) finish() { d.reading.Store(false) }

// set moves the deadline; the zero time is none.
func (d *readDeadline) set(t time.Time) {
	if d.socket == nil {
		d.deadline.set(t)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over || d.reading.Load() && d.passed.Load() { // that call fails, and reading with it
		return
	}
	if d.timer != nil && !d.timer.Stop() {
		d.timer = nil // it has fired or is about to, and finds that it is not the one
	}
	if d.passed.Load() {
		d.socket.SetReadDeadline(time.Time{})
		d.passed.Store(false)
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

// pass ends the call that waits, and those to come. The caller holds mu.
func (d *readDeadline) pass() {
	d.passed.Store(true)
	d.socket.SetReadDeadline(time.Unix(1, 0)) // long ago
}

// end ends the call that waits, and those to come.
func (d *readDeadline) end() {
	if d.socket == nil {
		d.deadline.end()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pass()
}

// stop is called when nobody reads any more. The network has its own deadlines again.
func (d *readDeadline) stop() {
	d.deadline.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.passed.Load() {
		d.socket.SetReadDeadline(time.Time{})
	}
}

// Deadline, Done, Err and Value implement context.Context.
func (d *readDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }
func (d *readDeadline) Done() <-chan struct{}       { return nil }
func (d *readDeadline) Value(any) any               { return nil }
func (d *readDeadline) Err() error {
	if d.passed.Load() {
		return context.DeadlineExceeded
	}
	return nil
}
