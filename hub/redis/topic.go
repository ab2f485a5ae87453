package redis

import (
	"sync"

	"github.com/seed60239977/websocket/hub"
)

const (
	syncPage     = 256     // entries of the log that are read at once
	maxHeld      = 1024    // messages that wait for those before them
	maxHeldBytes = 1 << 20 // of these
)

// topic is a topic that is followed. It finds out by the offsets whether something is missing, and reads that from the log.
type topic struct {
	b       *Broker
	name    string
	channel string
	keep    hub.Retention
	users   int           // guarded by the mu of the feed
	ready   chan struct{} // closed when at is known

	mu        sync.Mutex
	followers []*following
	at        hub.Position // of what was delivered last
	nonce     string       // of that message, "" if it is not known
	known     bool         // ready is closed
	live      bool         // nothing is missing: what comes next follows at
	syncing   bool         // a goroutine reads the log
	again     bool         // something may be missing that was published since it has begun
	held      []stored     // what came while something before it was missing
	heldBytes int
	presence  bool // somebody is, or was, present
}

type following struct{ hub.Follower }

func newTopic(b *Broker, name, channel string) *topic {
	return &topic{b: b, name: name, channel: channel, keep: b.options.Retention(name).WithDefaults(), ready: make(chan struct{})}
}

// confirmed is called when Redis has confirmed a subscription, which it also does after each reconnection: what was
// published before that may be missing.
func (t *topic) confirmed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known {
		t.tell(hub.PresenceEvent{}) // some of these may be missing, too
	}
	if t.keep.Messages == 0 {
		t.begin()
		return
	}
	t.behind()
}

// begin lets those who wait for ready go on. The caller holds mu.
func (t *topic) begin() {
	if !t.known {
		t.known = true
		close(t.ready)
	}
}

// behind has the log read. The caller holds mu.
func (t *topic) behind() {
	t.live, t.again = false, true
	if !t.syncing {
		t.syncing = true
		t.b.work.Go(t.sync)
	}
}

// line takes what was published to the channel. What is none of ours is ignored.
func (t *topic) line(line string) {
	if e, ok := parseEvent(line); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.presence = true
		t.tell(e)
		return
	}
	s, err := parseLine([]byte(line))
	if err != nil {
		return
	}
	s.Topic = t.name
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case s.Position.IsZero():
		t.deliver(s)
	case t.live && t.follows(s):
		t.deliver(s)
	default:
		t.hold(s)
		t.behind()
	}
}

// follows reports whether s comes right after what was delivered. The caller holds mu.
func (t *topic) follows(s stored) bool {
	return s.Position.Epoch == t.at.Epoch && s.Position.Offset == t.at.Offset+1
}

// deliver hands a message to all followers. The caller holds mu.
func (t *topic) deliver(s stored) {
	if !s.Position.IsZero() {
		t.at, t.nonce = s.Position, s.nonce
	}
	for _, f := range t.followers {
		f.Deliver(s.Message)
	}
}

// tell hands an event to all followers. The caller holds mu.
func (t *topic) tell(e hub.PresenceEvent) {
	for _, f := range t.followers {
		f.Presence(e)
	}
}

// hold keeps a message until those before it are there. If that is too much, the log has it. The caller holds mu.
func (t *topic) hold(s stored) {
	t.held = append(t.held, s)
	t.heldBytes += len(s.Data)
	if len(t.held) > maxHeld || t.heldBytes > maxHeldBytes {
		t.held, t.heldBytes = nil, 0
	}
}

// sync reads the log until nothing is missing. It is one goroutine for each topic that is behind.
func (t *topic) sync() {
	for failures := 0; ; {
		if t.b.ctx.Err() != nil || t.b.feed.find(t.channel) != t {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.syncing = false
			return
		}
		done, err := t.catchUp()
		if done {
			return
		}
		if err != nil {
			t.b.pause(t.b.ctx, &failures)
		} else {
			failures = 0
		}
	}
}

// catchUp reads a page of the log. It reports whether that was all.
func (t *topic) catchUp() (done bool, err error) {
	t.mu.Lock()
	at, known := t.at, t.known
	t.again = false
	t.mu.Unlock()
	if !known {
		x, err := t.b.read(t.b.ctx, t.name, t.keep, 0, 0, 1)
		if err != nil {
			return false, err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.at = x.top
		if n := len(x.entries); n > 0 {
			t.nonce = x.entries[n-1].nonce
		}
		t.begin()
		return t.flush(), nil
	}
	x, err := t.b.read(t.b.ctx, t.name, t.keep, max(at.Offset, 1), syncPage, 0)
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turnedBack(&x) {
		t.mu.Unlock()
		err := renounceScript.Run(t.b.ctx, t.b.client, []string{t.b.key(t.name, "meta")}, at.Epoch, newEpoch()).Err()
		t.mu.Lock()
		return false, err
	}
	if _, ok := x.missed(at); !ok {
		t.at, t.nonce = x.top, ""
		for _, f := range t.followers {
			f.Gap(x.top)
		}
		return false, nil
	}
	for _, s := range x.entries {
		t.deliver(s)
	}
	if x.more {
		return false, nil
	}
	return t.flush(), nil
}

// turnedBack reports whether the log is an older one that goes by the same epoch: it has less than was delivered, or
// something else in its place. It removes what was delivered from x. The caller holds mu.
func (t *topic) turnedBack(x *excerpt) bool {
	if x.top.Epoch != t.at.Epoch {
		return false // which is known to be another one
	}
	if x.top.Offset < t.at.Offset {
		return true
	}
	if len(x.entries) == 0 || x.entries[0].Position.Offset != t.at.Offset {
		return false
	}
	other := t.nonce != "" && x.entries[0].nonce != t.nonce
	x.entries = x.entries[1:]
	return other
}

// flush delivers what was held, and reports whether nothing is missing now. The caller holds mu.
func (t *topic) flush() (done bool) {
	if t.again {
		return false
	}
	held := t.held
	t.held, t.heldBytes = nil, 0
	for _, s := range held {
		switch {
		case t.follows(s):
			t.deliver(s)
		case s.Position.Epoch == t.at.Epoch && s.Position.Offset <= t.at.Offset:
		default:
			return false
		}
	}
	t.live, t.syncing = true, false
	return true
}
