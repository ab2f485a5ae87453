package conn

import (
	"strconv"

	"github.com/seed60239977/websocket/frame"
)

// MessageType says what a message carries: text or binary data (§5.6). The values are the opcodes of §5.2.
type MessageType uint8

// The two types of message.
const (
	Text   = MessageType(frame.Text)   // UTF-8 text
	Binary = MessageType(frame.Binary) // anything
)

// String returns "text" or "binary", or a number for what is neither.
func (t MessageType) String() string {
	if t.valid() {
		return frame.Opcode(t).String()
	}
	return strconv.Itoa(int(t))
}

func (t MessageType) valid() bool { return t == Text || t == Binary }

// Message is one whole message, however many frames it came in.
type Message struct {
	Type MessageType // Text or Binary
	Data []byte      // text is valid UTF-8 unless Config.SkipUTF8
}
