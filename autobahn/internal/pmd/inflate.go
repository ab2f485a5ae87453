package pmd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Errors of inflating. A *DistanceError tells of a window that was not kept.
var (
	errTruncated = errors.New("the compressed data end in the middle of a block")
	errCorrupt   = errors.New("the compressed data are not DEFLATE (RFC 1951)")
	errTooLong   = errors.New("the message inflates to more than it may")
)

// DistanceError is a back-reference to bytes that a receiver with the
// negotiated window no longer holds (RFC 7692 §7.1.2).
type DistanceError struct {
	Distance, Available int
}

// Error says how far the reference went.
func (e *DistanceError) Error() string {
	return fmt.Sprintf("a back-reference of %d bytes where %d are to be had", e.Distance, e.Available)
}

// Inflater turns compressed messages back, and knows how far back they
// reached.
type Inflater struct {
	// Window is the negotiated window in bytes, 1<<8 to 1<<15.
	Window int
	// NoTakeover forgets the history after each message (§7.1.1).
	NoTakeover bool
	// Strict refuses every reference beyond Window. Otherwise only the history
	// kept between messages is cut to Window, and a message may refer to all of
	// itself, as receivers that inflate a message in one go let pass.
	Strict bool
	// Farthest is the largest distance seen so far.
	Farthest int

	literal, dst table
	src          []byte
	bits         bitReader
	out          []byte // the history, and behind it the message
	limit        int
}

// Message inflates one message payload as it stood in the frames, without the
// four bytes of §7.2.1, into at most limit bytes. The result is valid until
// the next call.
func (d *Inflater) Message(compressed []byte, limit int) ([]byte, error) {
	d.src = append(append(d.src[:0], compressed...), 0x00, 0x00, 0xFF, 0xFF)
	d.bits = bitReader{src: d.src}
	kept := 0
	if !d.NoTakeover {
		kept = copy(d.out, d.out[max(0, len(d.out)-d.Window):])
	}
	d.out = d.out[:kept]
	d.limit = kept + limit
	if err := d.blocks(); err != nil {
		return nil, err
	}
	return d.out[kept:], nil
}

// blocks inflates until the empty stored block that was appended.
func (d *Inflater) blocks() error {
	for {
		final := d.bits.take(1) == 1
		var err error
		switch d.bits.take(2) {
		case 0:
			err = d.stored()
		case 1:
			err = d.compressed(fixedTables())
		case 2:
			if err = d.dynamic(); err == nil {
				err = d.compressed(&d.literal, &d.dst)
			}
		default:
			err = errCorrupt
		}
		if err != nil {
			return err
		}
		// §7.2.3.4: a block with BFINAL set may stand in the middle of a message.
		if final {
			d.bits.align()
		}
		if d.bits.ended() {
			return nil
		}
	}
}

func (d *Inflater) stored() error {
	d.bits.align()
	n, inverse := int(d.bits.take(16)), int(d.bits.take(16))
	if d.bits.overrun() {
		return errTruncated
	}
	if n != inverse^0xFFFF {
		return errCorrupt
	}
	part, ok := d.bits.bytes(n)
	if !ok {
		return errTruncated
	}
	if len(d.out)+n > d.limit {
		return errTooLong
	}
	d.out = append(d.out, part...)
	return nil
}

// compressed inflates the symbols of one block (RFC 1951 §3.2.5).
func (d *Inflater) compressed(literal, dst *table) error {
	for {
		d.fast(literal, dst)
		d.bits.refill()
		sym := literal.decode(&d.bits)
		switch {
		case sym < 0:
			return d.badCode()
		case sym < 256:
			if len(d.out) >= d.limit {
				return errTooLong
			}
			d.out = append(d.out, byte(sym))
		case sym == 256:
			if d.bits.overrun() {
				return errTruncated
			}
			return nil
		default:
			if err := d.match(sym-257, dst); err != nil {
				return err
			}
		}
		if d.bits.overrun() {
			return errTruncated
		}
	}
}

func (d *Inflater) badCode() error {
	if d.bits.overrun() {
		return errTruncated
	}
	return errCorrupt
}

func (d *Inflater) match(lengthSym int, dst *table) error {
	if lengthSym >= len(lengthBase) {
		return errCorrupt
	}
	n := int(lengthBase[lengthSym]) + int(d.bits.take(uint(lengthExtra[lengthSym])))
	d.bits.refill()
	sym := dst.decode(&d.bits)
	if sym < 0 || sym >= len(distanceBase) {
		return d.badCode()
	}
	distance := int(distanceBase[sym]) + int(d.bits.take(uint(distanceExtra[sym])))
	available := len(d.out)
	if d.Strict {
		available = min(available, d.Window)
	}
	if distance > available {
		return &DistanceError{Distance: distance, Available: available}
	}
	if len(d.out)+n > d.limit {
		return errTooLong
	}
	d.Farthest = max(d.Farthest, distance)
	d.copy(n, distance)
	return nil
}

