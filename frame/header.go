package frame

import (
	"encoding/binary"
	"math"
)

// Sizes of the wire format, in bytes.
const (
	// MaxHeaderSize is the longest header: two bytes, a 64-bit length and a masking key (§5.2).
	MaxHeaderSize = 14
	// MaxControlPayload is the longest payload of a control frame (§5.5).
	MaxControlPayload = 125
)

// The 7-bit length field either holds the length or says where it stands (§5.2).
const (
	length16 = 126
	length64 = 127
)

// Bits of the first two bytes (§5.2).
const (
	finBit  = 0x80
	maskBit = 0x80
)

// Header is a frame without its payload (§5.2). The zero value is an unmasked, empty continuation frame that
// does not end its message.
type Header struct {
	Fin    bool    // last frame of its message
	RSV    RSV     // extension bits
	Opcode Opcode  // what the payload is
	Masked bool    // payload is XORed with Key (§5.3)
	Key    [4]byte // masking key, meaningful if Masked
	Length int64   // bytes of payload, 0 … 2^63−1
}

// Size returns how many bytes Append adds, from 2 to [MaxHeaderSize].
func (h *Header) Size() int {
	n := 2
	switch {
	case h.Length > math.MaxUint16:
		n += 8
	case h.Length >= length16:
		n += 2
	}
	if h.Masked {
		n += 4
	}
	return n
}

// Append adds the wire form of h to dst, with the length in its shortest form, and returns the extended slice. It does
// not judge: a test may append a header that a [Checker] refuses. A negative Length is the caller's bug and is encoded
// as a 64-bit length that every receiver refuses.
func (h *Header) Append(dst []byte) []byte {
	first := byte(h.RSV)<<4 | byte(h.Opcode)
	if h.Fin {
		first |= finBit
	}
	var mask byte
	if h.Masked {
		mask = maskBit
	}
	switch {
	case h.Length >= 0 && h.Length < length16:
		dst = append(dst, first, mask|byte(h.Length))
	case h.Length >= 0 && h.Length <= math.MaxUint16:
		dst = append(dst, first, mask|length16, byte(h.Length>>8), byte(h.Length))
	default:
		dst = append(dst, first, mask|length64)
		dst = binary.BigEndian.AppendUint64(dst, uint64(h.Length))
	}
	if h.Masked {
		dst = append(dst, h.Key[:]...)
	}
	return dst
}

// Parse reads one header from the start of b and returns it with its length n. If b ends within the header,
// it returns n = 0 and no error: call again with more bytes; [MaxHeaderSize] are always enough. The error is a
// [*ProtocolError] for a length that is not in its shortest form or has its most significant bit set (§5.2). Everything
// else about a header is for a [Checker] to check. b is not kept.
func Parse(b []byte) (h Header, n int, err error) {
	n, err = h.Parse(b)
	return h, n, err
}

// Parse is the function [Parse] for callers who have a Header, which saves copying it. It sets all fields, but Key only if the
// frame is masked; if n is 0, it sets none.
func (h *Header) Parse(b []byte) (n int, err error) {
	if len(b) < 2 {
		return 0, nil
	}
	masked, length := b[1]&maskBit != 0, int64(b[1]&^maskBit)
	n = 2
	switch length {
	case length16:
		if len(b) < 4 {
			return 0, nil
		}
		length, n = int64(binary.BigEndian.Uint16(b[2:])), 4
		if length < length16 {
			return 0, errLengthNotMinimal
		}
	case length64:
		if len(b) < 10 {
			return 0, nil
		}
		length, n = int64(binary.BigEndian.Uint64(b[2:])), 10
		if length < 0 {
			return 0, errLengthTopBit
		}
		if length <= math.MaxUint16 {
			return 0, errLengthNotMinimal
		}
	}
	if masked {
		if len(b) < n+4 {
			return 0, nil
		}
		h.Key = [4]byte(b[n:])
		n += 4
	}
	h.Fin = b[0]&finBit != 0
	h.RSV = RSV(b[0]>>4) & (RSV1 | RSV2 | RSV3)
	h.Opcode = Opcode(b[0] & 0xF)
	h.Masked, h.Length = masked, length
	return n, nil
}
