//go:build !purego

package cpu

// AVX2 says whether AVX2 instructions may be used. It never changes.
var AVX2 = detectAVX2(cpuid, xgetbv)

// cpuid asks the processor what it is.
//
//go:noescape
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// xgetbv returns the lower half of XCR0: which registers the operating system saves when it switches threads.
//
//go:noescape
func xgetbv() (eax uint32)

// detectAVX2 reports whether the processor has AVX2 and the operating system lets programs use it. It makes no query
// before another one has shown that the processor supports it.
func detectAVX2(cpuid func(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32), xgetbv func() uint32) bool {
	const (
		osxsave = 1 << 27 // leaf 1, ECX: XGETBV may be used
		avx     = 1 << 28 // leaf 1, ECX
		avx2    = 1 << 5  // leaf 7, EBX
		ymm     = 0b110   // XCR0: the lower and the upper halves of the 256-bit registers
	)
	leaves, _, _, _ := cpuid(0, 0)
	_, _, features, _ := cpuid(1, 0)
	if leaves < 7 || features&osxsave == 0 || features&avx == 0 || xgetbv()&ymm != ymm {
		return false
	}
	_, more, _, _ := cpuid(7, 0)
	return more&avx2 != 0
}
