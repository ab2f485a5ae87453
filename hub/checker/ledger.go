package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed60239977/websocket/hub"
)

// ledger accounts for all messages.
type ledger struct {
	mu        sync.Mutex
	began     time.Time
	log       map[place]string  // what is where, as all subscribers together have seen it
	by        map[string]place  // the same the other way round: a message is in one place
	published map[string]record // what became of it
	losses    []time.Time       // of the broker's data
	problems  []string
	received  int
	resumed   int // subscriptions that were recovered
	told      int // and those that were not
}

// place is a position in a topic.
type place struct {
	topic string
	hub.Position
}

// record is what a publisher knows of a message.
type record struct {
	outcome outcome
	began   time.Time
}

type outcome string

const (
	accepted outcome = "accepted"
	refused  outcome = "refused"
	unknown  outcome = "unknown"
)

func newLedger() *ledger {
	return &ledger{began: time.Now(), log: map[place]string{}, by: map[string]place{}, published: map[string]record{}}
}

// maxProblems is after how many of them it is clear.
const maxProblems = 20

// problem notes that a promise was broken. The caller holds mu.
func (l *ledger) problem(format string, args ...any) {
	if len(l.problems) < maxProblems {
		l.problems = append(l.problems, fmt.Sprintf("after %v: ", time.Since(l.began).Round(time.Millisecond))+fmt.Sprintf(format, args...))
	}
}

// publish notes what became of a message. Until that is known, it is unknown.
func (l *ledger) publish(id string, o outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, there := l.published[id]
	if !there {
		r.began = time.Now()
	}
	r.outcome = o
	l.published[id] = r
}

// lose notes that the broker has lost its data, and has not come back yet.
func (l *ledger) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losses = append(l.losses, time.Now())
}

// span is what one subscriber has got of one topic without being told that something is missing: what comes after from, up
// to and including to.
type span struct {
	who      string
	topic    string
	from, to hub.Position
	got      map[uint64]bool
}

// account is what a ledger knows of a subscriber's topic.
type account struct {
	l       *ledger
	who     string
	topic   string
	spans   []*span
	now     *span                 // nil: none has begun
	early   []hub.Item            // what came before the answer to the subscription
	waiting bool                  // for that answer
	ever    map[hub.Position]bool // everything that has come
	again   map[hub.Position]bool // of that, what came when the answer was due and did not come: it comes again
}

func (l *ledger) account(who, topic string) *account {
	return &account{l: l, who: who, topic: topic, ever: map[hub.Position]bool{}, again: map[hub.Position]bool{}}
}

// position is where the subscriber goes on.
func (a *account) position() hub.Position {
	if a.now == nil {
		return hub.Position{}
	}
	return a.now.to
}

// ask notes that the subscriber asks for the topic, from its position.
func (a *account) ask() {
	for _, i := range a.early {
		a.again[i.Position] = true
	}
	a.waiting, a.early = true, nil
}

// message notes a message.
func (a *account) message(i hub.Item) {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	a.l.received++
	a.see(i)
	if a.waiting {
		a.early = append(a.early, i)
		return
	}
	a.extend(i)
}

// see compares a message with what others have got. The caller holds the mu of the ledger.
func (a *account) see(i hub.Item) {
	id, at := string(i.Data), place{a.topic, i.Position}
	if i.Position.IsZero() {
		a.l.problem("%s: %q has no position", a.who, id)
	}
	if a.ever[i.Position] && !(a.waiting && a.again[i.Position]) {
		a.l.problem("%s: %q at %v came twice", a.who, id, at)
	}
	a.ever[i.Position] = true
	if other, there := a.l.log[at]; there && other != id {
		a.l.problem("%s: at %v it has %q, and others have %q", a.who, at, id, other)
	}
	if other, there := a.l.by[id]; there && other != at {
		a.l.problem("%s: %q is at %v and at %v", a.who, id, at, other)
	}
	a.l.log[at], a.l.by[id] = id, at
}

