package hub

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Memory is a broker for the hubs of one process: what all hubs have that were given none. Publishing calls the followers
// itself, so a message is never copied, and a topic that has neither history nor followers takes no memory.
type Memory struct {
	retention func(topic string) Retention

	mu     sync.RWMutex // locked before that of a log
	logs   map[string]*log
	sweep  int // how many logs there may be before those are looked for that nobody needs
	closed bool
}

// minSweep is how many logs are not worth a sweep.
const minSweep = 64

// NewMemory returns a broker in memory. retention says how much history a topic has; nil stands for none.
func NewMemory(retention func(topic string) Retention) *Memory {
	if retention == nil {
		retention = Keep(Retention{})
	}
	return &Memory{retention: retention, logs: map[string]*log{}, sweep: minSweep}
}

// log is what is known of a topic.
type log struct {
	mu        sync.Mutex // held while a message goes to all followers: that makes the order
	keep      Retention
	top       Position
	kept      []kept // oldest first
	bytes     int    // of what is kept
	followers []*following
	present   map[string]*entrant
	gone      bool // it is in the list no more: whoever has it must look again
}

// kept is a message of the history.
type kept struct {
	*Message
	at time.Time
}

type following struct{ f Follower }

type entrant struct{ value string }

// Publish hands m to all followers before it returns.
func (b *Memory) Publish(ctx context.Context, m *Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l, err := b.lock(m.Topic, func(r Retention) bool { return r.Messages > 0 })
	if l == nil {
		return err
	}
	defer l.mu.Unlock()
	if l.keep.Messages > 0 {
		l.append(m)
	}
	for _, to := range l.followers {
		to.f.Deliver(m)
	}
	return nil
}

// lock returns the log of a topic, locked. If there is none, it makes one if that is wanted for such a topic, and otherwise
// returns nil.
func (b *Memory) lock(topic string, wanted func(Retention) bool) (*log, error) {
	for {
		b.mu.RLock()
		l, closed := b.logs[topic], b.closed
		b.mu.RUnlock()
		if closed {
			return nil, ErrBrokerClosed
		}
		if l == nil {
			keep := b.retention(topic).WithDefaults()
			if !wanted(keep) {
				return nil, nil
			}
			if l = b.create(topic, keep); l == nil {
				continue // it has been closed
			}
		}
		l.mu.Lock()
		if !l.gone {
			return l, nil
		}
		l.mu.Unlock()
	}
}

func always(Retention) bool { return true }

func never(Retention) bool { return false }

// create returns the log of a topic, which may be there by now, or nil if the broker is closed.
func (b *Memory) create(topic string, keep Retention) *log {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.logs[topic]; l != nil || b.closed {
		return l
	}
	if len(b.logs) >= b.sweep {
		b.tidyLocked(time.Now())
	}
	l := &log{keep: keep}
	if keep.Messages > 0 {
		l.top.Epoch = 1 + rand.Uint64N(maxNumber)
	}
	b.logs[topic] = l
	return l
}

// tidyLocked forgets logs that nobody needs. It is called once for every doubling of their number, so that no goroutine has
// to look for them.
func (b *Memory) tidyLocked(now time.Time) {
	for topic, l := range b.logs {
		l.mu.Lock()
		l.trim(now)
		if l.idle() {
			l.gone = true
			delete(b.logs, topic)
		}
		l.mu.Unlock()
	}
	b.sweep = max(minSweep, 2*len(b.logs))
}

// idle reports whether nothing is lost with the log. The caller holds mu.
func (l *log) idle() bool {
	return len(l.followers) == 0 && len(l.present) == 0 && len(l.kept) == 0
}

