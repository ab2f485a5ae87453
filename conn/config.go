package conn

import (
	"cmp"
	"math"
	"sync/atomic"
	"time"
	"unique"

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

// Config configures a connection. The zero value is safe: 0 stands for the default named at the field, and a negative number
// means no limit, or off. [Client] and [Server] copy the Config, so one may be used for any number of connections and changed
// afterwards.
type Config struct {
	// ReadLimit is the length of the longest message that is accepted, in bytes after decompression. 0 stands for
	// [DefaultReadLimit]; a negative value means no limit. A longer message ends the connection with [StatusMessageTooBig] and
	// [ErrMessageTooBig] before it takes memory. So does a compressed message of which more than twice the limit plus 64 KiB
	// arrives. [Conn.SetReadLimit] changes the limit later.
	ReadLimit int64

	// MaxFragments is how many frames of less than [SmallFragment] bytes a message may have; the number of larger ones is bounded
	// by ReadLimit. 0 stands for [DefaultMaxFragments]; a negative value means no limit. A message with more ends the connection
	// with [StatusPolicyViolation] and [ErrTooManyFragments].
	MaxFragments int

	// CloseTimeout bounds the closing handshake: from the first close frame in either direction until TCP is closed. It is also
	// how long one may go on reading after a write has failed; see [Conn.Write]. 0 stands for [DefaultCloseTimeout]; a negative
	// value means no limit, and then Close waits for as long as the peer does not answer.
	CloseTimeout time.Duration

	// PingInterval is how long nothing may arrive before a ping is sent, minus up to a tenth, at random. Pings are sent even while
	// nobody reads, but the pong is only noticed by a call that reads. With 0 or a negative value no pings are sent. Pings keep
	// middleboxes from dropping the connection: half of their idle timeout is a good value. That timeout is 60 s by default for
	// AWS ALB, nginx and HAProxy's usual configuration, 100 s for Cloudflare, 230 s for Azure, and 30 s for Google Cloud's load
	// balancers (where it bounds even connections that are in use, unless it is raised).
	PingInterval time.Duration

	// IdleTimeout is how long calls that read may wait, in total, without a single byte arriving, before the peer is considered
	// gone and the connection ends with [ErrPeerTimeout]. With 0 or a negative value there is no limit. With PingInterval, which
	// makes a peer that is alive answer, twice that interval is a good value; without it, the limit applies to the application's
	// own traffic. Time in which nobody reads does not count, because nobody knows then what has arrived.
	// An event loop that does not read from a peer because that does not take its answers counts as a call that reads; then the
	// peer is there as long as it sends or takes anything.
	IdleTimeout time.Duration

	// SendQueue is how many bytes of frames may be waiting after [Conn.Send] has added a message. When nothing is waiting, a
	// message of any length is accepted. 0 stands for [DefaultSendQueue]; a negative value means no limit.
	SendQueue int

	// SkipUTF8 turns off the check that text messages are valid UTF-8, which §8.1 requires. It is for applications that do the
	// check themselves.
	SkipUTF8 bool

	// FragmentSize is the largest number of bytes that a [Conn.Writer] puts into one frame. 0 stands for [DefaultFragmentSize].
	// With a negative value messages are not fragmented: each is kept in memory until Close or Flush. That is for peers that take
	// each fragment for a message, as golang.org/x/net/websocket does.
	FragmentSize int

	// ReuseReader has [Conn.Reader] return the same reader for each message, and allocate nothing. A program must not use it
	// for one message any more once it has asked for the next: where others return [ErrReaderDone], it reads that one.
	ReuseReader bool

	// OnPing, if not nil, is called for each ping that arrives. If answer is false, no pong is sent automatically; the application
	// should then send one with [Conn.SendPong].
	//
	// OnPing, OnPong and OnClose are called on the goroutine that reads or, for what arrives during [Conn.Close], on the one that
	// called Close. If they return an error, the connection ends: the peer gets [StatusInternalError], or the code of a
	// [*frame.ProtocolError], and the call that reads returns a *[CloseError] with the error as its cause. Payloads are valid
	// until the function returns. The functions may be called for several connections at once. They must not block, read, or call
	// Close or CloseNow, but may call [Conn.SendClose].
	OnPing func(c *Conn, payload []byte) (answer bool, err error)

	// OnPong, if not nil, is called for each pong that arrives, before the [Conn.Ping] that it answers returns. See OnPing.
	OnPong func(c *Conn, payload []byte) error

	// OnClose, if not nil, is called with the code and reason of the peer's close frame when that arrives, and returns those of
	// the answer; the default answer is the same code and reason. The answer is sent unless a close frame was sent before. See
	// OnPing.
	OnClose func(c *Conn, code StatusCode, reason string) (answerCode StatusCode, answerReason string, err error)

	// FailFast, if not 0, has the call that reads return as soon as the peer was told that it has broken a rule, instead of waiting
	// for it to close. A goroutine of the connection waits for that, as after [Conn.Close] of a client, up to CloseTimeout. A peer
	// that does not take what it is told, or the answer to its close frame, and all that was accepted before that, within FailFast is
	// cut off. It has no effect with an event loop, where nobody waits.
	FailFast time.Duration

	// NetDeadlines is for programs that set deadlines on the net.Conn itself. One that passes ends the call that reads, with an error
	// that is os.ErrDeadlineExceeded, and not the connection: whoever reads has to move it and go on, or to end the connection with
	// [Conn.CloseNow]. One that passes while [Conn.Close] or [Conn.CloseRead] reads ends that reading, so that such a program has no
	// use for them. Without NetDeadlines, as by default, it is the end of the connection. And a context that has ended then is as such
	// a deadline: calls that read still return what was read from the net.Conn before.
	NetDeadlines bool

	// Observer, if not nil, is called for what happens on the connection: messages, pings, slow peers, the end. Package observe
	// has ready-made ones. An Observer may be shared by any number of connections and takes no memory per connection.
	Observer *Observer
}

// forever is longer than any connection lasts.
const forever = 100 * 365 * 24 * time.Hour

// settings returns what a connection remembers of c and n.
func (c *Config) settings(n *Negotiated) unique.Handle[settings] {
	s := settings{
		subprotocol: n.Subprotocol, closeTimeout: cmp.Or(c.CloseTimeout, DefaultCloseTimeout),
		sendQueue: cmp.Or(c.SendQueue, DefaultSendQueue), fragment: cmp.Or(c.FragmentSize, DefaultFragmentSize),
		failFast: c.FailFast, netDeadlines: c.NetDeadlines, compressed: n.Deflate != nil, observer: c.Observer,
	}
	if s.closeTimeout < 0 {
		s.closeTimeout = forever
	}
	if s.sendQueue < 0 {
		s.sendQueue = math.MaxInt
	}
	if s.compressed {
		s.deflate = *n.Deflate
	}
	return s.shared()
}

// latest are the settings that were made last, which most connections of a program have too. Asking for them here is quicker than
// looking them up among those of all.
var latest atomic.Pointer[latestSettings]

type latestSettings struct {
	settings
	handle unique.Handle[settings]
}

// shared returns what s and its like share.
func (s *settings) shared() unique.Handle[settings] {
	if l := latest.Load(); l != nil && l.settings == *s {
		return l.handle
	}
	h := unique.Make(*s)
	if s.observer == nil { // which would stay in memory
		latest.Store(&latestSettings{*s, h})
	}
	return h
}

// Negotiated is the result of the opening handshake, as both ends know it. The zero value means that nothing was agreed on.
// [Client] and [Server] copy it, except for Buffered.
type Negotiated struct {
	// Subprotocol is the one that was agreed on (§1.9), which [Conn.Subprotocol] returns, or "".
	Subprotocol string

	// Deflate has the parameters that were agreed on for permessage-deflate (RFC 7692). With nil, no message is compressed in
	// either direction, and a compressed message from the peer is a protocol error.
	Deflate *deflate.Params

	// DeflateOptions says how this side compresses if Deflate is set, by its Level and MinSize. It must be valid; nil stands for
	// the defaults.
	DeflateOptions *deflate.Options

	// Buffered has the bytes that arrived together with the opening handshake. They are read before anything from the net.Conn.
	// The connection owns the slice and writes to it (payloads are unmasked in place).
	Buffered []byte
}

// protocol returns what package protocol wants to know. Its defaults are the same.
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
