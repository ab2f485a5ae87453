package conn

import (
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/internal/nonblock"
	"github.com/seed60239977/websocket/protocol"
)

// heartbeat drives a protocol.Heartbeat by one timer. What reading adds to it is a store before it waits for bytes and one
// after.
type heartbeat struct {
	rule    protocol.Heartbeat // only for tick
	start   time.Time          // all times below count from here
	timer   nonblock.Timer
	waiting atomic.Int64  // since when somebody waits for bytes, with what calls before have waited; 0 while nobody does
	began   atomic.Int64  // when the call that waits began to
	pinged  *unaskedPing  // waits for its pong; nil unless somebody wants to know; guarded by out.mu
	waited  time.Duration // how long calls that were cut have waited since bytes came; only for the reader
}

// now is never 0.
func (h *heartbeat) now() time.Duration { return time.Since(h.start) + 1 }

// wait notes that somebody waits for bytes from now on.
func (h *heartbeat) wait() {
	if h != nil {
		h.waitFrom()
	}
}

// waitFrom is not inlined, like arrived, because most connections do without, and without what it takes of the stack.
//
//go:noinline
func (h *heartbeat) waitFrom() {
	if h.waiting.Load() != 0 { // the event loop has waited since the turn before
		return
	}
	now := h.now()
	h.began.Store(int64(now))
	h.waiting.Store(int64(now - h.waited))
}

// alive notes a sign of life of a peer that an event loop does not read from at the moment: it has sent something, or has taken
// some of what it was sent. Any goroutine may call it.
func (h *heartbeat) alive() {
	if h == nil {
		return
	}
	if since := h.waiting.Load(); since != 0 {
		h.waiting.CompareAndSwap(since, int64(h.now()))
	}
}

// came notes that the waiting is over: bytes have come, unless there is an error.
func (h *heartbeat) came(err error) {
	if h != nil {
		h.arrived(err)
	}
}

//go:noinline
func (h *heartbeat) arrived(err error) {
	if nonblock.Stopped(err) { // and it waits on
		return
	}
	h.waited = 0
	if err != nil { // a context has cut the call, and the next one waits on
		h.waited = h.now() - time.Duration(h.waiting.Load())
	}
	h.waiting.Store(0)
}
