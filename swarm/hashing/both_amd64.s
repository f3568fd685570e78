//go:build !purego

#include "textflag.h"

// LOAD reads four words of the block for SHA-256, and turns them around for
// SHA-1.
#define LOAD(off, w, v) \
	MOVOU  off(SI), w \
	PSHUFB X15, w \
	PSHUFD $0x1b, w, v

// NEXT makes the four words that follow w0 w1 w2 w3, in the place of w0.
#define NEXT(w0, w1, w2, w3) \
	SHA256MSG1 w1, w0 \
	MOVOA      w3, X7 \
	PALIGNR    $4, w2, X7 \
	PADDL      X7, w0 \
	SHA256MSG2 w3, w0

// FOUR does rounds 4i to 4i+3 of SHA-256.
#define FOUR(i, w) \
	MOVOA       w, X0 \
	PADDL       (16*i)(AX), X0 \
	SHA256RNDS2 X0, X1, X2 \
	PSHUFD      $0x0e, X0, X0 \
	SHA256RNDS2 X0, X2, X1

// NEXT1 and FOUR1 are the same of SHA-1. FOUR1 has the function f; e is a of
// four rounds before, and keep takes a for four rounds later.
#define NEXT1(v0, v1, v2, v3) \
	SHA1MSG1 v1, v0 \
	PXOR     v2, v0 \
	SHA1MSG2 v3, v0

#define FOUR1(f, e, keep, v) \
	SHA1NEXTE v, e \
	MOVOA     X8, keep \
	SHA1RNDS4 $f, e, X8

#define STEP(i, w0, w1, w2, w3) \
	NEXT(w0, w1, w2, w3) \
	FOUR(i, w0)

#define EVEN1(f, v0, v1, v2, v3) \
	NEXT1(v0, v1, v2, v3) \
	FOUR1(f, X9, X10, v0)

#define ODD1(f, v0, v1, v2, v3) \
	NEXT1(v0, v1, v2, v3) \
	FOUR1(f, X10, X9, v0)

// func bothBlocks(h1 *state1, h256 *state256, p *byte, n int)
//
// SHA-256: X1 abef, X2 cdgh, X3 to X6 words, X0 what rounds take words and
// constants from. SHA-1: X8 abcd, X9 and X10 e, X11 to X14 words. X15 mirror.
TEXT ·bothBlocks(SB), NOSPLIT, $64-32
	MOVQ  h1+0(FP), DI
	MOVQ  h256+8(FP), DX
	MOVQ  p+16(FP), SI
	MOVQ  n+24(FP), CX
	LEAQ  ·k256(SB), AX
	MOVOU ·mirror256(SB), X15
	MOVOU 0(DX), X1
	MOVOU 16(DX), X2
	MOVOU 0(DI), X8
	MOVOU 16(DI), X9

loop:
	MOVOU X1, s0-64(SP)
	MOVOU X2, s1-48(SP)
	MOVOU X8, s2-32(SP)
	MOVOU X9, s3-16(SP)

	LOAD(0, X3, X11)
	FOUR(0, X3)
	PADDL     X11, X9
	MOVOA     X8, X10
	SHA1RNDS4 $0, X9, X8
	LOAD(16, X4, X12)
	FOUR(1, X4)
	FOUR1(0, X10, X9, X12)
	LOAD(32, X5, X13)
	FOUR(2, X5)
	FOUR1(0, X9, X10, X13)
	LOAD(48, X6, X14)
	FOUR(3, X6)
	FOUR1(0, X10, X9, X14)
	EVEN1(0, X11, X12, X13, X14)

	STEP(4, X3, X4, X5, X6)
	ODD1(1, X12, X13, X14, X11)
	STEP(5, X4, X5, X6, X3)
	EVEN1(1, X13, X14, X11, X12)
	STEP(6, X5, X6, X3, X4)
	ODD1(1, X14, X11, X12, X13)
	STEP(7, X6, X3, X4, X5)
	EVEN1(1, X11, X12, X13, X14)
	ODD1(1, X12, X13, X14, X11)

	STEP(8, X3, X4, X5, X6)
	EVEN1(2, X13, X14, X11, X12)
	STEP(9, X4, X5, X6, X3)
	ODD1(2, X14, X11, X12, X13)
	STEP(10, X5, X6, X3, X4)
	EVEN1(2, X11, X12, X13, X14)
	STEP(11, X6, X3, X4, X5)
	ODD1(2, X12, X13, X14, X11)
	EVEN1(2, X13, X14, X11, X12)

	STEP(12, X3, X4, X5, X6)
	ODD1(3, X14, X11, X12, X13)
	STEP(13, X4, X5, X6, X3)
	EVEN1(3, X11, X12, X13, X14)
	STEP(14, X5, X6, X3, X4)
	ODD1(3, X12, X13, X14, X11)
	STEP(15, X6, X3, X4, X5)
	EVEN1(3, X13, X14, X11, X12)
	ODD1(3, X14, X11, X12, X13)

	MOVOU     s0-64(SP), X7
	PADDL     X7, X1
	MOVOU     s1-48(SP), X7
	PADDL     X7, X2
	MOVOU     s2-32(SP), X7
	PADDL     X7, X8
	MOVOU     s3-16(SP), X7
	SHA1NEXTE X7, X9

	ADDQ $64, SI
	DECQ CX
	JNZ  loop

	MOVOU X1, 0(DX)
	MOVOU X2, 16(DX)
	MOVOU X8, 0(DI)
	MOVOU X9, 16(DI)
	RET
