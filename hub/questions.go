package hub

import (
	"context"
	"sync"
)

// questions asks a broker for the history of a topic. Those who ask the same at the same time share an answer, so that a
// broker is not asked a thousand times when a thousand clients come back at once.
type questions struct {
	mu   sync.Mutex
	last map[Query]*question // the last one that was begun, or waits for that
}

// question is one for the broker.
type question struct {
	before *question // goes first: whoever comes while that is under way wants to have what was published since it began
	begun  bool      // guarded by mu of questions
	done   chan struct{}
	page   Page
	err    error
}

// ask returns what the broker answers to a question that begins from now on.
func (s *questions) ask(ctx context.Context, b Broker, topic string, q Query) (Page, error) {
	x, mine := s.join(q)
	if mine {
		s.answer(ctx, x, b, topic, q)
		return x.page, x.err
	}
	select {
	case <-x.done:
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
	if x.err != nil { // perhaps that of another context
		return b.History(ctx, topic, q)
	}
	return x.page, nil
}

// join returns a question that has not begun. If it is the caller's own, it is to be answered, for all who join.
func (s *questions) join(q Query) (x *question, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last[q]
	if last != nil && !last.begun {
		return last, false
	}
	if s.last == nil {
		s.last = map[Query]*question{}
	}
	x = &question{before: last, done: make(chan struct{})}
	s.last[q] = x
	return x, true
}

// answer asks the broker once the question before has its answer.
func (s *questions) answer(ctx context.Context, x *question, b Broker, topic string, q Query) {
	defer close(x.done)
	if x.before != nil {
		select {
		case <-x.before.done:
		case <-ctx.Done():
		}
		x.before = nil
	}
	s.mu.Lock()
	x.begun = true
	s.mu.Unlock()
	x.page, x.err = b.History(ctx, topic, q)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last[q] == x {
		delete(s.last, q)
	}
}
