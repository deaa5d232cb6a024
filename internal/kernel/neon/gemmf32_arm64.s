#include "textflag.h"
#include "tile_arm64.h"

// gemmF32 keeps 8 rows by 8 tokens in V16–V31: token t has rows 0–3 in V(16+2t), rows 4–7
// in V(17+2t). R0 out, R1 ldo in bytes, R2 panel, R3 x, R8 the features left.

// FEATUREe adds the products of panel rows V8, V9 with element e of the tokens' V0–V7.
#define FEATURE0 \
	WORD $0x4f801110; /* fmla v16.4s, v8.4s, v0.s[0] */ \
	WORD $0x4f801131; /* fmla v17.4s, v9.4s, v0.s[0] */ \
	WORD $0x4f811112; /* fmla v18.4s, v8.4s, v1.s[0] */ \
	WORD $0x4f811133; /* fmla v19.4s, v9.4s, v1.s[0] */ \
	WORD $0x4f821114; /* fmla v20.4s, v8.4s, v2.s[0] */ \
	WORD $0x4f821135; /* fmla v21.4s, v9.4s, v2.s[0] */ \
	WORD $0x4f831116; /* fmla v22.4s, v8.4s, v3.s[0] */ \
	WORD $0x4f831137; /* fmla v23.4s, v9.4s, v3.s[0] */ \
	WORD $0x4f841118; /* fmla v24.4s, v8.4s, v4.s[0] */ \
	WORD $0x4f841139; /* fmla v25.4s, v9.4s, v4.s[0] */ \
	WORD $0x4f85111a; /* fmla v26.4s, v8.4s, v5.s[0] */ \
	WORD $0x4f85113b; /* fmla v27.4s, v9.4s, v5.s[0] */ \
	WORD $0x4f86111c; /* fmla v28.4s, v8.4s, v6.s[0] */ \
	WORD $0x4f86113d; /* fmla v29.4s, v9.4s, v6.s[0] */ \
	WORD $0x4f87111e; /* fmla v30.4s, v8.4s, v7.s[0] */ \
	WORD $0x4f87113f; /* fmla v31.4s, v9.4s, v7.s[0] */

#define FEATURE1 \
	WORD $0x4fa01110; /* fmla v16.4s, v8.4s, v0.s[1] */ \
	WORD $0x4fa01131; /* fmla v17.4s, v9.4s, v0.s[1] */ \
	WORD $0x4fa11112; /* fmla v18.4s, v8.4s, v1.s[1] */ \
	WORD $0x4fa11133; /* fmla v19.4s, v9.4s, v1.s[1] */ \
	WORD $0x4fa21114; /* fmla v20.4s, v8.4s, v2.s[1] */ \
	WORD $0x4fa21135; /* fmla v21.4s, v9.4s, v2.s[1] */ \
	WORD $0x4fa31116; /* fmla v22.4s, v8.4s, v3.s[1] */ \
	WORD $0x4fa31137; /* fmla v23.4s, v9.4s, v3.s[1] */ \
	WORD $0x4fa41118; /* fmla v24.4s, v8.4s, v4.s[1] */ \
	WORD $0x4fa41139; /* fmla v25.4s, v9.4s, v4.s[1] */ \
	WORD $0x4fa5111a; /* fmla v26.4s, v8.4s, v5.s[1] */ \
	WORD $0x4fa5113b; /* fmla v27.4s, v9.4s, v5.s[1] */ \
	WORD $0x4fa6111c; /* fmla v28.4s, v8.4s, v6.s[1] */ \
	WORD $0x4fa6113d; /* fmla v29.4s, v9.4s, v6.s[1] */ \
	WORD $0x4fa7111e; /* fmla v30.4s, v8.4s, v7.s[1] */ \
	WORD $0x4fa7113f; /* fmla v31.4s, v9.4s, v7.s[1] */

