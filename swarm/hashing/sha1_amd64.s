//go:build !purego

#include "textflag.h"

// The words of a block stand big-endian: mirror turns 16 bytes around, so that
// the first word is the highest of the register, as the instructions want it.
DATA mirror1<>+0(SB)/8, $0x08090a0b0c0d0e0f
DATA mirror1<>+8(SB)/8, $0x0001020304050607
GLOBL mirror1<>(SB), RODATA|NOPTR, $16

// LOAD reads four words of the block.
#define LOAD(off, p, w) \
	MOVOU  off(p), w \
	PSHUFB X14, w

// NEXT makes the four words that follow w0 w1 w2 w3, in the place of w0.
#define NEXT(w0, w1, w2, w3) \
	SHA1MSG1 w1, w0 \
	PXOR     w2, w0 \
	SHA1MSG2 w3, w0

// FOUR does four rounds of the function f; e is a of four rounds before, and
// keep takes a for four rounds later.
#define FOUR(f, abcd, e, keep, w) \
	SHA1NEXTE w, e \
	MOVOA     abcd, keep \
	SHA1RNDS4 $f, e, abcd

// BOTH is FOUR in both lanes with words that are there; STEP makes them first.
#define BOTH(f, ea, ka, eb, kb, wa, wb) \
	FOUR(f, X0, ea, ka, wa) \
	FOUR(f, X7, eb, kb, wb)

#define STEP(f, ea, ka, eb, kb, a0, a1, a2, a3, b0, b1, b2, b3) \
	NEXT(a0, a1, a2, a3) \
	NEXT(b0, b1, b2, b3) \
	BOTH(f, ea, ka, eb, kb, a0, b0)

// EVEN and ODD are steps with the roles of the two e registers of each lane.
#define EVEN(f, a0, a1, a2, a3, b0, b1, b2, b3) STEP(f, X1, X2, X8, X9, a0, a1, a2, a3, b0, b1, b2, b3)
#define ODD(f, a0, a1, a2, a3, b0, b1, b2, b3) STEP(f, X2, X1, X9, X8, a0, a1, a2, a3, b0, b1, b2, b3)

// func sha1Blocks(h *[2]state1, a, b *byte, n int)
//
// Lane a: X0 abcd, X1 and X2 e, X3 to X6 words. Lane b: X7, X8 and X9, X10 to
// X13. X14 mirror.
TEXT ·sha1Blocks(SB), NOSPLIT, $64-32
	MOVQ  h+0(FP), DI
	MOVQ  a+8(FP), SI
	MOVQ  b+16(FP), DX
	MOVQ  n+24(FP), CX
	MOVOU mirror1<>(SB), X14
	MOVOU 0(DI), X0
	MOVOU 16(DI), X1
	MOVOU 32(DI), X7
	MOVOU 48(DI), X8

loop:
	MOVOU X0, s0-64(SP)
	MOVOU X1, s1-48(SP)
	MOVOU X7, s2-32(SP)
	MOVOU X8, s3-16(SP)

	LOAD(0, SI, X3)
	LOAD(0, DX, X10)
	PADDL     X3, X1
	MOVOA     X0, X2
	SHA1RNDS4 $0, X1, X0
	PADDL     X10, X8
	MOVOA     X7, X9
	SHA1RNDS4 $0, X8, X7
	LOAD(16, SI, X4)
	LOAD(16, DX, X11)
	BOTH(0, X2, X1, X9, X8, X4, X11)
	LOAD(32, SI, X5)
	LOAD(32, DX, X12)
	BOTH(0, X1, X2, X8, X9, X5, X12)
	LOAD(48, SI, X6)
	LOAD(48, DX, X13)
	BOTH(0, X2, X1, X9, X8, X6, X13)

	EVEN(0, X3, X4, X5, X6, X10, X11, X12, X13)
	ODD(1, X4, X5, X6, X3, X11, X12, X13, X10)
	EVEN(1, X5, X6, X3, X4, X12, X13, X10, X11)
	ODD(1, X6, X3, X4, X5, X13, X10, X11, X12)
	EVEN(1, X3, X4, X5, X6, X10, X11, X12, X13)
	ODD(1, X4, X5, X6, X3, X11, X12, X13, X10)
	EVEN(2, X5, X6, X3, X4, X12, X13, X10, X11)
	ODD(2, X6, X3, X4, X5, X13, X10, X11, X12)
	EVEN(2, X3, X4, X5, X6, X10, X11, X12, X13)
	ODD(2, X4, X5, X6, X3, X11, X12, X13, X10)
	EVEN(2, X5, X6, X3, X4, X12, X13, X10, X11)
	ODD(3, X6, X3, X4, X5, X13, X10, X11, X12)
	EVEN(3, X3, X4, X5, X6, X10, X11, X12, X13)
	ODD(3, X4, X5, X6, X3, X11, X12, X13, X10)
	EVEN(3, X5, X6, X3, X4, X12, X13, X10, X11)
	ODD(3, X6, X3, X4, X5, X13, X10, X11, X12)

	MOVOU     s0-64(SP), X2
	PADDL     X2, X0
	MOVOU     s1-48(SP), X2
	SHA1NEXTE X2, X1
	MOVOU     s2-32(SP), X9
	PADDL     X9, X7
	MOVOU     s3-16(SP), X9
	SHA1NEXTE X9, X8

	ADDQ $64, SI
	ADDQ $64, DX
	DECQ CX
	JNZ  loop

	MOVOU X0, 0(DI)
	MOVOU X1, 16(DI)
	MOVOU X7, 32(DI)
	MOVOU X8, 48(DI)
	RET
