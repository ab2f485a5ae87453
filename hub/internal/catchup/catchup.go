// Package catchup is what brokers have in common that hear of messages on a connection which may fail, and have a log to
// read what they have missed: it makes one stream without gaps of the two.
package catchup

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/seed60239977/websocket/hub"
)

// Entry is a message of a log.
type Entry struct {
	*hub.Message
	// Prev is an offset after which the log has nothing but this message: it follows what was delivered if that goes as
	// far.
	Prev uint64
	// Tag tells the message apart from another one that may take its place; "" is not known.
	Tag string
}

// Batch is a part of a log, oldest first.
type Batch struct {
	Top      hub.Position // of the log
	Entries  []Entry      // all that follow what was asked for, or not so many
	Complete bool         // nothing is missing before them
	More     bool         // there may be later ones
}

// Log reads the log of a topic.
type Log interface {
	// Last returns where the log ends, and the tag of the message there.
	Last(ctx context.Context) (at hub.Position, tag string, err error)
	// Since returns what comes after a message.
	Since(ctx context.Context, at hub.Position, tag string) (Batch, error)
}

const (
	maxHeld      = 1024    // messages that wait for those before them
	maxHeldBytes = 1 << 20 // of these
	// maxBackoff bounds the random waits between attempts.
	maxBackoff = 2 * time.Second
)

// Topic is a topic that is followed.
type Topic struct {
	log  Log             // nil: there is none
	ctx  context.Context // ends with the broker, or when nobody follows the topic any more
	work *sync.WaitGroup

	ready chan struct{} // closed when at is known

	mu        sync.Mutex
	followers []*following
	at        hub.Position // of what was delivered last
	tag       string       // of that message
	known     bool         // ready is closed
	live      bool         // nothing is missing: what comes next follows at
	syncing   bool         // a goroutine reads the log
	again     bool         // something may be missing that was published since it has begun, and is not held
	held      []Entry      // what came while something before it was missing
	heldBytes int
}

type following struct{ hub.Follower }

// NewTopic returns a topic, which is not ready. log may be nil. Goroutines count in work, and end with ctx.
func NewTopic(ctx context.Context, work *sync.WaitGroup, log Log) *Topic {
	return &Topic{log: log, ctx: ctx, work: work, ready: make(chan struct{})}
}

// Confirm says that the connection hears of all messages from now on. What was published before may be missing.
func (t *Topic) Confirm() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known {
		t.tell(hub.PresenceEvent{}) // some of these may be missing, too
	}
	if t.log == nil {
		t.begin()
		return
	}
	t.behind()
}

// Doubt says that the connection has failed. What is heard until Confirm is not known to follow what was delivered, though it may
// look like that: the log may be another one.
func (t *Topic) Doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live = false
}

// Plain reports whether the topic has no log.
func (t *Topic) Plain() bool { return t.log == nil }

// Wait returns when the topic is ready, or the error of one of the contexts.
func (t *Topic) Wait(ctx context.Context) error {
	select {
	case <-t.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

// Add adds a follower to a topic that is ready. It gets everything after at.
func (t *Topic) Add(f hub.Follower) (at hub.Position, remove func()) {
	me := &following{f}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.followers = append(t.followers, me)
	return t.at, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.followers = slices.DeleteFunc(t.followers, func(f *following) bool { return f == me })
	}
}

// begin lets those who wait for ready go on. The caller holds mu.
func (t *Topic) begin() {
	if !t.known {
		t.known = true
		close(t.ready)
	}
}

// behind has the log read, all that it has by now. The caller holds mu.
func (t *Topic) behind() {
	t.again = true
	t.read()
}

// read has the log read. The caller holds mu.
func (t *Topic) read() {
	t.live = false
	if !t.syncing && t.ctx.Err() == nil {
		t.syncing = true
		t.work.Go(t.sync)
	}
}

// Hear takes what the connection has heard.
func (t *Topic) Hear(e Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case e.Position.IsZero():
		t.deliver(e)
	case t.live && t.follows(e):
		t.deliver(e)
	case t.log != nil:
		t.hold(e)
		t.read()
	}
}

// Tell hands an event to all followers.
func (t *Topic) Tell(e hub.PresenceEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell(e)
}

// tell is Tell for a caller who holds mu.
func (t *Topic) tell(e hub.PresenceEvent) {
	for _, f := range t.followers {
		f.Presence(e)
	}
}

// follows reports whether e comes right after what was delivered. The caller holds mu.
func (t *Topic) follows(e Entry) bool {
	return e.Position.Epoch == t.at.Epoch && e.Prev <= t.at.Offset && e.Position.Offset > t.at.Offset
}

// deliver hands a message to all followers. The caller holds mu.
func (t *Topic) deliver(e Entry) {
	if !e.Position.IsZero() {
		t.at, t.tag = e.Position, e.Tag
	}
	for _, f := range t.followers {
		f.Deliver(e.Message)
	}
}

// hold keeps a message until those before it are there. If that is too much, the log has it. The caller holds mu.
func (t *Topic) hold(e Entry) {
	t.held = append(t.held, e)
	t.heldBytes += len(e.Data)
	if len(t.held) > maxHeld || t.heldBytes > maxHeldBytes {
		t.held, t.heldBytes, t.again = nil, 0, true
	}
}

// sync reads the log until nothing is missing. It is one goroutine for each topic that is behind.
func (t *Topic) sync() {
	for failures := 0; t.ctx.Err() == nil; {
		done, err := t.step()
		switch {
		case done:
			return
		case err != nil:
			Pause(t.ctx, &failures)
		default:
			failures = 0
		}
	}
}

// step reads a part of the log. It reports whether that was all.
func (t *Topic) step() (done bool, err error) {
	t.mu.Lock()
	at, tag, known := t.at, t.tag, t.known
	t.again = false
	t.mu.Unlock()
	if !known {
		return t.first()
	}
	b, err := t.log.Since(t.ctx, at, tag)
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !b.Complete {
		t.at, t.tag = b.Top, ""
		for _, f := range t.followers {
			f.Gap(b.Top)
		}
		return false, nil
	}
	for _, e := range b.Entries {
		t.deliver(e)
	}
	if b.More {
		return false, nil
	}
	return t.flush(), nil
}

// first finds out where the log is. Nobody follows the topic yet.
func (t *Topic) first() (done bool, err error) {
	at, tag, err := t.log.Last(t.ctx)
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.tag = at, tag
	t.begin()
	return t.flush(), nil
}

// flush delivers what was held, and reports whether nothing is missing now. The caller holds mu.
func (t *Topic) flush() (done bool) {
	if t.again {
		return false
	}
	held := t.held
	t.held, t.heldBytes = nil, 0
	for _, e := range held {
		switch {
		case t.follows(e):
			t.deliver(e)
		case e.Position.Epoch == t.at.Epoch && e.Position.Offset <= t.at.Offset:
		default:
			return false
		}
	}
	t.live, t.syncing = true, false
	return true
}

// Pause waits for a random time that grows with each failure, or until ctx ends.
func Pause(ctx context.Context, failures *int) {
	bound := min(maxBackoff, 50*time.Millisecond<<min(*failures, 10))
	*failures++
	timer := time.NewTimer(rand.N(bound))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