#define FEATURE2 \
	WORD $0x4f801910; /* fmla v16.4s, v8.4s, v0.s[2] */ \
	WORD $0x4f801931; /* fmla v17.4s, v9.4s, v0.s[2] */ \
	WORD $0x4f811912; /* fmla v18.4s, v8.4s, v1.s[2] */ \
	WORD $0x4f811933; /* fmla v19.4s, v9.4s, v1.s[2] */ \
	WORD $0x4f821914; /* fmla v20.4s, v8.4s, v2.s[2] */ \
	WORD $0x4f821935; /* fmla v21.4s, v9.4s, v2.s[2] */ \
	WORD $0x4f831916; /* fmla v22.4s, v8.4s, v3.s[2] */ \
	WORD $0x4f831937; /* fmla v23.4s, v9.4s, v3.s[2] */ \
	WORD $0x4f841918; /* fmla v24.4s, v8.4s, v4.s[2] */ \
	WORD $0x4f841939; /* fmla v25.4s, v9.4s, v4.s[2] */ \
	WORD $0x4f85191a; /* fmla v26.4s, v8.4s, v5.s[2] */ \
	WORD $0x4f85193b; /* fmla v27.4s, v9.4s, v5.s[2] */ \
	WORD $0x4f86191c; /* fmla v28.4s, v8.4s, v6.s[2] */ \
	WORD $0x4f86193d; /* fmla v29.4s, v9.4s, v6.s[2] */ \
	WORD $0x4f87191e; /* fmla v30.4s, v8.4s, v7.s[2] */ \
	WORD $0x4f87193f; /* fmla v31.4s, v9.4s, v7.s[2] */

#define FEATURE3 \
	WORD $0x4fa01910; /* fmla v16.4s, v8.4s, v0.s[3] */ \
	WORD $0x4fa01931; /* fmla v17.4s, v9.4s, v0.s[3] */ \
	WORD $0x4fa11912; /* fmla v18.4s, v8.4s, v1.s[3] */ \
	WORD $0x4fa11933; /* fmla v19.4s, v9.4s, v1.s[3] */ \
	WORD $0x4fa21914; /* fmla v20.4s, v8.4s, v2.s[3] */ \
	WORD $0x4fa21935; /* fmla v21.4s, v9.4s, v2.s[3] */ \
	WORD $0x4fa31916; /* fmla v22.4s, v8.4s, v3.s[3] */ \
	WORD $0x4fa31937; /* fmla v23.4s, v9.4s, v3.s[3] */ \
	WORD $0x4fa41918; /* fmla v24.4s, v8.4s, v4.s[3] */ \
	WORD $0x4fa41939; /* fmla v25.4s, v9.4s, v4.s[3] */ \
	WORD $0x4fa5191a; /* fmla v26.4s, v8.4s, v5.s[3] */ \
	WORD $0x4fa5193b; /* fmla v27.4s, v9.4s, v5.s[3] */ \
	WORD $0x4fa6191c; /* fmla v28.4s, v8.4s, v6.s[3] */ \
	WORD $0x4fa6193d; /* fmla v29.4s, v9.4s, v6.s[3] */ \
	WORD $0x4fa7191e; /* fmla v30.4s, v8.4s, v7.s[3] */ \
	WORD $0x4fa7193f; /* fmla v31.4s, v9.4s, v7.s[3] */

// func gemmRows(out *float32, ldo int, panel, x *float32, ts, k int, accumulate bool)
// x[t*ts+j]: the features of a token lie together, so four are loaded at once.
TEXT ·gemmRows(SB), NOSPLIT, $0-49
	MOVD  out+0(FP), R0
	MOVD  ldo+8(FP), R1
	MOVD  panel+16(FP), R2
	MOVD  x+24(FP), R3
	MOVD  ts+32(FP), R4
	MOVD  k+40(FP), R8
	MOVBU accumulate+48(FP), R9
	LSL   $2, R1, R1
	LSL   $2, R4, R4
	CLEARTILE
	CBZ   R9, tokens
	LOADTILE

tokens:
	ADD  R4, R3, R5
	ADD  R4, R5, R6
	ADD  R4, R6, R7
	ADD  R4, R7, R11
	ADD  R4, R11, R12
	ADD  R4, R12, R13
	ADD  R4, R13, R14
	SUBS $4, R8, R8
	BLT  tail

