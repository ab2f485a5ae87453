package redis

import (
	"context"
	"sync/atomic"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/internal/catchup"
)

// syncPage is how many entries of a log are read at once.
const syncPage = 256

// topic is a topic that is followed.
type topic struct {
	*catchup.Topic
	b        *Broker
	name     string
	channel  string
	keep     hub.Retention
	users    int // guarded by the mu of the feed
	cancel   context.CancelFunc
	presence atomic.Bool // somebody is, or was, present
}

func (b *Broker) newTopic(name, channel string) *topic {
	t := &topic{b: b, name: name, channel: channel, keep: b.options.Retention(name).WithDefaults()}
	ctx, cancel := context.WithCancel(b.ctx)
	t.cancel = cancel
	var log catchup.Log
	if t.keep.Messages > 0 {
		log = t
	}
	t.Topic = catchup.NewTopic(ctx, &b.work, log)
	return t
}

// line takes what was published to the channel. What is none of ours is ignored.
func (t *topic) line(line string) {
	if e, ok := parseEvent(line); ok {
		t.presence.Store(true)
		t.Tell(e)
		return
	}
	if s, err := parseLine([]byte(line)); err == nil {
		s.Topic = t.name
		t.Hear(s.entry())
	}
}

// entry returns s as one of a log whose offsets grow by 1.
func (s stored) entry() catchup.Entry {
	return catchup.Entry{Message: s.Message, Prev: max(s.Position.Offset, 1) - 1, Tag: s.nonce}
}

// Last returns the end of the log.
func (t *topic) Last(ctx context.Context) (at hub.Position, tag string, err error) {
	x, err := t.b.read(ctx, t.name, t.keep, 0, 0, 1)
	if n := len(x.entries); n > 0 {
		tag = x.entries[n-1].nonce
	}
	return x.top, tag, err
}

// Since reads the log from the message at a position on, to see whether that is the one that is known.
func (t *topic) Since(ctx context.Context, at hub.Position, tag string) (batch catchup.Batch, err error) {
	x, err := t.b.read(ctx, t.name, t.keep, max(at.Offset, 1), syncPage, 0)
	if err != nil {
		return batch, err
	}
	if x.turnedBack(at, tag) {
		keys := []string{t.b.key(t.name, "meta")}
		if err := renounceScript.Run(ctx, t.b.client, keys, at.Epoch, newEpoch()).Err(); err != nil {
			return batch, err
		}
		return t.Since(ctx, at, "")
	}
	_, batch.Complete = x.missed(at)
	batch.Top, batch.More = x.top, x.more
	for _, s := range x.entries {
		batch.Entries = append(batch.Entries, s.entry())
	}
	return batch, nil
}

// turnedBack reports whether the log is an older one that goes by the same epoch: it has less than was delivered, or
// something else in its place. It removes what was delivered from x.
func (x *excerpt) turnedBack(at hub.Position, tag string) bool {
	if x.top.Epoch != at.Epoch {
		return false // which is known to be another one
	}
	if x.top.Offset < at.Offset {
		return true
	}
	if len(x.entries) == 0 || x.entries[0].Position.Offset != at.Offset {
		return false
	}
	other := tag != "" && x.entries[0].nonce != tag
	x.entries = x.entries[1:]
	return other
}
