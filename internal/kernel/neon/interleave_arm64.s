#include "textflag.h"

// TRANSPOSE turns four rows of four words, one per vector, into four columns.
#define TRANSPOSE(r0, r1, r2, r3, t0, t1, t2, t3) \
	VTRN1 r1.S4, r0.S4, t0.S4 \
	VTRN2 r1.S4, r0.S4, t1.S4 \
	VTRN1 r3.S4, r2.S4, t2.S4 \
	VTRN2 r3.S4, r2.S4, t3.S4 \
	VTRN1 t2.D2, t0.D2, r0.D2 \
	VTRN1 t3.D2, t1.D2, r1.D2 \
	VTRN2 t2.D2, t0.D2, r2.D2 \
	VTRN2 t3.D2, t1.D2, r3.D2

// func interleave8(dst, src *uint32, stride, n int)
// transposes eight rows of n words, stride words apart; n is a positive multiple of 4.
TEXT ·interleave8(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD stride+16(FP), R2
	MOVD n+24(FP), R3
	LSL  $2, R2, R2
	ADD  R2, R1, R4
	ADD  R2, R4, R5
	ADD  R2, R5, R6
	ADD  R2, R6, R7
	ADD  R2, R7, R8
	ADD  R2, R8, R9
	ADD  R2, R9, R10

columns:
	FMOVQ.P 16(R1), F0
	FMOVQ.P 16(R4), F1
	FMOVQ.P 16(R5), F2
	FMOVQ.P 16(R6), F3
	FMOVQ.P 16(R7), F4
	FMOVQ.P 16(R8), F5
	FMOVQ.P 16(R9), F6
	FMOVQ.P 16(R10), F7
	TRANSPOSE(V0, V1, V2, V3, V16, V17, V18, V19)
	TRANSPOSE(V4, V5, V6, V7, V20, V21, V22, V23)
	FSTPQ   (F0, F4), (R0)
	FSTPQ   (F1, F5), 32(R0)
	FSTPQ   (F2, F6), 64(R0)
	FSTPQ   (F3, F7), 96(R0)
	ADD     $128, R0
	SUBS    $4, R3, R3
	BNE     columns
	RET
