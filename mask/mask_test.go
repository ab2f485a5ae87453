package mask_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/mask"
)

// testKey has four different bytes, so that a key turned the wrong way shows.
var testKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// slow is §5.3 word for word: the oracle.
func slow(key [4]byte, pos int, b []byte) []byte {
	out := make([]byte, len(b))
	for i := range b {
		out[i] = b[i] ^ key[(pos+i)%4]
	}
	return out
}

// payload returns n reproducible bytes.
func payload(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestXORUnmasksTheExampleOfTheRFC(t *testing.T) {
	// §5.7, a single-frame masked text message: the payload of "Hello" and its key.
	b := []byte{0x7f, 0x9f, 0x4d, 0x51, 0x58}
	next := mask.XOR(testKey, 0, b)
	require.Equal(t, "Hello", string(b))
	require.Equal(t, 1, next)
}

func TestXORAndCopyEqualTheByteLoopForEveryLengthAlignmentAndPosition(t *testing.T) {
	const guard = 0xa5
	for n := range 301 {
		for align := range 8 {
			for pos := range 4 {
				want := slow(testKey, pos, payload(n))
				fenced := bytes.Repeat([]byte{guard}, align+n+8)
				in := fenced[align : align+n]
				copy(in, payload(n))

				dst := bytes.Repeat([]byte{guard}, n+8+7-align)
				next := mask.Copy(dst[7-align:], in, testKey, pos)
				at := fmt.Sprintf("length %d, alignment %d, position %d", n, align, pos)
				require.Equal(t, (pos+n)%4, next, at)
				require.Equal(t, want, dst[7-align:7-align+n], at)
				require.Equal(t, payload(n), in, "the source was changed: "+at)
				require.Equal(t, bytes.Repeat([]byte{guard}, 8), dst[7-align+n:], "wrote past the end: "+at)

				require.Equal(t, (pos+n)%4, mask.XOR(testKey, pos, in), at)
				require.Equal(t, want, in, at)
				require.Equal(t, bytes.Repeat([]byte{guard}, align), fenced[:align], "wrote before the start: "+at)
				require.Equal(t, bytes.Repeat([]byte{guard}, 8), fenced[align+n:], "wrote past the end: "+at)
			}
		}
	}
}

func TestAPayloadInPiecesIsMaskedAsInOne(t *testing.T) {
	in := payload(150)
	want := slow(testKey, 0, in)
	for i := range len(in) + 1 {
		for j := i; j <= len(in); j++ {
			got := bytes.Clone(in)
			pos := mask.XOR(testKey, 0, got[:i])
			pos = mask.XOR(testKey, pos, got[i:j])
			pos = mask.XOR(testKey, pos, got[j:])
			require.Equal(t, want, got, "cut at %d and %d", i, j)
			require.Equal(t, len(in)%4, pos)
		}
	}
}

func TestOnlyThePositionModuloFourMatters(t *testing.T) {
	const maxInt = int(^uint(0) >> 1)
	for _, pos := range []int{0, 1, 2, 3, 4, 7, 1 << 20, maxInt, maxInt - 1, maxInt - 2} {
		got := payload(20)
		next := mask.XOR(testKey, pos, got)
		require.Equal(t, slow(testKey, pos%4, payload(20)), got, "position %d", pos)
		require.Equal(t, pos%4, next, "20 bytes are five keys: the position returns to where it was")
	}
}

func TestBlocksAreMaskedAlikeByEveryMeans(t *testing.T) {
	const word = 0x3d21fa373d21fa37
	for n := range 400 {
		for name, blocks := range map[string]func(dst, src []byte, word uint64) int{"Blocks": mask.Blocks, "BlocksInGo": mask.BlocksInGo} {
			src, dst := payload(n), payload(n+70)
			done := blocks(dst, src, word)
			require.Equal(t, n&^63, done, name)
			require.Equal(t, slow(testKey, 0, payload(n)[:done]), dst[:done], name)
			require.Equal(t, payload(n + 70)[done:], dst[done:], "%s of %d wrote too much", name, n)
			require.Equal(t, payload(n), src, name)
		}
	}
}

func TestMaskingTwiceRestoresThePayload(t *testing.T) {
	b := payload(100)
	mask.XOR(testKey, 3, b)
	mask.XOR(testKey, 3, b)
	require.Equal(t, payload(100), b)
}

func TestTheZeroKeyChangesNothing(t *testing.T) {
	b := payload(100)
	mask.XOR([4]byte{}, 0, b)
	require.Equal(t, payload(100), b)
}

func TestCopyRefusesADestinationThatIsTooShort(t *testing.T) {
	room := make([]byte, 10) // capacity beyond the length is not Copy's to write
	require.PanicsWithValue(t, "mask: destination shorter than source", func() {
		mask.Copy(room[:4], payload(5), testKey, 0)
	})
	require.Equal(t, make([]byte, 10), room)
}

func TestMaskingDoesNotAllocate(t *testing.T) {
	b, dst := payload(1000), make([]byte, 1000)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		mask.XOR(testKey, 1, b)
		mask.Copy(dst, b, testKey, 2)
	}))
}

