//go:build !purego && !race

package mask

// blocks masks the whole blocks of src into dst, which is no shorter, and returns how many bytes these are.
func blocks(dst, src []byte, word uint64) int {
	n := len(src) &^ (block - 1)
	if n > 0 {
		blocksNEON(&dst[0], &src[0], n, word)
	}
	return n
}

// blocksNEON masks n bytes, a multiple of block that is not 0. Every arm64 processor has what it needs.
//
//go:noescape
func blocksNEON(dst, src *byte, n int, word uint64)
