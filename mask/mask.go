package mask

import (
	"encoding/binary"
	"math/bits"
)

// block is how many bytes are masked in one turn: eight words of eight bytes.
const block = 64

// XOR masks or unmasks b in place (RFC 6455 §5.3).
//
// pos is the position of b[0] within the frame's payload: 0 for the first piece, and what the previous call returned for
// the next. Only its value modulo 4 matters. XOR returns the position that follows b, modulo 4.
func XOR(key [4]byte, pos int, b []byte) int {
	return Copy(b, b, key, pos)
}

// Copy writes src, masked or unmasked, into dst[:len(src)] and leaves src as it was (RFC 6455 §5.3). A client uses it
// to send bytes that belong to its caller.
//
// pos and the result are as for [XOR]. dst and src must be the same memory or not overlap at all. Copy panics if
// dst is shorter than src.
func Copy(dst, src []byte, key [4]byte, pos int) int {
	if len(dst) < len(src) {
		panic("mask: destination shorter than source")
	}
	pos &= 3
	next := (pos + len(src)) & 3

	le := binary.LittleEndian
	// The key as a word, turned so that its first byte falls on src[0].
	k := bits.RotateLeft32(le.Uint32(key[:]), -8*pos)
	word := uint64(k)<<32 | uint64(k)

	done := blocks(dst, src, word)
	dst, src = dst[done:], src[done:]
	for len(src) >= 8 && len(dst) >= 8 {
		le.PutUint64(dst, le.Uint64(src)^word)
		dst, src = dst[8:], src[8:]
	}
	if len(src) >= 4 && len(dst) >= 4 {
		le.PutUint32(dst, le.Uint32(src)^k)
		dst, src = dst[4:], src[4:]
	}
	for i := range min(len(src), len(dst)) {
		dst[i] = src[i] ^ byte(word>>(8*i))
	}
	return next
}

// blocksInGo is what blocks does where there is nothing faster. Tests and benchmarks compare with it.
func blocksInGo(dst, src []byte, word uint64) int {
	le := binary.LittleEndian
	n := len(src)
	for len(src) >= block && len(dst) >= block {
		d, s := (*[block]byte)(dst), (*[block]byte)(src) // pointers to arrays leave no bounds to check
		le.PutUint64(d[0:8], le.Uint64(s[0:8])^word)
		le.PutUint64(d[8:16], le.Uint64(s[8:16])^word)
		le.PutUint64(d[16:24], le.Uint64(s[16:24])^word)
		le.PutUint64(d[24:32], le.Uint64(s[24:32])^word)
		le.PutUint64(d[32:40], le.Uint64(s[32:40])^word)
		le.PutUint64(d[40:48], le.Uint64(s[40:48])^word)
		le.PutUint64(d[48:56], le.Uint64(s[48:56])^word)
		le.PutUint64(d[56:64], le.Uint64(s[56:64])^word)
		dst, src = dst[block:], src[block:]
	}
	return n - len(src)
}
