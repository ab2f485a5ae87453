package protocol

import "github.com/seed60239977/websocket/deflate"

// Defaults of the fields of [Options] that are zero.
const (
	DefaultReadLimit    = 1 << 20 // bytes
	DefaultMaxFragments = 16384   // frames
)

// SmallFragment is the payload in bytes below which a frame counts towards Options.MaxFragments.
const SmallFragment = 64

// Options say how one end of a connection behaves. The zero value is a server's, with the safe limits. For every number, 0
// stands for the default and a negative value for no limit.
type Options struct {
	// Role is which end this is.
	Role Role

	// ReadLimit is the longest message that is accepted, in bytes after decompression; by default [DefaultReadLimit]. A
	// longer one is [ErrMessageTooBig] before it takes memory. So is a compressed one that has come to twice the limit and
	// 64 KiB as it is. [Receiver.SetLimit] changes it later.
	ReadLimit int64

	// MaxFragments is how many frames of less than [SmallFragment] bytes one message may come in; the number of larger
	// ones is bounded by ReadLimit. By default it is [DefaultMaxFragments]. More are [ErrTooManyFragments].
	MaxFragments int

	// SkipUTF8 turns off the check that text messages are UTF-8, which §8.1 asks for. Only for applications that check
	// themselves.
	SkipUTF8 bool

	// Deflate is what the opening handshake agreed to for permessage-deflate (RFC 7692). Nil: no message is compressed in
	// either direction, and a compressed one from the peer breaks the protocol.
	Deflate *deflate.Params

	// DeflateOptions say how this end compresses when Deflate is set: their Level and MinSize. They are valid; nil
	// stands for the defaults.
	DeflateOptions *deflate.Options
}
