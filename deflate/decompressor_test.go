package deflate

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bitString packs bits into bytes in the order of RFC 1951, section 3.1.1: "1 01"
// is a final block's header with the fixed code. Spaces do not count; a number with
// its first bit lowest is to be written so.
func bitString(s string) []byte {
	var out []byte
	n := 0
	for _, c := range s {
		if c == ' ' {
			continue
		}
		if n%8 == 0 {
			out = append(out, 0)
		}
		out[n/8] |= byte(c-'0') << (n % 8)
		n++
	}
	return out
}

func TestWhatIsCorruptIsRefusedHoweverItArrives(t *testing.T) {
	// HLIT 257, HDIST 1, HCLEN 4+14: the lengths 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1.
	counts := "0 01 00000 00000 0111"
	for _, c := range []struct{ name, payload, reason string }{
		{"an unknown block type", "\x06", "unknown block type"},
		{"LEN and NLEN that do not match", "\x00\x05\x00\xfa\xfe", "complement"},
		{"a stored block that breaks off", "\x00\x0a\x00\xf5\xffabc", "cut short"},
		{"a fixed block that breaks off", "\xf2\x48\xcd\xc9", "cut short"},
		{"no payload at all", "", "cut short"},
		{"the tail that was not cut off", "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff", "cut short"},
		{"the literal 286", string(bitString("0 10 11000110 0000000")), "no code"},
		{"the distance 30", string(bitString("0 10 00110000 0000001 11110 0000000")), "no code"},
		{"a distance before the beginning", string(bitString("0 10 00110000 0000001 00001 0000000")), "distance outside"},
		{"287 literals", string(bitString("0 01 01111 00000 0111")), "too many codes"},
		{"31 distances", string(bitString("0 01 00000 01111 0111")), "too many codes"},
		{"a code length code that overflows", string(bitString(counts + "100 100 100 000 000 000 000 000 000 000 000 000 000 000 000 000 000 000")), "make no code"},
		{"a code length code that is incomplete", string(bitString(counts + "010 010 010 000 000 000 000 000 000 000 000 000 000 000 000 000 000 000")), "make no code"},
		{"a code length code of one bit and two", string(bitString(counts + "100 010 000 000 000 000 000 000 000 000 000 000 000 000 000 000 000 000")), "make no code"},
		{"a code length code without codes", string(bitString(counts + "000 000 000 000 000 000 000 000 000 000 000 000 000 000 000 000 000 000 1")), "make no code"},
		{"a repetition of nothing", string(bitString(counts + "100 000 100 000 000 000 000 000 000 000 000 000 000 000 000 000 000 000 0 00")), "out of place"},
		{"a repetition beyond the last code", string(bitString(counts + "100 000 100 000 000 000 000 000 000 000 000 000 000 000 000 000 000 000 1 1111111 1 1111111")), "out of place"},
		{"no end of the block", string(bitString(counts + "000 000 100 000 000 000 000 000 000 000 000 000 000 000 000 000 000 100 1 1111111 1 0011011 0")), "no code for the end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 3, 1000} {
				d := Params{}.Decompressor(true)
				_, err := decompress(d, []byte(c.payload), step, 1000)
				var corrupt *CorruptError
				require.ErrorAs(t, err, &corrupt)
				require.Contains(t, err.Error(), c.reason)
				require.Nil(t, d.inflater)
				require.Nil(t, d.history.buf)

				_, _, again := d.Decompress(make([]byte, 10), []byte{0})
				require.Equal(t, err, again)
				_, _, again = d.Finish(make([]byte, 10))
				require.Equal(t, err, again)
				_, err = (&reference{window: maxWindow}).message([]byte(c.payload))
				require.Error(t, err)
			}
		})
	}
}

// TestWhatIsCorruptIsRefusedInTheMiddleOfMuch: where there is so much input and room for output that neither is looked after.
func TestWhatIsCorruptIsRefusedInTheMiddleOfMuch(t *testing.T) {
	before, after := strings.Repeat("00110000 10010001", 100), strings.Repeat("0000000 0 10", 20) // literals, and empty blocks
	for _, c := range []struct {
		name, bits string
		reason     error
	}{
		{"the literal 286", "11000110", errSymbol},
		{"the distance 30", "0000001 11110", errSymbol},
		{"a distance before the beginning", "0000001 11101 1111111111111", errDistance},
	} {
		buf := make([]byte, 10_000)
		n, _, err := Params{}.Decompressor(true).Decompress(buf, bitString("0 10"+before+c.bits+after))
		require.Equal(t, c.reason, err, c.name)
		require.Equal(t, strings.Repeat("\x00a", 100), string(buf[:n]), c.name)
	}
}

