package deflate

// A blockHeader is what is known of the header of a block with codes of its own
// (RFC 1951, section 3.2.7).
type blockHeader struct {
	literals, distances int // code lengths given of each alphabet
	codeLenCount        int // lengths given of the code length code
	at                  int // how many of the lengths being read are there
	lens                [numLiteral + numDistance]uint8
	codeLenTable        [1 << codeLenTableBits]entry
}

// counts reads HLIT, HDIST and HCLEN.
func (z *inflater) counts() (pause, error) {
	if !z.need(14) {
		return inputEmpty, nil
	}
	z.literals = z.take(5) + 257
	z.distances = z.take(5) + 1
	z.codeLenCount = z.take(4) + 4
	if z.literals > numLiteral || z.distances > numDistance {
		return goOn, errCodeCounts
	}
	z.at = 0
	clear(z.lens[:numCodeLen])
	z.state = stateCodeLens
	return goOn, nil
}

// codeLens reads the lengths of the code length code.
func (z *inflater) codeLens() (pause, error) {
	for ; z.at < z.codeLenCount; z.at++ {
		if !z.need(3) {
			return inputEmpty, nil
		}
		z.lens[codeLenOrder[z.at]] = uint8(z.take(3))
	}
	if !z.builder.build(&codeLenAlphabet, z.codeLenTable[:], z.lens[:numCodeLen]) {
		return goOn, errCodeLens
	}
	z.at = 0
	z.state = stateLens
	return goOn, nil
}

// lengths reads the lengths of the block's codes. Repetitions may reach from one
// alphabet into the other.
func (z *inflater) lengths() (pause, error) {
	for z.at < z.literals+z.distances {
		e, ok := z.lookup(z.codeLenTable[:], codeLenTableBits)
		if !ok {
			return inputEmpty, nil
		}
		if e&entrySpecial != 0 {
			return goOn, errCodeLens
		}
		symbol := e.value()
		if symbol < 16 {
			z.drop(e.take())
			z.lens[z.at] = uint8(symbol)
			z.at++
			continue
		}
		extra := uint(repeatBits[symbol-16])
		if !z.need(e.take() + extra) {
			return inputEmpty, nil
		}
		z.drop(e.take())
		if !z.repeat(symbol, z.take(extra)) {
			return goOn, errRepeat
		}
	}
	z.state = stateTables
	return goOn, nil
}

// repeat appends what the symbols 16, 17 and 18 stand for.
func (z *inflater) repeat(symbol, extra int) bool {
	l, n := uint8(0), extra+3
	switch symbol {
	case 16:
		if z.at == 0 {
			return false
		}
		l = z.lens[z.at-1]
	case 18:
		n = extra + 11
	}
	if z.at+n > z.literals+z.distances {
		return false
	}
	for i := range n {
		z.lens[z.at+i] = l
	}
	z.at += n
	return true
}

// ownTables makes the block's tables.
func (z *inflater) ownTables() error {
	literals, distances := z.lens[:z.literals], z.lens[z.literals:z.literals+z.distances]
	if literals[endOfBlock] == 0 {
		return errNoEnd
	}
	if !z.builder.build(&literalAlphabet, z.own.literal[:], literals) ||
		!z.builder.build(&distanceAlphabet, z.own.distance[:], distances) {
		return errCodeLens
	}
	z.tables = &z.own
	z.state = stateSymbol
	return nil
}
