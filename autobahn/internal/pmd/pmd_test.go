package pmd

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// samples are messages of one connection, in order, from compressible to not.
func samples() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 40000)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	words := strings.Repeat("the quick brown fox jumps over ", 40)
	var text bytes.Buffer
	for i := range 2500 {
		fmt.Fprintf(&text, `{"id":%d,"name":"%s"},`, i*7919, words[i%900:i%900+12])
	}
	grain := make([]byte, 200000) // literals enough for several blocks
	for i := range grain {
		grain[i] = 'a' + byte(r.IntN(20))
	}
	return [][]byte{nil, []byte("Hello"), []byte("Hello"), []byte(words), text.Bytes(), random,
		bytes.Repeat([]byte{7}, 70000), text.Bytes()[:100], random[:300], text.Bytes(), grain}
}

func TestWhatIsDeflatedInflatesToTheSame(t *testing.T) {
	for _, bits := range []int{8, 9, 12, 15} {
		for _, noTakeover := range []bool{false, true} {
			d := &Deflater{Window: 1 << bits, NoTakeover: noTakeover}
			i := &Inflater{Window: 1 << bits, NoTakeover: noTakeover, Strict: true}
			for n, data := range samples() {
				got, err := i.Message(d.Message(data), len(data))
				require.NoError(t, err, "%d bits, message %d", bits, n)
				require.True(t, bytes.Equal(data, got), "%d bits, message %d", bits, n)
			}
			require.LessOrEqual(t, i.Farthest, 1<<bits)
		}
	}
}

func TestTheStandardLibraryInflatesWhatIsDeflated(t *testing.T) {
	d := &Deflater{Window: 1 << 15, NoTakeover: true}
	for n, data := range samples() {
		src := io.MultiReader(bytes.NewReader(d.Message(data)), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
		got, err := io.ReadAll(flate.NewReader(src))
		require.NoError(t, err, "message %d", n)
		require.True(t, bytes.Equal(data, got), "message %d", n)
	}
}

func TestWhatTheStandardLibraryDeflatesInflatesToTheSame(t *testing.T) {
	for _, level := range []int{0, 1, 9, flate.HuffmanOnly} {
		var buf bytes.Buffer
		w, err := flate.NewWriter(&buf, level)
		require.NoError(t, err)
		i := &Inflater{Window: 1 << 15, Strict: true}
		for n, data := range samples() {
			buf.Reset()
			_, err = w.Write(data)
			require.NoError(t, err)
			require.NoError(t, w.Flush())
			got, err := i.Message(bytes.TrimSuffix(buf.Bytes(), []byte("\x00\x00\xff\xff")), len(data))
			require.NoError(t, err, "level %d, message %d", level, n)
			require.True(t, bytes.Equal(data, got), "level %d, message %d", level, n)
		}
	}
}

// The examples of RFC 7692 §7.2.3.
func TestTheExamplesOfTheSpecificationInflate(t *testing.T) {
	for name, messages := range map[string][]string{
		"one block":            {"f248cdc9c90700"},
		"shared window":        {"f248cdc9c90700", "f200110000"},
		"no compression":       {"000500faff48656c6c6f00"},
		"a final block":        {"f348cdc9c9070000"},
		"two blocks, one each": {"f248050000 00ffff cac9c90700"},
	} {
		i := &Inflater{Window: 1 << 15, Strict: true}
		for _, m := range messages {
			b, err := hex.DecodeString(strings.ReplaceAll(m, " ", ""))
			require.NoError(t, err)
			got, err := i.Message(b, 100)
			require.NoError(t, err, name)
			require.Equal(t, "Hello", string(got), name)
		}
	}
}

func TestABackReferenceBeyondTheWindowIsCaught(t *testing.T) {
	data := append(bytes.Repeat([]byte("0123456789abcdef"), 8), make([]byte, 600)...)
	data = append(data, "0123456789abcdef"...)
	wide := &Deflater{Window: 1 << 15}
	compressed := wide.Message(data)
	_, err := (&Inflater{Window: 1 << 9, Strict: true}).Message(compressed, len(data))
	var far *DistanceError
	require.ErrorAs(t, err, &far)
	require.Greater(t, far.Distance, 512)
	got, err := (&Inflater{Window: 1 << 9}).Message(compressed, len(data))
	require.NoError(t, err)
	require.Equal(t, data, got)
}

func TestAMessageThatInflatesBeyondItsLimitIsRefused(t *testing.T) {
	d := &Deflater{Window: 1 << 15}
	_, err := (&Inflater{Window: 1 << 15}).Message(d.Message(make([]byte, 10000)), 9999)
	require.ErrorIs(t, err, errTooLong)
}

func TestTruncatedDataAreRefused(t *testing.T) {
	d := &Deflater{Window: 1 << 15}
	whole := d.Message(samples()[4])
	for _, n := range []int{1, 2, 10, len(whole) / 2} {
		_, err := (&Inflater{Window: 1 << 15}).Message(whole[:n], 1<<20)
		require.Error(t, err, "%d bytes", n)
	}
}

func FuzzInflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := (&Inflater{Window: 1 << 15, Strict: true}).Message(data, 1<<20)
		src := io.MultiReader(bytes.NewReader(data), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))
		want, errStd := io.ReadAll(io.LimitReader(flate.NewReader(src), 1<<20))
		if err == nil && errStd == nil && len(got) >= len(want) {
			require.Equal(t, string(want), string(got[:len(want)]))
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	data := samples()[4]
	d := &Deflater{Window: 1 << 15}
	b.Run("deflate", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			d.Message(data)
		}
	})
	d.NoTakeover = true
	compressed := d.Message(data)
	b.Run("inflate", func(b *testing.B) {
		i := &Inflater{Window: 1 << 15, NoTakeover: true}
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := i.Message(compressed, len(data)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(data))/float64(len(compressed)), "ratio")
	})
}
