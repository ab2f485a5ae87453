package frame

import "strconv"

// Opcode says what a frame's payload is (§5.2, §11.8).
type Opcode uint8

// The opcodes that RFC 6455 defines. The others, 3–7 and 0xB–0xF, are reserved and refused by [Checker].
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

// IsControl reports whether o is the opcode of a control frame: its highest bit is set (§5.5).
func (o Opcode) IsControl() bool { return o&0x8 != 0 }

// IsReserved reports whether RFC 6455 keeps o for later use (§5.2).
func (o Opcode) IsReserved() bool { return o > Binary && o < Close || o > Pong }

// String returns the name of the opcode in lower case, or its number in hexadecimal for a reserved one.
func (o Opcode) String() string {
	switch o {
	case Continuation:
		return "continuation"
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return "0x" + strconv.FormatUint(uint64(o), 16)
}

// RSV is the set of the three bits that extensions may claim (§5.2, §9.1).
type RSV uint8

// The reserved bits, as they stand in the low half of the shifted first byte.
const (
	RSV1 RSV = 0x4 // claimed by permessage-deflate for the first frame of a compressed message (RFC 7692 §6)
	RSV2 RSV = 0x2
	RSV3 RSV = 0x1
)
