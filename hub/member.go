package hub

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/seed60239977/websocket/conn"
)

// member is a connection that is subscribed to something.
type member struct {
	h    *Hub
	c    *conn.Conn
	stop func() bool // of Conn.OnEnd

	number uint64 // Origin.Conn

	mu      sync.Mutex        // locked after that of a topic, before that of the hub
	topics  map[string]*topic // what it is subscribed to
	present map[string]func() // where it is present, and how to leave
	queue   queue
	ahead   int           // how much the pump hands over at once, in bytes; belongs to it
	pumping bool          // a goroutine, the pump, sends what is in queue, which otherwise is empty
	sending bool          // it has taken a part of that, and may wait for the peer
	room    chan struct{} // closed when queue is within its bounds again; nil: nobody waits for that
	slow    bool          // waiting for room was in vain, and queue has not been empty since
	dropped uint64
	gone    bool // it gets nothing any more

	entering chan struct{} // one slot, a lock for calls of Enter that can be waited for with a context; made under mu

	evicted bool // guarded by the mu of the hub: it is retired soon
}

// deliver hands p, which is what msg looks like on the wire, to the connection, or to the queue. It never waits. A place in the
// queue that is beyond its bounds is returned if the sender is to wait there; otherwise something was dropped for it. behind
// reports whether much waits only because the pump has not got the processor: the peer may well take it.
func (m *member) deliver(msg *Message, p *conn.Prepared) (at *entry, behind bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.gone:
		return nil, false
	case m.pumping:
		at = m.enqueue(msg, p)
		return at, !m.sending && m.queue.bytes >= farBehind
	case m.c.BufferedAmount() < Ahead:
		err := m.c.SendPrepared(p)
		if err == nil {
			m.h.delivered.Add(1)
			return nil, false
		}
		if !errors.Is(err, conn.ErrQueueFull) {
			m.h.evict(m)
			return nil, false
		}
	}
	m.queue.push(msg, p)
	m.pumping = true
	m.h.start(m.pump)
	return nil, false
}

// farBehind is how many bytes wait for the processor when those who publish let the pumps go first: as many as go out in one
// write. With less, there is less to send at once; more is only later.
const farBehind = maxAhead

// enqueue is deliver when others wait already. The caller holds mu.
func (m *member) enqueue(msg *Message, p *conn.Prepared) *entry {
	q := &m.queue
	if at := q.waiting(msg); at != nil {
		m.drop(1)
		if q.bytes-at.size()+len(p.Message().Data) <= m.h.options.QueueBytes {
			q.replace(at, msg, p)
			return nil
		}
		q.remove(at) // where it was, it would be the first to be dropped
	}
	at := q.push(msg, p)
	if m.within() {
		return nil
	}
	if !m.slow {
		return at
	}
	m.trim()
	if m.within() || !at.waits {
		return nil
	}
	return at
}

// within reports whether the queue is within its bounds. The caller holds mu.
func (m *member) within() bool {
	o := &m.h.options
	return m.queue.len() <= 1 || m.queue.len() <= o.QueueMessages && m.queue.bytes <= o.QueueBytes
}

// trim drops what the policy says, until the queue is within its bounds or, if the policy is [Block], nothing is left to
// drop. The caller holds mu.
func (m *member) trim() {
	q := &m.queue
	for !m.within() && q.dropValue() {
		m.drop(1)
	}
	for !m.within() {
		switch m.h.options.Policy {
		case Block:
			return
		case DropOldest:
			q.pop()
		case DropNewest:
			q.remove(q.last)
		case CloseSlow:
			m.h.slow.Add(1)
			m.expelLocked(m.h.options.SlowCode, "too slow")
			return
		}
		m.drop(1)
	}
}

// clear drops all that waits. The caller holds mu.
func (m *member) clear() {
	m.drop(m.queue.len())
	m.queue.clear()
}

// drop counts what was dropped. The caller holds mu.
func (m *member) drop(n int) {
	m.dropped += uint64(n)
	m.h.dropped.Add(uint64(n))
}

