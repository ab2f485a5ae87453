package conn

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

// slot is a lock that can be waited for together with a context. The zero value is free. Those who wait get it in the
// order in which they came.
//
// A sync.Mutex would do but for two things: nobody can stop waiting for it, and a goroutine that waits for it is not
// durably blocked for testing/synctest. A slot is one word, because every connection has several.
type slot struct {
	// queue is nil while the slot is free and &uncontended while one holds it and nobody waits. Otherwise one holds it, and
	// somebody may wait; then only who holds the slot takes the queue out.
	queue atomic.Pointer[slotQueue]
}

type slotQueue struct {
	mu      sync.Mutex      // held for a moment only
	waiters []chan struct{} // closed one by one as the slot is handed over
	gone    bool            // taken out of its slot: whoever finds it late tries again
}

// uncontended stands for a queue that nobody is in. It is never used as one.
var uncontended slotQueue

// taken reports whether somebody holds the slot.
func (s *slot) taken() bool { return s.queue.Load() != nil }

// tryAcquire takes the slot if it is free.
func (s *slot) tryAcquire() bool { return s.queue.CompareAndSwap(nil, &uncontended) }

// acquire takes the slot and returns nil, or returns the error of ctx if that ends first, or net.ErrClosed if dead is
// closed first. A nil dead never is.
func (s *slot) acquire(ctx context.Context, dead <-chan struct{}) error {
	if s.tryAcquire() {
		return nil
	}
	return s.wait(ctx, dead)
}

// wait is acquire for a slot that was not free.
func (s *slot) wait(ctx context.Context, dead <-chan struct{}) error {
	turn := make(chan struct{})
	q := s.join(turn)
	for ; q == nil; q = s.join(turn) {
		if s.tryAcquire() {
			return nil
		}
	}
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		s.leave(q, turn)
		return ctx.Err()
	case <-dead:
		s.leave(q, turn)
		return net.ErrClosed
	}
}

// join queues turn and returns the queue, or nil if the slot changed meanwhile and may be free.
func (s *slot) join(turn chan struct{}) *slotQueue {
	q := s.queue.Load()
	if q == &uncontended {
		q = &slotQueue{}
		if !s.queue.CompareAndSwap(&uncontended, q) {
			return nil
		}
	}
	if q == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return nil
	}
	q.waiters = append(q.waiters, turn)
	return q
}

// leave takes a waiter out of the queue. If its turn has come meanwhile it passes the slot on.
func (s *slot) leave(q *slotQueue, turn chan struct{}) {
	q.mu.Lock()
	i := slices.Index(q.waiters, turn)
	if i >= 0 {
		q.waiters = slices.Delete(q.waiters, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 {
		s.release()
	}
}

// release hands the slot to the one who has waited longest, or frees it.
func (s *slot) release() {
	if s.queue.CompareAndSwap(&uncontended, nil) {
		return
	}
	q := s.queue.Load()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiters) == 0 {
		q.gone = true
		s.queue.Store(nil)
		return
	}
	turn := q.waiters[0]
	q.waiters = slices.Delete(q.waiters, 0, 1)
	close(turn)
}
