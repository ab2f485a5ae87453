package deflate

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// The figures in the documentation of Options.
func TestMemoryIsNoMoreThanDocumented(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Compressor{})+unsafe.Sizeof(Decompressor{}), uintptr(160))
	require.LessOrEqual(t, unsafe.Sizeof(inflater{}), uintptr(9<<10))
	require.LessOrEqual(t, unsafe.Sizeof(encoder{})+unsafe.Sizeof(probe{}), uintptr(80<<10))
	require.LessOrEqual(t, unsafe.Sizeof(encoder{})+unsafe.Sizeof(chain{}), uintptr(176<<10))

	for _, level := range levelsToTest {
		e := newEncoder(level)
		w := bitWriter{}
		h := newWindow(15)
		h.write(noise(maxWindow))
		e.encode(&w, &h, noise(1<<20), maxWindow)
		require.LessOrEqual(t, cap(e.joined), 80<<10)
	}
}
