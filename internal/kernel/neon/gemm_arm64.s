#include "textflag.h"

// The panel kernels multiply 8 rows by 8 tokens, 4 tokens at a time. Throughout:
//
//	R0 out, R1 ldo in bytes, R2 codes, R3 scales, R4 q, R5 d, R6 mins, R7 sums, R8 groups or blocks
//	V0–V7    integer sums: token t of the four has rows 0–3 in V(2t), rows 4–7 in V(2t+1)
//	V8–V10   codes of rows 0–3 and 4–7, activations of four tokens
//	V14      the bias in all lanes
//
// Integer sums start at the bits of the float 1.5·2²³, the bias. While a sum stays below
// 2²² in magnitude, those bits then are the float bias + sum, and subtracting the bias
// converts it: cheaper on most cores than SCVTF, and the loads that start the sums use
// ports that are otherwise idle. The largest sum is 32·128·127 < 2²⁰.

DATA bias<>+0(SB)/8, $0x4b4000004b400000
DATA bias<>+8(SB)/8, $0x4b4000004b400000
DATA bias<>+16(SB)/8, $0x4b4000004b400000
DATA bias<>+24(SB)/8, $0x4b4000004b400000
GLOBL bias<>(SB), RODATA|NOPTR, $32

#define LOADBIAS \
	MOVD $bias<>(SB), R9 \
	FMOVQ (R9), F14

#define START \
	FLDPQ (R9), (F0, F1) \
	FLDPQ (R9), (F2, F3) \
	FLDPQ (R9), (F4, F5) \
	FLDPQ (R9), (F6, F7)

// FOUR adds the products of 4 features: codes at c(R2), activations at x(R4).
#define FOUR(c, x) \
	FLDPQ c(R2), (F8, F9) \
	FMOVQ x(R4), F10 \
	WORD $0x4f8ae100; /* sdot v0.4s, v8.16b, v10.4b[0] */ \
	WORD $0x4f8ae121; /* sdot v1.4s, v9.16b, v10.4b[0] */ \
	WORD $0x4faae102; /* sdot v2.4s, v8.16b, v10.4b[1] */ \
	WORD $0x4faae123; /* sdot v3.4s, v9.16b, v10.4b[1] */ \
	WORD $0x4f8ae904; /* sdot v4.4s, v8.16b, v10.4b[2] */ \
	WORD $0x4f8ae925; /* sdot v5.4s, v9.16b, v10.4b[2] */ \
	WORD $0x4faae906; /* sdot v6.4s, v8.16b, v10.4b[3] */ \
	WORD $0x4faae927; /* sdot v7.4s, v9.16b, v10.4b[3] */

// FLOATS converts the sums.
#define FLOATS \
	WORD $0x4eaed400; /* fsub v0.4s, v0.4s, v14.4s */ \
	WORD $0x4eaed421; /* fsub v1.4s, v1.4s, v14.4s */ \
	WORD $0x4eaed442; /* fsub v2.4s, v2.4s, v14.4s */ \
	WORD $0x4eaed463; /* fsub v3.4s, v3.4s, v14.4s */ \
	WORD $0x4eaed484; /* fsub v4.4s, v4.4s, v14.4s */ \
	WORD $0x4eaed4a5; /* fsub v5.4s, v5.4s, v14.4s */ \
	WORD $0x4eaed4c6; /* fsub v6.4s, v6.4s, v14.4s */ \
	WORD $0x4eaed4e7; /* fsub v7.4s, v7.4s, v14.4s */

// SCALE multiplies by the scales of the rows in V11 and V12.
#define SCALE \
	WORD $0x6e2bdc00; /* fmul v0.4s, v0.4s, v11.4s */ \
	WORD $0x6e2cdc21; /* fmul v1.4s, v1.4s, v12.4s */ \
	WORD $0x6e2bdc42; /* fmul v2.4s, v2.4s, v11.4s */ \
	WORD $0x6e2cdc63; /* fmul v3.4s, v3.4s, v12.4s */ \
	WORD $0x6e2bdc84; /* fmul v4.4s, v4.4s, v11.4s */ \
	WORD $0x6e2cdca5; /* fmul v5.4s, v5.4s, v12.4s */ \
	WORD $0x6e2bdcc6; /* fmul v6.4s, v6.4s, v11.4s */ \
	WORD $0x6e2cdce7; /* fmul v7.4s, v7.4s, v12.4s */

