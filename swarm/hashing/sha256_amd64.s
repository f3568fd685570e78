//go:build !purego

#include "textflag.h"

// mirror256 turns the bytes of each word around. It and k256 are used by both
// functions that do SHA-256.
DATA ·mirror256+0(SB)/8, $0x0405060700010203
DATA ·mirror256+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL ·mirror256(SB), RODATA|NOPTR, $16

// k256 are the constants of the 64 rounds (FIPS 180-4, 4.2.2). They are read as
// operands, which must be aligned to 16 bytes: by its size the linker does.
DATA ·k256+0(SB)/8, $0x71374491428a2f98
DATA ·k256+8(SB)/8, $0xe9b5dba5b5c0fbcf
DATA ·k256+16(SB)/8, $0x59f111f13956c25b
DATA ·k256+24(SB)/8, $0xab1c5ed5923f82a4
DATA ·k256+32(SB)/8, $0x12835b01d807aa98
DATA ·k256+40(SB)/8, $0x550c7dc3243185be
DATA ·k256+48(SB)/8, $0x80deb1fe72be5d74
DATA ·k256+56(SB)/8, $0xc19bf1749bdc06a7
DATA ·k256+64(SB)/8, $0xefbe4786e49b69c1
DATA ·k256+72(SB)/8, $0x240ca1cc0fc19dc6
DATA ·k256+80(SB)/8, $0x4a7484aa2de92c6f
DATA ·k256+88(SB)/8, $0x76f988da5cb0a9dc
DATA ·k256+96(SB)/8, $0xa831c66d983e5152
DATA ·k256+104(SB)/8, $0xbf597fc7b00327c8
DATA ·k256+112(SB)/8, $0xd5a79147c6e00bf3
DATA ·k256+120(SB)/8, $0x1429296706ca6351
DATA ·k256+128(SB)/8, $0x2e1b213827b70a85
DATA ·k256+136(SB)/8, $0x53380d134d2c6dfc
DATA ·k256+144(SB)/8, $0x766a0abb650a7354
DATA ·k256+152(SB)/8, $0x92722c8581c2c92e
DATA ·k256+160(SB)/8, $0xa81a664ba2bfe8a1
DATA ·k256+168(SB)/8, $0xc76c51a3c24b8b70
DATA ·k256+176(SB)/8, $0xd6990624d192e819
DATA ·k256+184(SB)/8, $0x106aa070f40e3585
DATA ·k256+192(SB)/8, $0x1e376c0819a4c116
DATA ·k256+200(SB)/8, $0x34b0bcb52748774c
DATA ·k256+208(SB)/8, $0x4ed8aa4a391c0cb3
DATA ·k256+216(SB)/8, $0x682e6ff35b9cca4f
DATA ·k256+224(SB)/8, $0x78a5636f748f82ee
DATA ·k256+232(SB)/8, $0x8cc7020884c87814
DATA ·k256+240(SB)/8, $0xa4506ceb90befffa
DATA ·k256+248(SB)/8, $0xc67178f2bef9a3f7
GLOBL ·k256(SB), RODATA|NOPTR, $256

// LOAD reads four words of the block.
#define LOAD(off, p, w) \
	MOVOU  off(p), w \
	PSHUFB X14, w

// NEXT makes the four words that follow w0 w1 w2 w3, in the place of w0.
#define NEXT(w0, w1, w2, w3) \
	SHA256MSG1 w1, w0 \
	MOVOA      w3, X13 \
	PALIGNR    $4, w2, X13 \
	PADDL      X13, w0 \
	SHA256MSG2 w3, w0

// FOUR does rounds 4i to 4i+3.
#define FOUR(i, abef, cdgh, w) \
	MOVOA       w, X0 \
	PADDL       (16*i)(AX), X0 \
	SHA256RNDS2 X0, abef, cdgh \
	PSHUFD      $0x0e, X0, X0 \
	SHA256RNDS2 X0, cdgh, abef

// BOTH is FOUR in both lanes with words that are there; STEP makes them first.
#define BOTH(i, wa, wb) \
	FOUR(i, X1, X2, wa) \
	FOUR(i, X7, X8, wb)

#define STEP(i, a0, a1, a2, a3, b0, b1, b2, b3) \
	NEXT(a0, a1, a2, a3) \
	NEXT(b0, b1, b2, b3) \
	BOTH(i, a0, b0)

// func sha256Blocks(h *[2]state256, a, b *byte, n int)
//
// Lane a: X1 abef, X2 cdgh, X3 to X6 words. Lane b: X7, X8, X9 to X12. X0 is
// what rounds take words and constants from, X14 mirror.
TEXT ·sha256Blocks(SB), NOSPLIT, $64-32
	MOVQ  h+0(FP), DI
	MOVQ  a+8(FP), SI
	MOVQ  b+16(FP), DX
	MOVQ  n+24(FP), CX
	LEAQ  ·k256(SB), AX
	MOVOU ·mirror256(SB), X14
	MOVOU 0(DI), X1
	MOVOU 16(DI), X2
	MOVOU 32(DI), X7
	MOVOU 48(DI), X8

loop:
	MOVOU X1, s0-64(SP)
	MOVOU X2, s1-48(SP)
	MOVOU X7, s2-32(SP)
	MOVOU X8, s3-16(SP)

	LOAD(0, SI, X3)
	LOAD(0, DX, X9)
	BOTH(0, X3, X9)
	LOAD(16, SI, X4)
	LOAD(16, DX, X10)
	BOTH(1, X4, X10)
	LOAD(32, SI, X5)
	LOAD(32, DX, X11)
	BOTH(2, X5, X11)
	LOAD(48, SI, X6)
	LOAD(48, DX, X12)
	BOTH(3, X6, X12)

	STEP(4, X3, X4, X5, X6, X9, X10, X11, X12)
	STEP(5, X4, X5, X6, X3, X10, X11, X12, X9)
	STEP(6, X5, X6, X3, X4, X11, X12, X9, X10)
	STEP(7, X6, X3, X4, X5, X12, X9, X10, X11)
	STEP(8, X3, X4, X5, X6, X9, X10, X11, X12)
	STEP(9, X4, X5, X6, X3, X10, X11, X12, X9)
	STEP(10, X5, X6, X3, X4, X11, X12, X9, X10)
	STEP(11, X6, X3, X4, X5, X12, X9, X10, X11)
	STEP(12, X3, X4, X5, X6, X9, X10, X11, X12)
	STEP(13, X4, X5, X6, X3, X10, X11, X12, X9)
	STEP(14, X5, X6, X3, X4, X11, X12, X9, X10)
	STEP(15, X6, X3, X4, X5, X12, X9, X10, X11)

	MOVOU s0-64(SP), X13
	PADDL X13, X1
	MOVOU s1-48(SP), X13
	PADDL X13, X2
	MOVOU s2-32(SP), X13
	PADDL X13, X7
	MOVOU s3-16(SP), X13
	PADDL X13, X8

	ADDQ $64, SI
	ADDQ $64, DX
	DECQ CX
	JNZ  loop

	MOVOU X1, 0(DI)
	MOVOU X2, 16(DI)
	MOVOU X7, 32(DI)
	MOVOU X8, 48(DI)
	RET
