package hub

import (
	"container/list"

	"github.com/seed60239977/websocket/conn"
)

// message is what was published.
type message struct {
	topic  string
	p      *conn.Prepared
	except *conn.Conn
	latest bool
	key    string // if latest
}

func (m *message) size() int { return len(m.p.Message().Data) }

// valueKey tells values apart of which only the latest matters.
type valueKey struct{ topic, key string }

// entry is a message that waits.
type entry struct {
	message
	waits bool // false once it has left the queue, by whichever way
}

// queue is what waits for one connection, in the order in which it goes out. It does not know its bounds.
type queue struct {
	entries list.List // of *entry
	values  map[valueKey]*list.Element
	octets  int
}

func (q *queue) len() int { return q.entries.Len() }

// push adds m at the end.
func (q *queue) push(m *message) *list.Element {
	at := q.entries.PushBack(&entry{*m, true})
	q.octets += m.size()
	if m.latest {
		if q.values == nil {
			q.values = map[valueKey]*list.Element{}
		}
		q.values[valueKey{m.topic, m.key}] = at
	}
	return at
}

// waiting returns the older value that m may replace, or nil.
func (q *queue) waiting(m *message) *list.Element {
	if !m.latest {
		return nil
	}
	return q.values[valueKey{m.topic, m.key}]
}

// replace puts m in the place of an older value.
func (q *queue) replace(at *list.Element, m *message) {
	e := at.Value.(*entry)
	q.octets += m.size() - e.size()
	e.message = *m
}

// remove takes an entry out.
func (q *queue) remove(at *list.Element) *entry {
	e := q.entries.Remove(at).(*entry)
	e.waits = false
	q.octets -= e.size()
	if e.latest {
		delete(q.values, valueKey{e.topic, e.key})
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
	for !at.Value.(*entry).latest {
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
