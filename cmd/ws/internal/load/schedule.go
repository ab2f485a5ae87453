package load

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// schedule gives connections their turns when they are due, in the order of that. It needs no goroutine, and no timer, for each.
type schedule struct {
	mu      sync.Mutex
	turns   turns
	changed chan struct{} // has an element when there may be an earlier turn
}

func newSchedule() *schedule { return &schedule{changed: make(chan struct{}, 1)} }

// turn is when a connection is to do something.
type turn struct {
	at time.Time
	of *connection
}

// turns is a heap, the first turn on top.
type turns []turn

func (t turns) Len() int           { return len(t) }
func (t turns) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t turns) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *turns) Push(x any)        { *t = append(*t, x.(turn)) }
func (t *turns) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = turn{}
	*t = (*t)[:last]
	return x
}

// add gives a connection a turn.
func (s *schedule) add(at time.Time, of *connection) {
	s.mu.Lock()
	heap.Push(&s.turns, turn{at, of})
	first := s.turns[0].of == of
	s.mu.Unlock()
	if !first {
		return
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// next takes out the first turn if it is due, and otherwise returns how long that is.
func (s *schedule) next() (t turn, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.turns) == 0 {
		return t, time.Hour
	}
	if wait = time.Until(s.turns[0].at); wait > 0 {
		return t, wait
	}
	return heap.Pop(&s.turns).(turn), 0
}

// run has everybody take turns until ctx ends.
func (s *schedule) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		t, wait := s.next()
		if t.of != nil {
			t.of.turn()
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-s.changed:
		case <-ctx.Done():
		}
	}
}
