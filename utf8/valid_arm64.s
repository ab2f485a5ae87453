//go:build !purego

#include "textflag.h"

// The same as in valid_amd64.s, where the faults and their tables are explained, on registers half as wide.

// By the high nibble of the first byte, the low nibble of the first byte, and the high nibble of the second byte.
DATA faults<>+0(SB)/8, $0x0202020202020202
DATA faults<>+8(SB)/8, $0x4915012180808080
DATA faults<>+16(SB)/8, $0xcbcbcb8b8383a3e7
DATA faults<>+24(SB)/8, $0xcbcbdbcbcbcbcbcb
DATA faults<>+32(SB)/8, $0x0101010101010101
DATA faults<>+40(SB)/8, $0x01010101babaaee6
// The largest bytes with which a text can end.
DATA faults<>+48(SB)/8, $0xffffffffffffffff
DATA faults<>+56(SB)/8, $0xbfdfefffffffffff
GLOBL faults<>(SB), RODATA|NOPTR, $64

// JUDGE adds the faults of the 16 bytes in cur, which follow those in prev, to V31.
//
// Without a saturating subtraction, the maximum with DF or EF, minus 60 or 70, is what brings a byte from E0 two places
// back, or from F0 three places back, and no other, to 80 and above.
#define JUDGE(prev, cur) \
	VEXT  $15, cur.B16, prev.B16, V5.B16     \
	VEXT  $14, cur.B16, prev.B16, V6.B16     \
	VEXT  $13, cur.B16, prev.B16, V7.B16     \
	VUSHR $4, V5.B16, V8.B16                 \
	VAND  V24.B16, V5.B16, V5.B16            \
	VUSHR $4, cur.B16, V9.B16                \
	VTBL  V8.B16, [V16.B16], V8.B16          \
	VTBL  V5.B16, [V17.B16], V5.B16          \
	VTBL  V9.B16, [V18.B16], V9.B16          \
	VUMAX V25.B16, V6.B16, V6.B16            \
	VUMAX V26.B16, V7.B16, V7.B16            \
	VSUB  V27.B16, V6.B16, V6.B16            \
	VSUB  V28.B16, V7.B16, V7.B16            \
	VORR  V6.B16, V7.B16, V7.B16             \
	VAND  V8.B16, V5.B16, V5.B16             \
	VAND  V29.B16, V7.B16, V7.B16            \
	VAND  V5.B16, V9.B16, V9.B16             \
	VEOR  V7.B16, V9.B16, V9.B16             \
	VORR  V9.B16, V31.B16, V31.B16

// BITS leaves in R4 the bits that any of the eight bytes of either half of v has.
#define BITS(v) \
	VMOV v.D[0], R4 \
	VMOV v.D[1], R5 \
	ORR  R5, R4, R4

// func validNEON(p []byte) bool
//
// p[R0:] is not judged yet, R1 is its length, R2 the end of p. No byte outside p is read: the last 16 bytes are read as
// such, and judged twice in part. p must have 32 bytes, for these and the 16 before them.
TEXT ·validNEON(SB), NOSPLIT, $0-25
	MOVD p_base+0(FP), R0
	MOVD p_len+8(FP), R1
	ADD  R0, R1, R2
	VEOR V31.B16, V31.B16, V31.B16

// What comes before p[R0] ends with a whole character, or is known to be bad. ASCII needs no judgement.
ascii:
	CMP $64, R1
	BLO asciiRest

asciiLoop:
	VLD1 (R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VORR V0.B16, V1.B16, V1.B16
	VORR V2.B16, V3.B16, V3.B16
	VORR V1.B16, V3.B16, V3.B16
	BITS(V3)
	TST  $0x8080808080808080, R4
	BNE  judge
	ADD  $64, R0
	SUB  $64, R1
	CMP  $64, R1
	BHS  asciiLoop

asciiRest:
	CMP  $16, R1
	BLO  asciiLast
	VLD1 (R0), [V0.B16]
	BITS(V0)
	TST  $0x8080808080808080, R4
	BNE  judge
	ADD  $16, R0
	SUB  $16, R1
	B    asciiRest

asciiLast:
	SUB  $16, R2, R3
	VLD1 (R3), [V0.B16]
	BITS(V0)
	TST  $0x8080808080808080, R4
	BEQ  done

judge:
	MOVD  $faults<>(SB), R3
	VLD1  (R3), [V16.B16, V17.B16, V18.B16, V19.B16]
	VMOVI $0x0f, V24.B16
	VMOVI $0xdf, V25.B16
	VMOVI $0xef, V26.B16
	VMOVI $0x60, V27.B16
	VMOVI $0x70, V28.B16
	VMOVI $0x80, V29.B16

	// Nothing may be read in front of p: zeros, which are ASCII, stand for it.
	VEOR V4.B16, V4.B16, V4.B16
	MOVD p_base+0(FP), R3
	CMP  R3, R0
	BEQ  judgeMost
	SUB  $16, R0, R3
	VLD1 (R3), [V4.B16]

judgeMost:
	CMP    $64, R1
	BLO    judgeRest
	VLD1.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	JUDGE(V4, V0)
	JUDGE(V0, V1)
	JUDGE(V1, V2)
	JUDGE(V2, V3)
	VORR   V3.B16, V3.B16, V4.B16
	SUB    $64, R1
	VORR   V0.B16, V1.B16, V1.B16
	VORR   V2.B16, V3.B16, V3.B16
	VORR   V1.B16, V3.B16, V3.B16
	BITS(V3)
	TST    $0x8080808080808080, R4
	BNE    judgeMost
	B      ascii

judgeRest:
	CMP    $16, R1
	BLO    judgeLast
	VLD1.P 16(R0), [V0.B16]
	JUDGE(V4, V0)
	VORR   V0.B16, V0.B16, V4.B16
	SUB    $16, R1
	B      judgeRest

judgeLast:
	SUB   $32, R2, R3
	VLD1  (R3), [V4.B16, V5.B16]
	VORR  V5.B16, V5.B16, V0.B16
	JUDGE(V4, V0)
	VUMAX V19.B16, V0.B16, V0.B16
	VEOR  V19.B16, V0.B16, V0.B16
	VORR  V0.B16, V31.B16, V31.B16

done:
	BITS(V31)
	CMP  $0, R4
	CSET EQ, R4
	MOVB R4, ret+24(FP)
	RET
