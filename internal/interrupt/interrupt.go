// Package interrupt ends blocked I/O on a net.Conn when a context ends or time is over: by deadlines, which leave the
// connection as it was, and by closing it where these do not work. It knows nothing of WebSocket.
//
// A deadline may fail to work in three ways: Set*Deadline returns an error, as that of an SSH channel does; it does nothing;
// or it does not return. The last two show only by a call that goes on for [Grace] after it should have ended.
package interrupt

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Grace is how long a call may go on after a deadline was set that should have ended it. Then the connection is closed. It
// is long, because a machine may be busy, and a connection whose deadlines work must never be closed.
const Grace = time.Second

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// reliable reports whether the deadlines of nc are known to work, so that no grace is needed.
func reliable(nc net.Conn) bool {
	switch nc := nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	case *tls.Conn:
		return reliable(nc.NetConn())
	}
	return false
}

// Close closes nc at once. Of a tls.Conn it closes the connection under it first, since its own Close would wait seconds to
// say goodbye to a peer that does not read. Somebody else's net.Conn over another may have more to do first, and has [Grace] for it.
func Close(nc net.Conn) {
	if over, ok := nc.(tlsConn); ok {
		closeUnder(over)
	}
	CloseGently(nc)
}

// tlsConn is a *tls.Conn, or what embeds one.
type tlsConn interface {
	NetConn() net.Conn
	ConnectionState() tls.ConnectionState
}

// CloseGently closes nc, and gives a tls.Conn up to [Grace] to say goodbye.
func CloseGently(nc net.Conn) {
	if under, ok := nc.(interface{ NetConn() net.Conn }); ok {
		timer := time.AfterFunc(Grace, func() { closeUnder(under) })
		defer timer.Stop()
	}
	nc.Close()
}

// closeUnder closes what is under a net.Conn of a program's own, which may have nothing there any more.
func closeUnder(over interface{ NetConn() net.Conn }) {
	if under := over.NetConn(); under != nil {
		under.Close()
	}
}

// Direction is what the calls do that are interrupted.
type Direction uint8

// The two directions of a net.Conn. Each has its own deadline.
const (
	Reading Direction = iota
	Writing
)

// Calls interrupts the calls on one net.Conn, which may be one in each direction at a time. The zero value is ready for
// use.
//
// A context is registered once and stays registered until a call comes with another one: registering costs more than
// all else that a call does with its context. Between calls an ending context changes nothing. Most connections never see
// a context that can end; those that do have the rest of it.
type Calls struct{ at atomic.Pointer[[2]calls] }

// Begin starts a call on nc under ctx: from now until End, the end of ctx interrupts. It returns the error of ctx if that
// has ended already; then there is no call to end. Calls of one direction do not overlap, and nc is always the same.
func (u *Calls) Begin(ctx context.Context, nc net.Conn, d Direction) error {
	done := ctx.Done()
	if done == nil {
		return nil
	}
	both := u.at.Load()
	if both == nil {
		both = &[2]calls{Reading: {set: nc.SetReadDeadline, nc: nc}, Writing: {set: nc.SetWriteDeadline, nc: nc}}
		if !u.at.CompareAndSwap(nil, both) {
			both = u.at.Load()
		}
	}
	return both[d].begin(ctx, done)
}

// End ends the call that Begin started, if it did. If nc had to be closed, because its deadlines do not work, it returns
// the error of the context that ended.
func (u *Calls) End(d Direction) error {
	if both := u.at.Load(); both != nil && both[d].active { // written by begin and end alone
		return both[d].end()
	}
	return nil
}

// Resume is Begin for a call that End has ended to go on later: if ctx has ended meanwhile, the call has begun and is interrupted.
func (u *Calls) Resume(ctx context.Context, nc net.Conn, d Direction) {
	if u.Begin(ctx, nc, d) != nil {
		u.at.Load()[d].interrupt(ctx)
	}
}

// Closed reports whether nc had to be closed to interrupt a call of this direction.
func (u *Calls) Closed(d Direction) bool {
	both := u.at.Load()
	return both != nil && both[d].closed() != nil
}

