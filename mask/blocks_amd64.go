//go:build !purego && !race

package mask

import "github.com/seed60239977/websocket/internal/cpu"

// blocks masks the whole blocks of src into dst, which is no shorter, and returns how many bytes these are.
func blocks(dst, src []byte, word uint64) int {
	if !cpu.AVX2 {
		return blocksInGo(dst, src, word)
	}
	n := len(src) &^ (block - 1)
	if n > 0 {
		blocksAVX2(&dst[0], &src[0], n, word)
	}
	return n
}

// blocksAVX2 masks n bytes, a multiple of block that is not 0, on a processor that has AVX2.
//
//go:noescape
func blocksAVX2(dst, src *byte, n int, word uint64)
