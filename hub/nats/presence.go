package nats

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed60239977/websocket/hub"
)

// leftHeader marks what is published when somebody leaves.
const leftHeader = "Left"

// seen is somebody who is present in a topic that is followed.
type seen struct {
	owner, value string
	at           time.Time // of the last renewal
}

// parseWho reads an entry of the bucket.
func parseWho(data []byte) (owner string, p hub.Presence, err error) {
	if len(data) < ownerSize {
		return "", p, errors.New("no owner")
	}
	p, err = hub.ParsePresence(data[ownerSize:])
	return string(data[:ownerSize]), p, err
}

// who takes what the bucket has republished, and what those publish who leave.
func (t *topic) who(msg *nats.Msg) {
	owner, p, err := parseWho(msg.Data)
	if err != nil {
		return // the bucket itself tells of deletions
	}
	left := msg.Header.Get(leftHeader) != ""
	t.mu.Lock()
	old := t.known[p.ID]
	switch {
	case !left:
		t.known[p.ID] = &seen{owner, p.Value, time.Now()}
	case old != nil && old.owner != owner:
		t.mu.Unlock()
		return // who was replaced
	default:
		delete(t.known, p.ID)
	}
	t.mu.Unlock()
	if left || old == nil || old.value != p.Value {
		t.Tell(hub.PresenceEvent{Presence: p, Left: left})
	}
}

// expire takes out those who have not been renewed.
func (t *topic) expire(now time.Time) {
	var gone []hub.PresenceEvent
	t.mu.Lock()
	for id, s := range t.known {
		if now.Sub(s.at) > t.b.options.PresenceTTL {
			delete(t.known, id)
			gone = append(gone, hub.PresenceEvent{Presence: hub.Presence{ID: id, Value: s.value}, Left: true})
		}
	}
	t.mu.Unlock()
	for _, e := range gone {
		t.Tell(e)
	}
}

// refresh gives all the time for one more renewal: those that came meanwhile were not heard.
func (t *topic) refresh() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.known {
		s.at = time.Now()
	}
}

// bucket returns the bucket, which it makes if there is none.
func (b *Broker) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	b.mu.Lock()
	kv := b.kv
	b.mu.Unlock()
	if kv != nil {
		return kv, nil
	}
	name := b.bucketName()
	kv, err := b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:      name,
		Description: "who is present in topics of WebSockets",
		TTL:         b.options.PresenceTTL,
		Storage:     jetstream.MemoryStorage,
		Replicas:    b.options.Replicas,
		RePublish:   &jetstream.RePublish{Source: "$KV." + name + ".>", Destination: b.options.Prefix + ".who.>"},
	})
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kv = kv
	return kv, nil
}

func (b *Broker) bucketName() string { return b.options.Prefix + "-presence" }

// withBucket calls f with the bucket, and once more with another one if that is gone.
func (b *Broker) withBucket(ctx context.Context, f func(jetstream.KeyValue) error) error {
	for try := 0; ; try++ {
		kv, err := b.bucket(ctx)
		if err != nil {
			return err
		}
		if err = f(kv); err == nil || try > 0 || !gone(err) {
			return err
		}
		b.mu.Lock()
		b.kv = nil
		b.mu.Unlock()
	}
}

// entry is somebody who has entered through this broker.
type entry struct {
	topic string
	id    string
	value []byte // with the owner
	rev   uint64 // of the key; once the entry is kept, only the keeper's goroutine uses it
}

func (e *entry) key() string { return token("t", e.topic) + "." + token("i", e.id) }

// Enter puts an entry into the bucket.
func (b *Broker) Enter(ctx context.Context, topic string, p hub.Presence) (leave func(), err error) {
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	outer := ctx
	ctx, cancel := limited(ctx)
	defer cancel()
	e := &entry{topic: topic, id: p.ID, value: hub.AppendPresence([]byte(owner()), p)}
	err = b.withBucket(ctx, func(kv jetstream.KeyValue) (err error) {
		e.rev, err = kv.Put(ctx, e.key(), e.value)
		return err
	})
	if err != nil {
		return nil, b.explain(outer, err)
	}
	if !b.keeper.Add(e) || !b.keeper.Start(b.ctx, &b.work) {
		return nil, hub.ErrBrokerClosed
	}
	return func() { b.keeper.Remove(e) }, nil
}

