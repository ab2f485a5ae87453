package nats

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/internal/catchup"
)

// topic is a topic that is followed.
type topic struct {
	*catchup.Topic
	b      *Broker
	name   string
	users  int             // guarded by the mu of the broker
	ctx    context.Context // ends with the topic
	cancel context.CancelFunc

	subs    []*nats.Subscription
	dropped int // messages that the client has dropped; of the goroutine that watches

	mu    sync.Mutex
	known map[string]*seen // who is present, by id
}

// acquire returns a topic that is followed until release.
func (b *Broker) acquire(name string) (*topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, hub.ErrBrokerClosed
	}
	t := b.topics[name]
	if t == nil {
		t = &topic{b: b, name: name, known: map[string]*seen{}}
		t.ctx, t.cancel = context.WithCancel(b.ctx)
		kind, log := "live", catchup.Log(nil)
		if b.retention(name).Messages > 0 {
			kind, log = "out", t
		}
		t.Topic = catchup.NewTopic(t.ctx, &b.work, log)
		if err := t.subscribe(kind); err != nil {
			t.stop()
			return nil, err
		}
		b.topics[name] = t
		b.work.Go(func() { b.confirm(t) })
	}
	t.users++
	return t, nil
}

func (b *Broker) release(t *topic) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.users--
	if t.users == 0 {
		delete(b.topics, t.name)
		t.stop()
	}
}

func (b *Broker) all() (topics []*topic) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.topics {
		topics = append(topics, t)
	}
	return topics
}

// subscribe makes the subscriptions, which does not wait for the network.
func (t *topic) subscribe(kind string) error {
	messages, err := t.b.nc.Subscribe(t.b.subject(kind, t.name), t.message)
	if err != nil {
		return err
	}
	t.subs = append(t.subs, messages)
	who, err := t.b.nc.Subscribe(t.b.subject("who", t.name)+".*", t.who)
	if err == nil {
		t.subs = append(t.subs, who)
	}
	return err
}

func (t *topic) stop() {
	t.cancel()
	for _, sub := range t.subs {
		_ = sub.Unsubscribe() // which fails if the connection is closed
	}
}

// confirm says that a topic hears of everything, once the server has got the subscriptions. If the connection fails first,
// that is said when there is another one.
func (b *Broker) confirm(t *topic) {
	ctx, cancel := limited(t.ctx)
	defer cancel()
	if b.nc.FlushWithContext(ctx) == nil {
		t.Confirm()
	}
}

// message takes what comes for the topic. What is none of ours is ignored.
func (t *topic) message(msg *nats.Msg) {
	if t.Plain() {
		if m, err := hub.ParseRecord(msg.Data); err == nil {
			m.Topic = t.name
			t.Hear(catchup.Entry{Message: m})
		}
		return
	}
	if e, err := t.b.parseMessage(t.name, msg); err == nil {
		t.Hear(e)
	}
}

// Last returns where the topic is.
func (t *topic) Last(ctx context.Context) (at hub.Position, tag string, err error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	err = t.b.withStream(ctx, func(log stream) (err error) {
		at, tag, err = t.b.last(ctx, log, t.name)
		return err
	})
	return at, tag, err
}

// Since reads the stream.
func (t *topic) Since(ctx context.Context, at hub.Position, tag string) (batch catchup.Batch, err error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	err = t.b.withStream(ctx, func(log stream) (err error) {
		if err := t.b.notTurnedBack(ctx, log, at, tag); err != nil {
			return err
		}
		batch, err = t.b.batch(ctx, log, t.name, at)
		return err
	})
	return batch, err
}

// batch reads all that came after a position.
func (b *Broker) batch(ctx context.Context, log stream, topic string, at hub.Position) (batch catchup.Batch, err error) {
	var page hub.Page
	x, err := b.find(ctx, log, topic, hub.Query{Since: at}, &page)
	if err != nil || !page.Complete {
		return catchup.Batch{Top: page.Top}, err
	}
	batch.Top, batch.Complete = page.Top, true
	prev := at.Offset
	for _, s := range x.entries {
		batch.Entries = append(batch.Entries, catchup.Entry{Message: s.Message, Prev: prev, Tag: tagOf(s.at)})
		prev = s.Position.Offset
	}
	return batch, nil
}

// checkTime is how often it is looked at whether the client has dropped messages, and whether somebody present has not
// been renewed.
const checkTime = 500 * time.Millisecond

// watch notices new connections, and what the client has dropped.
func (b *Broker) watch() {
	connected, lost := b.nc.StatusChanged(nats.CONNECTED), b.nc.StatusChanged(nats.RECONNECTING)
	defer b.nc.RemoveStatusListener(connected)
	defer b.nc.RemoveStatusListener(lost)
	tick := time.NewTicker(checkTime)
	defer tick.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-lost:
			for _, t := range b.all() {
				t.Doubt()
			}
		case <-connected:
			for _, t := range b.all() {
				t.refresh()
				t.Confirm()
			}
		case <-tick.C:
			for _, t := range b.all() {
				t.check()
			}
		}
	}
}

// check is called every checkTime.
func (t *topic) check() {
	dropped := 0
	for _, sub := range t.subs {
		n, _ := sub.Dropped()
		dropped += n
	}
	if dropped != t.dropped {
		t.dropped = dropped
		t.Confirm()
	}
	if t.b.nc.IsConnected() {
		t.expire(time.Now())
	}
}

// Follow subscribes to the subject of a topic, and returns when the server has that.
func (b *Broker) Follow(ctx context.Context, name string, f hub.Follower) (at hub.Position, stop func(), err error) {
	if err := b.usable(ctx); err != nil {
		return at, nil, err
	}
	t, err := b.acquire(name)
	if err != nil {
		return at, nil, b.explain(ctx, err)
	}
	if err := t.Wait(ctx); err != nil {
		b.release(t)
		return at, nil, b.explain(ctx, err)
	}
	at, remove := t.Add(f)
	return at, sync.OnceFunc(func() {
		remove()
		b.release(t)
	}), nil
}
