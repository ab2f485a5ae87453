package deflate

import "encoding/binary"

// fastRoom is the room that one round of fast may write to: three literals, and a
// match rounded up to words.
const fastRoom = 3 + maxMatch + 8

// fast is what symbol, matchDistance and copyMatch do, for as long as there are eight
// bytes of input and fastRoom of output, so that neither has to be looked after in
// between. It ends there or at the end of the block.
//
// The bit buffer is filled by a whole word. What does not fit is read again the next
// time, onto bits that are the same.
func (z *inflater) fast() error {
	in, out := z.in, z.out
	literal, distances := &z.tables.literal, &z.tables.distance
	s, o, acc, n := z.s, z.o, z.acc, z.n
	var err error
	for s <= len(in)-8 && o <= len(out)-fastRoom {
		acc |= binary.LittleEndian.Uint64(in[s:s+8:len(in)]) << (n & 63)
		s += int(63-n) >> 3
		n |= 56
		e := literal[acc&(1<<literalTableBits-1)]
		if e&entryLiteral != 0 {
			out[o] = byte(e >> 16)
			o++
			acc >>= e & 63
			n -= e.take()
			e = literal[acc&(1<<literalTableBits-1)]
			if e&entryLiteral != 0 {
				out[o] = byte(e >> 16)
				o++
				acc >>= e & 63
				n -= e.take()
				e = literal[acc&(1<<literalTableBits-1)]
			}
			if n < 48 { // the most that a match takes
				if s > len(in)-8 {
					break
				}
				acc |= binary.LittleEndian.Uint64(in[s:s+8:len(in)]) << (n & 63)
				s += int(63-n) >> 3
				n |= 56
			}
		}
		if e&entryLink != 0 {
			e = literal[e.value()+int(acc>>literalTableBits&(1<<(e.short()&63)-1))]
		}
		if e&entryLiteral != 0 {
			out[o] = byte(e >> 16)
			o++
			acc >>= e & 63
			n -= e.take()
			continue
		}
		if e&entrySpecial != 0 {
			if e&entryEnd == 0 {
				err = errSymbol
				break
			}
			acc >>= e & 63
			n -= e.take()
			z.state = stateHeader
			break
		}
		length := e.plus(acc)
		acc >>= e & 63
		n -= e.take()
		e = distances[acc&(1<<distanceTableBits-1)]
		if e&entryLink != 0 {
			e = distances[e.value()+int(acc>>distanceTableBits&(1<<(e.short()&63)-1))]
		}
		if e&entrySpecial != 0 {
			err = errSymbol
			break
		}
		distance := e.plus(acc)
		acc >>= e & 63
		n -= e.take()
		if distance > o || distance > z.history.size {
			if distance > min(z.history.size, o+z.history.n) {
				err = errDistance
				break
			}
			copyWithin(&z.history, out[:o+length], o, distance)
			o += length
			continue
		}
		end := o + length
		if distance >= 8 {
			for ; o < end; o += 8 { // may write up to 7 bytes more
				binary.LittleEndian.PutUint64(out[o:o+8], binary.LittleEndian.Uint64(out[o-distance:o-distance+8]))
			}
		} else {
			copyWithin(nil, out[:end], o, distance)
		}
		o = end
	}
	z.s, z.o, z.acc, z.n = s, o, acc&(1<<n-1), n
	if z.state == stateHeader {
		z.endBlock()
	}
	return err
}
