// Package ctxmutex is a mutex that can be waited for together with a context.
package ctxmutex

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Mutex is a mutual exclusion lock whose waiters may give up. The zero value is unlocked. Those who wait get it in the order
// in which they came. It must not be copied.
//
// A sync.Mutex would do but for two things: nobody can stop waiting for it, and a goroutine that waits for it is not
// durably blocked for testing/synctest. A Mutex is one word.
type Mutex struct {
	// q is nil while the mutex is unlocked and &uncontended while one holds it and nobody waits. Otherwise one holds it, and
	// somebody may wait; then only who holds the mutex takes the queue out.
	q atomic.Pointer[queue]
}

type queue struct {
	mu      sync.Mutex      // held for a moment only
	waiters []chan struct{} // closed one by one as the mutex is handed over
	gone    bool            // taken out of its mutex: whoever finds it late tries again
}

// uncontended stands for a queue that nobody is in. It is never used as one.
var uncontended queue

// TryLock takes the mutex if it is free.
func (m *Mutex) TryLock() bool { return m.swap(nil, &uncontended) }

// swap is m.q.CompareAndSwap for nil and &uncontended. The garbage collector need not know of these, which are not on the heap, so
// that this is one instruction where CompareAndSwap is three calls.
func (m *Mutex) swap(from, to *queue) bool {
	return atomic.CompareAndSwapUintptr((*uintptr)(unsafe.Pointer(&m.q)), uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(to)))
}

// Held reports whether somebody holds the mutex, which may change at any time.
func (m *Mutex) Held() bool { return m.q.Load() != nil }

// Lock takes the mutex and returns nil, or returns the error of ctx if that ends first, or net.ErrClosed if dead is
// closed first. A nil dead never is. If one of them ends as the mutex is handed over, Lock returns nil, and the caller has it: it may
// have something to do before the next one gets it.
func (m *Mutex) Lock(ctx context.Context, dead <-chan struct{}) error {
	if m.TryLock() {
		return nil
	}
	return m.wait(ctx, dead)
}

// wait is Lock for a mutex that was not free.
func (m *Mutex) wait(ctx context.Context, dead <-chan struct{}) error {
	turn := make(chan struct{})
	q := m.join(turn)
	for ; q == nil; q = m.join(turn) {
		if m.TryLock() {
			return nil
		}
	}
	err := net.ErrClosed
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		if err = ctx.Err(); err == nil {
			err = context.DeadlineExceeded // of a deadline that has been moved since
		}
	case <-dead:
	}
	if !m.leave(q, turn) {
		return nil
	}
	return err
}

// join queues turn and returns the queue, or nil if the mutex changed meanwhile and may be free.
func (m *Mutex) join(turn chan struct{}) *queue {
	q := m.q.Load()
	if q == &uncontended {
		q = &queue{}
		if !m.q.CompareAndSwap(&uncontended, q) {
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

// leave takes a waiter out of the queue. It reports false if its turn has come meanwhile, so that it has the mutex.
func (m *Mutex) leave(q *queue, turn chan struct{}) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiters, turn)
	if i >= 0 {
		q.waiters = slices.Delete(q.waiters, i, i+1)
	}
	return i >= 0
}

// Unlock hands the mutex to the one who has waited longest, or frees it.
func (m *Mutex) Unlock() {
	if !m.swap(&uncontended, nil) {
		m.handOver()
	}
}

// handOver is Unlock for a mutex that somebody waits for, or has waited for.
func (m *Mutex) handOver() {
	q := m.q.Load()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiters) == 0 {
		q.gone = true
		m.q.Store(nil)
		return
	}
	turn := q.waiters[0]
	q.waiters = slices.Delete(q.waiters, 0, 1)
	close(turn)
}