// makeRoom wakes those who wait for room, if there is some. The caller holds mu.
func (m *member) makeRoom() {
	if m.room != nil && m.within() {
		close(m.room)
		m.room = nil
	}
}

// await waits until the queue is within its bounds or the entry has left it. It reports false if enough came first.
func (m *member) await(at *entry, enough <-chan struct{}) bool {
	for {
		room := m.roomFor(at)
		if room == nil {
			return true
		}
		select {
		case <-room:
		case <-enough:
			return false
		}
	}
}

// roomFor returns what to wait for, or nil if that is over.
func (m *member) roomFor(at *entry) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !at.waits || m.within() {
		return nil
	}
	if m.room == nil {
		m.room = make(chan struct{})
	}
	return m.room
}

// giveUp makes the member one that is slow, until it has caught up: nobody waits for it any more, except with [Block].
func (m *member) giveUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pumping && !m.within() {
		m.slow = true
		m.trim()
		m.makeRoom()
	}
}

// withdraw takes an entry out again. It reports whether that was there.
func (m *member) withdraw(at *entry) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !at.waits {
		return false
	}
	m.queue.remove(at)
	m.drop(1)
	m.makeRoom()
	return true
}

// pump sends what is in the queue, and ends when that is empty. It is the only thing of a hub that waits for a peer.
func (m *member) pump() {
	var batch []*conn.Prepared
	m.ahead = max(m.ahead, Ahead)
	for {
		batch = m.take(batch[:0])
		if len(batch) == 0 {
			return
		}
		if m.send(batch) != nil {
			m.h.retire(m)
			return
		}
		clear(batch)
		m.sent()
		runtime.Gosched() // others' turn, and what is published meanwhile goes out in one write, too
	}
}

// sent notes that the pump does not wait for the peer.
func (m *member) sent() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sending = false
}

// take returns what may be handed over at once: at least one message if there is any.
func (m *member) take(batch []*conn.Prepared) []*conn.Prepared {
	m.mu.Lock()
	defer m.mu.Unlock()
	for size := 0; m.queue.len() > 0 && size < m.ahead; {
		p := m.queue.pop()
		batch = append(batch, p)
		size += len(p.Message().Data)
	}
	m.makeRoom()
	m.sending = len(batch) > 0
	if !m.sending {
		m.pumping, m.slow = false, false
		m.tidy()
	}
	return batch
}

// send returns when all of a batch is on the wire. It ends with the connection, and when the hub is cut off.
func (m *member) send(batch []*conn.Prepared) error {
	if m.left(len(batch)) {
		return errRemoved
	}
	waited, err := m.c.WriteBatch(m.h.cut, batch)
	if err != nil {
		return err
	}
	m.h.delivered.Add(uint64(len(batch)))
	if m.ahead *= 2; waited {
		m.ahead = Ahead
	}
	m.ahead = min(m.ahead, maxAhead)
	return nil
}

// errRemoved ends the pump of a member that is gone.
var errRemoved = errors.New("removed")

// left reports whether the member is gone, so that the rest of a batch is dropped: the connection may be back already.
func (m *member) left(rest int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		m.drop(rest)
	}
	return m.gone
}

// expel closes the connection, and drops what waits for it.
func (m *member) expel(code conn.StatusCode, reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.gone {
		m.expelLocked(code, reason)
		m.makeRoom()
	}
}

// expelLocked is expel for a caller who holds mu.
func (m *member) expelLocked(code conn.StatusCode, reason string) {
	m.clear()
	m.gone = true
	m.h.evict(m)
	m.h.start(func() {
		stop := context.AfterFunc(m.h.cut, func() { m.c.CloseNow() })
		defer stop()
		m.c.Close(code, reason)
	})
}

// tidy forgets a member that has neither topics nor anything to send. The caller holds mu.
func (m *member) tidy() {
	if len(m.topics) == 0 && !m.pumping && !m.gone {
		m.gone = true
		m.h.forget(m)
		m.stop()
	}
}
