//go:build !purego

package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAVX2IsUsedOnlyIfProcessorAndSystemHaveIt(t *testing.T) {
	const osxsave, avx, avx2 = 1 << 27, 1 << 28, 1 << 5
	for _, c := range []struct {
		name                           string
		leaves, features, system, more uint32
		want                           bool
	}{
		{"all there", 13, osxsave | avx, 7, avx2, true},
		{"a processor before leaf 7", 6, osxsave | avx, 7, avx2, false},
		{"a system that does not use XSAVE", 13, avx, 7, avx2, false},
		{"a processor before AVX", 13, osxsave, 7, avx2, false},
		{"a system that saves no upper halves", 13, osxsave | avx, 0b011, avx2, false},
		{"a system that saves no vectors at all", 13, osxsave | avx, 0b001, avx2, false},
		{"AVX alone", 13, osxsave | avx, 7, ^uint32(avx2), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cpuid := func(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32) {
				require.LessOrEqual(t, leaf, c.leaves)
				require.Zero(t, subleaf)
				switch leaf {
				case 0:
					return c.leaves, 0, 0, 0
				case 1:
					return 0, 0, c.features, 0
				default:
					return 0, c.more, 0, 0
				}
			}
			xgetbv := func() uint32 {
				require.NotZero(t, c.features&osxsave, "an illegal instruction")
				return c.system
			}
			require.Equal(t, c.want, detectAVX2(cpuid, xgetbv))
		})
	}
}
