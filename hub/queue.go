package hub

import (
	"container/list"

	"github.com/seed60239977/websocket/conn"
)

// valueKey tells values apart of which only the latest matters.
type valueKey struct{ topic, key string }

// entry is a message that waits.
type entry struct {
	*Message
	p     *conn.Prepared // what it looks like on the wire
	waits bool           // false once it has left the queue, by whichever way
}

// size is how many bytes of a queue's bound it takes.
func (e *entry) size() int { return len(e.p.Message().Data) }

// queue is what waits for one connection, in the order in which it goes out. It does not know its bounds.
type queue struct {
	entries list.List // of *entry
	values  map[valueKey]*list.Element
	bytes   int
}

func (q *queue) len() int { return q.entries.Len() }

// push adds m at the end.
func (q *queue) push(m *Message, p *conn.Prepared) *list.Element {
	e := &entry{m, p, true}
	at := q.entries.PushBack(e)
	q.bytes += e.size()
	if m.Latest {
		if q.values == nil {
			q.values = map[valueKey]*list.Element{}
		}
		q.values[valueKey{m.Topic, m.Key}] = at
	}
	return at
}

// waiting returns the older value that m may replace, or nil.
func (q *queue) waiting(m *Message) *list.Element {
	if !m.Latest {
		return nil
	}
	return q.values[valueKey{m.Topic, m.Key}]
}

// replace puts m in the place of an older value.
func (q *queue) replace(at *list.Element, m *Message, p *conn.Prepared) {
	e := at.Value.(*entry)
	q.bytes -= e.size()
	e.Message, e.p = m, p
	q.bytes += e.size()
}

// remove takes an entry out.
func (q *queue) remove(at *list.Element) *entry {
	e := q.entries.Remove(at).(*entry)
	e.waits = false
	q.bytes -= e.size()
	if e.Latest {
		delete(q.values, valueKey{e.Topic, e.Key})
	}
	if q.len() == 0 {
		q.values = nil
	}
	return e
}

// pop takes the first entry out.
func (q *queue) pop() *entry { return q.remove(q.entries.Front()) }

// dropValue drops the oldest value and reports whether there was one.
func (q *queue) dropValue() bool {
	if len(q.values) == 0 {
		return false
	}
	at := q.entries.Front()
	for !at.Value.(*entry).Latest {
		at = at.Next()
	}
	q.remove(at)
	return true
}

// clear drops all.
func (q *queue) clear() {
	for q.len() > 0 {
		q.pop()
	}
}
