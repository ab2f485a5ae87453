package hub

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// From says where a subscription begins.
type From struct {
	// Since is the position of the last message that the client has. It gets all later ones, unless some of them are gone. The
	// zero value means that it has no position.
	Since Position

	// Last is how many earlier messages a client gets if it has no position, or one from which it cannot be recovered.
	Last int

	// Ready, if not nil, returns a message for the client, or nil for none, which is sent after the earlier messages and before
	// anything else of the topic. It must be quick, and must not call the hub. Without it, and with an envelope, the client gets
	// an item of the kind [KindSubscribed].
	Ready func(Recovery) *conn.Prepared
}

// Recovery says how a subscription has begun.
type Recovery struct {
	// Position is that of the topic now: the client has everything up to here that it can get. It is zero if the topic has no
	// history.
	Position Position
	// Recovered says that nothing is missing between From.Since and Position.
	Recovered bool
	// Missed is how many messages are missing, if that is known, and 0 otherwise.
	Missed uint64
	// Sent is how many earlier messages were sent.
	Sent int
}

// historyPage is how many messages are taken from the history at once: what a client that recovers takes of memory.
const historyPage = 256

// SubscribeFrom is [Hub.Subscribe] from a position in the history of the topic: the connection gets the messages since then,
// followed by those that are published, in the order of the topic, without a gap and none twice. SubscribeFrom returns when the
// history is on the wire, which may take as long as the peer takes to read it, limited by ctx. The result says whether the
// recovery is complete. A client that was away for longer than the history lasts is subscribed as well, but not recovered.
//
// If the broker loses messages later on, such a connection is closed with StatusTryAgainLater, so that the client reconnects
// and learns of it.
//
// The errors are those of Subscribe, [ErrSubscribed], [ErrNotSubscribed] if the connection was unsubscribed meanwhile, and that
// of ctx, after which the connection is not subscribed.
func (h *Hub) SubscribeFrom(ctx context.Context, c *conn.Conn, topic string, from From) (Recovery, error) {
	s := &catchUp{from: from, behind: true, at: from.Since, bound: h.options}
	m, t, already, err := h.enlist(ctx, c, topic, s)
	if err == nil && already {
		err = ErrSubscribed
	}
	if err != nil {
		return Recovery{}, err
	}
	defer h.release(t) // which is kept also if the connection leaves it meanwhile
	err = h.catchUp(ctx, t, m, s)
	if err == nil {
		return s.recovery, nil
	}
	h.part(t, m, s) // and not one that others have begun since
	if end := c.Err(); end != nil {
		err = end
	}
	return Recovery{}, err
}

// catchUp is a subscription that began in the past, of one who is, or was, behind. What is published meanwhile is held back.
type catchUp struct {
	from     From
	bound    Options
	at       Position // of the last message that was sent; while behind, only its own goroutine uses it
	recovery Recovery // likewise
	since    Position // of what was delivered last before it was there; set once

	// Guarded by the mu of the topic.
	behind   bool
	ahead    bool   // the history had more than the broker has delivered here so far: up to at, that is skipped
	held     []held // what was published since
	bytes    int
	overflow bool     // held was too much and is empty: the history has it
	gap      Position // where the topic went on after the broker had lost something, if it has since
}

// held is a message that waits until those before it are sent.
type held struct {
	m *Message
	p *conn.Prepared
}

// hold keeps a message back. The caller holds the mu of the topic.
func (s *catchUp) hold(m *Message, p *conn.Prepared) {
	s.held = append(s.held, held{m, p})
	s.bytes += len(p.Message().Data)
	if len(s.held) > s.bound.QueueMessages || s.bytes > s.bound.QueueBytes {
		s.held, s.bytes, s.overflow = nil, 0, true
	}
}

// catchUp sends what s has missed, and lets it go on with what is published.
func (h *Hub) catchUp(ctx context.Context, t *topic, m *member, s *catchUp) error {
	s.recovery.Recovered = !s.from.Since.IsZero()
	since, last := s.from.Since, s.from.Last
	for {
		if !since.IsZero() || last > 0 {
			if err := h.sendHistory(ctx, t, m, s, since, last); err != nil {
				return err
			}
		}
		done, full, err := h.goLive(t, m, s)
		if done || err != nil {
			return errors.Join(err, h.settleFull(ctx, full))
		}
		if s.stale() {
			if err := pause(ctx, stalePause); err != nil {
				return err
			}
		}
		since, last = s.at, 0 // it has more by now: what was too much to be held, or what it had not got
	}
}

