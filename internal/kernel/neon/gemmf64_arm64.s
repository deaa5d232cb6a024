#include "textflag.h"
#include "tile_arm64.h"

// gemmF64 keeps 4 rows by 8 tokens in V16–V31: token t has rows 0, 1 in V(16+2t), rows 2, 3 in
// V(17+2t). R0 out, R1 ldo in bytes, R2 panel, R3 x, R8 the features left.

// func gemmF64(out *float64, ldo int, panel, x *float64, ks, k int, accumulate bool)
// x[t+j*ks]: the tokens of a feature lie together.
TEXT ·gemmF64(SB), NOSPLIT, $0-49
	MOVD  out+0(FP), R0
	MOVD  ldo+8(FP), R1
	MOVD  panel+16(FP), R2
	MOVD  x+24(FP), R3
	MOVD  ks+32(FP), R4
	MOVD  k+40(FP), R8
	MOVBU accumulate+48(FP), R9
	LSL   $3, R1, R1
	LSL   $3, R4, R4
	CLEARTILE
	CBZ   R9, feature
	LOADTILE

feature:
	FLDPQ   (R3), (F0, F1)
	FLDPQ   32(R3), (F2, F3)
	FLDPQ.P 32(R2), (F8, F9)
	WORD $0x4fc01110 // fmla v16.2d, v8.2d, v0.d[0]
	WORD $0x4fc01131 // fmla v17.2d, v9.2d, v0.d[0]
	WORD $0x4fc01912 // fmla v18.2d, v8.2d, v0.d[1]
	WORD $0x4fc01933 // fmla v19.2d, v9.2d, v0.d[1]
	WORD $0x4fc11114 // fmla v20.2d, v8.2d, v1.d[0]
	WORD $0x4fc11135 // fmla v21.2d, v9.2d, v1.d[0]
	WORD $0x4fc11916 // fmla v22.2d, v8.2d, v1.d[1]
	WORD $0x4fc11937 // fmla v23.2d, v9.2d, v1.d[1]
	WORD $0x4fc21118 // fmla v24.2d, v8.2d, v2.d[0]
	WORD $0x4fc21139 // fmla v25.2d, v9.2d, v2.d[0]
	WORD $0x4fc2191a // fmla v26.2d, v8.2d, v2.d[1]
	WORD $0x4fc2193b // fmla v27.2d, v9.2d, v2.d[1]
	WORD $0x4fc3111c // fmla v28.2d, v8.2d, v3.d[0]
	WORD $0x4fc3113d // fmla v29.2d, v9.2d, v3.d[0]
	WORD $0x4fc3191e // fmla v30.2d, v8.2d, v3.d[1]
	WORD $0x4fc3193f // fmla v31.2d, v9.2d, v3.d[1]
	ADD     R4, R3
	SUBS    $1, R8, R8
	BNE     feature
	STORETILE
	RET
