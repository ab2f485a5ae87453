package protocol

import "github.com/seed60239977/websocket/deflate"

// Defaults of the fields of [Options] that are zero.
const (
	DefaultReadLimit    = 1 << 20 // bytes
	DefaultMaxFragments = 16384   // frames
)

// SmallFragment is the payload in bytes below which a frame counts towards Options.MaxFragments.
const SmallFragment = 64

// Options configures one end of a connection. The zero value is that of a server with safe limits. For every number, 0 stands
// for the default, and a negative value means no limit.
type Options struct {
	// Role is which end this is.
	Role Role

	// ReadLimit is the length of the longest message that is accepted, in bytes after decompression; by default
	// [DefaultReadLimit]. A longer one gives [ErrMessageTooBig] before it takes memory. So does a compressed message of which more
	// than twice the limit plus 64 KiB arrives. [Receiver.SetLimit] changes the limit later.
	ReadLimit int64

	// MaxFragments is how many frames of less than [SmallFragment] bytes a message may have; the number of larger ones is bounded
	// by ReadLimit. By default it is [DefaultMaxFragments]. A message with more gives [ErrTooManyFragments].
	MaxFragments int

	// SkipUTF8 turns off the check that text messages are valid UTF-8, which §8.1 requires. It is for applications that do the
	// check themselves.
	SkipUTF8 bool

	// Deflate has the parameters that the opening handshake agreed on for permessage-deflate (RFC 7692). With nil, no message is
	// compressed in either direction, and a compressed message from the peer is a protocol error.
	Deflate *deflate.Params

	// DeflateOptions says how this end compresses if Deflate is set, by its Level and MinSize. It must be valid; nil stands for
	// the defaults.
	DeflateOptions *deflate.Options
}
