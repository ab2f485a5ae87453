package websocket

import (
	"strconv"

	"github.com/seed60239977/websocket/deflate"
)

// MessageType says what a message carries (RFC 6455, section 5.6).
type MessageType int

// The types of messages.
const (
	MessageText   MessageType = iota + 1 // UTF-8, such as JSON
	MessageBinary                        // any bytes
)

// String returns the name of the constant.
func (t MessageType) String() string {
	switch t {
	case MessageText:
		return "MessageText"
	case MessageBinary:
		return "MessageBinary"
	}
	return "MessageType(" + strconv.Itoa(int(t)) + ")"
}

// CompressionMode says whether messages are compressed (RFC 7692), if the peer agrees.
type CompressionMode int

const (
	// CompressionDisabled compresses nothing. It is the default.
	CompressionDisabled CompressionMode = iota

	// CompressionContextTakeover compresses messages of 128 bytes and more, with reference to earlier ones. The last 2 KiB
	// that were sent and 32 KiB that came are kept for that. Where the peer asks for messages that are compressed each by
	// itself, these are those of 512 bytes and more.
	CompressionContextTakeover

	// CompressionNoContextTakeover compresses messages of 512 bytes and more, each by itself. Nothing is kept.
	CompressionNoContextTakeover
)

// options are the engine's. Messages below threshold bytes go out as they are; 0 stands for the default.
func (m CompressionMode) options(threshold int) *deflate.Options {
	if m != CompressionContextTakeover && m != CompressionNoContextTakeover {
		return nil
	}
	each := deflate.Direction{NoContextTakeover: m == CompressionNoContextTakeover}
	return &deflate.Options{Level: deflate.Fastest, MinSize: threshold, Outgoing: each, Incoming: each}
}

// compressing returns o with the threshold set. Without one, that depends on whether this side compresses each message alone.
func compressing(o *deflate.Options, alone bool) *deflate.Options {
	if o.MinSize == 0 {
		o.MinSize = 128
		if alone {
			o.MinSize = 512
		}
	}
	return o
}
