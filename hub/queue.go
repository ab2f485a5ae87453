package hub

import "github.com/seed60239977/websocket/conn"

// valueKey tells values apart of which only the latest matters.
type valueKey struct{ topic, key string }

// entry is a message that waits.
type entry struct {
	*Message
	p              *conn.Prepared // what it looks like on the wire
	waits          bool           // false once it has left the queue, by whichever way
	before, behind *entry         // in the queue
}

// size is how many bytes of a queue's bound it takes.
func (e *entry) size() int { return len(e.p.Message().Data) }

// queue is what waits for one connection, in the order in which it goes out. It does not know its bounds. It is a list of its
// own: with one of package container/list each message would be two objects for each connection. Here it is less than one, since
// entries are made several at a time.
type queue struct {
	first, last *entry
	n           int
	values      map[valueKey]*entry
	bytes       int
	spare       []entry // were never used; nil while the queue is empty
}

// maxEntries is how many are made at once, at most.
const maxEntries = 32

// entry returns one that was never used. The more wait already, the more are made at once.
func (q *queue) entry() *entry {
	if len(q.spare) == 0 {
		q.spare = make([]entry, min(max(q.n, 1), maxEntries))
	}
	e := &q.spare[0]
	q.spare = q.spare[1:]
	return e
}

func (q *queue) len() int { return q.n }

// push adds m at the end.
func (q *queue) push(m *Message, p *conn.Prepared) *entry {
	e := q.entry()
	e.Message, e.p, e.waits, e.before = m, p, true, q.last
	if q.last == nil {
		q.first = e
	} else {
		q.last.behind = e
	}
	q.last = e
	q.n++
	q.bytes += e.size()
	if m.Latest {
		if q.values == nil {
			q.values = map[valueKey]*entry{}
		}
		q.values[valueKey{m.Topic, m.Key}] = e
	}
	return e
}

// waiting returns the older value that m may replace, or nil.
func (q *queue) waiting(m *Message) *entry {
	if !m.Latest {
		return nil
	}
	return q.values[valueKey{m.Topic, m.Key}]
}

// replace puts m in the place of an older value.
func (q *queue) replace(e *entry, m *Message, p *conn.Prepared) {
	q.bytes -= e.size()
	e.Message, e.p = m, p
	q.bytes += e.size()
}

// remove takes an entry out, which forgets its message: what was made with it may stay for long.
func (q *queue) remove(e *entry) {
	if e.before == nil {
		q.first = e.behind
	} else {
		e.before.behind = e.behind
	}
	if e.behind == nil {
		q.last = e.before
	} else {
		e.behind.before = e.before
	}
	q.n--
	q.bytes -= e.size()
	if e.Latest {
		delete(q.values, valueKey{e.Topic, e.Key})
	}
	if q.n == 0 {
		q.values, q.spare = nil, nil
	}
	*e = entry{}
}

// pop takes the first entry out.
func (q *queue) pop() *conn.Prepared {
	p := q.first.p
	q.remove(q.first)
	return p
}

// dropValue drops the oldest value and reports whether there was one.
func (q *queue) dropValue() bool {
	if len(q.values) == 0 {
		return false
	}
	e := q.first
	for !e.Latest {
		e = e.behind
	}
	q.remove(e)
	return true
}

// clear drops all.
func (q *queue) clear() {
	for q.len() > 0 {
		q.pop()
	}
}
