// Package nats is a broker for package hub on NATS, with JetStream for topics that have history. It works with servers from
// 2.9 on.
//
//	broker, err := nats.Open("nats://localhost:4222", &nats.Options{
//		Retention: hub.Keep(hub.Retention{Messages: 100}),
//	})
//	h := hub.New(&hub.Options{Broker: broker})
//
// # How does it use NATS?
//
// Topics without history are subjects of core NATS. All topics with history are in one stream, a subject for each topic,
// which republishes what it has stored: so a process gets a message from a subscription of core NATS, with its place in
// the stream and the place of the one before it in the topic, and finds out whether something is missing. That, it reads
// with a consumer that exists for a moment. Nobody gets a message that the stream has not accepted.
//
// # What is kept where?
//
// TOPIC is t and the name of the topic in URL-safe base64, and ID is i and the id of whoever is present:
//
//	PREFIX.live.TOPIC      subject: messages of topics without history
//	PREFIX_EPOCH           stream: messages of topics with history, from PREFIX.log.TOPIC, republished to PREFIX.out.TOPIC
//	PREFIX-epoch           stream: the epoch, from PREFIX.epoch, so that all processes make the same stream
//	PREFIX-presence        key-value bucket in memory: TOPIC.ID, republished to PREFIX.who.TOPIC.ID
//
// # What does a position mean?
//
// Its offset is a sequence number of the stream, so offsets of a topic have gaps, and how many messages somebody has
// missed is known only if they are still in the stream. All topics share the age of the stream. A position that is older,
// in a topic where nothing has happened since, cannot be told from one after which something was lost: it is not
// recovered. Ages of single topics are measured by the clock of the process.
//
// # What if NATS loses data?
//
// With a stream that is gone, a new epoch begins. What a server has accepted survives its own death, but not that of the machine:
// by default, JetStream has files written through to the disk only every two minutes. With "sync_interval: always" in the block
// "jetstream" of its configuration, nothing that was accepted is lost. Without, a server may come back with an older stream, and
// number other messages as it has numbered those that are gone. A process that has delivered some of these, and still follows
// their topic, notices: it deletes the stream, so that a new epoch begins. If there is none, positions of clients may fit messages
// that they have not got. With Replicas of 2 or more, a machine that comes back learns from the others; that all of them have lost
// the same is noticed only once other messages have the same numbers.
package nats

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/internal/presence"
)

// Defaults of [Options].
const (
	DefaultPrefix      = "hub"
	DefaultPresenceTTL = 30 * time.Second
	DefaultMaxMessages = 1000
)

// Options are the decisions of a broker. The zero value, and nil, have the defaults. All processes must agree; what concerns
// the stream is decided by the one that creates it.
type Options struct {
	// Prefix begins all subjects and names, so that several programs can share a server: letters, digits, - and _. ""
	// stands for [DefaultPrefix].
	Prefix string

	// Retention says how much history a topic has. nil stands for none.
	Retention func(topic string) hub.Retention

	// MaxMessages bounds Retention.Messages of all topics. 0 stands for [DefaultMaxMessages].
	MaxMessages int

	// MaxAge bounds Retention.Age of all topics. 0 stands for [hub.DefaultAge].
	MaxAge time.Duration

	// MaxBytes bounds the stream: all topics together. The oldest go first. 0 sets no bound but that of the server.
	MaxBytes int64

	// Storage is where the stream is: in files, the default, or in memory.
	Storage jetstream.StorageType

	// Replicas is on how many servers of a cluster the stream is. 0 stands for 1.
	Replicas int

	// PresenceTTL is after what time those are gone whose process has died. It is renewed three times as often. 0 stands
	// for [DefaultPresenceTTL].
	PresenceTTL time.Duration
}

// Broker is a [hub.Broker] on NATS. [Open] and [New] make one.
type Broker struct {
	options Options
	nc      *nats.Conn
	js      jetstream.JetStream
	own     bool            // the connection
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	work    sync.WaitGroup // goroutines of the broker

	making chan struct{} // one slot: a lock of those who look for the stream, or make it
	log    stream        // guarded by mu
	cuts   cuts

	mu     sync.Mutex
	topics map[string]*topic
	kv     jetstream.KeyValue // nil: not known
	keeper presence.Keeper[*entry]
	closed bool
}

// stream is the stream with the history of all topics.
type stream struct {
	jetstream.Stream
	epoch uint64
}