func TestWhatCameOutBeforeTheErrorIsGood(t *testing.T) {
	d := Params{}.Decompressor(true)
	buf := make([]byte, 100)
	n, _, err := d.Decompress(buf, []byte("\x00\x05\x00\xfa\xffHello\x06"))
	require.ErrorIs(t, err, errBlockType)
	require.Equal(t, "Hello", string(buf[:n]))
}

func TestADistanceBeyondTheAgreedWindowIsCorrupt(t *testing.T) {
	for bits := minWindowBits; bits < maxWindowBits; bits++ {
		unit := noise(60)
		payload := Params{}.Compressor(true, nil).Append(nil, append(append(unit, bytes.Repeat([]byte{'a'}, 1<<bits)...), unit...))
		for _, room := range []int{1, 50, 5000, 100_000} {
			for _, takeover := range []bool{false, true} {
				_, err := decompress(clientToServer(bits, takeover).Decompressor(true), payload, 1000, room)
				require.ErrorIs(t, err, errDistance)
				_, err = decompress(clientToServer(bits+1, takeover).Decompressor(true), payload, 1000, room)
				require.NoError(t, err)
			}
		}
	}
}

func TestWithoutTakeoverEarlierMessagesAreOutOfReach(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		d := clientToServer(15, takeover).Decompressor(true)
		_, err := decompress(d, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), 9, 99)
		require.NoError(t, err)
		_, err = decompress(d, []byte("\xf2\x00\x11\x00\x00"), 9, 99)
		if takeover {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, errDistance)
		}
	}
}

func TestABombFillsNoMoreThanTheBuffersItIsGiven(t *testing.T) {
	payload := Params{}.Compressor(true, nil).Append(nil, make([]byte, 10<<20))
	require.Less(t, len(payload), 50_000)
	d := Params{}.Decompressor(false)
	buf := make([]byte, 1000)
	total := 0
	for range 64 {
		n, used, err := d.Decompress(buf, payload)
		require.NoError(t, err)
		require.Equal(t, len(buf), n)
		total += n
		payload = payload[used:]
	}
	require.Equal(t, 64_000, total)
	require.LessOrEqual(t, len(*d.inflater.history.buf), maxWindow)
	d.Release()
	_, _, err := d.Decompress(buf, payload)
	require.ErrorIs(t, err, errReleased)
	d.Release()
	require.ErrorIs(t, d.err, errReleased)
}

func TestFinishGoesOnUntilAllIsOut(t *testing.T) {
	message := bytes.Repeat([]byte{'z'}, 1000)
	payload := Params{}.Compressor(true, nil).Append(nil, message)
	for room := 1; room < 300; room++ {
		d := Params{}.Decompressor(false)
		n, used, err := d.Decompress(make([]byte, 3), payload)
		require.NoError(t, err)
		require.Equal(t, 3, n)
		got := []byte("zzz")
		buf := make([]byte, room)
		for payload := payload[used:]; len(payload) > 0; payload = payload[used:] {
			n, used, err = d.Decompress(buf, payload)
			require.NoError(t, err)
			got = append(got, buf[:n]...)
		}
		for done := false; !done; {
			n, done, err = d.Finish(buf)
			require.NoError(t, err)
			got = append(got, buf[:n]...)
			require.True(t, done || n == len(buf), "it stops early only if there is no room")
		}
		requireSame(t, message, got)
	}
}

// TestWhatFinishPutsBackMayComeOut: a stored block may reach into the bytes that a sender has taken off the end.
func TestWhatFinishPutsBackMayComeOut(t *testing.T) {
	payload := []byte("\x00\x09\x00\xf6\xffHello")
	for _, step := range []int{1, 3, 100} {
		for room := 1; room < 12; room++ {
			got, err := decompress(Params{}.Decompressor(true), payload, step, room)
			require.NoError(t, err)
			require.Equal(t, "Hello\x00\x00\xff\xff", string(got))
		}
	}
	got, err := (&reference{window: maxWindow}).message(payload)
	require.NoError(t, err)
	require.Equal(t, "Hello\x00\x00\xff\xff", string(got))
}

func TestFinishNeedsNoRoomWhenNothingIsLeft(t *testing.T) {
	d := Params{}.Decompressor(true)
	n, used, err := d.Decompress(make([]byte, 5), []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))
	require.NoError(t, err)
	require.Equal(t, []int{5, 7}, []int{n, used})
	n, done, err := d.Finish(nil)
	require.NoError(t, err)
	require.Zero(t, n)
	require.True(t, done)
}

