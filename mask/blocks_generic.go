//go:build purego || race || !(amd64 || arm64)

package mask

// blocks masks the whole blocks of src into dst, which is no shorter, and returns how many bytes these are.
func blocks(dst, src []byte, word uint64) int { return blocksInGo(dst, src, word) }
