package pmd

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCodeLengthsAreOptimalAndKeepToTheirLimit(t *testing.T) {
	fibonacci := make([]uint32, 30) // the weights that make a code as deep as can be
	fibonacci[0], fibonacci[1] = 1, 1
	for i := 2; i < len(fibonacci); i++ {
		fibonacci[i] = fibonacci[i-1] + fibonacci[i-2]
	}
	for _, x := range []struct {
		freq  []uint32
		limit int
	}{{fibonacci, 15}, {fibonacci[:19], 7}, {fibonacci[:5], 15}, {[]uint32{0, 3, 0, 3}, 15}, {[]uint32{1, 1, 1, 1, 1, 1, 1}, 7}} {
		lengths := make([]uint8, len(x.freq))
		lengthsOf(x.freq, lengths, x.limit)
		kraft := 0
		for i, n := range lengths {
			require.LessOrEqual(t, int(n), x.limit)
			require.Equal(t, x.freq[i] == 0, n == 0)
			if n > 0 {
				kraft += 1 << (x.limit - int(n))
			}
		}
		require.Equal(t, 1<<x.limit, kraft, "the code is complete: %v", lengths)
	}
	one := make([]uint8, 3)
	lengthsOf([]uint32{0, 9, 0}, one, 15)
	require.Equal(t, []uint8{0, 1, 0}, one)
}

func TestLengthAndDistanceSymbolsAreThoseOfTheTables(t *testing.T) {
	for n := 3; n <= maxMatch; n++ {
		s := lengthSymbol(n)
		extra := n - int(lengthBase[s])
		require.True(t, extra >= 0 && extra < 1<<lengthExtra[s], "length %d", n)
	}
	for n := 1; n <= 1<<15; n++ {
		s := distanceSymbol(n)
		extra := n - int(distanceBase[s])
		require.True(t, extra >= 0 && extra < 1<<distanceExtra[s], "distance %d", n)
	}
}

func TestIllFormedDataAreRefused(t *testing.T) {
	for name, x := range map[string]struct {
		data string
		err  error
	}{
		"the reserved block type":          {"\x06", errCorrupt},
		"lengths that do not match":        {"\x00\x05\x00\xfa\xfeHello", errCorrupt},
		"a stored block cut short":         {"\x00\xff\xff\x00\x00Hel", errTruncated},
		"a stored block beyond the limit":  {"\x00\x05\x00\xfa\xffHello", errTooLong},
		"the length code 286":              {"\x1a\x03\x00", errCorrupt},
		"286 literal codes are the most":   {"\xf4\x00\x00", errCorrupt},
		"code lengths over-subscribed":     {"\x04\x00\xff\xff\xff\xff\xff\xff\xff", errCorrupt},
		"code lengths without any":         {"\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", errCorrupt},
		"a block of codes that is cut off": {"\x05\xc0", errTruncated},
		"literals beyond the limit":        {"\xf2\x48\xcd\xc9\xc9\x07\x00", errTooLong},
	} {
		_, err := (&Inflater{Window: 1 << 15}).Message([]byte(x.data), 4)
		require.Error(t, err, name)
		if x.err == errTooLong {
			require.ErrorIs(t, err, x.err, name)
		}
	}
	require.Contains(t, (&DistanceError{600, 512}).Error(), "600")
}

func TestADeflaterGoesOnAfterManyBytes(t *testing.T) {
	data := samples()[4][:5000]
	for _, noTakeover := range []bool{false, true} {
		d := &Deflater{Window: 1 << 10, NoTakeover: noTakeover}
		i := &Inflater{Window: 1 << 10, Strict: true}
		for n := range 4 {
			got, err := i.Message(d.Message(data), len(data))
			require.NoError(t, err)
			require.Equal(t, data, got, "message %d", n)
			d.base += 1 << 30 // as if so many had gone before
		}
	}
}

func TestWindowsAreThoseOfTheParameters(t *testing.T) {
	p := Params{ServerBits: 9}
	require.Equal(t, 512, p.ServerWindow())
	require.Equal(t, 1<<15, p.ClientWindow())
}

// Repeats so near that a copy overlaps what it makes, codes too long for the
// look-up and references that are out of bounds take turns between the quick way
// and the careful one.
func TestTheQuickWayAndTheCarefulOneInflateTheSame(t *testing.T) {
	for name, data := range map[string][]byte{
		"text": samples()[4], "random": samples()[5], "one byte": samples()[6], "near repeats": bytes.Repeat([]byte("abcdefg"), 3000),
		"rare bytes": rare(),
	} {
		d := &Deflater{Window: 1 << 12}
		compressed := d.Message(data)
		whole, err := (&Inflater{Window: 1 << 12, Strict: true}).Message(compressed, len(data))
		require.NoError(t, err, name)
		require.True(t, bytes.Equal(data, whole), name)
		// A limit that is too short ends at the same byte, whichever way is taken.
		for _, short := range []int{1, 7, 300} {
			_, err = (&Inflater{Window: 1 << 12}).Message(compressed, len(data)-short)
			require.ErrorIs(t, err, errTooLong, name)
		}
	}
}

// rare has bytes so unlike in frequency that their codes are of any length.
func rare() []byte {
	var b []byte
	for i := range 16 {
		b = append(b, bytes.Repeat([]byte{byte(i), byte(37 * len(b))}, 1<<max(0, i-3))...)
	}
	return b
}
