package websocket

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// deadline is a point in time that may be moved while a call waits for it, as a context for that call. The zero value has none.
type deadline struct {
	used   atomic.Bool // there is, or was, one: else nothing need be looked at
	mu     sync.Mutex
	armed  bool            // the timer runs, or has fired
	ctx    context.Context // nil until it is needed
	cancel context.CancelFunc
	timer  *time.Timer
}

// fixed returns a context for calls that only a deadline concerns that was set before.
func (d *deadline) fixed() context.Context {
	if !d.used.Load() { // nearly always: this is inlined, and the rest is not
		return context.Background()
	}
	return d.fixedNow()
}

func (d *deadline) fixedNow() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil || !d.armed && d.ctx.Err() == nil {
		return context.Background()
	}
	return d.ctx
}

// context returns a context that ends at the deadline, also at one that is set later. The caller holds mu.
func (d *deadline) context() context.Context {
	if d.ctx == nil {
		d.ctx, d.cancel = context.WithCancel(context.Background())
		d.timer, d.armed = nil, false
		d.used.Store(true)
	}
	return d.ctx
}

// set moves the deadline; the zero time is none.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fired := d.armed && !d.timer.Stop()
	d.armed = false
	if fired || d.ctx != nil && d.ctx.Err() != nil {
		d.cancel()
		d.ctx = nil
	}
	if t.IsZero() {
		return
	}
	d.context()
	left := time.Until(t)
	switch {
	case left <= 0:
		d.cancel()
		return
	case d.timer == nil:
		d.timer = time.AfterFunc(left, d.cancel)
	default:
		d.timer.Reset(left)
	}
	d.armed = true
}

// stop lets go of the timer.
func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}
