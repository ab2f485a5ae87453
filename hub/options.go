package hub

import (
	"errors"
	"math"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// Policy says what happens to a message that finds the queue of a connection full.
type Policy uint8

// The policies. Whichever it is, values of [Hub.PublishLatest] are dropped first, the oldest first.
const (
	// CloseSlow closes the connection, with [Options].SlowCode, and drops what is waiting for it. It is the default: no loss goes
	// unnoticed, and a client that reconnects can ask for what it has missed.
	CloseSlow Policy = iota
	// DropOldest drops what has waited longest.
	DropOldest
	// DropNewest drops the message itself.
	DropNewest
	// Block makes Publish wait for room until its context ends; then the message is dropped for this connection. All others have
	// it by then, but they wait for the publisher's next one, so give the context a deadline. Each goroutine that waits exceeds
	// the limit by one message. Block needs a [Memory], because no other broker can make a publisher wait.
	Block
)

// Defaults of [Options].
const (
	DefaultQueueMessages = 128
	DefaultQueueBytes    = 256 << 10
	DefaultMaxTopics     = 1024
	DefaultBrokerTimeout = 10 * time.Second
	DefaultLinger        = 2 * time.Second
)

// Ahead is how many bytes the hub hands to a connection before its peer has taken them; the rest waits in the hub. A connection
// that takes at once what it is given gets up to 60 KiB in one write.
const Ahead = 8 << 10

// maxAhead is what Ahead grows to.
const maxAhead = 60 << 10

// Patience is how long a call that publishes waits for room in queues that are full, so that a burst of messages does not make
// peers look slow. A connection whose queue is still full then is slow until it has caught up: until its queue is empty.
const Patience = 5 * time.Millisecond

// Options configures a hub. The zero value and nil stand for the defaults.
type Options struct {
	// Policy says what happens when a queue is full.
	Policy Policy

	// QueueMessages is how many messages may wait for one connection. 0 stands for [DefaultQueueMessages]; a negative value means
	// no limit.
	QueueMessages int

	// QueueBytes is how many bytes these may have in total. One message of any length may always wait. A message that waits for
	// many connections is in memory only once. 0 stands for [DefaultQueueBytes]; a negative value means no limit.
	QueueBytes int

	// SlowCode is the status code with which [CloseSlow] closes. 0 stands for StatusTryAgainLater (1013), which asks the
	// client to come back; StatusPolicyViolation (1008) tells it to stay away.
	SlowCode conn.StatusCode

	// MaxTopics is how many topics a connection may be subscribed to at the same time. There is a limit because peers often choose
	// their topics themselves. 0 stands for [DefaultMaxTopics]; a negative value means no limit.
	MaxTopics int

	// Broker carries messages and presence to and from other hubs, and remembers them. nil stands for a [Memory] of the hub's own,
	// without history. A program that sets a broker closes it, after the hub's Shutdown.
	Broker Broker

	// BrokerTimeout is how long Subscribe waits for the broker. 0 stands for [DefaultBrokerTimeout]; with a negative value, only
	// the context is a limit.
	BrokerTimeout time.Duration

	// Linger is how long the hub keeps following a topic without connections, so that the broker need not begin anew when
	// connections come and go. 0 stands for [DefaultLinger], or for no time at all if the broker is a [Memory]; so does a negative
	// value with any broker.
	Linger time.Duration

	// Envelope, if not [NoEnvelope], wraps every message, so that clients learn its topic and position.
	Envelope Envelope

	// OnPresence, if not nil, is called when somebody enters or leaves a topic to which a connection of this hub is subscribed.
	// The calls for a topic come in order, one at a time. OnPresence must be quick, and must not call the hub.
	OnPresence func(topic string, e PresenceEvent)
}

// Errors of a hub.
var (
	// ErrShutdown: Shutdown was called.
	ErrShutdown = errors.New("websocket: hub is shut down")
	// ErrTooManyTopics: the connection is already subscribed to the maximum number of topics.
	ErrTooManyTopics = errors.New("websocket: too many topics for one connection (Options.MaxTopics)")
	// ErrSubscribed: SubscribeFrom was called for a connection that is already subscribed to the topic.
	ErrSubscribed = errors.New("websocket: connection is subscribed to the topic already")
	// ErrNotSubscribed: Enter was called for a connection that is not subscribed to the topic.
	ErrNotSubscribed = errors.New("websocket: connection is not subscribed to the topic")
)

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.QueueMessages == 0 {
		d.QueueMessages = DefaultQueueMessages
	} else if d.QueueMessages < 0 {
		d.QueueMessages = math.MaxInt
	}
	if d.QueueBytes == 0 {
		d.QueueBytes = DefaultQueueBytes
	} else if d.QueueBytes < 0 {
		d.QueueBytes = math.MaxInt
	}
	if d.SlowCode == 0 {
		d.SlowCode = conn.StatusTryAgainLater
	}
	if d.MaxTopics == 0 {
		d.MaxTopics = DefaultMaxTopics
	}
	if d.BrokerTimeout == 0 {
		d.BrokerTimeout = DefaultBrokerTimeout
	} else if d.BrokerTimeout < 0 {
		d.BrokerTimeout = math.MaxInt64
	}
	if d.Broker == nil {
		d.Broker = NewMemory(nil)
	}
	_, memory := d.Broker.(*Memory)
	if d.Linger == 0 && !memory {
		d.Linger = DefaultLinger
	}
	if d.Policy == Block && !memory {
		panic("hub: the policy Block needs a broker in memory")
	}
	if d.Policy > Block || !d.SlowCode.ValidOnWire() {
		panic("hub: Policy or SlowCode is none that there is")
	}
	return d
}
