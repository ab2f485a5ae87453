package deflate

import "math/bits"

// A chain follows the earlier places of one hash, from the nearest on, and looks
// whether the next byte starts a better match before it takes one.
type chain struct {
	base  int
	next  int // the first index that is not entered yet
	heads [1 << chainBits]uint32
	// back holds for a place, modulo the largest window, how far before it the
	// previous place with its hash lies; 0 if there is none within that window.
	back [maxWindow]uint16

	tuning
}

// A tuning says how hard to look.
type tuning struct {
	depth int // places to look at
	lazy  int // a match this long is taken without looking at the next byte
	nice  int // a match this long ends the search
}

const chainBits = 14

func newChain(t tuning) *chain { return &chain{base: maxWindow + 1, tuning: t} }

func chainHash(v uint32) uint32 { return v * 0x9e3779b1 >> (32 - chainBits) }

func (c *chain) index(buf []byte, n int) {
	c.next = 0
	c.enter(buf, n)
}

// enter enters places before end, as far as their bytes are there.
func (c *chain) enter(buf []byte, end int) {
	for end = min(end, len(buf)-hashLen+1); c.next < end; c.next++ {
		head := &c.heads[chainHash(load32(buf, c.next))]
		place := c.base + c.next
		distance := place - int(*head)
		if distance > maxWindow {
			distance = 0
		}
		c.back[place%maxWindow] = uint16(distance)
		*head = uint32(place)
	}
}

func (c *chain) advance(n int) {
	c.base += n
	c.next = max(0, c.next-n)
	if c.base > maxBase {
		c.base = maxWindow + 1
		clear(c.heads[:])
	}
}

// longest looks for the longest match of buf[i:], and returns zeros when none has
// more than best bytes.
func (c *chain) longest(buf []byte, i, window, best int) (length, distance int) {
	limit := min(len(buf), i+maxMatch)
	if i+best >= limit {
		return 0, 0
	}
	cur := load32(buf, i)
	at := int(c.heads[chainHash(cur)]) - c.base
	for range c.depth {
		if at < 0 || i-at > window {
			break
		}
		if buf[at+best] == buf[i+best] && load32(buf, at) == cur {
			if n := hashLen + matchLen(buf, at+hashLen, i+hashLen, limit); n > best {
				best, length, distance = n, n, i-at
				if n >= c.nice || i+n == limit {
					break
				}
			}
		}
		step := int(c.back[(c.base+at)%maxWindow])
		if step == 0 {
			break
		}
		at -= step
	}
	return length, distance
}

// gain estimates what a match saves, in quarters of a literal.
func gain(length, distance int) int { return 4*length - bits.Len(uint(distance)) }

func (c *chain) tokenize(b *block, buf []byte, start, end, window int) int {
	buf = buf[:end]
	literals, i := start, start
	for i <= end-hashLen && b.n < maxSequences {
		c.enter(buf, i)
		length, distance := c.longest(buf, i, window, hashLen-1)
		if length == 0 {
			b.literal.freq[buf[i]]++
			i++
			continue
		}
		for length < c.lazy && i+1 <= end-hashLen {
			c.enter(buf, i+1)
			l, d := c.longest(buf, i+1, window, length-1)
			if l == 0 || gain(l, d) < gain(length, distance)+3 { // a literal costs most of 4
				break
			}
			b.literal.freq[buf[i]]++
			i++
			length, distance = l, d
		}
		b.add(i-literals, length, distance)
		i += length
		literals = i
	}
	c.enter(buf, i)
	if b.n == maxSequences {
		return literals
	}
	b.count(buf[i:])
	return end
}