// ADDLOW and ADDHIGH add the sums, times d of each token in V13, to V16–V23 and V24–V31.
#define ADDLOW \
	WORD $0x4f8d1010; /* fmla v16.4s, v0.4s, v13.s[0] */ \
	WORD $0x4f8d1031; /* fmla v17.4s, v1.4s, v13.s[0] */ \
	WORD $0x4fad1052; /* fmla v18.4s, v2.4s, v13.s[1] */ \
	WORD $0x4fad1073; /* fmla v19.4s, v3.4s, v13.s[1] */ \
	WORD $0x4f8d1894; /* fmla v20.4s, v4.4s, v13.s[2] */ \
	WORD $0x4f8d18b5; /* fmla v21.4s, v5.4s, v13.s[2] */ \
	WORD $0x4fad18d6; /* fmla v22.4s, v6.4s, v13.s[3] */ \
	WORD $0x4fad18f7; /* fmla v23.4s, v7.4s, v13.s[3] */

#define ADDHIGH \
	WORD $0x4f8d1018; /* fmla v24.4s, v0.4s, v13.s[0] */ \
	WORD $0x4f8d1039; /* fmla v25.4s, v1.4s, v13.s[0] */ \
	WORD $0x4fad105a; /* fmla v26.4s, v2.4s, v13.s[1] */ \
	WORD $0x4fad107b; /* fmla v27.4s, v3.4s, v13.s[1] */ \
	WORD $0x4f8d189c; /* fmla v28.4s, v4.4s, v13.s[2] */ \
	WORD $0x4f8d18bd; /* fmla v29.4s, v5.4s, v13.s[2] */ \
	WORD $0x4fad18de; /* fmla v30.4s, v6.4s, v13.s[3] */ \
	WORD $0x4fad18ff; /* fmla v31.4s, v7.4s, v13.s[3] */

// func gemmQ8(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, groups int)
TEXT ·gemmQ8(SB), NOSPLIT, $0-56
	MOVD out+0(FP), R0
	MOVD ldo+8(FP), R1
	MOVD codes+16(FP), R2
	MOVD scales+24(FP), R3
	MOVD q+32(FP), R4
	MOVD d+40(FP), R5
	MOVD groups+48(FP), R8
	LSL  $2, R1, R1
	LOADBIAS
	WORD $0x6f00e410 // movi v16.2d, #0
	WORD $0x6f00e411 // movi v17.2d, #0
	WORD $0x6f00e412 // movi v18.2d, #0
	WORD $0x6f00e413 // movi v19.2d, #0
	WORD $0x6f00e414 // movi v20.2d, #0
	WORD $0x6f00e415 // movi v21.2d, #0
	WORD $0x6f00e416 // movi v22.2d, #0
	WORD $0x6f00e417 // movi v23.2d, #0
	WORD $0x6f00e418 // movi v24.2d, #0
	WORD $0x6f00e419 // movi v25.2d, #0
	WORD $0x6f00e41a // movi v26.2d, #0
	WORD $0x6f00e41b // movi v27.2d, #0
	WORD $0x6f00e41c // movi v28.2d, #0
	WORD $0x6f00e41d // movi v29.2d, #0
	WORD $0x6f00e41e // movi v30.2d, #0
	WORD $0x6f00e41f // movi v31.2d, #0

group:
	START
	FOUR(0, 0)
	FOUR(32, 32)
	FOUR(64, 64)
	FOUR(96, 96)
	FOUR(128, 128)
	FOUR(160, 160)
	FOUR(192, 192)
	FOUR(224, 224)
	FLDPQ (R3), (F11, F12)
	FMOVQ (R5), F13
	FLOATS
	SCALE
	ADDLOW
	START
	FOUR(0, 16)
	FOUR(32, 48)
	FOUR(64, 80)
	FOUR(96, 112)
	FOUR(128, 144)
	FOUR(160, 176)
	FOUR(192, 208)
	FOUR(224, 240)
	FMOVQ 16(R5), F13
	FLOATS
	SCALE
	ADDHIGH
	ADD  $256, R2
	ADD  $32, R3
	ADD  $256, R4
	ADD  $32, R5
	SUBS $1, R8, R8
	BNE  group

	FSTPQ (F16, F17), (R0)
	ADD   R1, R0
	FSTPQ (F18, F19), (R0)
	ADD   R1, R0
	FSTPQ (F20, F21), (R0)
	ADD   R1, R0
	FSTPQ (F22, F23), (R0)
	ADD   R1, R0
	FSTPQ (F24, F25), (R0)
	ADD   R1, R0
	FSTPQ (F26, F27), (R0)
	ADD   R1, R0
	FSTPQ (F28, F29), (R0)
	ADD   R1, R0
	FSTPQ (F30, F31), (R0)
	RET

