// Package wire is the suite's own reading and writing of WebSocket frames
// (RFC 6455 §5). It shares no code with the endpoints it judges, so that a
// mistake cannot hide behind itself. It writes whatever it is asked to, legal
// or not; reading is as strict as §5.2.
package wire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// Opcodes of RFC 6455 §5.2.
const (
	Continuation byte = 0x0
	Text         byte = 0x1
	Binary       byte = 0x2
	Close        byte = 0x8
	Ping         byte = 0x9
	Pong         byte = 0xA
)

// Header is everything of a frame but its payload.
type Header struct {
	Fin    bool
	RSV    byte // RSV1 is 4, RSV2 is 2, RSV3 is 1: the three bits as they stand on the wire
	Opcode byte
	Masked bool
	Key    [4]byte
	Len    int64
}

// Frame is a header and the payload that came with it, unmasked.
type Frame struct {
	Header
	Payload []byte
}

// IsControl reports whether the opcode is one of the control opcodes, known or
// reserved (§5.5).
func (h Header) IsControl() bool { return h.Opcode&0x8 != 0 }

// RandomKey returns a masking key. The judged endpoint is not a browser behind
// a proxy, so unpredictability in the sense of §10.3 is not at stake.
func RandomKey() (key [4]byte) {
	binary.LittleEndian.PutUint32(key[:], rand.Uint32())
	return key
}

// AppendHeader appends h with the shortest length encoding (§5.2).
func AppendHeader(dst []byte, h Header) []byte {
	switch {
	case h.Len < 126:
		return AppendLongHeader(dst, h, 7)
	case h.Len <= 0xFFFF:
		return AppendLongHeader(dst, h, 16)
	}
	return AppendLongHeader(dst, h, 64)
}

// AppendLongHeader appends h with its length in the given number of bits (7, 16
// or 64), whether or not fewer would have done.
func AppendLongHeader(dst []byte, h Header, bits int) []byte {
	first := h.RSV<<4 | h.Opcode&0xF
	if h.Fin {
		first |= 0x80
	}
	var mask byte
	if h.Masked {
		mask = 0x80
	}
	switch bits {
	case 7:
		dst = append(dst, first, mask|byte(h.Len))
	case 16:
		dst = append(dst, first, mask|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(h.Len))
	default:
		dst = append(dst, first, mask|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(h.Len))
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// AppendFrame appends one whole frame; h.Len is taken from the payload.
func AppendFrame(dst []byte, h Header, payload []byte) []byte {
	h.Len = int64(len(payload))
	dst = AppendHeader(dst, h)
	return AppendPart(dst, h, 0, payload)
}

// AppendPart appends payload bytes that stand at the given offset of the
// payload of a frame with header h, masked if h says so.
func AppendPart(dst []byte, h Header, offset int, part []byte) []byte {
	at := len(dst)
	dst = append(dst, part...)
	if h.Masked {
		XOR(dst[at:], h.Key, offset)
	}
	return dst
}

// XOR masks or unmasks b in place (§5.3); offset is b's place in the payload.
func XOR(b []byte, key [4]byte, offset int) {
	var turned [8]byte
	for i := range turned {
		turned[i] = key[(offset+i)&3]
	}
	word := binary.LittleEndian.Uint64(turned[:])
	i := 0
	for ; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], binary.LittleEndian.Uint64(b[i:])^word)
	}
	for ; i < len(b); i++ {
		b[i] ^= turned[i&7]
	}
}

// Name is the opcode's name in a log.
func Name(opcode byte) string {
	switch opcode {
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
	return fmt.Sprintf("reserved %d", opcode)
}
