package conn

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// cuts end blocked calls when their contexts end, and leave the connection as it was.
//
// A context is registered once and stays registered until a call comes with another one: registering costs more than
// all else that a call does with its context. Between calls an ending context changes nothing. Most connections never see
// a context that can end; those that do have the rest of it.
type cuts struct{ at atomic.Pointer[[2]cutting] }

// direction is what a call does that is cut.
type direction uint8

const (
	reading direction = iota
	writing
)

// cutting is the state of one direction.
type cutting struct {
	set func(time.Time) error // the deadline of what is cut
	nc  io.Closer             // if that does not work

	mu     sync.Mutex // held for a moment only, never across I/O that waits
	done   <-chan struct{}
	stop   func() bool
	active bool // a call is under way
	fired  bool // the context ended while it was: the interruption is to be undone
}

// begin starts a call on nc under ctx: from now until end, the end of ctx interrupts. It returns the error of ctx if that
// has ended already; then there is no call to end. Calls of one direction do not overlap.
func (u *cuts) begin(ctx context.Context, nc net.Conn, d direction) error {
	done := ctx.Done()
	if done == nil {
		return nil
	}
	both := u.at.Load()
	if both == nil {
		both = &[2]cutting{reading: {set: nc.SetReadDeadline, nc: nc}, writing: {set: nc.SetWriteDeadline, nc: nc}}
		if !u.at.CompareAndSwap(nil, both) {
			both = u.at.Load()
		}
	}
	return both[d].begin(ctx, done)
}

// end ends the call that begin started, if it did.
func (u *cuts) end(d direction) {
	if both := u.at.Load(); both != nil && both[d].active { // written by begin and end alone
		both[d].end()
	}
}

// forget lets go of the context that was registered last.
func (u *cuts) forget(d direction) {
	if both := u.at.Load(); both != nil {
		both[d].forget()
	}
}

func (k *cutting) begin(ctx context.Context, done <-chan struct{}) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.done != done {
		if k.stop != nil {
			k.stop()
		}
		k.done = done
		k.stop = context.AfterFunc(ctx, func() { k.fire(done) })
	}
	// Asked last: if fire ran before the lock was taken, the context has ended and this sees it.
	if err := ctx.Err(); err != nil {
		return err
	}
	k.active = true
	return nil
}

// interrupt makes the I/O that is under way, and all that follows, fail at once, or lets it wait again.
func (k *cutting) interrupt(now bool) {
	var deadline time.Time
	if now {
		deadline = longAgo
	}
	if k.set(deadline) != nil {
		k.nc.Close() // a call that must end matters more than a connection that cannot do it
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// fire runs on a goroutine of package context.
func (k *cutting) fire(done <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.active && k.done == done {
		k.fired = true
		k.interrupt(true)
	}
}

func (k *cutting) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.active = false
	if k.fired {
		k.fired = false
		k.interrupt(false)
	}
}

func (k *cutting) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stop != nil {
		k.stop()
	}
	k.done, k.stop = nil, nil
}