four:
	FMOVQ.P 16(R3), F0
	FMOVQ.P 16(R5), F1
	FMOVQ.P 16(R6), F2
	FMOVQ.P 16(R7), F3
	FMOVQ.P 16(R11), F4
	FMOVQ.P 16(R12), F5
	FMOVQ.P 16(R13), F6
	FMOVQ.P 16(R14), F7
	FLDPQ.P 32(R2), (F8, F9)
	FEATURE0
	FLDPQ.P 32(R2), (F8, F9)
	FEATURE1
	FLDPQ.P 32(R2), (F8, F9)
	FEATURE2
	FLDPQ.P 32(R2), (F8, F9)
	FEATURE3
	SUBS $4, R8, R8
	BGE  four

tail:
	ADDS $4, R8, R8
	BEQ  done

one:
	FMOVS.P 4(R3), F0
	FMOVS.P 4(R5), F1
	FMOVS.P 4(R6), F2
	FMOVS.P 4(R7), F3
	FMOVS.P 4(R11), F4
	FMOVS.P 4(R12), F5
	FMOVS.P 4(R13), F6
	FMOVS.P 4(R14), F7
	FLDPQ.P 32(R2), (F8, F9)
	FEATURE0
	SUBS $1, R8, R8
	BNE  one

done:
	STORETILE
	RET

// COLUMNS adds the products of panel rows V8, V9 with the tokens in the lanes of V0, V1.
#define COLUMNS \
	WORD $0x4f801110; /* fmla v16.4s, v8.4s, v0.s[0] */ \
	WORD $0x4f801131; /* fmla v17.4s, v9.4s, v0.s[0] */ \
	WORD $0x4fa01112; /* fmla v18.4s, v8.4s, v0.s[1] */ \
	WORD $0x4fa01133; /* fmla v19.4s, v9.4s, v0.s[1] */ \
	WORD $0x4f801914; /* fmla v20.4s, v8.4s, v0.s[2] */ \
	WORD $0x4f801935; /* fmla v21.4s, v9.4s, v0.s[2] */ \
	WORD $0x4fa01916; /* fmla v22.4s, v8.4s, v0.s[3] */ \
	WORD $0x4fa01937; /* fmla v23.4s, v9.4s, v0.s[3] */ \
	WORD $0x4f811118; /* fmla v24.4s, v8.4s, v1.s[0] */ \
	WORD $0x4f811139; /* fmla v25.4s, v9.4s, v1.s[0] */ \
	WORD $0x4fa1111a; /* fmla v26.4s, v8.4s, v1.s[1] */ \
	WORD $0x4fa1113b; /* fmla v27.4s, v9.4s, v1.s[1] */ \
	WORD $0x4f81191c; /* fmla v28.4s, v8.4s, v1.s[2] */ \
	WORD $0x4f81193d; /* fmla v29.4s, v9.4s, v1.s[2] */ \
	WORD $0x4fa1191e; /* fmla v30.4s, v8.4s, v1.s[3] */ \
	WORD $0x4fa1193f; /* fmla v31.4s, v9.4s, v1.s[3] */

// func gemmColumns(out *float32, ldo int, panel, x *float32, ks, k int, accumulate bool)
// x[t+j*ks]: the tokens of a feature lie together.
TEXT ·gemmColumns(SB), NOSPLIT, $0-49
	MOVD  out+0(FP), R0
	MOVD  ldo+8(FP), R1
	MOVD  panel+16(FP), R2
	MOVD  x+24(FP), R3
	MOVD  ks+32(FP), R4
	MOVD  k+40(FP), R8
	MOVBU accumulate+48(FP), R9
	LSL   $2, R1, R1
	LSL   $2, R4, R4
	CLEARTILE
	CBZ   R9, feature
	LOADTILE

feature:
	FLDPQ   (R3), (F0, F1)
	FLDPQ.P 32(R2), (F8, F9)
	COLUMNS
	ADD     R4, R3
	SUBS    $1, R8, R8
	BNE     feature
	STORETILE
	RET
