package interrupt

import (
	"context"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Watch makes all calls on nc fail once ctx ends. The returned function ends that, and returns the error of ctx if it has
// come to that; then nc is of no more use, and is to be closed. It is to be called before nc is closed, also if there is a panic;
// a second call does nothing.
func Watch(ctx context.Context, nc net.Conn) (stop func() error) {
	if ctx.Done() == nil {
		return func() error { return nil }
	}
	settled := make(chan struct{}) // closed when the deadline is set, or nc is about to be closed
	settle := sync.OnceFunc(func() { close(settled) })
	var grace *time.Timer
	unregister := context.AfterFunc(ctx, func() {
		if !reliable(nc) {
			grace = time.AfterFunc(time.Hour, func() { settle(); Close(nc) })
			grace.Reset(Grace) // now that it is there for the reader to see once this is settled
		}
		if nc.SetDeadline(longAgo) != nil {
			Close(nc)
		}
		settle()
	})
	return func() error {
		if unregister() {
			settle() // for a second call
			return nil
		}
		<-settled
		if grace != nil {
			grace.Stop()
		}
		return ctx.Err()
	}
}

// Limit is a time limit for all that is done on a net.Conn by one goroutine. It is for where a deadline would do if it
// could be relied on, and costs nothing more on a socket. It must not be copied once it is in use.
type Limit struct {
	nc    net.Conn
	set   bool   // the deadline is
	guard *guard // closes nc where deadlines may not work; nil if it never had to be there
}

// guard closes a net.Conn when time is over.
type guard struct {
	timer  *time.Timer
	passed atomic.Bool
}

// NewLimit sets a limit, in place of the deadlines that nc has. The zero time is none.
func NewLimit(nc net.Conn, at time.Time) Limit {
	l := Limit{nc: nc}
	l.Move(at)
	return l
}

// Move sets the limit to another time. The zero time is none.
func (l *Limit) Move(at time.Time) {
	l.Stop()
	wait := time.Until(at)
	if !at.IsZero() && !reliable(l.nc) { // first, because setting the deadline may not return
		l.closeAfter(wait + Grace)
	}
	err := l.nc.SetDeadline(at)
	if err == nil {
		l.set = !at.IsZero()
	} else if !at.IsZero() {
		l.Stop()
		l.closeAfter(wait)
	}
}

func (l *Limit) closeAfter(wait time.Duration) {
	if l.guard == nil {
		l.guard = new(guard)
	}
	g, nc := l.guard, l.nc
	g.timer = time.AfterFunc(wait, func() {
		g.passed.Store(true)
		Close(nc)
	})
}

// Stop is the last call before nc is closed: nothing else closes it any more.
func (l *Limit) Stop() {
	if l.guard != nil {
		l.guard.timer.Stop()
	}
}

// Clear is the last call before nc is used without the limit. It returns an error if that has passed, or if the deadline
// cannot be undone. On a connection on which none could be set there is none to undo.
func (l *Limit) Clear() error {
	l.Stop()
	if l.passed() {
		return os.ErrDeadlineExceeded
	}
	if !l.set {
		return nil
	}
	return l.nc.SetDeadline(time.Time{})
}

// Cause is the error of a call on nc as it should be: os.ErrDeadlineExceeded if nc had to be closed because the limit has
// passed, else err.
func (l *Limit) Cause(err error) error {
	if l.passed() {
		return os.ErrDeadlineExceeded
	}
	return err
}

func (l *Limit) passed() bool { return l.guard != nil && l.guard.passed.Load() }
