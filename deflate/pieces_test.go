package deflate

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCodesAreThoseOfTheRFC(t *testing.T) {
	for c, base := range referenceLengthBase {
		require.Equal(t, base, lengthBase(uint8(c)))
		require.EqualValues(t, referenceLengthExtra[c], lengthExtra[c])
	}
	for c, base := range referenceDistBase {
		require.Equal(t, base, distanceBase(uint8(c)))
		require.EqualValues(t, referenceDistExtra[c], distanceExtra(uint8(c)))
	}
	for length := minMatch; length <= maxMatch; length++ {
		c := lengthCodes[length-minMatch]
		extra := length - lengthBase(c)
		require.Equal(t, (length-minMatch)&(1<<lengthExtra[c]-1), extra, "length %d", length)
	}
	for distance := 1; distance <= maxWindow; distance++ {
		c := distanceCode(distance)
		extra := distance - distanceBase(c)
		require.Equal(t, (distance-1)&(1<<distanceExtra(c)-1), extra, "distance %d", distance)
	}
}

func TestAWindowHoldsTheLastBytesHoweverTheyCame(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 15))
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		w := newWindow(bits)
		var all []byte
		for range 200 {
			piece := noise(r.IntN(r.IntN(3<<bits) + 1))
			for i := range piece {
				piece[i] += byte(len(all))
			}
			w.write(piece)
			all = append(all, piece...)
			want := all[max(0, len(all)-1<<bits):]
			require.Equal(t, len(want), w.n)
			require.True(t, bytes.Equal(want, w.appendTo(nil)))
			if w.n > 0 {
				back := 1 + r.IntN(w.n)
				got := make([]byte, r.IntN(2*back))
				n := w.copyBack(got, back)
				require.Equal(t, min(len(got), back), n)
				require.True(t, bytes.Equal(want[len(want)-back:][:n], got[:n]))
			}
		}
		w.release()
		require.Empty(t, w.appendTo(nil))
	}
}

// TestAWindowGrowsWhenItsMemoryIsJustFull: it is no ring until it has its size.
func TestAWindowGrowsWhenItsMemoryIsJustFull(t *testing.T) {
	all := noise(maxWindow)
	w := newWindow(maxWindowBits)
	for n := 0; n < maxWindow; {
		next := max(2*n, 1<<minWindowBits)
		w.write(all[n:next])
		n = next
		require.Len(t, *w.buf, n)
		require.True(t, bytes.Equal(all[:n], w.appendTo(nil)))
	}
}

// A huffman code's cost, by the plain method: take the two lightest, again and again.
func plainCost(freq []uint16) (cost int) {
	var weights []int
	for _, f := range freq {
		if f > 0 {
			weights = append(weights, int(f))
		}
	}
	for len(weights) > 1 {
		slices.Sort(weights)
		sum := weights[0] + weights[1]
		cost += sum
		weights = append(weights[2:], sum)
	}
	return cost
}

func TestPrefixCodesAreOptimalCompleteAndLimited(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 52))
	var p prefixCode
	var s sorter
	for range 1000 {
		size := 2 + r.IntN(numLiteral-1)
		limit := max(7+r.IntN(9), 9)
		if size <= numDistance {
			limit = 5 + r.IntN(11)
		}
		skew := r.Float64() * 12
		clear(p.freq[:])
		for i := range r.IntN(size + 1) {
			p.freq[(i*37)%size] = uint16(math.Exp(r.Float64() * skew))
		}
		p.build(&s, size, limit)
		p.assign()

		kraft, used, longest, cost := 0, 0, 0, 0
		for i, l := range p.lens[:size] {
			if l > 0 {
				kraft += 1 << (maxCodeBits - l)
				used++
				longest = max(longest, int(l))
			}
			cost += int(l) * int(p.freq[i])
			if l == 0 && p.freq[i] > 0 {
				require.Fail(t, "a symbol without a code", "symbol %d", i)
			}
		}
		require.Equal(t, 1<<maxCodeBits, kraft, "complete")
		require.Equal(t, p.n, used)
		require.LessOrEqual(t, longest, limit)
		require.Equal(t, cost, p.cost())
		if best := plainCost(p.freq[:size]); longest < limit && best > 0 {
			require.Equal(t, best, cost, "optimal")
		} else if best > 0 {
			require.GreaterOrEqual(t, cost, best)
		}
		requirePrefixFree(t, &p)
	}
}

func requirePrefixFree(t *testing.T, p *prefixCode) {
	var taken [1 << maxCodeBits]bool
	for _, s := range p.used[:p.n] {
		c := p.codes[s]
		for i := int(c.bits()); i < len(taken); i += 1 << c.len() {
			if taken[i] {
				require.Fail(t, "two codes begin alike", "symbol %d", s)
			}
			taken[i] = true
		}
	}
}

func TestTablesDecodeEveryCode(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	var p prefixCode
	var s sorter
	var b tableBuilder
	z := new(inflater)
	for range 100 {
		for i := range p.freq {
			p.freq[i] = uint16(math.Exp(r.Float64()*11)) * uint16(min(1, r.IntN(4)))
		}
		p.build(&s, numLiteral, maxCodeBits)
		p.assign()
		require.True(t, b.build(&literalAlphabet, z.own.literal[:], p.lens[:]))
		for _, symbol := range p.used[:p.n] {
			c := p.codes[symbol]
			z.acc, z.n = c.bits(), c.len()
			e, ok := z.lookup(z.own.literal[:], literalTableBits)
			if want := literalEntry(int(symbol)); want.take() > 0 { // it has extra bits
				require.False(t, ok)
				z.n += want.take()
				e, ok = z.lookup(z.own.literal[:], literalTableBits)
			}
			require.True(t, ok)
			require.Equal(t, literalEntry(int(symbol))+entry(c.len())<<8+entry(c.len()), e)
			z.acc, z.n = c.bits(), c.len()-1
			z.acc &= 1<<z.n - 1
			_, ok = z.lookup(z.own.literal[:], literalTableBits)
			require.False(t, ok, "a code without its last bit")
		}
	}
}

func TestTheLargestTablesFit(t *testing.T) {
	// Codes whose subtables are as large as they can be: one short code in each prefix
	// but the last few, and the longest codes spread over as many subtables as possible.
	r := rand.New(rand.NewPCG(13, 34))
	var b tableBuilder
	var z inflater
	for _, c := range []struct {
		alphabet *alphabet
		table    []entry
		n        int
	}{
		{&literalAlphabet, z.own.literal[:], numLiteral},
		{&distanceAlphabet, z.own.distance[:], numDistance},
	} {
		for range 5000 {
			lens := randomCode(r, c.n)
			require.True(t, b.build(c.alphabet, c.table, lens))
		}
	}
}

// randomCode returns the lengths of a complete code for n symbols: leaves split until
// there are enough, now near the root, now far from it.
func randomCode(r *rand.Rand, n int) []uint8 {
	lens := []uint8{1, 1}
	deep := r.IntN(4)
	for len(lens) < n {
		i := len(lens) - 1
		if r.IntN(4) >= deep {
			i = r.IntN(len(lens))
		}
		for lens[i] == maxCodeBits {
			i = r.IntN(len(lens))
		}
		lens[i]++
		lens = append(lens, lens[i])
	}
	r.Shuffle(len(lens), func(i, j int) { lens[i], lens[j] = lens[j], lens[i] })
	return lens
}
