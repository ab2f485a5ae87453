package conn

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// cut ends a blocked call when its context ends, and leaves the connection as it was.
//
// A context is registered once and stays registered until a call comes with another one: registering costs more than
// all else that a call does with its context. Between calls an ending context changes nothing. Most connections never see
// a context that can end; those that do have the rest of it.
type cut struct{ at atomic.Pointer[cutting] }

// cutting is the state of a cut.
type cutting struct {
	set func(time.Time) error // the deadline of what is cut
	nc  io.Closer             // if that does not work

	mu     sync.Mutex // held for a moment only, never across I/O that waits
	done   <-chan struct{}
	stop   func() bool
	active bool // a call is under way
	fired  bool // the context ended while it was: the interruption is to be undone
}

// begin starts a call that reads from nc, or writes to it, under ctx: from now until end, the end of ctx interrupts. It
// returns the error of ctx if that has ended already; then there is no call to end. Calls do not overlap.
func (u *cut) begin(ctx context.Context, nc net.Conn, write bool) error {
	done := ctx.Done()
	if done == nil {
		return nil
	}
	k := u.at.Load()
	if k == nil {
		k = &cutting{set: nc.SetReadDeadline, nc: nc}
		if write {
			k.set = nc.SetWriteDeadline
		}
		u.at.Store(k)
	}
	return k.begin(ctx, done)
}

// end ends the call that begin started, if it did.
func (u *cut) end() {
	if k := u.at.Load(); k != nil && k.active { // written by begin and end alone
		k.end()
	}
}

// forget lets go of the context that was registered last.
func (u *cut) forget() {
	if k := u.at.Load(); k != nil {
		k.forget()
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
