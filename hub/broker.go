package hub

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/seed60239977/websocket/conn"
)

// Broker carries messages and presence between hubs, and remembers them. [Memory] does that within one process; hub/nats
// and hub/redis do it for many. Package hub/brokertest has the tests that every broker must pass.
//
// Its methods may be called from any goroutine. Those that take a context return its error if it ends first. Several hubs may
// use one broker.
type Broker interface {
	// Publish appends a message to its topic. Once it returns nil, the broker has accepted the message; after an error it
	// may have, unless the error is [ErrRefused]. Publish sets m.Position if the topic has history, and must not change or
	// keep m.Data otherwise. A message is never delivered to anybody before the broker has accepted it.
	Publish(ctx context.Context, m *Message) error

	// Follow hands everything that is published to a topic from now on to f, until stop is called. at is the position
	// now: everything after it will be delivered. It is zero if the topic has no history. A topic may be followed more
	// than once. stop may be called from any goroutine, more than once, and does not wait for the network.
	Follow(ctx context.Context, topic string, f Follower) (at Position, stop func(), err error)

	// History returns messages that the topic still has, oldest first. A topic without history has none, and the result is
	// then not complete. If it has not got as far as what Follow has delivered, as that of a server which follows another one
	// may, the hub asks again.
	History(ctx context.Context, topic string, q Query) (Page, error)

	// Enter adds somebody to those present in a topic, until leave is called or, if this process dies, for the broker's time to
	// live. An entry with the same id is replaced. The broker renews the entry itself, even if the server has lost it. leave does
	// not wait for the network and may be called more than once; it does not remove an entry that has replaced this one.
	Enter(ctx context.Context, topic string, p Presence) (leave func(), err error)

	// Present returns who is in a topic, in no particular order.
	Present(ctx context.Context, topic string) ([]Presence, error)

	// CountPresent returns how many are in a topic, without asking for each of them.
	CountPresent(ctx context.Context, topic string) (int, error)

	// Close releases the broker's resources, and removes the presence of all who have entered through it. Later calls return
	// [ErrBrokerClosed].
	Close() error
}

// Follower receives what happens in a topic from a broker. Its methods are called one at a time, in order, and may wait for
// [Patience].
type Follower interface {
	// Deliver is called for a message. Messages with a position come in the order of their offsets, none twice, and without gaps
	// except for offsets that never had a message. m must not be changed afterwards.
	Deliver(m *Message)
	// Gap is called when messages are missing that can no longer be obtained: what comes next follows at, which may be of another
	// epoch.
	Gap(at Position)
	// Presence is called when somebody has come or gone.
	Presence(e PresenceEvent)
}

// Message is a message on its way through a broker. Brokers read the exported fields and set Position.
type Message struct {
	Topic    string           // where it was published
	Position Position         // its place in the log of the topic; zero if that has no history
	Type     conn.MessageType // Text or Binary
	Data     []byte           // must not be changed
	Latest   bool             // a value of which only the latest matters: see [Hub.PublishLatest]
	Key      string           // of such a value
	Except   Origin           // the connection that does not get it; zero: all get it

	prepared *conn.Prepared // set by the publisher, if that is in this process
	encoded  *conn.Prepared // what it looks like in an envelope of this hub, if that is known; set when it is delivered
	encoder  *Hub
	full     []place // queues where the publisher is to wait
	behind   bool    // what writes to connections is far behind
}

// Origin identifies a connection of a hub in any process: Hub is the number of the hub, Conn that of the connection. No two
// hubs have the same number, and no two connections of one hub do. The zero value stands for no connection.
type Origin struct{ Hub, Conn uint64 }

// Position is a place in the log of a topic: everything up to and including Offset. The zero value is no position. Both
// numbers are below 2^53, so that JavaScript can hold them.
type Position struct {
	// Epoch tells logs of the same topic apart. It changes when a log was lost, and with it all positions.
	Epoch uint64
	// Offset grows with each message of a log. It need not grow by 1.
	Offset uint64
}

// IsZero reports whether p is no position.
func (p Position) IsZero() bool { return p == Position{} }

// maxNumber bounds epochs and offsets.
const maxNumber = 1<<53 - 1

// Query asks for messages of a log.
type Query struct {
	Since Position // those after it; zero: the last ones
	Last  int      // how many of the last ones, if Since is zero
	Limit int      // not more than so many at once; 0: all that there are
}

// Page is the answer to a [Query].
type Page struct {
	Messages []*Message // oldest first
	Top      Position   // of the log; zero if there is no history
	Complete bool       // nothing is missing between Query.Since and Messages
	Missed   uint64     // how many are missing, if that is known
	More     bool       // Limit has cut off later messages
}

// Presence is somebody in a topic.
type Presence struct {
	ID    string // one for each connection: a user with two tabs is there twice
	Value string // whatever others should know, such as a name. Keep it small: everybody gets to see it
}

// PresenceEvent says that somebody has come or gone. Somebody may come who is already there. If ID is empty, events may have
// been missed, because the broker could not be reached for a while: call [Hub.Present] to learn who is there.
type PresenceEvent struct {
	Presence
	Left bool // gone, not come
}

// Retention says how much history a topic has. The zero value is none, and costs nothing.
type Retention struct {
	// Messages is how many messages are kept. 0 means no history, whatever the other fields say.
	Messages int
	// Age is how long a message is kept. 0 stands for [DefaultAge]; a negative value means no limit.
	Age time.Duration
	// Bytes is how many bytes the kept messages may have in total. The last one is always kept. 0 stands for [DefaultBytes]; a
	// negative value means no limit.
	Bytes int
}

// Defaults of [Retention].
const (
	DefaultAge   = time.Hour
	DefaultBytes = 1 << 20
)

// WithDefaults returns r with its defaults filled in. It is for those who write brokers.
func (r Retention) WithDefaults() Retention {
	if r.Messages <= 0 {
		return Retention{}
	}
	switch {
	case r.Age == 0:
		r.Age = DefaultAge
	case r.Age < 0:
		r.Age = 100 * 365 * 24 * time.Hour // longer than any process runs
	}
	switch {
	case r.Bytes == 0:
		r.Bytes = DefaultBytes
	case r.Bytes < 0:
		r.Bytes = math.MaxInt
	}
	return r
}

// Keep returns a function for the options of brokers that gives all topics the same retention.
func Keep(r Retention) func(topic string) Retention {
	return func(string) Retention { return r }
}

// Errors of brokers.
var (
	// ErrRefused: the broker has not accepted what was published, and nobody gets it. The error says why.
	ErrRefused = errors.New("websocket: broker refused the message")
	// ErrBrokerClosed: Close of the broker was called.
	ErrBrokerClosed = errors.New("websocket: broker is closed")
)
