package load

import (
	"bytes"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestFramesAreLaidOutAsTheRFCSays(t *testing.T) {
	// RFC 6455, section 5.7, but for the key.
	require.Equal(t, []byte{0x81, 0x85, 0x5a, 0xc3, 0x17, 0x88, 'H' ^ 0x5a, 'e' ^ 0xc3, 'l' ^ 0x17, 'l' ^ 0x88, 'o' ^ 0x5a}, Frame([]byte("Hello"), true, false))
	require.Equal(t, []byte{0xc2, 0x80}, Frame(nil, false, true)[:2])
	require.Equal(t, []byte{0x82, 0x80 | 126, 0x01, 0x00}, Frame(make([]byte, 256), false, false)[:4])
	require.Equal(t, []byte{0x82, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0}, Frame(make([]byte, 65536), false, false)[:10])
}

func TestMessagesAreCountedHoweverTheBytesAreCut(t *testing.T) {
	var stream []byte
	stream = append(stream, 0x02, 3, 'a', 'b', 'c') // first fragment
	stream = append(stream, 0x89, 1, 'p')           // ping in between
	stream = append(stream, 0x80, 0)                // last fragment, empty
	stream = append(stream, 0x81, 126, 0x01, 0x00)  // 256 bytes of text
	stream = append(stream, bytes.Repeat([]byte{'x'}, 256)...)
	stream = append(stream, 0x82, 0) // empty message
	for size := 1; size <= len(stream); size++ {
		var c counter
		messages, payload := 0, int64(0)
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			m, p, err := c.feed(rest[:n])
			require.NoError(t, err)
			messages, payload, rest = messages+m, payload+p, rest[n:]
		}
		require.Equal(t, 3, messages, "in pieces of %d", size)
		require.EqualValues(t, 3+1+256, payload, "in pieces of %d", size)
	}
}

func TestRawMessagesAreCountedByTheirSize(t *testing.T) {
	c := counter{raw: 10}
	var got []int
	for _, n := range []int{9, 1, 25, 5, 0} {
		m, _, err := c.feed(make([]byte, n))
		require.NoError(t, err)
		got = append(got, m)
	}
	require.Equal(t, []int{0, 1, 2, 1, 0}, got)
}

func TestBreachesOfTheProtocolAreErrors(t *testing.T) {
	var c counter
	_, _, err := c.feed([]byte{0x88, 0})
	require.ErrorIs(t, err, errClosed)
	_, _, err = new(counter).feed([]byte{0x82, 0x80})
	require.ErrorContains(t, err, "masked")
}

func TestQuantilesAreWithinTheHistogramsError(t *testing.T) {
	var h, other Histogram
	for d := range 1000 {
		h.Add(time.Duration(d)*time.Microsecond, 1)
		other.Add(time.Duration(d)*time.Microsecond, 2)
	}
	h.Merge(&other)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99} {
		require.InEpsilon(t, q*float64(time.Millisecond), float64(h.Quantile(q)), 0.04, "q=%v", q)
	}
	require.Zero(t, new(Histogram).Quantile(0.5))
	for i := range 16 {
		h = Histogram{}
		h.Add(time.Duration(i), 1)
		require.Equal(t, time.Duration(i), h.Quantile(0.5))
	}
}

func TestPayloadsHaveTheSizeAndTheKindTheySay(t *testing.T) {
	require.Len(t, Binary(1000), 1000)
	require.Len(t, ASCII(1000), 1000)
	require.Len(t, Chinese(4096), 4095)
	require.True(t, utf8.Valid(Chinese(4096)))
	seen := map[string]bool{}
	for _, m := range JSON(64, 1024) {
		require.Len(t, m, 1024)
		seen[string(m)] = true
	}
	require.Len(t, seen, 64)
}
