package conn

import "github.com/seed60239977/websocket/protocol"

// MessageType says what a message carries: text or binary data (§5.6). The values are the opcodes of §5.2.
type MessageType = protocol.MessageType

// The two types of message.
const (
	Text   = protocol.Text   // UTF-8 text
	Binary = protocol.Binary // anything
)

// Message is one whole message, however many frames it came in.
type Message struct {
	Type MessageType // Text or Binary
	Data []byte      // text is valid UTF-8 unless Config.SkipUTF8
}
