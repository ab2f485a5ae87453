package deflate

// An inflater decodes DEFLATE blocks (RFC 1951). It is a state machine: it stops at
// whatever byte the input ends or the output is full, and goes on from there.
type inflater struct {
	in, out []byte // lent for a call of run
	s, o    int    // bytes of in and out that are done with

	acc uint64 // bits that were read and not used, the next one lowest; zeros above them
	n   uint   // how many

	state    state
	final    bool   // BFINAL of the block at hand, or of the last one
	length   int    // what is left of a stored block or of a match
	distance int    // of the match
	history  window // what came out before this call

	blockHeader
	tables  *tables // of the block at hand: own, or those of the fixed codes
	own     tables
	builder tableBuilder
}

// A state is what comes next.
type state uint8

const (
	stateHeader    state = iota // a block's header
	stateStoredLen              // LEN and NLEN
	stateStored                 // length bytes of a stored block
	stateCounts                 // HLIT, HDIST and HCLEN
	stateCodeLens               // the lengths of the code length code
	stateLens                   // the lengths of the block's codes
	stateTables                 // the block's tables, for which nothing is read
	stateSymbol                 // a literal, a length or the end of the block
	stateDistance               // the distance of a match of length bytes
	stateCopy                   // length bytes of the match
)

// A pause is why run stops.
type pause uint8

const (
	goOn pause = iota
	inputEmpty
	outputFull
)

// run decodes from in to out as far as it gets.
func (z *inflater) run() (p pause, err error) {
	for p == goOn && err == nil {
		switch z.state {
		case stateHeader:
			p, err = z.header()
		case stateStoredLen:
			p, err = z.storedLen()
		case stateStored:
			p = z.stored()
		case stateCounts:
			p, err = z.counts()
		case stateCodeLens:
			p, err = z.codeLens()
		case stateLens:
			p, err = z.lengths()
		case stateTables:
			err = z.ownTables()
		case stateSymbol:
			if z.s <= len(z.in)-8 && z.o <= len(z.out)-fastRoom {
				err = z.fast()
			} else {
				p, err = z.symbol()
			}
		case stateDistance:
			p, err = z.matchDistance()
		case stateCopy:
			p = z.copyMatch()
		}
	}
	return p, err
}

// need reads until there are n bits, at most 56.
func (z *inflater) need(n uint) bool {
	for z.n < n {
		if z.s == len(z.in) {
			return false
		}
		z.acc |= uint64(z.in[z.s]) << z.n
		z.s++
		z.n += 8
	}
	return true
}

// drop uses up n bits.
func (z *inflater) drop(n uint) {
	z.acc >>= n
	z.n -= n
}

// take uses up n bits and returns them.
func (z *inflater) take(n uint) int {
	v := int(z.acc & (1<<n - 1))
	z.drop(n)
	return v
}

// header reads what all blocks begin with (RFC 1951, section 3.2.3).
func (z *inflater) header() (pause, error) {
	if !z.need(3) {
		return inputEmpty, nil
	}
	z.final = z.take(1) == 1
	switch z.take(2) {
	case 0:
		z.drop(z.n % 8)
		z.state = stateStoredLen
	case 1:
		z.tables = decodeFixed()
		z.state = stateSymbol
	case 2:
		z.state = stateCounts
	default:
		return goOn, errBlockType
	}
	return goOn, nil
}

// endBlock goes on to the next block. After the last one of a DEFLATE stream another
// stream begins at the next byte (RFC 7692, section 7.2.3.4).
func (z *inflater) endBlock() {
	if z.final {
		z.drop(z.n % 8)
	}
	z.state = stateHeader
}

// storedLen reads the length of a stored block (RFC 1951, section 3.2.4).
func (z *inflater) storedLen() (pause, error) {
	if !z.need(32) {
		return inputEmpty, nil
	}
	z.length = z.take(16)
	if z.take(16) != z.length^0xffff {
		return goOn, errStoredLen
	}
	z.state = stateStored
	return goOn, nil
}

// stored copies the bytes of a stored block, first those in the bit buffer.
func (z *inflater) stored() pause {
	for z.length > 0 {
		if z.o == len(z.out) {
			return outputFull
		}
		if z.n > 0 {
			z.out[z.o] = byte(z.take(8))
			z.o++
			z.length--
			continue
		}
		n := copy(z.out[z.o:min(len(z.out), z.o+z.length)], z.in[z.s:])
		if n == 0 {
			return inputEmpty
		}
		z.o += n
		z.s += n
		z.length -= n
	}
	z.endBlock()
	return goOn
}

// lookup finds the entry of the code that comes next without using it up. It reports
// false when the input ends within the code or its extra bits.
func (z *inflater) lookup(table []entry, tableBits uint) (entry, bool) {
	for {
		e := table[z.acc&(1<<tableBits-1)]
		if e&entryLink != 0 && z.n >= tableBits {
			e = table[e.value()+int(z.acc>>tableBits&(1<<e.short()-1))]
		}
		// Bits that are still to come read as zeros. What was found without them counts,
		// and a link says only that there are more to look at.
		if e&entryLink == 0 && e.take() <= z.n {
			return e, true
		}
		if !z.need(z.n + 1) {
			return 0, false
		}
	}
}

// symbol decodes a literal, a length or the end of the block.
func (z *inflater) symbol() (pause, error) {
	e, ok := z.lookup(z.tables.literal[:], literalTableBits)
	switch {
	case !ok:
		return inputEmpty, nil
	case e&entryLiteral != 0:
		if z.o == len(z.out) {
			return outputFull, nil
		}
		z.out[z.o] = byte(e.value())
		z.o++
	case e&entryEnd != 0:
		z.drop(e.take())
		z.endBlock()
		return goOn, nil
	case e&entrySpecial != 0:
		return goOn, errSymbol
	default:
		z.length = e.plus(z.acc)
		z.state = stateDistance
	}
	z.drop(e.take())
	return goOn, nil
}

// matchDistance decodes the distance of a match.
func (z *inflater) matchDistance() (pause, error) {
	e, ok := z.lookup(z.tables.distance[:], distanceTableBits)
	if !ok {
		return inputEmpty, nil
	}
	if e&entrySpecial != 0 {
		return goOn, errSymbol
	}
	z.distance = e.plus(z.acc)
	if z.distance > min(z.history.size, z.o+z.history.n) {
		return goOn, errDistance
	}
	z.drop(e.take())
	z.state = stateCopy
	return goOn, nil
}

// copyMatch copies as much of the match as there is room for.
func (z *inflater) copyMatch() pause {
	n := min(z.length, len(z.out)-z.o)
	copyWithin(&z.history, z.out[:z.o+n], z.o, z.distance)
	z.o += n
	z.length -= n
	if z.length > 0 {
		return outputFull
	}
	z.state = stateSymbol
	return goOn
}

// copyWithin fills out[o:] with what lies distance before, which may be in the
// history, and may be what it writes itself.
func copyWithin(history *window, out []byte, o, distance int) {
	if distance > o {
		o += history.copyBack(out[o:], distance-o)
	}
	for from := o - distance; o < len(out); {
		o += copy(out[o:], out[from:o]) // twice as much each time
	}
}
