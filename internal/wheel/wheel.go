// Package wheel keeps many timers at the cost of few: a hierarchical timer wheel, in which setting, moving and stopping one
// takes the same time however many there are. It has no clock and no goroutine: whoever drives it tells the time, and is told
// when to come back. It knows nothing of WebSocket.
package wheel

import (
	"math/bits"
	"time"
)

// Tick is how exact timers are: they go off up to that much late, and never early.
const Tick = time.Millisecond

// The wheel has levels of 64 slots each. A slot of the first level is one tick, one of the next level is a whole turn of the
// level below.
const (
	slotBits = 6
	slots    = 1 << slotBits
	levels   = 7 // 139 years: no time is further than that
)

// Wheel holds timers. All times count from the same start. It is for one goroutine at a time. The zero value is ready for use,
// and at time 0.
//
// Invariants: now is in ticks, and everything up to it has gone off. A timer lies in the level whose slots are just large
// enough for it, in the slot of its time. Bit i of used[l] says that slot i of level l is not empty.
type Wheel struct {
	now  int64
	used [levels]uint64
	slot [levels][slots]*Timer
}

// Timer is one timer. Its owner keeps it; the zero value is not set.
type Timer struct {
	// F is what is to be called; the wheel returns the timers whose time has come, and calls nothing.
	F func()

	at         int64 // in ticks
	next       *Timer
	prev       **Timer // what points here; nil while the timer is not set
	level, idx uint8
}

// Pending reports whether the timer is set.
func (t *Timer) Pending() bool { return t.prev != nil }

// Set sets a timer, which may be set already, to a time.
func (w *Wheel) Set(t *Timer, at time.Duration) {
	w.Stop(t)
	t.at = min(max(int64((at+Tick-1)/Tick), w.now+1), 1<<(slotBits*levels)-1)
	w.insert(t)
}

func (w *Wheel) insert(t *Timer) {
	level := 0
	if differ := uint64(t.at ^ w.now); differ != 0 {
		level = (bits.Len64(differ) - 1) / slotBits
	}
	idx := t.at >> (slotBits * level) & (slots - 1)
	head := &w.slot[level][idx]
	t.level, t.idx = uint8(level), uint8(idx)
	t.next, t.prev = *head, head
	if t.next != nil {
		t.next.prev = &t.next
	}
	*head = t
	w.used[level] |= 1 << idx
}

// Stop makes t a timer that is not set, and reports whether it was.
func (w *Wheel) Stop(t *Timer) bool {
	if t.prev == nil {
		return false
	}
	*t.prev = t.next
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
	if w.slot[t.level][t.idx] == nil {
		w.used[t.level] &^= 1 << t.idx
	}
	return true
}

// Next returns when to call Advance: at that time, there may be timers to go off. ok is false if none is set.
func (w *Wheel) Next() (at time.Duration, ok bool) {
	for level := range levels {
		if w.used[level] == 0 {
			continue
		}
		shift := slotBits * level
		cur := w.now >> shift
		// All used slots of a level lie behind the current one, in the same turn.
		idx := int64(bits.TrailingZeros64(w.used[level]))
		return time.Duration((cur&^(slots-1)|idx)<<shift) * Tick, true
	}
	return 0, false
}

// Advance tells the time, and returns a timer whose time has come, which is not set any more, or nil. It is to be called
// until it returns nil. Timers go off in the order of their times, by ticks.
func (w *Wheel) Advance(to time.Duration) *Timer {
	limit := int64(to / Tick)
	for {
		next, ok := w.Next()
		at := int64(next / Tick)
		if !ok || at > limit {
			w.now = max(w.now, limit)
			return nil
		}
		w.now = max(w.now, at)
		if t := w.slot[0][w.now&(slots-1)]; t != nil && t.at <= w.now {
			w.Stop(t)
			return t
		}
		w.cascade()
	}
}

// cascade moves the timers of the slots that begin now to the levels below.
func (w *Wheel) cascade() {
	for level := levels - 1; level >= 0; level-- {
		idx := w.now >> (slotBits * level) & (slots - 1)
		if level > 0 && w.now&(1<<(slotBits*level)-1) != 0 {
			continue // in the middle of the slot
		}
		t := w.slot[level][idx]
		w.slot[level][idx] = nil
		w.used[level] &^= 1 << idx
		for t != nil {
			next := t.next
			t.next, t.prev = nil, nil
			w.insert(t)
			t = next
		}
	}
}
