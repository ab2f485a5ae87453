package pmd

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Errors of inflating. A *DistanceError tells of a window that was not kept.
var (
	errTruncated = errors.New("the compressed data end in the middle of a block")
	errCorrupt   = errors.New("the compressed data are not DEFLATE (RFC 1951)")
	errTooLong   = errors.New("the message inflates to more than it may")
)

// DistanceError is a back-reference to octets that a receiver with the
// negotiated window no longer holds (RFC 7692 §7.1.2).
type DistanceError struct {
	Distance, Available int
}

func (e *DistanceError) Error() string {
	return fmt.Sprintf("a back-reference of %d octets where %d are to be had", e.Distance, e.Available)
}

// Inflater turns compressed messages back, and knows how far back they
// reached.
type Inflater struct {
	// Window is the negotiated window in octets, 1<<8 to 1<<15.
	Window int
	// NoTakeover forgets the history after each message (§7.1.1).
	NoTakeover bool
	// Strict refuses every reference beyond Window. Otherwise only the history
	// kept between messages is cut to Window, and a message may refer to all of
	// itself, as receivers that inflate a message in one go let pass.
	Strict bool
	// Farthest is the largest distance seen so far.
	Farthest int

	history      []byte
	literal, dst table
	bits         bitReader
	out          []byte
	limit        int
}

// Message inflates one message payload as it stood in the frames, without the
// four octets of §7.2.1, into at most limit octets. The result is the caller's.
func (d *Inflater) Message(compressed []byte, limit int) ([]byte, error) {
	src := make([]byte, 0, len(compressed)+4)
	src = append(append(src, compressed...), 0x00, 0x00, 0xFF, 0xFF)
	d.bits = bitReader{src: src}
	kept := len(d.history)
	d.out = append(make([]byte, 0, kept+max(4*len(compressed), 512)), d.history...)
	d.limit = kept + limit
	if err := d.blocks(); err != nil {
		return nil, err
	}
	out := d.out
	d.out = nil
	d.history = d.history[:0]
	if !d.NoTakeover {
		d.history = append(d.history, out[max(0, len(out)-d.Window):]...)
	}
	return out[kept:], nil
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
	part, ok := d.bits.octets(n)
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

// copy repeats n octets from distance back; they may overlap what they make.
func (d *Inflater) copy(n, distance int) {
	from := len(d.out) - distance
	for n > 0 {
		part := d.out[from:min(from+n, len(d.out))]
		d.out = append(d.out, part...)
		n -= len(part)
	}
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

func (b *bitReader) overrun() bool { return b.lack > 0 }

// align moves to the next octet boundary, counted from the start of the data.
func (b *bitReader) align() { b.drop(b.n & 7) }

// octets takes n whole octets; the reader must be aligned.
func (b *bitReader) octets(n int) ([]byte, bool) {
	at := b.pos - int(b.n>>3)
	if at+n > len(b.src) {
		return nil, false
	}
	b.pos, b.acc, b.n = at+n, 0, 0
	return b.src[at : at+n], true
}

// ended reports that nothing is left but the padding of the last octet.
func (b *bitReader) ended() bool { return b.pos == len(b.src) && b.n < 8 }
