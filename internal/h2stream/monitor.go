package h2stream

import (
	"sync"
	"time"
)

// monitor is a lock with a condition that can be waited for until a deadline. Nothing holds the lock while it waits for
// I/O.
type monitor struct {
	mu      sync.Mutex
	changed sync.Cond
	at      time.Time   // the deadline, if any
	timer   *time.Timer // wakes those who wait for it
}

func (m *monitor) init() { m.changed.L = &m.mu }

// passed reports whether the deadline has. The caller holds mu.
func (m *monitor) passed() bool { return !m.at.IsZero() && !time.Now().Before(m.at) }

// SetDeadline sets the deadline of calls under way and of those to come; a zero t is none.
func (m *monitor) SetDeadline(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	m.at = t
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		m.timer = time.AfterFunc(wait, m.wake)
	}
	m.changed.Broadcast()
}

func (m *monitor) wake() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changed.Broadcast()
}

// stopTimer is called when no deadline matters any more. The caller holds mu.
func (m *monitor) stopTimer() {
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	m.at = time.Time{}
}