// release unlocks l, and forgets it if it has no history and nobody needs it: topics without history come and go.
func (b *Memory) release(topic string, l *log) {
	done := l.keep.Messages == 0 && l.idle() && !l.gone
	l.mu.Unlock()
	if !done {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle() && !l.gone {
		l.gone = true
		delete(b.logs, topic)
	}
}

// append adds m to the history. The caller holds mu.
func (l *log) append(m *Message) {
	now := time.Now()
	l.top.Offset++
	m.Position = l.top
	l.kept = append(l.kept, kept{m, now})
	l.bytes += len(m.Data)
	l.trim(now)
}

// trim drops what is beyond the bounds, the oldest first. The caller holds mu.
func (l *log) trim(now time.Time) {
	n := 0
	for left := len(l.kept); left > 0; left-- {
		oldest := l.kept[n]
		expired := now.Sub(oldest.at) >= l.keep.Age
		if !expired && left <= l.keep.Messages && (l.bytes <= l.keep.Bytes || left == 1) {
			break
		}
		l.bytes -= len(oldest.Data)
		l.kept[n] = kept{}
		n++
	}
	l.kept = l.kept[n:] // append moves what is left when there is no room at the end
}

// Follow never fails but for a closed broker or a context that has ended.
func (b *Memory) Follow(ctx context.Context, topic string, f Follower) (at Position, stop func(), err error) {
	if err := ctx.Err(); err != nil {
		return Position{}, nil, err
	}
	l, err := b.lock(topic, always)
	if err != nil {
		return Position{}, nil, err
	}
	defer l.mu.Unlock()
	me := &following{f}
	l.followers = append(l.followers, me)
	return l.top, func() {
		l.mu.Lock()
		l.followers = slices.DeleteFunc(l.followers, func(to *following) bool { return to == me })
		b.release(topic, l)
	}, nil
}

// History returns what is kept.
func (b *Memory) History(ctx context.Context, topic string, q Query) (Page, error) {
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	l, err := b.lock(topic, never)
	if l == nil {
		return Page{}, err
	}
	defer l.mu.Unlock()
	l.trim(time.Now())
	page := Page{Top: l.top, Complete: true}
	from := max(0, len(l.kept)-max(0, q.Last))
	if !q.Since.IsZero() {
		from, page.Complete, page.Missed = l.after(q.Since)
	}
	found := l.kept[from:]
	if q.Limit > 0 && len(found) > q.Limit {
		found, page.More = found[:q.Limit], true
	}
	for _, k := range found {
		page.Messages = append(page.Messages, k.Message)
	}
	page.Complete = page.Complete && l.keep.Messages > 0
	return page, nil
}

// after returns where in the history the messages after since begin, and whether it has all of them. If not, it is at the
// end. The caller holds mu.
func (l *log) after(since Position) (from int, complete bool, missed uint64) {
	if since.Epoch != l.top.Epoch || since.Offset > l.top.Offset {
		return len(l.kept), false, 0
	}
	oldest := l.top.Offset + 1 - uint64(len(l.kept)) // that is kept
	if since.Offset+1 < oldest {
		return len(l.kept), false, oldest - since.Offset - 1
	}
	return int(since.Offset + 1 - oldest), true, 0
}

// Enter tells all followers, unless somebody with the same id and value is there.
func (b *Memory) Enter(ctx context.Context, topic string, p Presence) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l, err := b.lock(topic, always)
	if err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	me := &entrant{p.Value}
	if l.present == nil {
		l.present = map[string]*entrant{}
	}
	before := l.present[p.ID]
	l.present[p.ID] = me
	if before == nil || before.value != p.Value {
		l.tell(PresenceEvent{Presence: p})
	}
	return func() {
		l.mu.Lock()
		if l.present[p.ID] == me {
			delete(l.present, p.ID)
			l.tell(PresenceEvent{Presence: p, Left: true})
		}
		b.release(topic, l)
	}, nil
}

// tell tells all followers that somebody has come or gone. The caller holds mu.
func (l *log) tell(e PresenceEvent) {
	for _, to := range l.followers {
		to.f.Presence(e)
	}
}

// Present returns all who are there, sorted by id.
func (b *Memory) Present(ctx context.Context, topic string) ([]Presence, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l, err := b.lock(topic, never)
	if l == nil {
		return nil, err
	}
	defer l.mu.Unlock()
	all := make([]Presence, 0, len(l.present))
	for id, e := range l.present {
		all = append(all, Presence{id, e.value})
	}
	slices.SortFunc(all, func(a, b Presence) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// CountPresent returns how many are there.
func (b *Memory) CountPresent(ctx context.Context, topic string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l, err := b.lock(topic, never)
	if l == nil {
		return 0, err
	}
	defer l.mu.Unlock()
	return len(l.present), nil
}

// Close forgets everything.
func (b *Memory) Close() error {
	b.mu.Lock()
	logs := slices.Collect(maps.Values(b.logs))
	b.closed, b.logs = true, nil
	b.mu.Unlock()
	for _, l := range logs {
		l.mu.Lock()
		l.gone, l.followers, l.kept = true, nil, nil
		l.mu.Unlock()
	}
	return nil
}