var validPrefix = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// Open returns a broker on the servers of a URL, or several with commas between them: nats://user:password@host:port,
// tls://, ws:// and so on. The client has its own options for TLS and credentials. Open does not wait for the server. The
// error says what is wrong with the URL or the options.
func Open(url string, o *Options, client ...nats.Option) (*Broker, error) {
	nc, err := nats.Connect(url, append([]nats.Option{
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(time.Second, time.Second),
		nats.ReconnectBufSize(-1), // what cannot be sent is refused, and takes no memory
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(2),
	}, client...)...)
	if err != nil {
		return nil, err
	}
	b, err := New(nc, o)
	if err != nil {
		nc.Close()
		return nil, err
	}
	b.own = true
	return b, nil
}

// New returns a broker with a connection, which Close leaves open. Give that ReconnectBufSize(-1), or what is published
// while there is no server waits in memory and its fate is unknown; and MaxReconnects(-1).
func New(nc *nats.Conn, o *Options) (*Broker, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	b := &Broker{nc: nc, js: js, making: make(chan struct{}, 1), topics: map[string]*topic{}}
	if o != nil {
		b.options = *o
	}
	if err := b.options.setDefaults(); err != nil {
		return nil, err
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.keeper.Every, b.keeper.Renew, b.keeper.Leave = b.options.PresenceTTL/3, b.renew, b.leave
	b.keeper.Init()
	b.work.Go(b.watch)
	return b, nil
}

func (o *Options) setDefaults() error {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if !validPrefix.MatchString(o.Prefix) {
		return fmt.Errorf("websocket: prefix %q has something else than letters, digits, - and _", o.Prefix)
	}
	if o.Retention == nil {
		o.Retention = hub.Keep(hub.Retention{})
	}
	if o.MaxMessages <= 0 {
		o.MaxMessages = DefaultMaxMessages
	}
	if o.MaxAge <= 0 {
		o.MaxAge = hub.DefaultAge
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = -1
	}
	if o.Replicas <= 0 {
		o.Replicas = 1
	}
	if o.PresenceTTL <= 0 {
		o.PresenceTTL = DefaultPresenceTTL
	}
	return nil
}

// retention returns what of a topic is kept.
func (b *Broker) retention(topic string) hub.Retention {
	r := b.options.Retention(topic).WithDefaults()
	r.Messages, r.Age = min(r.Messages, b.options.MaxMessages), min(r.Age, b.options.MaxAge)
	return r
}

// Close takes out all who have entered through this broker, which takes at most a second, and ends its connection.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.mu.Unlock()
	b.everybodyLeaves()
	b.end()
	return nil
}

// end ends everything that is at work.
func (b *Broker) end() {
	b.cancel()
	for _, t := range b.all() {
		t.stop()
	}
	b.work.Wait()
	if b.own {
		b.nc.Close()
	}
}

// usable returns ErrBrokerClosed once Close was called, or how ctx has ended.
func (b *Broker) usable(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return hub.ErrBrokerClosed
	}
	return ctx.Err()
}

// callTime is how long a call waits whose context has no deadline.
const callTime = 10 * time.Second

// limited returns a context with a deadline, which the client asks for.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, callTime)
}

// explain returns an error for the caller.
func (b *Broker) explain(ctx context.Context, err error) error {
	var refused *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case b.usable(context.Background()) != nil:
		return hub.ErrBrokerClosed
	case errors.As(err, &refused), errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrMaxPayload),
		errors.Is(err, nats.ErrReconnectBufExceeded):
		return fmt.Errorf("%w: %w", hub.ErrRefused, err)
	case errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return err
}

// token returns something as a part of a subject.
func token(kind, s string) string { return kind + base64.RawURLEncoding.EncodeToString([]byte(s)) }

// subject returns the subject of a topic: "live", "log", "out" or "who".
func (b *Broker) subject(kind, topic string) string {
	return b.options.Prefix + "." + kind + "." + token("t", topic)
}

// owner returns a string of ownerSize bytes that no other call returns.
func owner() string { return rand.Text()[:ownerSize] }

const ownerSize = 26

func (b *Broker) streamName(epoch uint64) string { return fmt.Sprint(b.options.Prefix, "_", epoch) }

// epochOf returns the epoch in the name of a stream.
func (b *Broker) epochOf(name string) (epoch uint64, ok bool) {
	s, ok := strings.CutPrefix(name, b.options.Prefix+"_")
	if !ok {
		return 0, false
	}
	epoch, err := strconv.ParseUint(s, 10, 64)
	return epoch, err == nil && epoch < 1<<53
}

