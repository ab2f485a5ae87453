//go:build !purego && !race

#include "textflag.h"

// func blocksNEON(dst, src *byte, n int, word uint64)
TEXT ·blocksNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2
	MOVD word+24(FP), R3
	VDUP R3, V0.D2

next:
	VLD1.P 64(R1), [V1.B16, V2.B16, V3.B16, V4.B16]
	VEOR   V0.B16, V1.B16, V1.B16
	VEOR   V0.B16, V2.B16, V2.B16
	VEOR   V0.B16, V3.B16, V3.B16
	VEOR   V0.B16, V4.B16, V4.B16
	VST1.P [V1.B16, V2.B16, V3.B16, V4.B16], 64(R0)
	SUBS   $64, R2, R2
	BNE    next
	RET
