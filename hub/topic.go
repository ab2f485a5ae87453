package hub

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// topic is a set of members, and the [Follower] that the broker delivers to. It exists while somebody uses it, and for
// Options.Linger.
type topic struct {
	h    *Hub
	name string

	users  int         // members, and calls that need it; guarded by the mu of the hub
	linger *time.Timer // likewise

	following chan struct{} // one slot: a lock that can be waited for with a context
	followed  atomic.Bool
	stop      func() // of Broker.Follow

	questions questions // for its history
	excerpts  excerpts  // of it

	mu      sync.Mutex           // held while a message goes to all members, so that all get the same order
	members map[*member]*catchUp // nil: one that only gets what is published from now on
	last    Position             // of what was delivered last
}

// follow asks the broker for what is published, unless that was done before.
func (t *topic) follow(ctx context.Context) error {
	select {
	case t.following <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.following }()
	if t.followed.Load() {
		return nil
	}
	at, stop, err := t.h.broker.Follow(ctx, t.name, t)
	if err != nil {
		return err
	}
	t.mu.Lock()
	if t.last.IsZero() { // and nothing was delivered meanwhile
		t.last = at
	}
	t.mu.Unlock()
	t.stop = stop
	t.followed.Store(true)
	return nil
}

// unfollow is called once, when nobody uses the topic any more and nobody can begin to.
func (t *topic) unfollow() {
	if t.followed.Load() {
		t.stop()
	}
}

// join adds m. It reports false if m is gone and has to be looked up anew.
func (t *topic) join(m *member, s *catchUp) (done, already bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		m.h.forget(m)
		return false, false, nil
	}
	if _, already := m.topics[t.name]; already {
		return true, true, nil
	}
	if limit := m.h.options.MaxTopics; limit >= 0 && len(m.topics) >= limit {
		return false, false, ErrTooManyTopics
	}
	m.topics[t.name] = t
	t.members[m] = s
	if s != nil {
		s.since = t.last
	}
	return true, false, nil
}

// part removes m, or, if s is not nil, that subscription of m and no other. It reports whether it was there. leave takes it out of
// those present.
func (t *topic) part(m *member, s *catchUp) (leave func(), was bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.topics[t.name] != t || s != nil && t.members[m] != s {
		return nil, false // or it is being retired, which does the rest
	}
	delete(t.members, m)
	delete(m.topics, t.name)
	leave = m.present[t.name]
	delete(m.present, t.name)
	if leave == nil {
		leave = func() {}
	}
	m.tidy()
	return leave, true
}

// Deliver hands m to all members. The publisher, if that is in this process, waits for room in those that are full; what
// comes from elsewhere waits here.
func (t *topic) Deliver(m *Message) {
	p, here := m.prepared, m.prepared != nil
	if !here && m.Type != conn.Text && m.Type != conn.Binary {
		return // whoever published it has another idea of what a message is
	}
	if !here || t.h.options.Envelope != NoEnvelope {
		p = t.h.encode(m)
	}
	full, behind := t.deliver(m, p)
	if here {
		m.encoded, m.encoder = p, t.h // those who recover get the same
		m.full, m.behind = append(m.full, full...), m.behind || behind
		return
	}
	giveWay(behind)
	t.h.settleFull(t.h.cut, full)
}

// giveWay lets others run if what writes to connections is far behind. Otherwise, whoever has messages without a pause would get
// so far ahead as the time lasts until it loses the processor.
func giveWay(behind bool) {
	if behind {
		runtime.Gosched()
	}
}

// deliver hands p, which is what m looks like on the wire, to all members. It returns places beyond the bounds of queues, and
// whether what writes to a connection is far behind.
func (t *topic) deliver(m *Message, p *conn.Prepared) (full []place, behind bool) {
	var except uint64
	if m.Except.Hub == t.h.id {
		except = m.Except.Conn
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !m.Position.IsZero() {
		t.last = m.Position
	}
	for to, s := range t.members {
		switch {
		case to.number == except:
		case s != nil && s.behind:
			s.hold(m, p)
		case s != nil && s.ahead && !s.news(m):
		default:
			if s != nil && !m.Position.IsZero() {
				s.ahead = false
			}
			at, late := to.deliver(m, p)
			if at != nil {
				full = append(full, place{to, at})
			}
			behind = behind || late
		}
	}
	return full, behind
}

// Gap ends the connections that count on getting everything, so that they come back and are told, see
// [Hub.SubscribeFrom]. Others go on.
func (t *topic) Gap(at Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = at
	for m, s := range t.members {
		switch {
		case s == nil:
		case s.behind:
			s.gap, s.held, s.bytes = at, nil, 0 // what was held is of before: it is not known to follow what the history has
		case s.ahead && at.Epoch == s.at.Epoch && at.Offset <= s.at.Offset: // it has what is missing
		default:
			m.expel(conn.StatusTryAgainLater, "messages were lost")
		}
	}
}

// Presence passes an event on to the program.
func (t *topic) Presence(e PresenceEvent) {
	if on := t.h.options.OnPresence; on != nil {
		on(t.name, e)
	}
}
