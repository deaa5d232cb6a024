#include "textflag.h"

// Every loop takes 8 values, n a positive multiple of 8, unless it says otherwise. Loops that
// work in place advance the pointer apart from the store: a store that does both may hold the
// next load back until its data is there.

// func toF16(dst *uint16, x *float32, n int)
TEXT ·toF16(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2

eight:
	FLDPQ.P 32(R1), (F0, F1)
	WORD $0x0e216800 // fcvtn v0.4h, v0.4s
	WORD $0x4e216820 // fcvtn2 v0.8h, v1.4s
	FMOVQ.P F0, 16(R0)
	SUBS $8, R2, R2
	BNE  eight
	RET

// func roundF16(dst, x *float32, n int)
TEXT ·roundF16(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2

eight:
	FLDPQ.P 32(R1), (F0, F1)
	WORD $0x0e216800 // fcvtn v0.4h, v0.4s
	WORD $0x0e216821 // fcvtn v1.4h, v1.4s
	WORD $0x0e217800 // fcvtl v0.4s, v0.4h
	WORD $0x0e217821 // fcvtl v1.4s, v1.4h
	FSTPQ.P (F0, F1), 32(R0)
	SUBS $8, R2, R2
	BNE  eight
	RET

// BFLOAT rounds v: 0x7fff, in V16, plus the lowest kept bit is added and the dropped bits
// are cleared. A NaN keeps its upper bits and becomes quiet.
#define BFLOAT(v, t) \
	VUSHR $16, v.S4, t.S4 \
	VAND  V17.B16, t.B16, t.B16 \
	VADD  V16.S4, t.S4, t.S4 \
	VADD  v.S4, t.S4, t.S4

// func roundBF16(dst, x *float32, n int)
TEXT ·roundBF16(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2
	MOVD $0x7fff, R3
	VDUP R3, V16.S4
	MOVD $1, R3
	VDUP R3, V17.S4
	MOVD $0x00400000, R3
	VDUP R3, V18.S4
	MOVD $0xffff0000, R3
	VDUP R3, V19.S4

eight:
	FLDPQ.P 32(R1), (F0, F1)
	BFLOAT(V0, V2)
	BFLOAT(V1, V3)
	WORD $0x4e20e404 // fcmeq v4.4s, v0.4s, v0.4s
	WORD $0x4e21e425 // fcmeq v5.4s, v1.4s, v1.4s
	VORR V18.B16, V0.B16, V0.B16
	VORR V18.B16, V1.B16, V1.B16
	VBSL V0.B16, V2.B16, V4.B16
	VBSL V1.B16, V3.B16, V5.B16
	VAND V19.B16, V4.B16, V4.B16
	VAND V19.B16, V5.B16, V5.B16
	FSTPQ.P (F4, F5), 32(R0)
	SUBS $8, R2, R2
	BNE  eight
	RET

// func sumSquares(x *float32, n int) float32
TEXT ·sumSquares(SB), NOSPLIT, $0-20
	MOVD x+0(FP), R0
	MOVD n+8(FP), R1
	WORD $0x6f00e402 // movi v2.2d, #0
	WORD $0x6f00e403 // movi v3.2d, #0

eight:
	FLDPQ.P 32(R0), (F0, F1)
	VFMLA V0.S4, V0.S4, V2.S4
	VFMLA V1.S4, V1.S4, V3.S4
	SUBS  $8, R1, R1
	BNE   eight
	WORD $0x4e23d442 // fadd v2.4s, v2.4s, v3.4s
	WORD $0x6e22d442 // faddp v2.4s, v2.4s, v2.4s
	WORD $0x6e22d442 // faddp v2.4s, v2.4s, v2.4s
	FMOVS F2, ret+16(FP)
	RET

// func scaleMul(dst, x, weight *float32, n int, scale float32)
TEXT ·scaleMul(SB), NOSPLIT, $0-36
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  weight+16(FP), R2
	MOVD  n+24(FP), R3
	FMOVS scale+32(FP), F4

eight:
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ.P 32(R2), (F2, F3)
	WORD $0x4f849000 // fmul v0.4s, v0.4s, v4.s[0]
	WORD $0x4f849021 // fmul v1.4s, v1.4s, v4.s[0]
	WORD $0x6e22dc00 // fmul v0.4s, v0.4s, v2.4s
	WORD $0x6e23dc21 // fmul v1.4s, v1.4s, v3.4s
	FSTPQ.P (F0, F1), 32(R0)
	SUBS $8, R3, R3
	BNE  eight
	RET

// func sum(x *float32, n int) float32
TEXT ·sum(SB), NOSPLIT, $0-20
	MOVD x+0(FP), R0
	MOVD n+8(FP), R1
	WORD $0x6f00e402 // movi v2.2d, #0
	WORD $0x6f00e403 // movi v3.2d, #0

eight:
	FLDPQ.P 32(R0), (F0, F1)
	WORD $0x4e20d442 // fadd v2.4s, v2.4s, v0.4s
	WORD $0x4e21d463 // fadd v3.4s, v3.4s, v1.4s
	SUBS  $8, R1, R1
	BNE   eight
	WORD $0x4e23d442 // fadd v2.4s, v2.4s, v3.4s
	WORD $0x6e22d442 // faddp v2.4s, v2.4s, v2.4s
	WORD $0x6e22d442 // faddp v2.4s, v2.4s, v2.4s
	FMOVS F2, ret+16(FP)
	RET

// func sumCentered(x *float32, n int, mean float32) float32
TEXT ·sumCentered(SB), NOSPLIT, $0-28
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	FMOVS mean+16(FP), F4
	VDUP  V4.S[0], V4.S4
	WORD $0x6f00e402 // movi v2.2d, #0
	WORD $0x6f00e403 // movi v3.2d, #0

eight:
	FLDPQ.P 32(R0), (F0, F1)
	WORD $0x4ea4d400 // fsub v0.4s, v0.4s, v4.4s
	WORD $0x4ea4d421 // fsub v1.4s, v1.4s, v4.4s
	VFMLA V0.S4, V0.S4, V2.S4
	VFMLA V1.S4, V1.S4, V3.S4
	SUBS  $8, R1, R1
	BNE   eight
	WORD $0x4e23d442 // fadd v2.4s, v2.4s, v3.4s
	WORD $0x6e22d442 // faddp v2.4s, v2.4s, v2.4s
	WORD $0x6e22d442 // faddp v2.4s, v2.4s, v2.4s
	FMOVS F2, ret+24(FP)
	RET

// func centerMul(dst, x, weight *float32, n int, mean, scale float32)
TEXT ·centerMul(SB), NOSPLIT, $0-40
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  weight+16(FP), R2
	MOVD  n+24(FP), R3
	FMOVS mean+32(FP), F5
	VDUP  V5.S[0], V5.S4
	FMOVS scale+36(FP), F4

eight:
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ.P 32(R2), (F2, F3)
	WORD $0x4ea5d400 // fsub v0.4s, v0.4s, v5.4s
	WORD $0x4ea5d421 // fsub v1.4s, v1.4s, v5.4s
	WORD $0x4f849000 // fmul v0.4s, v0.4s, v4.s[0]
	WORD $0x4f849021 // fmul v1.4s, v1.4s, v4.s[0]
	WORD $0x6e22dc00 // fmul v0.4s, v0.4s, v2.4s
	WORD $0x6e23dc21 // fmul v1.4s, v1.4s, v3.4s
	FSTPQ (F0, F1), (R0)
	ADD  $32, R0
	SUBS $8, R3, R3
	BNE  eight
	RET

// func addTo(dst, x *float32, n int)
TEXT ·addTo(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2

eight:
	FLDPQ   (R0), (F0, F1)
	FLDPQ.P 32(R1), (F2, F3)
	WORD $0x4e22d400 // fadd v0.4s, v0.4s, v2.4s
	WORD $0x4e23d421 // fadd v1.4s, v1.4s, v3.4s
	FSTPQ (F0, F1), (R0)
	ADD  $32, R0
	SUBS $8, R2, R2
	BNE  eight
	RET

// func scaleLanes(x, c *float32, n int)
TEXT ·scaleLanes(SB), NOSPLIT, $0-24
	MOVD  x+0(FP), R0
	MOVD  c+8(FP), R1
	MOVD  n+16(FP), R2
	FLDPQ (R1), (F2, F3)

eight:
	FLDPQ (R0), (F0, F1)
	WORD $0x6e22dc00 // fmul v0.4s, v0.4s, v2.4s
	WORD $0x6e23dc21 // fmul v1.4s, v1.4s, v3.4s
	FSTPQ (F0, F1), (R0)
	ADD  $32, R0
	SUBS $8, R2, R2
	BNE  eight
	RET

// ROTATE turns (a, b) by the angles of cosines V4 and sines V5, into V2 and V3.
#define ROTATE \
	WORD $0x6e24dc02; /* fmul v2.4s, v0.4s, v4.4s */ \
	WORD $0x6e25dc03; /* fmul v3.4s, v0.4s, v5.4s */ \
	VFMLS V5.S4, V1.S4, V2.S4 \
	VFMLA V4.S4, V1.S4, V3.S4

// func ropeHalves(x, y, cos, sin *float32, n int)
// n is a positive multiple of 4.
TEXT ·ropeHalves(SB), NOSPLIT, $0-40
	MOVD x+0(FP), R0
	MOVD y+8(FP), R1
	MOVD cos+16(FP), R2
	MOVD sin+24(FP), R3
	MOVD n+32(FP), R4

four:
	FMOVQ   (R0), F0
	FMOVQ   (R1), F1
	FMOVQ.P 16(R2), F4
	FMOVQ.P 16(R3), F5
	ROTATE
	FMOVQ   F2, (R0)
	FMOVQ   F3, (R1)
	ADD     $16, R0
	ADD     $16, R1
	SUBS    $4, R4, R4
	BNE     four
	RET

// func ropePairs(x, cos, sin *float32, n int)
// n angles, a positive multiple of 4.
TEXT ·ropePairs(SB), NOSPLIT, $0-32
	MOVD x+0(FP), R0
	MOVD cos+8(FP), R2
	MOVD sin+16(FP), R3
	MOVD n+24(FP), R4

four:
	VLD2    (R0), [V0.S4, V1.S4]
	FMOVQ.P 16(R2), F4
	FMOVQ.P 16(R3), F5
	ROTATE
	VST2    [V2.S4, V3.S4], (R0)
	ADD     $32, R0
	SUBS    $4, R4, R4
	BNE     four
	RET

// func accumulateF16(out, p *float32, v *uint16, ldv, rows, n int)
// all rows once per 32 columns, then per 8; n is a positive multiple of 8.
TEXT ·accumulateF16(SB), NOSPLIT, $0-48
	MOVD out+0(FP), R0
	MOVD p+8(FP), R1
	MOVD v+16(FP), R2
	MOVD ldv+24(FP), R3
	MOVD rows+32(FP), R4
	MOVD n+40(FP), R5
	LSL  $1, R3, R3
	SUBS $32, R5, R5
	BLT  narrow

wide:
	MOVD  R1, R6
	MOVD  R2, R7
	MOVD  R4, R8
	FLDPQ (R0), (F16, F17)
	FLDPQ 32(R0), (F18, F19)
	FLDPQ 64(R0), (F20, F21)
	FLDPQ 96(R0), (F22, F23)

row:
	FMOVS.P 4(R6), F8
	FLDPQ   (R7), (F0, F1)
	FLDPQ   32(R7), (F2, F3)
	WORD $0x0e217804 // fcvtl v4.4s, v0.4h
	WORD $0x4e217805 // fcvtl2 v5.4s, v0.8h
	WORD $0x4f881090 // fmla v16.4s, v4.4s, v8.s[0]
	WORD $0x4f8810b1 // fmla v17.4s, v5.4s, v8.s[0]
	WORD $0x0e217824 // fcvtl v4.4s, v1.4h
	WORD $0x4e217825 // fcvtl2 v5.4s, v1.8h
	WORD $0x4f881092 // fmla v18.4s, v4.4s, v8.s[0]
	WORD $0x4f8810b3 // fmla v19.4s, v5.4s, v8.s[0]
	WORD $0x0e217844 // fcvtl v4.4s, v2.4h
	WORD $0x4e217845 // fcvtl2 v5.4s, v2.8h
	WORD $0x4f881094 // fmla v20.4s, v4.4s, v8.s[0]
	WORD $0x4f8810b5 // fmla v21.4s, v5.4s, v8.s[0]
	WORD $0x0e217864 // fcvtl v4.4s, v3.4h
	WORD $0x4e217865 // fcvtl2 v5.4s, v3.8h
	WORD $0x4f881096 // fmla v22.4s, v4.4s, v8.s[0]
	WORD $0x4f8810b7 // fmla v23.4s, v5.4s, v8.s[0]
	ADD  R3, R7
	SUBS $1, R8, R8
	BNE  row

	FSTPQ.P (F16, F17), 32(R0)
	FSTPQ.P (F18, F19), 32(R0)
	FSTPQ.P (F20, F21), 32(R0)
	FSTPQ.P (F22, F23), 32(R0)
	ADD  $64, R2
	SUBS $32, R5, R5
	BGE  wide

narrow:
	ADDS $32, R5, R5
	BEQ  done

eight:
	MOVD  R1, R6
	MOVD  R2, R7
	MOVD  R4, R8
	FLDPQ (R0), (F16, F17)

rowOfEight:
	FMOVS.P 4(R6), F8
	FMOVQ   (R7), F0
	WORD $0x0e217804 // fcvtl v4.4s, v0.4h
	WORD $0x4e217805 // fcvtl2 v5.4s, v0.8h
	WORD $0x4f881090 // fmla v16.4s, v4.4s, v8.s[0]
	WORD $0x4f8810b1 // fmla v17.4s, v5.4s, v8.s[0]
	ADD  R3, R7
	SUBS $1, R8, R8
	BNE  rowOfEight

	FSTPQ.P (F16, F17), 32(R0)
	ADD  $16, R2
	SUBS $8, R5, R5
	BNE  eight

done:
	RET