// ADDSCALED adds the sums, times the scales of the rows, to the superblock's sums in V16–V23.
#define ADDSCALED \
	VFMLA V11.S4, V0.S4, V16.S4 \
	VFMLA V12.S4, V1.S4, V17.S4 \
	VFMLA V11.S4, V2.S4, V18.S4 \
	VFMLA V12.S4, V3.S4, V19.S4 \
	VFMLA V11.S4, V4.S4, V20.S4 \
	VFMLA V12.S4, V5.S4, V21.S4 \
	VFMLA V11.S4, V6.S4, V22.S4 \
	VFMLA V12.S4, V7.S4, V23.S4

// ADDMINS adds the minimums of the rows in V11 and V12 times the tokens' Σq in V13.
#define ADDMINS \
	WORD $0x4f8d1170; /* fmla v16.4s, v11.4s, v13.s[0] */ \
	WORD $0x4f8d1191; /* fmla v17.4s, v12.4s, v13.s[0] */ \
	WORD $0x4fad1172; /* fmla v18.4s, v11.4s, v13.s[1] */ \
	WORD $0x4fad1193; /* fmla v19.4s, v12.4s, v13.s[1] */ \
	WORD $0x4f8d1974; /* fmla v20.4s, v11.4s, v13.s[2] */ \
	WORD $0x4f8d1995; /* fmla v21.4s, v12.4s, v13.s[2] */ \
	WORD $0x4fad1976; /* fmla v22.4s, v11.4s, v13.s[3] */ \
	WORD $0x4fad1997; /* fmla v23.4s, v12.4s, v13.s[3] */

#define CLEAR8 \
	WORD $0x6f00e410; /* movi v16.2d, #0 */ \
	WORD $0x6f00e411; /* movi v17.2d, #0 */ \
	WORD $0x6f00e412; /* movi v18.2d, #0 */ \
	WORD $0x6f00e413; /* movi v19.2d, #0 */ \
	WORD $0x6f00e414; /* movi v20.2d, #0 */ \
	WORD $0x6f00e415; /* movi v21.2d, #0 */ \
	WORD $0x6f00e416; /* movi v22.2d, #0 */ \
	WORD $0x6f00e417; /* movi v23.2d, #0 */

// CLEARTILE zeroes the outputs; R10 is left behind them.
#define CLEARTILE \
	WORD $0x6f00e400; /* movi v0.2d, #0 */ \
	WORD $0x6f00e401; /* movi v1.2d, #0 */ \
	MOVD R0, R10 \
	FSTPQ (F0, F1), (R10) \
	ADD   R1, R10 \
	FSTPQ (F0, F1), (R10) \
	ADD   R1, R10 \
	FSTPQ (F0, F1), (R10) \
	ADD   R1, R10 \
	FSTPQ (F0, F1), (R10) \
	ADD   R1, R10 \
	FSTPQ (F0, F1), (R10) \
	ADD   R1, R10 \
	FSTPQ (F0, F1), (R10) \
	ADD   R1, R10 \
	FSTPQ (F0, F1), (R10) \
	ADD   R1, R10 \
	FSTPQ (F0, F1), (R10) \
	ADD   R1, R10

// ADDTOKEN adds a superblock's sums of a token, scaled, to its outputs at R10.
#define ADDTOKEN(scaled) \
	FLDPQ (R10), (F8, F9) \
	scaled \
	FSTPQ (F8, F9), (R10) \
	ADD   R1, R10

#define TOKEN0 \
	WORD $0x4f8d1208; /* fmla v8.4s, v16.4s, v13.s[0] */ \
	WORD $0x4f8d1229; /* fmla v9.4s, v17.4s, v13.s[0] */