// stalePause is the time between two questions for a history that has not got far enough.
const stalePause = 10 * time.Millisecond

// stale reports whether the history has not got so far as what was delivered before s was there to hold it back: it may be
// that of a server which follows another one. Only the goroutine of s may ask.
func (s *catchUp) stale() bool {
	return !s.at.IsZero() && s.at.Epoch == s.since.Epoch && s.at.Offset < s.since.Offset
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sendHistory sends what came after since, or the last messages, page by page.
func (h *Hub) sendHistory(ctx context.Context, t *topic, m *member, s *catchUp, since Position, last int) error {
	for {
		page, err := t.questions.ask(ctx, h.broker, t.name, Query{Since: since, Last: last, Limit: historyPage})
		if err != nil {
			return err
		}
		if !since.IsZero() && !page.Complete {
			s.recovery.Recovered = false
			s.recovery.Missed += page.Missed
			s.at, since, last = page.Top, Position{}, s.from.Last
			if last > 0 && s.recovery.Sent == 0 && !page.Top.IsZero() {
				continue // with the last ones, as if it were new
			}
			return nil
		}
		n, err := h.replay(ctx, t, m, page.Messages)
		h.delivered.Add(uint64(n))
		s.recovery.Sent += n
		if err != nil {
			return err
		}
		if !page.More {
			s.at = page.Top
			return nil
		}
		since = page.Messages[len(page.Messages)-1].Position
	}
}

// goLive ends the time in which s is behind. It reports false if something has to be taken from the history again.
// It returns places beyond the bounds of the queue.
func (h *Hub) goLive(t *topic, m *member, s *catchUp) (done bool, full []place, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.members[m] != s {
		return false, nil, ErrNotSubscribed // it has left meanwhile
	}
	if s.overflow {
		s.held, s.bytes, s.overflow = nil, 0, false
		if !s.at.IsZero() {
			return false, nil, nil
		}
	}
	if !s.gap.IsZero() {
		s.passGap()
	}
	if s.stale() {
		return false, nil, nil
	}
	rest := slices.DeleteFunc(s.held, func(d held) bool { return !s.news(d.m) })
	s.held, s.bytes, s.behind = nil, 0, false
	s.recovery.Position = t.last
	if s.ahead = !s.at.IsZero() && (t.last.Epoch != s.at.Epoch || t.last.Offset < s.at.Offset); s.ahead {
		s.recovery.Position = s.at
	}
	if p := h.ready(t, s); p != nil {
		rest = append(rest, held{&Message{Topic: t.name}, p})
	}
	for _, d := range rest {
		if at, _ := m.deliver(d.m, d.p); at != nil {
			full = append(full, place{m, at})
		}
	}
	return true, full, nil
}

// passGap takes note of what was lost, unless the history had it. The caller holds the mu of the topic.
func (s *catchUp) passGap() {
	if s.at.Epoch != s.gap.Epoch {
		s.at = Position{} // it is of the log that was lost
	}
	if s.at.Offset < s.gap.Offset || s.at.IsZero() {
		s.recovery.Recovered = false
	}
}

// ready returns what a client is told.
func (h *Hub) ready(t *topic, s *catchUp) *conn.Prepared {
	if s.from.Ready != nil {
		return s.from.Ready(s.recovery)
	}
	e := h.options.Envelope
	if e == NoEnvelope {
		return nil
	}
	r := s.recovery
	i := Item{Kind: KindSubscribed, Topic: t.name, Position: r.Position, Recovered: r.Recovered, Missed: r.Missed}
	return conn.Prepare(e.MessageType(), e.Append(nil, i))
}

// news reports whether a message comes after all that was sent. The caller holds the mu of the topic.
func (s *catchUp) news(m *Message) bool {
	if m.Position.IsZero() || s.at.IsZero() {
		return true
	}
	return m.Position.Epoch == s.at.Epoch && m.Position.Offset > s.at.Offset
}