func FuzzXOR(f *testing.F) {
	f.Add([]byte("Hello"), uint32(0x37fa213d), uint16(0), uint16(0), uint16(0))
	f.Add(payload(300), uint32(0x01020304), uint16(3), uint16(9), uint16(70))
	f.Fuzz(func(t *testing.T, in []byte, k uint32, pos, first, second uint16) {
		key := [4]byte{byte(k >> 24), byte(k >> 16), byte(k >> 8), byte(k)}
		want := slow(key, int(pos), in)

		dst := make([]byte, len(in))
		before := bytes.Clone(in)
		require.Equal(t, (int(pos)+len(in))%4, mask.Copy(dst, in, key, int(pos)))
		require.Equal(t, want, dst)
		require.Equal(t, before, in)

		i := int(first) % (len(in) + 1)
		j := i + int(second)%(len(in)-i+1)
		got := bytes.Clone(in)
		next := mask.XOR(key, int(pos), got[:i])
		next = mask.XOR(key, next, got[i:j])
		require.Equal(t, (int(pos)+len(in))%4, mask.XOR(key, next, got[j:]))
		require.Equal(t, want, got)
	})
}

func ExampleXOR() {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	payload := []byte("\x7f\x9f\x4d\x51\x58") // as it came from the wire, in two reads

	pos := mask.XOR(key, 0, payload[:3])
	mask.XOR(key, pos, payload[3:])

	fmt.Printf("%s\n", payload)
	// Output: Hello
}

func ExampleCopy() {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	text := []byte("Hello") // the caller's: not to be changed
	frame := make([]byte, len(text))

	mask.Copy(frame, text, key, 0)

	fmt.Printf("%x %s\n", frame, text)
	// Output: 7f9f4d5158 Hello
}

var sizes = []int{4, 16, 128, 1 << 10, 16 << 10, 1 << 20}

func BenchmarkXOR(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("%dB", n), func(b *testing.B) {
			buf := payload(n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				mask.XOR(testKey, 1, buf)
			}
		})
	}
}

// BenchmarkBlocksInGo is what vector instructions are measured against.
func BenchmarkBlocksInGo(b *testing.B) {
	for _, n := range sizes[2:] {
		b.Run(fmt.Sprintf("%dB", n), func(b *testing.B) {
			buf := payload(n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				mask.BlocksInGo(buf, buf, 0x3d21fa373d21fa37)
			}
		})
	}
}

func BenchmarkCopy(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("%dB", n), func(b *testing.B) {
			src, dst := payload(n), make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				mask.Copy(dst, src, testKey, 1)
			}
		})
	}
}

// BenchmarkMemmove is what the others are measured against.
func BenchmarkMemmove(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("%dB", n), func(b *testing.B) {
			src, dst := payload(n), make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				copy(dst, src)
			}
		})
	}
}
