package deflate

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// The figures in the documentation of Options.
func TestMemoryIsNoMoreThanDocumented(t *testing.T) {
	require.LessOrEqual(t, int(unsafe.Sizeof(Compressor{}))+int(unsafe.Sizeof(Decompressor{})), 160)
	require.LessOrEqual(t, int(unsafe.Sizeof(inflater{})), 9<<10)
	require.LessOrEqual(t, int(unsafe.Sizeof(encoder{}))+int(unsafe.Sizeof(probe{})), 80<<10)
	require.LessOrEqual(t, int(unsafe.Sizeof(encoder{}))+int(unsafe.Sizeof(chain{})), 176<<10)

	for _, level := range levelsToTest {
		e := &encoder{matcher: levels[level].matcher()}
		h := newWindow(15)
		for _, size := range []int{1, 1000, 20_000, 25_000, 1 << 20} {
			e.message(&h, noise(size))
			require.LessOrEqual(t, cap(e.joined), 64<<10)
			h.write(noise(size))
		}
	}
}