// everybodyLeaves ends the keeper, whose goroutine knows the revisions, and then takes all out.
func (b *Broker) everybodyLeaves() {
	all, _ := b.keeper.Shut()
	b.cancel()
	b.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	b.leave(ctx, all)
}

// leave takes entries out, unless they have been replaced, and tells the followers. What fails expires.
func (b *Broker) leave(ctx context.Context, entries []*entry) {
	if len(entries) == 0 {
		return
	}
	s, err := b.js.Stream(ctx, "KV_"+b.bucketName())
	if err != nil {
		return
	}
	for _, e := range entries {
		// Up to this revision: another one has replaced it, and stays. The bucket's own ways to delete leave something behind.
		subject := "$KV." + b.bucketName() + "." + e.key()
		if s.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(e.rev+1)) != nil {
			continue
		}
		_ = b.nc.PublishMsg(&nats.Msg{
			Subject: b.options.Prefix + ".who." + e.key(),
			Header:  nats.Header{leftHeader: []string{"1"}},
			Data:    e.value,
		})
	}
	_ = b.nc.FlushWithContext(ctx)
}

// renew renews all entries. What fails now is renewed next time: twice may fail before anybody is gone.
func (b *Broker) renew(entries []*entry) {
	ctx, cancel := context.WithTimeout(b.ctx, b.options.PresenceTTL/3)
	defer cancel()
	for _, e := range entries {
		err := b.withBucket(ctx, func(kv jetstream.KeyValue) error { return b.update(ctx, kv, e) })
		if err != nil && ctx.Err() != nil {
			return
		}
	}
}

// update renews an entry, unless somebody has replaced it.
func (b *Broker) update(ctx context.Context, kv jetstream.KeyValue, e *entry) error {
	rev, err := kv.Update(ctx, e.key(), e.value, e.rev)
	var conflict *jetstream.APIError
	if errors.As(err, &conflict) && conflict.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		if _, err := kv.Get(ctx, e.key()); !errors.Is(err, jetstream.ErrKeyNotFound) {
			return err // somebody has replaced it, or nothing is known
		}
		rev, err = kv.Create(ctx, e.key(), e.value)
	}
	if err == nil {
		e.rev = rev
	}
	return err
}

// Present reads the entries of a topic.
func (b *Broker) Present(ctx context.Context, topic string) (all []hub.Presence, err error) {
	err = b.present(ctx, func(ctx context.Context, s jetstream.Stream) error {
		all = []hub.Presence{}
		_, err := b.each(ctx, s, b.presentSubject(topic), 0, math.MaxInt, func(msg jetstream.Msg, _ *jetstream.MsgMetadata) error {
			if _, p, err := parseWho(msg.Data()); err == nil {
				all = append(all, p)
			}
			return nil
		})
		return err
	})
	slices.SortFunc(all, func(a, b hub.Presence) int { return strings.Compare(a.ID, b.ID) })
	return all, err
}

// CountPresent asks how many entries a topic has.
func (b *Broker) CountPresent(ctx context.Context, topic string) (n int, err error) {
	err = b.present(ctx, func(ctx context.Context, s jetstream.Stream) error {
		consumer, err := s.CreateConsumer(ctx, consumerConfig(b.presentSubject(topic), 0))
		if err != nil {
			return err
		}
		n = int(consumer.CachedInfo().NumPending)
		_ = s.DeleteConsumer(ctx, consumer.CachedInfo().Name) // or else it goes by itself
		return nil
	})
	return n, err
}

func (b *Broker) presentSubject(topic string) string {
	return "$KV." + b.bucketName() + "." + token("t", topic) + ".*"
}

// present calls f with the stream of the bucket.
func (b *Broker) present(ctx context.Context, f func(context.Context, jetstream.Stream) error) error {
	if err := b.usable(ctx); err != nil {
		return err
	}
	outer := ctx
	ctx, cancel := limited(ctx)
	defer cancel()
	return b.explain(outer, b.withBucket(ctx, func(jetstream.KeyValue) error {
		s, err := b.js.Stream(ctx, "KV_"+b.bucketName())
		if err != nil {
			return err
		}
		return f(ctx, s)
	}))
}
