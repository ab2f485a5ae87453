package conn

import (
	"context"
	"net"
	"sync"
	"time"
)

// cut ends a blocked call when its context ends, and leaves the connection as it was.
//
// A context is registered once and stays registered until a call comes with another one: registering costs more than
// all else that a call does with its context. Between calls an ending context changes nothing.
type cut struct {
	nc    net.Conn
	write bool // it is writes that are cut, not reads

	mu     sync.Mutex // held for a moment only, never across I/O that waits
	done   <-chan struct{}
	stop   func() bool
	active bool // a call is under way
	fired  bool // the context ended while it was: the interruption is to be undone
}

// begin starts a call under ctx: from now until end, the end of ctx interrupts. It returns the error of ctx if that has
// ended already; then there is no call to end.
func (k *cut) begin(ctx context.Context) error {
	done := ctx.Done()
	if done == nil {
		return nil
	}
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
func (k *cut) interrupt(now bool) {
	var deadline time.Time
	if now {
		deadline = longAgo
	}
	set := k.nc.SetReadDeadline
	if k.write {
		set = k.nc.SetWriteDeadline
	}
	if set(deadline) != nil {
		k.nc.Close() // a call that must end matters more than a connection that cannot do it
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// fire runs on a goroutine of package context.
func (k *cut) fire(done <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.active && k.done == done {
		k.fired = true
		k.interrupt(true)
	}
}

// end ends the call that begin started, if it did.
func (k *cut) end() {
	if !k.active { // written by begin and end alone
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.active = false
	if k.fired {
		k.fired = false
		k.interrupt(false)
	}
}

// forget lets go of the context that was registered last.
func (k *cut) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stop != nil {
		k.stop()
	}
	k.done, k.stop = nil, nil
}
