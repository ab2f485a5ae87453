package event

import (
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a callback may take before another goroutine leads its shard, to twice that.
const patience = time.Millisecond

// watch makes sure that a callback that takes long holds up no other connection. It looks once in a while, and only while
// the shard is at work, whether the leader is still in the same job; then it makes another goroutine the leader.
type watch struct {
	shard    *shard
	watching atomic.Bool
	seen     uint64 // the turn when it last looked; for look alone

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

func (w *watch) init(h *shard) {
	w.shard = h
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
}

// begin is called when a job begins.
func (w *watch) begin() {
	if !w.watching.Load() && w.watching.CompareAndSwap(false, true) {
		w.again()
	}
}

func (w *watch) again() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.timer.Reset(patience)
	}
}

// stop ends the watching.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}

// takeOver makes another goroutine the leader, if the one that is has not come out of its job.
func (w *watch) takeOver(turn uint64) {
	h := w.shard
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return
	}
	h.loop.workers.Add(1) // before the old leader can be gone, which would be the last one otherwise
	w.mu.Unlock()
	if !h.turn.CompareAndSwap(turn, turn+1) {
		h.loop.workers.Done()
		return
	}
	s := h.current
	go func() {
		defer h.loop.workers.Done()
		h.lead()
	}()
	if s != nil {
		s.detach()
	}
}

// look is called by the timer.
func (w *watch) look() {
	h := w.shard
	t := h.turn.Load()
	inJob := t&1 == 1
	switch {
	case inJob && t == w.seen:
		w.takeOver(t)
	case !inJob && t == w.seen: // nothing has happened since
		w.watching.Store(false)
		if h.turn.Load() == t || !w.watching.CompareAndSwap(false, true) {
			return
		}
	}
	w.seen = t
	w.again()
}
