//go:build !purego

#include "textflag.h"

// What two neighbouring bytes can be guilty of, a bit each. A pair has a fault if all three of its nibbles that a table
// is asked about (both of the first byte, the high one of the second) allow for it, so that three lookups joined by AND
// leave the faults of 32 pairs at once. Ranges are those of the table in RFC 3629 §4.
//
//	bit   fault                                                first byte   second byte
//	01    a character cut short                                C0-FF        00-7F, C0-FF
//	02    a continuation after ASCII                           00-7F        80-BF
//	04    overlong form, three bytes                           E0           80-9F
//	08    above U+10FFFF                                       F4-FF        90-BF
//	10    surrogate                                            ED           A0-BF
//	20    overlong form, two bytes                             C0-C1        80-BF
//	40    overlong form, four bytes; or far above U+10FFFF     F0; F5-FF    80-8F
//	80    two continuations: a fault unless a third or fourth  80-BF        80-BF
//	      byte of a character is due in the second's place

// By the high nibble of the first byte.
DATA firstHigh<>+0(SB)/8, $0x0202020202020202
DATA firstHigh<>+8(SB)/8, $0x4915012180808080
GLOBL firstHigh<>(SB), RODATA|NOPTR, $16

// By the low nibble of the first byte.
DATA firstLow<>+0(SB)/8, $0xcbcbcb8b8383a3e7
DATA firstLow<>+8(SB)/8, $0xcbcbdbcbcbcbcbcb
GLOBL firstLow<>(SB), RODATA|NOPTR, $16

// By the high nibble of the second byte.
DATA secondHigh<>+0(SB)/8, $0x0101010101010101
DATA secondHigh<>+8(SB)/8, $0x01010101babaaee6
GLOBL secondHigh<>(SB), RODATA|NOPTR, $16

// The largest bytes with which a text can end: only the last three bytes have one, F0 and above, E0 and above, C0 and
// above would need something after them.
DATA endMax<>+0(SB)/8, $0xffffffffffffffff
DATA endMax<>+8(SB)/8, $0xffffffffffffffff
DATA endMax<>+16(SB)/8, $0xffffffffffffffff
DATA endMax<>+24(SB)/8, $0xbfdfefffffffffff
GLOBL endMax<>(SB), RODATA|NOPTR, $32

// 0F, 60, 70 and 80, each for a whole register.
DATA bytes<>+0(SB)/4, $0x8070600f
GLOBL bytes<>(SB), RODATA|NOPTR, $4

// JUDGE adds the faults of the 32 bytes in Y0 to Y15; Y1, Y2 and Y3 hold the bytes one, two and three before them.
//
// A byte from E0 two places back, or from F0 three places back, makes a continuation after a continuation due. The
// saturating subtractions of 60 and 70 bring exactly those to 80 and above, the bit of two continuations: to have one
// and not the other is a fault. Y0 stays as it is.
#define JUDGE \
	VPSRLW   $4, Y1, Y4   \
	VPAND    Y8, Y1, Y5   \
	VPSRLW   $4, Y0, Y6   \
	VPAND    Y8, Y4, Y4   \
	VPAND    Y8, Y6, Y6   \
	VPSHUFB  Y4, Y9, Y4   \
	VPSHUFB  Y5, Y10, Y5  \
	VPSHUFB  Y6, Y11, Y6  \
	VPSUBUSB Y12, Y2, Y2  \
	VPSUBUSB Y13, Y3, Y3  \
	VPAND    Y4, Y5, Y5   \
	VPOR     Y2, Y3, Y3   \
	VPAND    Y5, Y6, Y6   \
	VPAND    Y14, Y3, Y3  \
	VPXOR    Y3, Y6, Y6   \
	VPOR     Y6, Y15, Y15

// LOAD reads 32 bytes and those before them, from memory again: cheaper than to shift them across the two halves of a
// register, and nothing has to be kept from the last 32.
#define LOAD(offset) \
	VMOVDQU (offset)(SI), Y0   \
	VMOVDQU (offset-1)(SI), Y1 \
	VMOVDQU (offset-2)(SI), Y2 \
	VMOVDQU (offset-3)(SI), Y3