// Forget lets go of the context that was registered last.
func (u *Calls) Forget(d Direction) {
	if both := u.at.Load(); both != nil {
		both[d].forget()
	}
}

// calls is the state of one direction.
type calls struct {
	set func(time.Time) error // the deadline of what is interrupted
	nc  net.Conn              // if that does not work

	mu     sync.Mutex // held for a moment only, never across I/O or deadlines that may not return
	done   <-chan struct{}
	stop   func() bool
	active bool       // a call is under way
	fired  *interrupt // the context ended while it was: the deadline is to be undone
	cause  error      // why nc was closed
}

// interrupt is one interruption.
type interrupt struct {
	why     error         // of the context
	settled chan struct{} // closed when the deadline is set, or nc is about to be closed
	grace   *time.Timer   // after it, the call should have ended
}

func (k *calls) begin(ctx context.Context, done <-chan struct{}) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.done != done {
		if k.stop != nil {
			k.stop()
		}
		k.done = done
		k.stop = context.AfterFunc(ctx, func() { k.fire(ctx, done) })
	}
	// Asked last: if fire ran before the lock was taken, the context has ended and this sees it.
	if err := ctx.Err(); err != nil {
		return err
	}
	k.active = true
	return nil
}

// interrupt begins a call under ctx, which has ended, and interrupts it.
func (k *calls) interrupt(ctx context.Context) {
	k.mu.Lock()
	k.active = true
	done := k.done
	k.mu.Unlock()
	go k.fire(ctx, done) // on its own, as where package context calls it: setting a deadline may not return
}

// fire runs on a goroutine of its own, which end waits for.
func (k *calls) fire(ctx context.Context, done <-chan struct{}) {
	k.mu.Lock()
	if !k.active || k.done != done || k.fired != nil {
		k.mu.Unlock()
		return
	}
	f := &interrupt{why: ctx.Err(), settled: make(chan struct{})}
	if reliable(k.nc) {
		f.grace = time.AfterFunc(Grace, func() { k.again(f) })
	} else {
		f.grace = time.AfterFunc(Grace, func() { k.giveUp(f) })
	}
	k.fired = f
	k.mu.Unlock()
	if k.set(longAgo) != nil {
		k.giveUp(f)
		return
	}
	k.settle(f, nil)
}

// again sets the deadline once more, because the call that f interrupts goes on although deadlines work: somebody who has the net.Conn,
// too, has moved it.
func (k *calls) again(f *interrupt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.active && k.fired == f { // so that end comes later, and undoes it
		k.set(longAgo)
		f.grace.Reset(Grace)
	}
}

// giveUp closes nc, because the deadline does not work, unless the call that f interrupts has ended.
func (k *calls) giveUp(f *interrupt) {
	if k.settle(f, f.why) {
		Close(k.nc)
	}
}

// settle lets end go on. A cause says why nc is about to be closed. It reports whether the call is still under way.
func (k *calls) settle(f *interrupt, cause error) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-f.settled:
	default:
		close(f.settled)
	}
	if k.fired != f {
		return false
	}
	if k.cause == nil {
		k.cause = cause
	}
	return true
}

func (k *calls) end() error {
	k.mu.Lock()
	k.active = false
	f := k.fired
	k.mu.Unlock()
	if f == nil {
		return nil
	}
	<-f.settled // whether the deadline works or not, nothing of it must come behind what undoes it
	f.grace.Stop()
	k.mu.Lock()
	k.fired = nil
	cause := k.cause
	k.mu.Unlock()
	if cause == nil && k.set(time.Time{}) != nil {
		cause = f.why // the call has ended as it should, but no other one could begin
		k.mu.Lock()
		k.cause = cause
		k.mu.Unlock()
		Close(k.nc)
	}
	return cause
}

func (k *calls) closed() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cause
}

func (k *calls) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stop != nil {
		k.stop()
	}
	k.done, k.stop = nil, nil
}
