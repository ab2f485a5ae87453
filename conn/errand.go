package conn

import (
	"context"
	"sync"
)

// errand is a goroutine that does one thing for a connection or some, made of what an earlier one has left. It begins while
// it holds a slot of each, flushing or later, for which CloseNow waits.
type errand struct {
	run   func()
	do    func(*Conn)
	conns []*Conn // in the end with room for a round
	of    *rounds // who may add connections until the errand is under way; nil if nobody
	later bool    // it holds the slot later of each; else somebody waits for it by another one
}

var errands sync.Pool

func newErrand(do func(*Conn), c *Conn, of *rounds) *errand {
	e, ok := errands.Get().(*errand)
	if !ok {
		e = new(errand)
		e.run = e.start
	}
	e.do, e.of, e.conns = do, of, append(e.conns, c)
	return e
}

// newFlush returns an errand that writes what is pending by the time that it runs. The caller holds c.out.later.
func newFlush(c *Conn, of *rounds) *errand {
	e := newErrand((*Conn).flushLater, c, of)
	e.later = true
	return e
}

// spawn does do(c) on a goroutine of its own. c must wait for it.
func (c *Conn) spawn(do func(*Conn)) { go newErrand(do, c, nil).run() }

func (e *errand) start() {
	if e.of != nil {
		e.of.leave(e)
	}
	if e.later {
		for _, c := range e.conns { // before anything is written, because what ends a connection may close others
			c.out.later.release()
		}
	}
	for _, c := range e.conns {
		e.do(c)
	}
	clear(e.conns)
	e.of, e.later, e.conns = nil, false, e.conns[:0]
	errands.Put(e)
}

// rounds are the errands that write one message to many connections: a goroutine for each connection would cost a tenth
// of what writing does.
type rounds struct {
	mu   sync.Mutex
	next *errand // waits for its goroutine to run
}

// roundSize is how many connections one goroutine writes to, so that there is work for all processors.
const roundSize = 64

// add makes a goroutine write what is pending for c. The caller holds c.out.later.
func (r *rounds) add(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.next; e != nil && len(e.conns) < roundSize {
		e.conns = append(e.conns, c)
		return
	}
	r.next = newFlush(c, r)
	go r.next.run()
}

// leave sees to it that nobody is added to e any more.
func (r *rounds) leave(e *errand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == e {
		r.next = nil
	}
}

// kickLater is kick for who may go on to send more, here or, with r, to other connections: a goroutine writes all that is
// pending by the time that this one lets it run. It does not wait for much: then it is time to write now.
func (c *Conn) kickLater(pending int, r *rounds) {
	if pending >= gatherSize {
		c.kick()
		return
	}
	c.out.kicked.Store(true)
	switch {
	case !c.out.later.tryAcquire():
	case r == nil:
		go newFlush(c, nil).run()
	default:
		r.add(c)
	}
}

// flushLater makes one write, without waiting. Whoever sends from now on needs another errand.
func (c *Conn) flushLater() {
	if !c.toFlush() || !c.out.flushing.tryAcquire() {
		return
	}
	if !c.writePending(context.Background(), false) {
		c.spawn((*Conn).flushOnce)
		return
	}
	c.releaseFlushing()
	if c.toFlush() { // others may be waiting for this goroutine
		c.kickLater(0, nil)
	}
}

// rounds returns the errands that m may share with other connections, or nil.
func (m *outgoing) rounds() *rounds {
	if m.prepared == nil {
		return nil
	}
	return &m.prepared.rounds
}
