// Package redis is a broker for package hub on Redis 7, alone or as a Cluster.
//
//	broker, err := redis.Open("redis://localhost:6379", &redis.Options{
//		Retention: hub.Keep(hub.Retention{Messages: 100}),
//	})
//	h := hub.New(&hub.Options{Broker: broker})
//
// # How does it use Redis?
//
// One script appends a message to the stream of its topic, trims that, and publishes the message; so the order of the
// stream is the order in which processes get it. Each process has one connection that reads, for all topics that it
// follows, and finds out by the offsets whether something is missing: that, it takes from the stream. It is not the streams
// that are waited for, because one connection could then wait for topics of one slot of a Cluster alone, and would have to
// be interrupted whenever a topic is added. Topics without history are publish and subscribe, and nothing else.
//
// # What is kept where?
//
// All keys of a topic are in one slot, and begin with the prefix of the options. {.T} is the name of the topic, escaped as
// in a URL:
//
//	prefix:{.T}:log      stream: the history
//	prefix:{.T}:meta     hash: epoch, last offset, and bytes of the history
//	prefix:{.T}:present  hash: who is present, by id
//	prefix:{.T}:expiry   sorted set: until when, by id
//	prefix:{.T}          channel: messages, and who comes and goes
//
// # What if Redis loses data?
//
// With a log that is gone, or that is not the one that a process has followed, a new epoch begins. Run Redis with
// appendonly yes, and with appendfsync always if nothing that was accepted may be lost: if a server that has crashed comes
// back with an older state while no process that knows better is there, positions of clients may fit messages that they
// have not got.
package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/internal/presence"
)

// Defaults of [Options].
const (
	DefaultPrefix      = "hub"
	DefaultPresenceTTL = 30 * time.Second
)

// Options are the decisions of a broker. The zero value, and nil, have the defaults.
type Options struct {
	// Prefix begins all keys and channels, so that several programs can share a server. "" stands for [DefaultPrefix].
	Prefix string

	// Retention says how much history a topic has; all processes must agree. nil stands for none.
	Retention func(topic string) hub.Retention

	// PresenceTTL is after what time those are gone whose process has died. It is renewed three times as often. 0 stands
	// for [DefaultPresenceTTL].
	PresenceTTL time.Duration
}

// Broker is a [hub.Broker] on Redis. [Open] and [New] make one.
type Broker struct {
	options Options
	client  redis.UniversalClient
	close   func() error    // of the client, if it is the broker's own
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	work    sync.WaitGroup // goroutines of the broker

	feed   feed
	keeper presence.Keeper[*entry]
}

// Open returns a broker on the server of a URL: redis://user:password@host:port/db, rediss:// for TLS, unix://path. It
// does not wait for the server. The error says what is wrong with the URL.
func Open(url string, o *Options) (*Broker, error) {
	parsed, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	// What is published is not tried again: whether it has arrived is for the program to say.
	parsed.MaxRetries = -1
	parsed.ContextTimeoutEnabled = true
	client := redis.NewClient(parsed)
	b := New(client, o)
	b.close = client.Close
	return b, nil
}

// New returns a broker with a client, which may be one of a Cluster; Close leaves that open. Give it MaxRetries -1, or a
// message whose acknowledgement is lost may be there twice; and ContextTimeoutEnabled, or deadlines of contexts are not
// heeded.
func New(client redis.UniversalClient, o *Options) *Broker {
	b := &Broker{client: client, close: func() error { return nil }}
	if o != nil {
		b.options = *o
	}
	if b.options.Prefix == "" {
		b.options.Prefix = DefaultPrefix
	}
	if b.options.PresenceTTL <= 0 {
		b.options.PresenceTTL = DefaultPresenceTTL
	}
	if b.options.Retention == nil {
		b.options.Retention = hub.Keep(hub.Retention{})
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.feed.init(b)
	b.keeper.Every, b.keeper.Renew, b.keeper.Leave = b.options.PresenceTTL/3, b.renew, b.leave
	b.keeper.Init()
	return b
}

// Close takes out all who have entered through this broker, which takes at most a second, and ends its connections.
func (b *Broker) Close() error {
	entries, ok := b.keeper.Shut()
	if !ok {
		return nil
	}
	b.cancel()
	b.feed.shut()
	b.work.Wait() // so that nothing is renewed that has left
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	b.leave(ctx, entries)
	return b.close()
}

// usable returns ErrBrokerClosed once Close was called, or how ctx has ended.
func (b *Broker) usable(ctx context.Context) error {
	if b.ctx.Err() != nil || b.keeper.IsShut() {
		return hub.ErrBrokerClosed
	}
	return ctx.Err()
}

// explain returns the error of a command for the caller.
func (b *Broker) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case b.usable(context.Background()) != nil:
		return hub.ErrBrokerClosed
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded // the connection's timer was faster than that of the context
	}
	var refused redis.Error
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: %w", hub.ErrRefused, err)
	}
	return err
}

// key returns a key of a topic; "" is the channel.
func (b *Broker) key(topic, what string) string {
	key := b.options.Prefix + ":{." + url.PathEscape(topic) + "}"
	if what == "" {
		return key
	}
	return key + ":" + what
}

// token returns a string that no other call returns.
func token() string { return rand.Text() }
