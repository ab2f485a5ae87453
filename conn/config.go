package conn

import (
	"cmp"
	"math"
	"time"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/protocol"
)

// Defaults of a [Config] whose fields are zero.
const (
	DefaultReadLimit    = protocol.DefaultReadLimit    // bytes
	DefaultMaxFragments = protocol.DefaultMaxFragments // frames
	DefaultCloseTimeout = 5 * time.Second              // for a whole closing handshake
	DefaultSendQueue    = 256 << 10                    // bytes
	DefaultFragmentSize = 16 << 10                     // of a message that a Writer sends, in bytes
)

// SmallFragment is the payload in bytes below which a frame counts towards Config.MaxFragments.
const SmallFragment = protocol.SmallFragment

// Config says how a connection behaves. The zero value is the safe one: 0 stands for the default that the field names, and
// a negative number for no limit, or for off. [Client] and [Server] copy it, so that one Config may serve any number of
// connections and may be changed after.
type Config struct {
	// ReadLimit is the longest message that is accepted, in bytes after decompression. 0 stands for
	// [DefaultReadLimit]; a negative value sets no limit. A longer message ends the connection with
	// [StatusMessageTooBig] and [ErrMessageTooBig] before it takes memory. So does a compressed one that has come to twice
	// the limit and 64 KiB as it is. [Conn.SetReadLimit] changes it later.
	ReadLimit int64

	// MaxFragments is how many frames of less than [SmallFragment] bytes one message may come in; the number of larger
	// ones is bounded by ReadLimit. 0 stands for [DefaultMaxFragments]; a negative value sets no limit. More end the
	// connection with [StatusPolicyViolation] and [ErrTooManyFragments].
	MaxFragments int

	// CloseTimeout bounds the closing handshake: from the first close frame in either direction until TCP is closed. It is
	// also how long what has arrived may be read after the network has refused a write; see [Conn.Write].
	// 0 stands for [DefaultCloseTimeout]; a negative value sets no limit, and then a peer that does not answer holds Close up.
	CloseTimeout time.Duration

	// PingInterval is how long nothing arrives before a ping is sent, less up to a tenth at random. Pings are sent while
	// nobody reads too; but only who reads sees the pong. By default none are, nor with a negative value. Pings keep
	// middleboxes from dropping the connection: half of their idle timeout is a good value. That timeout is 60 s by default
	// for AWS ALB, nginx and HAProxy's usual configuration, 100 s for Cloudflare, 230 s for Azure, and 30 s for Google
	// Cloud's load balancers (where it bounds even connections that are in use, unless it is raised).
	PingInterval time.Duration

	// IdleTimeout is how long calls that read may wait, all together, without a single byte arriving, before the peer counts
	// as gone: then the connection ends with [ErrPeerTimeout]. By default there is no limit, nor with a negative value.
	// Together with PingInterval, which makes a living peer answer, twice that is a good value; without it, the limit is for
	// the application's own traffic. Time in which nobody reads does not count, since nobody knows then what has arrived.
	IdleTimeout time.Duration

	// SendQueue is how many bytes of frames may wait when [Conn.Send] adds a message. One message is accepted in any
	// case when nothing waits. 0 stands for [DefaultSendQueue]; a negative value sets no limit.
	SendQueue int

	// SkipUTF8 turns off the check that text messages are UTF-8, which §8.1 asks for. Only for applications that check
	// themselves.
	SkipUTF8 bool

	// FragmentSize is up to how many bytes of a [Conn.Writer]'s message go out in one frame. 0 stands for
	// [DefaultFragmentSize]; a negative value never cuts: the whole message is gathered in memory until Close or Flush. That
	// is for peers that take each fragment for a message, as golang.org/x/net/websocket does.
	FragmentSize int

	// OnPing, if not nil, is called for each ping that comes. If answer is false, no pong is sent for it; then the function
	// or somebody else should send one ([Conn.SendPong]).
	//
	// OnPing, OnPong and OnClose are called on the goroutine that reads, or, for what comes during [Conn.Close], on that one's.
	// An error that they return ends the connection: the peer is told [StatusInternalError], or the code of a
	// [*frame.ProtocolError], and the call that reads returns a *[CloseError] with the error as its cause. Payloads are valid
	// until the function returns. The functions may be called for several connections at once; they must not block, read, or
	// call Close or CloseNow ([Conn.SendClose] they may call).
	OnPing func(c *Conn, payload []byte) (answer bool, err error)

	// OnPong, if not nil, is called for each pong that comes, before the [Conn.Ping] that it answers returns. See OnPing.
	OnPong func(c *Conn, payload []byte) error

	// OnClose, if not nil, is called when the peer's close frame comes, with what it says, and returns what to answer; to
	// answer as without it, return code and reason. The answer goes out unless a close frame was sent before. See OnPing.
	OnClose func(c *Conn, code StatusCode, reason string) (answerCode StatusCode, answerReason string, err error)

	// Observer, if not nil, is told what happens on the connection: messages, pings, slow peers, the end. Package observe has
	// some that are ready to use. It may be shared by any number of connections and takes no memory for each of them.
	Observer *Observer
}

// forever is longer than any connection lasts.
const forever = 100 * 365 * 24 * time.Hour

func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	if d.ReadLimit == 0 {
		d.ReadLimit = DefaultReadLimit
	}
	if d.MaxFragments == 0 {
		d.MaxFragments = DefaultMaxFragments
	}
	if d.FragmentSize == 0 {
		d.FragmentSize = DefaultFragmentSize
	}
	d.CloseTimeout = cmp.Or(d.CloseTimeout, DefaultCloseTimeout)
	if d.CloseTimeout < 0 {
		d.CloseTimeout = forever
	}
	d.SendQueue = cmp.Or(d.SendQueue, DefaultSendQueue)
	if d.SendQueue < 0 {
		d.SendQueue = math.MaxInt
	}
	return d
}

// Negotiated is what the opening handshake has settled, as both ends know it. The zero value is that nothing was. [Client] and
// [Server] copy it, but for Buffered.
type Negotiated struct {
	// Subprotocol is what was agreed to (§1.9), for [Conn.Subprotocol] to report; "" if nothing.
	Subprotocol string

	// Deflate is what was agreed to for permessage-deflate (RFC 7692). Nil: no message is compressed in either direction,
	// and a compressed one from the peer is a protocol error.
	Deflate *deflate.Params

	// DeflateOptions say how this side compresses when Deflate is set: their Level and MinSize. They are valid; nil
	// stands for the defaults.
	DeflateOptions *deflate.Options

	// Buffered are bytes that arrived together with the opening handshake. They are read before anything from the
	// net.Conn. The connection takes the slice over and writes to it (payloads are unmasked in place).
	Buffered []byte
}

// protocol returns what package protocol wants to know.
func (n *Negotiated) protocol(role frame.Role, c *Config) protocol.Options {
	return protocol.Options{
		Role: role, ReadLimit: c.ReadLimit, MaxFragments: c.MaxFragments, SkipUTF8: c.SkipUTF8,
		Deflate: n.Deflate, DeflateOptions: n.DeflateOptions,
	}
}

// growth returns how much the histories of compression may come to have, in either direction, in bytes.
func (n *Negotiated) growth(role frame.Role) (in, out uint16) {
	if n.Deflate == nil {
		return 0, 0
	}
	if !n.Deflate.ClientNoContextTakeover {
		in = historySize
	}
	if !n.Deflate.ServerNoContextTakeover {
		out = historySize
	}
	if role == frame.Client {
		in, out = out, in
	}
	return in, out
}
