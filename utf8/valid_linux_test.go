package utf8

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// guarded returns a page of memory with one before and one behind it at which any access ends the program.
func guarded(t *testing.T) []byte {
	size := os.Getpagesize()
	pages, err := syscall.Mmap(-1, 0, 3*size, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(pages)) })
	page := pages[size : 2*size : 2*size]
	require.NoError(t, syscall.Mprotect(page, syscall.PROT_READ|syscall.PROT_WRITE))
	return page
}

func TestNoByteOutsideTheTextIsRead(t *testing.T) {
	page := guarded(t)
	for _, filler := range []string{"a", "é", "世", "🚀"} {
		for i := range page {
			page[i] = filler[i%len(filler)]
		}
		for size := range 300 {
			first := page[:size]
			require.Equal(t, size%len(filler) == 0, valid(first), "%q, %d bytes at the start of the page", filler, size)
			last := page[len(page)-size:]
			require.Equal(t, bytewise(last), valid(last), "%q, %d bytes at the end of the page", filler, size)
		}
	}
}
