package protocol

import (
	"strconv"

	"github.com/seed60239977/websocket/frame"
)

// Role is which end of a connection this is: [Client] or [Server]. A client masks what it sends and a server does not
// (§5.1); little else differs.
type Role = frame.Role

// The two roles.
const (
	Server = frame.Server
	Client = frame.Client
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
	if t.Valid() {
		return frame.Opcode(t).String()
	}
	return strconv.Itoa(int(t))
}

// Valid reports whether t is [Text] or [Binary].
func (t MessageType) Valid() bool { return t == Text || t == Binary }