// stream returns the stream, which it looks for, and makes if there is none.
func (b *Broker) stream(ctx context.Context) (stream, error) {
	select {
	case b.making <- struct{}{}:
	case <-ctx.Done():
		return stream{}, ctx.Err()
	}
	defer func() { <-b.making }()
	b.mu.Lock()
	log := b.log
	b.mu.Unlock()
	if log.Stream != nil {
		return log, nil
	}
	log, err := b.findOrMake(ctx)
	if err == nil {
		b.mu.Lock()
		b.log = log
		b.mu.Unlock()
	}
	return log, err
}

func (b *Broker) findOrMake(ctx context.Context) (log stream, err error) {
	subjects := b.options.Prefix + ".log.>"
	for range 3 { // another process may make it meanwhile
		var name string
		name, err = b.js.StreamNameBySubject(ctx, subjects)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if log.epoch, err = b.nextEpoch(ctx, 0); err == nil {
				log.Stream, err = b.js.CreateStream(ctx, b.config(b.streamName(log.epoch), subjects))
			}
		} else if err == nil {
			var ok bool
			if log.epoch, ok = b.epochOf(name); !ok {
				return log, fmt.Errorf("websocket: stream %q has the subjects %s", name, subjects)
			}
			log.Stream, err = b.js.Stream(ctx, name)
		}
		if err == nil {
			return log, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return stream{}, err
}

// freshEpoch is for how long an epoch is taken for one whose stream is being made; after that the stream was lost.
const freshEpoch = 10 * time.Second

// nextEpoch returns an epoch on which all processes agree that make the stream at the same time: the server would let them make
// one each. It is the last message of a stream with a fixed name, and comes there on condition of the one before. It is another
// one than that of a stream which is to be used no more.
func (b *Broker) nextEpoch(ctx context.Context, not uint64) (epoch uint64, err error) {
	subject := b.options.Prefix + ".epoch"
	s, err := b.js.CreateStream(ctx, jetstream.StreamConfig{
		Name:              b.options.Prefix + "-epoch",
		Description:       "epochs of the history of topics of WebSockets",
		Subjects:          []string{subject},
		MaxMsgsPerSubject: 1,
		Storage:           b.options.Storage,
		Replicas:          b.options.Replicas,
	})
	if err != nil {
		return 0, err
	}
	for {
		before := uint64(0)
		last, err := s.GetLastMsgForSubject(ctx, subject)
		switch {
		case err == nil:
			before = last.Sequence
			epoch, err := strconv.ParseUint(string(last.Data), 10, 64)
			if err == nil && epoch != not && time.Since(last.Time) < freshEpoch {
				return epoch, nil
			}
		case !errors.Is(err, jetstream.ErrMsgNotFound):
			return 0, err
		}
		epoch = 1 + mathrand.Uint64N(1<<53-1)
		_, err = b.js.Publish(ctx, subject, fmt.Append(nil, epoch), jetstream.WithExpectLastSequencePerSubject(before))
		var conflict *jetstream.APIError
		if !errors.As(err, &conflict) || conflict.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence {
			return epoch, err
		}
	}
}

func (b *Broker) config(name, subjects string) jetstream.StreamConfig {
	o := &b.options
	return jetstream.StreamConfig{
		Name:              name,
		Description:       "history of topics of WebSockets",
		Subjects:          []string{subjects},
		MaxMsgsPerSubject: int64(o.MaxMessages) + 1, // so that it is known whether the one before them was there
		MaxAge:            o.MaxAge,
		MaxBytes:          o.MaxBytes,
		Discard:           jetstream.DiscardOld,
		Storage:           o.Storage,
		Replicas:          o.Replicas,
		AllowDirect:       true,
		RePublish:         &jetstream.RePublish{Source: subjects, Destination: o.Prefix + ".out.>"},
	}
}

// forget has the stream looked for again, if it is still this one that is known.
func (b *Broker) forget(log stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.log.epoch == log.epoch {
		b.log = stream{}
	}
}

// gone reports whether an error says that there is no such stream or bucket.
func gone(err error) bool {
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, jetstream.ErrStreamNotFound) ||
		errors.Is(err, jetstream.ErrBucketNotFound) || errors.Is(err, nats.ErrNoResponders)
}

// withStream calls f with the stream, and once more with another one if that is gone.
func (b *Broker) withStream(ctx context.Context, f func(stream) error) error {
	for try := 0; ; try++ {
		log, err := b.stream(ctx)
		if err != nil {
			return err
		}
		if err = f(log); err == nil || try > 0 || !gone(err) {
			return err
		}
		b.forget(log)
	}
}
