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
// durably blocked for testing/synctest.
type slot struct {
	state atomic.Int32 // one of the three below
	mu    sync.Mutex   // guards waiters; held for a moment only
	// waiters are closed one by one as the slot is handed over.
	waiters []chan struct{}
}

const (
	slotFree      = iota
	slotHeld      // by one, nobody waits
	slotContended // held by one, somebody may wait: release looks at waiters
)

// tryAcquire takes the slot if it is free.
func (s *slot) tryAcquire() bool { return s.state.CompareAndSwap(slotFree, slotHeld) }

// acquire takes the slot and returns nil, or returns the error of ctx if that ends first, or net.ErrClosed if dead is
// closed first. A nil dead never is.
func (s *slot) acquire(ctx context.Context, dead <-chan struct{}) error {
	if s.tryAcquire() {
		return nil
	}
	s.mu.Lock()
	if s.state.Swap(slotContended) == slotFree {
		s.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	s.waiters = append(s.waiters, turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		s.leave(turn)
		return ctx.Err()
	case <-dead:
		s.leave(turn)
		return net.ErrClosed
	}
}

// leave takes a waiter out of the queue. If its turn has come meanwhile it passes the slot on.
func (s *slot) leave(turn chan struct{}) {
	s.mu.Lock()
	i := slices.Index(s.waiters, turn)
	if i >= 0 {
		s.waiters = slices.Delete(s.waiters, i, i+1)
	}
	s.mu.Unlock()
	if i < 0 {
		s.release()
	}
}

// release hands the slot to the one who has waited longest, or frees it.
func (s *slot) release() {
	if s.state.CompareAndSwap(slotHeld, slotFree) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiters) == 0 {
		s.waiters = nil
		s.state.Store(slotFree)
		return
	}
	turn := s.waiters[0]
	s.waiters = slices.Delete(s.waiters, 0, 1)
	close(turn)
}
