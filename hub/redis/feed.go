package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/internal/catchup"
)

// checkTime is after what time of silence the server is asked whether it is there. As much later without an answer, the
// connection is given up.
const checkTime = 2 * time.Second

// feed is the one connection that reads: it is subscribed to the channels of all topics that are followed.
type feed struct {
	b    *Broker
	wake chan struct{} // one slot: dirty is not empty

	mu      sync.Mutex
	topics  map[string]*topic   // by channel
	dirty   map[string]struct{} // channels that have to be subscribed or unsubscribed, as topics says
	pubsub  *redis.PubSub
	started bool
}

func (f *feed) init(b *Broker) {
	*f = feed{b: b, wake: make(chan struct{}, 1), topics: map[string]*topic{}, dirty: map[string]struct{}{}}
}

// shut ends the goroutines.
func (f *feed) shut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pubsub != nil {
		f.pubsub.Close()
	}
}

// touch has a channel subscribed or unsubscribed soon. The caller holds mu.
func (f *feed) touch(channel string) {
	f.dirty[channel] = struct{}{}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// acquire returns a topic that is followed until release.
func (f *feed) acquire(name string) (*topic, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.b.ctx.Err() != nil {
		return nil, hub.ErrBrokerClosed
	}
	if !f.started {
		f.started = true
		f.pubsub = f.b.client.Subscribe(f.b.ctx)
		f.b.work.Go(f.read)
		f.b.work.Go(f.subscribe)
	}
	channel := f.b.key(name, "")
	t := f.topics[channel]
	if t == nil {
		t = f.b.newTopic(name, channel)
		f.topics[channel] = t
		f.touch(channel)
	}
	t.users++
	return t, nil
}

func (f *feed) release(t *topic) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t.users--
	if t.users == 0 {
		delete(f.topics, t.channel)
		t.cancel()
		f.touch(t.channel)
	}
}

// subscribe keeps the subscriptions of the connection as they should be. It waits for the network, so that nobody else has
// to. What fails here is done again when the connection is made anew.
func (f *feed) subscribe() {
	for {
		select {
		case <-f.wake:
		case <-f.b.ctx.Done():
			return
		}
		f.mu.Lock()
		var add, remove []string
		for channel := range f.dirty {
			if f.topics[channel] != nil {
				add = append(add, channel)
			} else {
				remove = append(remove, channel)
			}
		}
		clear(f.dirty)
		pubsub := f.pubsub
		f.mu.Unlock()
		if len(remove) > 0 {
			_ = pubsub.Unsubscribe(f.b.ctx, remove...)
		}
		if len(add) > 0 {
			_ = pubsub.Subscribe(f.b.ctx, add...)
		}
	}
}

// read hands what comes to the topics, until the broker is closed.
func (f *feed) read() {
	silent := 0 // times in a row that nothing has come
	for failures := 0; f.b.ctx.Err() == nil; {
		f.mu.Lock()
		pubsub := f.pubsub
		f.mu.Unlock()
		msg, err := pubsub.ReceiveTimeout(f.b.ctx, checkTime)
		var timeout net.Error
		switch {
		case err == nil:
			silent, failures = 0, 0
			f.dispatch(msg)
		case errors.As(err, &timeout) && timeout.Timeout() && silent == 0:
			silent++
			_ = pubsub.Ping(f.b.ctx)
		default:
			silent = 0
			f.reconnect(pubsub)
			catchup.Pause(f.b.ctx, &failures)
		}
	}
}

// reconnect replaces the connection by one that has all subscriptions.
func (f *feed) reconnect(old *redis.PubSub) {
	old.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.b.ctx.Err() != nil {
		return
	}
	f.pubsub = f.b.client.Subscribe(f.b.ctx)
	for channel := range f.topics {
		f.touch(channel)
	}
}

func (f *feed) dispatch(msg any) {
	switch m := msg.(type) {
	case *redis.Subscription:
		if t := f.find(m.Channel); t != nil && m.Kind == "subscribe" {
			t.Confirm()
		}
	case *redis.Message:
		if t := f.find(m.Channel); t != nil {
			t.line(m.Payload)
		}
	}
}

func (f *feed) find(channel string) *topic {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.topics[channel]
}

// all returns all topics that are followed.
func (f *feed) all() (topics []*topic) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.topics {
		topics = append(topics, t)
	}
	return topics
}

// Follow subscribes to the channel of a topic, and returns when Redis has confirmed that.
func (b *Broker) Follow(ctx context.Context, name string, f hub.Follower) (at hub.Position, stop func(), err error) {
	if err := b.usable(ctx); err != nil {
		return at, nil, err
	}
	t, err := b.feed.acquire(name)
	if err != nil {
		return at, nil, err
	}
	if err := t.Wait(ctx); err != nil {
		b.feed.release(t)
		return at, nil, b.explain(ctx, err)
	}
	at, remove := t.Add(f)
	return at, sync.OnceFunc(func() {
		remove()
		b.feed.release(t)
	}), nil
}