func TestCodesLongerThanTheTablesAreDecoded(t *testing.T) {
	// Frequencies that double give codes of all lengths up to the longest.
	var message []byte
	for i := range 17 {
		message = append(message, bytes.Repeat([]byte{byte(i * 7)}, 1<<max(0, i-2))...)
	}
	// Shuffled, so that there is no match.
	shuffled := make([]byte, len(message))
	for i, at := 0, 0; i < len(message); i++ {
		shuffled[i] = message[at]
		at = (at + 25_717) % len(message)
	}
	e := newEncoder(Fastest)
	e.reset()
	e.count(shuffled)
	shuffled = shuffled[:min(len(shuffled), maxBlock)]
	e.choose(len(shuffled))
	e.buf, e.start, e.stop = shuffled, 0, len(shuffled)
	e.write(e.open(&e.w))
	require.Equal(t, formOwn, e.form)
	payload := e.finish(true)
	longest := uint8(0)
	for _, l := range e.literal.lens {
		longest = max(longest, l)
	}
	require.Equal(t, uint8(literalCodeBits), longest)
	for _, step := range []int{1, 9, 1 << 20} {
		for _, room := range []int{1, 600, 1 << 20} {
			got, err := decompress(Params{}.Decompressor(true), payload, step, room)
			require.NoError(t, err)
			requireSame(t, shuffled, got)
		}
	}
}

func TestACodeMayHaveASingleSymbol(t *testing.T) {
	// A block of the code's own with nothing but its end: literal 256 has one bit, and so
	// has the distance. Code lengths: 18 and 1 of one bit each.
	bits := "0 01 00000 00000 0111" + "000 000 100 000 000 000 000 000 000 000 000 000 000 000 000 000 000 100" +
		"1 1111111" + "1 1101011" + "0" + "0" + "0" + "0 00"
	for _, step := range []int{1, 100} {
		got, err := decompress(Params{}.Decompressor(true), bitString(bits), step, 10)
		require.NoError(t, err)
		require.Empty(t, got)
		got, err = (&reference{window: maxWindow}).message(bitString(bits))
		require.NoError(t, err)
		require.Empty(t, got)
	}
	// The other value of that bit is no code.
	wrong := bits[:len(bits)-5] + "1 00"
	for _, step := range []int{1, 100} {
		_, err := decompress(Params{}.Decompressor(true), bitString(wrong), step, 10)
		require.ErrorIs(t, err, errSymbol)
	}
}

func TestAStoredBlockMayBeginInBytesThatWereReadAhead(t *testing.T) {
	const literalA, endOfBlock = "00110000 10010001", "0000000" // a 0 and an "a" by the fixed code
	stored := strings.Repeat("stored ", 5)
	for n := range 40 {
		fixed := bitString("0 10" + strings.Repeat(literalA, n) + endOfBlock + "0 00") // and the header of a stored block
		payload := slices.Concat(fixed, []byte{byte(len(stored)), 0, ^byte(len(stored)), 0xff}, []byte(stored), fixed)
		want := strings.Repeat("\x00a", n) + stored + strings.Repeat("\x00a", n)
		for _, step := range []int{len(payload), 10, 1} {
			for _, room := range []int{1000, 10, 1} {
				got, err := decompress(Params{}.Decompressor(true), payload, step, room)
				require.NoError(t, err)
				require.Equal(t, want, string(got))
			}
		}
	}
}

func TestADecompressorKeepsNoSlice(t *testing.T) {
	d := Params{}.Decompressor(true)
	_, _, err := d.Decompress(make([]byte, 10), []byte("\xf2\x48\xcd"))
	require.NoError(t, err)
	require.Nil(t, d.inflater.in)
	require.Nil(t, d.inflater.out)
}

// A last literal without its last bit is cut short, although what Finish puts back has a bit for it, and an end of the block.
func TestAMessageWithoutItsLastBitIsCutShort(t *testing.T) {
	const nine = "110010000" // the literal 144
	payload := bitString(("1 10" + strings.Repeat(nine, 6))[:4+6*9-1])
	require.Len(t, payload, 7)
	for _, room := range []int{0, 10} { // when there is none, it goes on with the next call
		d := Params{}.Decompressor(true)
		buf := make([]byte, 10)
		n, used, err := d.Decompress(buf, payload)
		require.NoError(t, err)
		require.Equal(t, []int{5, 7}, []int{n, used})
		n, done, err := d.Finish(buf[:room])
		if room == 0 {
			require.NoError(t, err)
			require.Zero(t, n)
			require.False(t, done)
			n, done, err = d.Finish(buf)
		}
		require.ErrorIs(t, err, errMessageEnds)
		require.False(t, done)
		require.Equal(t, 1, n)
	}
	_, err := (&reference{window: maxWindow}).message(payload)
	require.Error(t, err)
}
