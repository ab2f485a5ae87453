package deflate

import "fmt"

// Level says how hard a [Compressor] looks for repetitions, from fastest to smallest.
// What it sends, every receiver understands alike.
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

// DefaultMinSize is the size in bytes from which messages are compressed unless
// [Options.MinSize] says otherwise: below it little is gained.
const DefaultMinSize = 128

// Options are what one endpoint wants of the extension. The zero value is right for
// most: both directions keep their context, in windows of 32 KiB. They say the same
// for a server as for a client, and are not changed by this package; any number of
// connections may share them.
//
// # Memory
//
// With context takeover a connection keeps, from one message to the next, of each
// direction as much as has passed, in a buffer of a power of two of at least 256
// bytes, and at most (w being the window bits agreed for the direction):
//
//	direction                  bytes
//	Outgoing, Fastest          min(2^w, 2048)
//	Outgoing, Balanced         min(2^w, 8192)
//	Outgoing, Smallest         2^w
//	Incoming                   2^w
//	without context takeover   0
//
// The defaults are 34 KiB. All else is working memory that is pooled: for each
// compression that runs at the same moment 80 KiB (176 KiB for Balanced and Smallest)
// and a copy of up to 64 KiB of history and message; for each message that has begun
// to come in and has not ended 9 KiB and, without context takeover too, its window.
type Options struct {
	// Level is how hard to look for repetitions. It is not negotiated.
	Level Level
	// MinSize is the size in bytes below which messages go out uncompressed. 0 means
	// [DefaultMinSize], a negative number that all are compressed. Clients that use
	// libwebsockets 4.1 hang on an uncompressed message once compression is agreed on:
	// -1 avoids that.
	MinSize int
	// Outgoing is about the messages this endpoint sends, Incoming about those of its
	// peer.
	Outgoing, Incoming Direction
	// RequireWindow makes a client fail the handshake when the server does not agree to
	// Incoming.WindowBits. Without it, the client offers compression a second time with
	// a window of 32 KiB, since many servers (gorilla/websocket, gws, Mojolicious and
	// libwebsockets among them) do not answer server_max_window_bits. It means nothing
	// to a server.
	RequireWindow bool
}

// Direction is what is wanted for the messages of one direction.
type Direction struct {
	// NoContextTakeover has each message compressed on its own, without reference to
	// earlier ones: no memory is held between messages, and they become larger.
	//
	// Outgoing, it is this endpoint's own decision. Incoming, the peer is asked to; a
	// server that does not agree fails the handshake (RFC 7692, section 7.1.1).
	NoContextTakeover bool

	// WindowBits is the base-2 logarithm of the LZ77 window in bytes, from 8 to 15;
	// 0 means 15. The peer may ask for less of an outgoing direction, and gets it. Peers
	// that use zlib decline an offer of 8, which its raw DEFLATE does not have.
	//
	// Incoming, the peer is asked to; see [Options.RequireWindow] for a server that does
	// not agree. A client can be asked only if its offer has client_max_window_bits; with others a
	// server agrees to 15 (section 7.1.2.2).
	WindowBits int
}

// An OptionsError says which of the [Options] is out of its range.
type OptionsError struct {
	Field string // as in "Incoming.WindowBits"
	Value int    // what was set
}

// Error says what is wrong.
func (e *OptionsError) Error() string {
	return fmt.Sprintf("deflate: option %s is out of range: %d", e.Field, e.Value)
}

// Validate returns an [*OptionsError] for the first field that is out of range, or
// nil. The other methods take valid options.
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
