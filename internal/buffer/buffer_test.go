package buffer

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAClassHasRoomForWhatIsAskedOfIt(t *testing.T) {
	for _, n := range []int{0, 1, Smallest, Smallest + 1, 16 << 10, 64<<10 + 1, 1 << 20, 1<<20 + 1} {
		b := Get(n)
		require.Empty(t, b.B)
		require.GreaterOrEqual(t, cap(b.B), n)
		if class := ClassOf(n); class < Classes {
			require.GreaterOrEqual(t, ClassSize(class), n)
			require.True(t, class == 0 || ClassSize(class-1) < n, "the smallest that fits")
		}
		b.Release()
	}
}

func TestFullClassIsAClassOrAllThatWasAskedFor(t *testing.T) {
	for n, want := range map[int64]int64{
		Smallest: Smallest, 16<<10 - 1: Smallest, 16 << 10: 16 << 10, 300 << 10: 256 << 10, 1 << 20: 1 << 20, 5 << 20: 5 << 20,
		math.MaxInt64 / 8: math.MaxInt64 / 8,
	} {
		require.Equal(t, want, FullClass(n), "%d", n)
	}
}

func TestABufferKeepsItsContentsAsItGrows(t *testing.T) {
	for name, start := range map[string]func() *Buffer{
		"none":     func() *Buffer { return nil },
		"pooled":   func() *Buffer { return Get(0) },
		"borrowed": func() *Buffer { return Borrow(make([]byte, 0, 10)) },
		"shared":   func() *Buffer { return Share([]byte{}) },
	} {
		t.Run(name, func(t *testing.T) {
			b, want := start(), []byte(nil)
			for i := range 200 {
				part := bytes.Repeat([]byte{byte(i)}, 1000)
				b, want = b.Add(part), append(want, part...)
				require.Equal(t, want, b.B)
			}
			b.Release()
		})
	}
}

func TestWhatIsSharedIsNeverChanged(t *testing.T) {
	memory := append(make([]byte, 0, 100), "prepared"...)
	b := Share(memory)
	require.True(t, b.Shared())
	grown := b.Add([]byte(" and more"))
	require.Equal(t, "prepared and more", string(grown.B))
	require.NotSame(t, &memory[0], &grown.B[0])
	require.Equal(t, make([]byte, 92), memory[8:100], "nothing was written behind it either")
	b.Release()
	require.Equal(t, "prepared", string(b.B))
}

func TestBorrowedMemoryGrowsInPlace(t *testing.T) {
	memory := append(make([]byte, 0, 100), "here"...)
	var b Buffer
	b.BorrowIn(memory)
	grown := b.Add([]byte(" and there"))
	require.Same(t, &memory[0], &grown.B[0])
	grown.Release()
	require.Equal(t, "here and there", string(grown.B), "it is the caller's: nothing overwrites it")
}

func TestBuffersOfAllClassesComeBackEmpty(t *testing.T) {
	for class := range Classes {
		b := GetClass(class).Add([]byte("used"))
		b.Release()
		again := GetClass(class)
		require.Empty(t, again.B)
		require.Equal(t, ClassSize(class), cap(again.B))
		again.Release()
	}
}