// func validAVX2(p []byte) bool
//
// p[SI:] is not judged yet, CX is its length, DI the end of p. No byte outside p is read: the last 32 bytes are read
// as such, and judged twice in part. p must have 35 bytes, for these and the three before them.
TEXT ·validAVX2(SB), NOSPLIT, $0-25
	MOVQ  p_base+0(FP), SI
	MOVQ  p_len+8(FP), CX
	LEAQ  (SI)(CX*1), DI
	VPXOR Y15, Y15, Y15

// What comes before p[SI] ends with a whole character, or is known to be bad. ASCII needs no judgement.
ascii:
	CMPQ CX, $128
	JB   asciiRest

asciiLoop:
	VMOVDQU   (SI), Y0
	VPOR      32(SI), Y0, Y0
	VMOVDQU   64(SI), Y1
	VPOR      96(SI), Y1, Y1
	VPOR      Y0, Y1, Y0
	VPMOVMSKB Y0, AX
	TESTL     AX, AX
	JNZ       judge
	ADDQ      $128, SI
	SUBQ      $128, CX
	CMPQ      CX, $128
	JAE       asciiLoop

asciiRest:
	CMPQ      CX, $32
	JB        asciiLast
	VMOVDQU   (SI), Y0
	VPMOVMSKB Y0, AX
	TESTL     AX, AX
	JNZ       judge
	ADDQ      $32, SI
	SUBQ      $32, CX
	JMP       asciiRest

asciiLast:
	VMOVDQU   -32(DI), Y0
	VPMOVMSKB Y0, AX
	TESTL     AX, AX
	JZ        done

judge:
	VPBROADCASTB   bytes<>+0(SB), Y8
	VBROADCASTI128 firstHigh<>(SB), Y9
	VBROADCASTI128 firstLow<>(SB), Y10
	VBROADCASTI128 secondHigh<>(SB), Y11
	VPBROADCASTB   bytes<>+1(SB), Y12
	VPBROADCASTB   bytes<>+2(SB), Y13
	VPBROADCASTB   bytes<>+3(SB), Y14
	CMPQ           SI, p_base+0(FP)
	JNE            judgeMost

	// Nothing may be read in front of p: zeros, which are ASCII, stand for it.
	VMOVDQU    (SI), Y0
	VPERM2I128 $0x08, Y0, Y0, Y4
	VPALIGNR   $15, Y4, Y0, Y1
	VPALIGNR   $14, Y4, Y0, Y2
	VPALIGNR   $13, Y4, Y0, Y3
	JUDGE
	ADDQ       $32, SI
	SUBQ       $32, CX

judgeMost:
	CMPQ CX, $128
	JB   judgeRest

	LOAD(0)
	JUDGE
	VMOVDQA   Y0, Y7
	LOAD(32)
	JUDGE
	VPOR      Y0, Y7, Y7
	LOAD(64)
	JUDGE
	VPOR      Y0, Y7, Y7
	LOAD(96)
	JUDGE
	VPOR      Y0, Y7, Y7
	ADDQ      $128, SI
	SUBQ      $128, CX
	// So many, because a guess that goes wrong costs as much as judging 64 bytes of ASCII.
	VPMOVMSKB Y7, AX
	TESTL     AX, AX
	JNZ       judgeMost
	JMP       ascii

judgeRest:
	CMPQ CX, $32
	JB   judgeLast
	LOAD(0)
	JUDGE
	ADDQ $32, SI
	SUBQ $32, CX
	JMP  judgeRest

judgeLast:
	LEAQ     -32(DI), SI
	LOAD(0)
	VPSUBUSB endMax<>(SB), Y0, Y4
	VPOR     Y4, Y15, Y15
	JUDGE

done:
	VPTEST Y15, Y15
	SETEQ  ret+24(FP)
	VZEROUPPER
	RET