// extend adds a message to the span. The caller holds the mu of the ledger.
func (a *account) extend(i hub.Item) {
	s := a.now
	if s == nil || i.Position.Epoch != s.to.Epoch {
		a.l.problem("%s: %v in %s without being told that this is another log", a.who, i.Position, a.topic)
		return
	}
	if i.Position.Offset <= s.to.Offset {
		a.l.problem("%s: %v in %s comes after %v", a.who, i.Position, a.topic, s.to)
	}
	s.to = i.Position
	s.got[i.Position.Offset] = true
}

// answer notes the answer to a subscription.
func (a *account) answer(i hub.Item) {
	a.l.mu.Lock()
	defer a.l.mu.Unlock()
	defer func() { a.waiting, a.early = false, nil }()
	clear(a.again)
	if i.Recovered {
		a.l.resumed++
		for _, m := range a.early {
			a.extend(m)
		}
		if a.now == nil || i.Position.Epoch != a.now.to.Epoch || i.Position.Offset < a.now.to.Offset {
			a.l.problem("%s: recovered in %s up to %v", a.who, a.topic, i.Position)
			return
		}
		a.now.to = i.Position
		return
	}
	if a.now != nil {
		a.l.told++
		if a.now.to.Epoch == i.Position.Epoch {
			a.l.problem("%s: not recovered from %v in %s, though the log is the same", a.who, a.now.to, a.topic)
		}
	}
	a.now = &span{who: a.who, topic: a.topic, from: i.Position, to: i.Position, got: map[uint64]bool{}}
	a.spans = append(a.spans, a.now)
}

// verify accounts for everything. Nothing may be under way.
func (l *ledger) verify(accounts []*account) {
	l.mu.Lock()
	defer l.mu.Unlock()
	offsets := map[place][]uint64{} // by topic and epoch
	for at := range l.log {
		log := place{at.topic, hub.Position{Epoch: at.Epoch}}
		offsets[log] = append(offsets[log], at.Offset)
	}
	for _, all := range offsets {
		slices.Sort(all)
	}
	for _, a := range accounts {
		for _, s := range a.spans {
			for _, offset := range offsets[place{s.topic, hub.Position{Epoch: s.from.Epoch}}] {
				if offset > s.from.Offset && offset <= s.to.Offset && !s.got[offset] {
					l.problem("%s: missed %q at %d in %s, between %v and %v", s.who, l.log[place{s.topic, hub.Position{Epoch: s.from.Epoch, Offset: offset}}],
						offset, s.topic, s.from, s.to)
				}
			}
		}
	}
	l.verifyPublished()
	if epochs := len(offsets); len(l.losses) == 0 && l.told > 0 {
		l.problem("%d times a subscriber was not recovered, in %d logs, and nothing was lost", l.told, epochs)
	}
}

// verifyPublished compares what publishers were told with what has arrived. The caller holds mu.
func (l *ledger) verifyPublished() {
	for id, r := range l.published {
		_, arrived := l.by[id]
		switch {
		case r.outcome == refused && arrived:
			l.problem("%q was refused, and has arrived", id)
		case r.outcome == accepted && !arrived && !l.lostAfter(r.began):
			l.problem("%q was accepted, and has not arrived", id)
		}
	}
	for id := range l.by {
		if _, known := l.published[id]; !known {
			l.problem("%q has arrived, and nobody has published it", id)
		}
	}
}

// lostAfter reports whether data were lost after a time. The caller holds mu.
func (l *ledger) lostAfter(t time.Time) bool {
	return slices.ContainsFunc(l.losses, func(lost time.Time) bool { return !lost.Before(t) })
}

// summary says what was seen.
func (l *ledger) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := map[outcome]int{}
	for _, r := range l.published {
		count[r.outcome]++
	}
	return fmt.Sprintf("%d messages accepted, %d refused, %d unknown; %d received; %d subscriptions resumed, %d told that they were not recovered; %d losses of data",
		count[accepted], count[refused], count[unknown], l.received, l.resumed, l.told, len(l.losses))
}

// err returns the problems as an error, or nil.
func (l *ledger) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.problems) == 0 {
		return nil
	}
	text := ""
	for _, p := range l.problems {
		text += "\n  " + p
	}
	return fmt.Errorf("promises were broken:%s", text)
}
