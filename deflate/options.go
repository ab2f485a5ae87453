package deflate

import "fmt"

// Level says how hard a [Compressor] looks for repetitions, from fastest to smallest.
// Every receiver understands every level.
type Level uint8

const (
	// Fastest looks at one earlier place for a match, and keeps up to 2048 bytes of
	// history from one message to the next. It is the default.
	Fastest Level = iota
	// Balanced looks at up to 8 places and one byte ahead, and keeps up to 8192 bytes.
	Balanced
	// Smallest looks at up to 128 places and keeps up to 32768 bytes.
	Smallest
)

// String returns the level's name.
func (l Level) String() string {
	switch l {
	case Fastest:
		return "fastest"
	case Balanced:
		return "balanced"
	case Smallest:
		return "smallest"
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// DefaultMinSize is the default of [Options.MinSize], in bytes: below it, compression
// gains little.
const DefaultMinSize = 128

// Options configures the extension for one endpoint, server or client. The zero value is
// right for most: both directions keep their context, in windows of 32 KiB. Options are
// only read: any number of connections may share them.
//
// # Memory
//
// With context takeover a connection keeps the last bytes of each direction from one
// message to the next, as many as have passed, in a buffer whose size is a power of two:
// at least 256 bytes, and at most (w is the number of window bits agreed on)
//
//	direction                  bytes
//	Outgoing, Fastest          min(2^w, 2048)
//	Outgoing, Balanced         min(2^w, 8192)
//	Outgoing, Smallest         2^w
//	Incoming                   2^w
//	without context takeover   0
//
// With the defaults that is 34 KiB. Everything else is pooled working memory. Each
// compression takes 80 KiB while it runs (176 KiB with Balanced and Smallest), and a copy
// of up to 64 KiB of history and message. Each message that has begun to arrive and has
// not ended takes 9 KiB and its window, even without context takeover.
type Options struct {
	// Level says how hard to look for repetitions. It is not negotiated.
	Level Level
	// MinSize is the size in bytes below which messages go out uncompressed. 0 means
	// [DefaultMinSize]; a negative value compresses all. Clients that use libwebsockets
	// 4.1 hang on an uncompressed message once compression is agreed on: -1 avoids that.
	MinSize int
	// Outgoing is for the messages that this endpoint sends, Incoming for those of its
	// peer.
	Outgoing, Incoming Direction
	// RequireWindow makes a client fail the handshake when the server does not agree to
	// Incoming.WindowBits. Otherwise the client makes a second offer with a window of
	// 32 KiB, because many servers (among them gorilla/websocket, gws, Mojolicious and
	// libwebsockets) do not answer server_max_window_bits. A server ignores it.
	RequireWindow bool
}

// Direction configures the messages of one direction.
type Direction struct {
	// NoContextTakeover compresses each message on its own, without reference to earlier
	// ones. No memory is held between messages, and they become larger.
	//
	// For Outgoing this endpoint decides. For Incoming it asks the peer; a server that
	// does not agree fails the handshake (RFC 7692, section 7.1.1).
	NoContextTakeover bool

	// WindowBits is the base-2 logarithm of the size of the LZ77 window in bytes, from 8
	// to 15; 0 means 15. If the peer asks for a smaller Outgoing window, it gets it. Peers
	// that use zlib decline an offer of 8, which zlib's raw DEFLATE does not have.
	//
	// For Incoming this endpoint asks the peer; see [Options.RequireWindow] for servers
	// that do not agree. A client can be asked only if its offer has
	// client_max_window_bits; for all others, a server settles for 15 (section 7.1.2.2).
	WindowBits int
}

// An OptionsError says which field of [Options] is out of range.
type OptionsError struct {
	Field string // as in "Incoming.WindowBits"
	Value int    // what was set
}

// Error says what is wrong.
func (e *OptionsError) Error() string {
	return fmt.Sprintf("deflate: option %s is out of range: %d", e.Field, e.Value)
}

// Validate returns an [*OptionsError] for the first field that is out of range, or
// nil. The other methods require valid options.
func (o *Options) Validate() error {
	if int(o.Level) >= len(levels) {
		return &OptionsError{"Level", int(o.Level)}
	}
	if bits := o.Outgoing.WindowBits; bits != 0 && !validBits(bits) {
		return &OptionsError{"Outgoing.WindowBits", bits}
	}
	if bits := o.Incoming.WindowBits; bits != 0 && !validBits(bits) {
		return &OptionsError{"Incoming.WindowBits", bits}
	}
	return nil
}

func validBits(bits int) bool { return bits >= minWindowBits && bits <= maxWindowBits }

func (o *Options) minSize() int {
	if o.MinSize == 0 {
		return DefaultMinSize
	}
	return o.MinSize
}

// windowBits returns WindowBits with its default.
func (d Direction) windowBits() int {
	if d.WindowBits == 0 {
		return maxWindowBits
	}
	return d.WindowBits
}
