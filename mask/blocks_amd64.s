//go:build !purego && !race

#include "textflag.h"

// func blocksAVX2(dst, src *byte, n int, word uint64)
TEXT ·blocksAVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VPBROADCASTQ word+24(FP), Y0

next:
	VPXOR   (SI), Y0, Y1
	VPXOR   32(SI), Y0, Y2
	VMOVDQU Y1, (DI)
	VMOVDQU Y2, 32(DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $64, CX
	JNZ     next
	VZEROUPPER
	RET