// copy repeats n bytes from distance back; they may overlap what they make.
func (d *Inflater) copy(n, distance int) {
	from := len(d.out) - distance
	for n > 0 {
		part := d.out[from:min(from+n, len(d.out))]
		d.out = append(d.out, part...)
		n -= len(part)
	}
}

// fast inflates symbols for as long as each has a short code and is in order,
// and neither the data nor the room come to their ends. What comes then, it
// leaves to compressed, before which it stands as if nothing had happened.
func (d *Inflater) fast(literal, dst *table) {
	const mask, most = 1<<tableBits - 1, maxMatch + 8
	if cap(d.out)-len(d.out) < 2*most {
		d.out = slices.Grow(d.out, max(len(d.src), 2*most))
	}
	b, out, at := d.bits, d.out[:cap(d.out)], len(d.out)
	for last := min(len(out), d.limit) - most; at <= last && b.pos+8 <= len(b.src); {
		b.refill()
		// 48 bits: a literal and a match of short codes take 10 + 38, two literals
		// leave as many as a third needs.
		e := literal.quick[b.acc&mask]
		for range 2 {
			if e == 0 || e >= 256<<4 {
				break
			}
			out[at] = byte(e >> 4)
			at++
			b.skip(e)
			e = literal.quick[b.acc&mask]
		}
		if e == 0 {
			break
		}
		if e < 256<<4 {
			out[at] = byte(e >> 4)
			at++
			b.skip(e)
			continue
		}
		if b.n < 10+5+10+13 {
			continue
		}
		n := d.fastMatch(&b, e, dst, out, at)
		if n == 0 {
			break
		}
		at += n
	}
	d.bits, d.out = b, out[:at]
}

// fastMatch takes the match that begins with the table's entry e and copies it
// to out[at:], with up to seven bytes of anything behind. It returns the length,
// 0 when nothing was done.
func (d *Inflater) fastMatch(b *bitReader, e uint16, dst *table, out []byte, at int) int {
	after := *b
	sym := int(e>>4) - 257
	if sym < 0 || sym >= len(lengthBase) {
		return 0
	}
	after.skip(e)
	n := int(lengthBase[sym]) + int(after.some(lengthExtra[sym]))
	e = dst.quick[after.acc&(1<<tableBits-1)]
	if e == 0 || int(e>>4) >= len(distanceBase) {
		return 0
	}
	after.skip(e)
	distance := int(distanceBase[e>>4]) + int(after.some(distanceExtra[e>>4]))
	if distance > at || d.Strict && distance > d.Window {
		return 0
	}
	*b = after
	d.Farthest = max(d.Farthest, distance)
	from := at - distance
	if distance < 8 {
		for i := range n {
			out[at+i] = out[from+i]
		}
		return n
	}
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(out[at+i:], binary.LittleEndian.Uint64(out[from+i:]))
	}
	return n
}

// bitReader reads bits from the least significant end (RFC 1951 §3.1.1).
type bitReader struct {
	src  []byte
	pos  int
	acc  uint64
	n    uint
	lack uint // bits taken beyond the end
}

// refill makes at least 48 bits available, or all there are.
func (b *bitReader) refill() {
	if b.n >= 48 {
		return
	}
	if b.pos+8 <= len(b.src) {
		b.acc |= binary.LittleEndian.Uint64(b.src[b.pos:]) << b.n
		b.pos += int((63 - b.n) >> 3)
		b.n |= 56
		return
	}
	for b.n <= 56 && b.pos < len(b.src) {
		b.acc |= uint64(b.src[b.pos]) << b.n
		b.pos++
		b.n += 8
	}
}

func (b *bitReader) take(n uint) uint32 {
	if b.n < n {
		b.refill()
	}
	v := uint32(b.acc & (1<<n - 1))
	b.drop(n)
	return v
}

func (b *bitReader) drop(n uint) {
	if n > b.n {
		b.lack += n - b.n
		n = b.n
	}
	b.acc >>= n
	b.n -= n
}

// skip drops the code of a table's entry, and some takes n bits; both must be
// there.
func (b *bitReader) skip(e uint16) {
	b.acc >>= e & 15
	b.n -= uint(e & 15)
}

func (b *bitReader) some(n uint8) uint64 {
	v := b.acc & (1<<(n&63) - 1)
	b.acc >>= n & 63
	b.n -= uint(n)
	return v
}

func (b *bitReader) overrun() bool { return b.lack > 0 }

// align moves to the next byte boundary, counted from the start of the data.
func (b *bitReader) align() { b.drop(b.n & 7) }

// bytes takes n whole bytes; the reader must be aligned.
func (b *bitReader) bytes(n int) ([]byte, bool) {
	at := b.pos - int(b.n>>3)
	if at+n > len(b.src) {
		return nil, false
	}
	b.pos, b.acc, b.n = at+n, 0, 0
	return b.src[at : at+n], true
}

// ended reports that nothing is left but the padding of the last byte.
func (b *bitReader) ended() bool { return b.pos == len(b.src) && b.n < 8 }