#define TOKEN1 \
	WORD $0x4fad1248; /* fmla v8.4s, v18.4s, v13.s[1] */ \
	WORD $0x4fad1269; /* fmla v9.4s, v19.4s, v13.s[1] */
#define TOKEN2 \
	WORD $0x4f8d1a88; /* fmla v8.4s, v20.4s, v13.s[2] */ \
	WORD $0x4f8d1aa9; /* fmla v9.4s, v21.4s, v13.s[2] */
#define TOKEN3 \
	WORD $0x4fad1ac8; /* fmla v8.4s, v22.4s, v13.s[3] */ \
	WORD $0x4fad1ae9; /* fmla v9.4s, v23.4s, v13.s[3] */

// ADDBLOCK adds the superblock's sums times d of each token, at R5, to the outputs at R10.
#define ADDBLOCK \
	FMOVQ (R5), F13 \
	ADDTOKEN(TOKEN0) \
	ADDTOKEN(TOKEN1) \
	ADDTOKEN(TOKEN2) \
	ADDTOKEN(TOKEN3)

// func gemmQ4K(out *float32, ldo int, codes *uint8, scales, mins *float32, q *int8, d, sums *float32, blocks int)
TEXT ·gemmQ4K(SB), NOSPLIT, $0-72
	MOVD out+0(FP), R0
	MOVD ldo+8(FP), R1
	MOVD codes+16(FP), R2
	MOVD scales+24(FP), R3
	MOVD mins+32(FP), R6
	MOVD q+40(FP), R4
	MOVD d+48(FP), R5
	MOVD sums+56(FP), R7
	MOVD blocks+64(FP), R8
	LSL  $2, R1, R1
	LOADBIAS
	CLEARTILE

block:
	MOVD R0, R10
	MOVD $2, R11

half:
	CLEAR8
	MOVD $8, R12

group:
	START
	FOUR(0, 0)
	FOUR(32, 32)
	FOUR(64, 64)
	FOUR(96, 96)
	FOUR(128, 128)
	FOUR(160, 160)
	FOUR(192, 192)
	FOUR(224, 224)
	FLDPQ (R3), (F11, F12)
	FLOATS
	ADDSCALED
	FLDPQ (R6), (F11, F12)
	FMOVQ (R7), F13
	ADDMINS
	ADD   $256, R2
	ADD   $32, R3
	ADD   $32, R6
	ADD   $256, R4
	ADD   $32, R7
	SUBS  $1, R12, R12
	BNE   group

	ADDBLOCK
	ADD  $16, R5
	SUBS $1, R11, R11
	BEQ  next
	SUB  $(8*256), R2
	SUB  $(8*32), R3
	SUB  $(8*32), R6
	SUB  $(8*256-16), R4
	SUB  $(8*32-16), R7
	B    half

next:
	SUB  $16, R4
	SUB  $16, R7
	SUBS $1, R8, R8
	BNE  block
	RET

// func gemmQ6K(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, blocks int)
TEXT ·gemmQ6K(SB), NOSPLIT, $0-56
	MOVD out+0(FP), R0
	MOVD ldo+8(FP), R1
	MOVD codes+16(FP), R2
	MOVD scales+24(FP), R3
	MOVD q+32(FP), R4
	MOVD d+40(FP), R5
	MOVD blocks+48(FP), R8
	LSL  $2, R1, R1
	LOADBIAS
	CLEARTILE

block:
	MOVD R0, R10
	MOVD $2, R11

half:
	CLEAR8
	MOVD $16, R12

group:
	START
	FOUR(0, 0)
	FOUR(32, 32)
	FOUR(64, 64)
	FOUR(96, 96)
	FLDPQ (R3), (F11, F12)
	FLOATS
	ADDSCALED
	ADD   $128, R2
	ADD   $32, R3
	ADD   $128, R4
	SUBS  $1, R12, R12
	BNE   group

	ADDBLOCK
	ADD  $16, R5
	SUBS $1, R11, R11
	BEQ  next
	SUB  $(16*128), R2
	SUB  $(16*32), R3
	SUB  $(16*128-16), R4
	B    half

next:
	SUB  $16, R4
	SUBS $1, R8, R8
	BNE  block
	RET
