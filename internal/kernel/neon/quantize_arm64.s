#include "textflag.h"

// ROUND writes 32 values, in V0–V7, times F16 as int8, and leaves the two sums of 16 in the
// lower lanes of V0.
#define ROUND \
	WORD $0x4f909000; /* fmul v0.4s, v0.4s, v16.s[0] */ \
	WORD $0x4f909021; /* fmul v1.4s, v1.4s, v16.s[0] */ \
	WORD $0x4f909042; /* fmul v2.4s, v2.4s, v16.s[0] */ \
	WORD $0x4f909063; /* fmul v3.4s, v3.4s, v16.s[0] */ \
	WORD $0x4f909084; /* fmul v4.4s, v4.4s, v16.s[0] */ \
	WORD $0x4f9090a5; /* fmul v5.4s, v5.4s, v16.s[0] */ \
	WORD $0x4f9090c6; /* fmul v6.4s, v6.4s, v16.s[0] */ \
	WORD $0x4f9090e7; /* fmul v7.4s, v7.4s, v16.s[0] */ \
	WORD $0x4e21a800; /* fcvtns v0.4s, v0.4s */ \
	WORD $0x4e21a821; /* fcvtns v1.4s, v1.4s */ \
	WORD $0x4e21a842; /* fcvtns v2.4s, v2.4s */ \
	WORD $0x4e21a863; /* fcvtns v3.4s, v3.4s */ \
	WORD $0x4e21a884; /* fcvtns v4.4s, v4.4s */ \
	WORD $0x4e21a8a5; /* fcvtns v5.4s, v5.4s */ \
	WORD $0x4e21a8c6; /* fcvtns v6.4s, v6.4s */ \
	WORD $0x4e21a8e7; /* fcvtns v7.4s, v7.4s */ \
	WORD $0x0e614800; /* sqxtn v0.4h, v0.4s */ \
	WORD $0x4e614820; /* sqxtn2 v0.8h, v1.4s */ \
	WORD $0x0e614842; /* sqxtn v2.4h, v2.4s */ \
	WORD $0x4e614862; /* sqxtn2 v2.8h, v3.4s */ \
	WORD $0x0e614884; /* sqxtn v4.4h, v4.4s */ \
	WORD $0x4e6148a4; /* sqxtn2 v4.8h, v5.4s */ \
	WORD $0x0e6148c6; /* sqxtn v6.4h, v6.4s */ \
	WORD $0x4e6148e6; /* sqxtn2 v6.8h, v7.4s */ \
	WORD $0x0e214800; /* sqxtn v0.8b, v0.8h */ \
	WORD $0x4e214840; /* sqxtn2 v0.16b, v2.8h */ \
	WORD $0x0e214881; /* sqxtn v1.8b, v4.8h */ \
	WORD $0x4e2148c1; /* sqxtn2 v1.16b, v6.8h */ \
	FSTPQ.P (F0, F1), 32(R0) \
	WORD $0x6f00e402; /* movi v2.2d, #0 */ \
	WORD $0x6f00e403; /* movi v3.2d, #0 */ \
	WORD $0x4e9f9402; /* sdot v2.4s, v0.16b, v31.16b */ \
	WORD $0x4e9f9423; /* sdot v3.4s, v1.16b, v31.16b */ \
	VADDP V3.S4, V2.S4, V0.S4 \
	VADDP V0.S4, V0.S4, V0.S4

#define LOAD32 \
	FLDPQ.P 32(R3), (F0, F1) \
	FLDPQ.P 32(R3), (F2, F3) \
	FLDPQ.P 32(R3), (F4, F5) \
	FLDPQ.P 32(R3), (F6, F7)

// func quantizeQ8(q *int8, d *float32, sums *int32, x *float32, groups int)
TEXT ·quantizeQ8(SB), NOSPLIT, $0-40
	MOVD  q+0(FP), R0
	MOVD  d+8(FP), R1
	MOVD  sums+16(FP), R2
	MOVD  x+24(FP), R3
	MOVD  groups+32(FP), R4
	VMOVI $1, V31.B16
	MOVD  $0x42fe0000, R5   // 127
	FMOVS R5, F29
	FMOVS ZR, F28

group:
	LOAD32
	WORD $0x4ea0f810 // fabs v16.4s, v0.4s
	WORD $0x4ea0f831 // fabs v17.4s, v1.4s
	WORD $0x4ea0f852 // fabs v18.4s, v2.4s
	WORD $0x4ea0f873 // fabs v19.4s, v3.4s
	WORD $0x4ea0f894 // fabs v20.4s, v4.4s
	WORD $0x4ea0f8b5 // fabs v21.4s, v5.4s
	WORD $0x4ea0f8d6 // fabs v22.4s, v6.4s
	WORD $0x4ea0f8f7 // fabs v23.4s, v7.4s
	WORD $0x4e31f610 // fmax v16.4s, v16.4s, v17.4s
	WORD $0x4e33f652 // fmax v18.4s, v18.4s, v19.4s
	WORD $0x4e35f694 // fmax v20.4s, v20.4s, v21.4s
	WORD $0x4e37f6d6 // fmax v22.4s, v22.4s, v23.4s
	WORD $0x4e32f610 // fmax v16.4s, v16.4s, v18.4s
	WORD $0x4e36f694 // fmax v20.4s, v20.4s, v22.4s
	WORD $0x4e34f610 // fmax v16.4s, v16.4s, v20.4s
	WORD $0x6e30fa11 // fmaxv s17, v16.4s
	FDIVS   F29, F17, F18
	FCVTSH  F18, F18
	FCVTHS  F18, F18
	FMOVS.P F18, 4(R1)
	FDIVS   F17, F29, F16
	FCMPS   $(0.0), F17
	FCSELS  EQ, F28, F16, F16
	ROUND
	VADDP   V0.S4, V0.S4, V0.S4
	FMOVS.P F0, 4(R2)
	SUBS    $1, R4, R4
	BNE     group
	RET

// func roundQ8K(q *int8, sums *int32, x *float32, n int, scale float32)
// n is a positive multiple of 32; sums are of 16 values.
TEXT ·roundQ8K(SB), NOSPLIT, $0-36
	MOVD  q+0(FP), R0
	MOVD  sums+8(FP), R2
	MOVD  x+16(FP), R3
	MOVD  n+24(FP), R4
	FMOVS scale+32(FP), F16
	VMOVI $1, V31.B16

some:
	LOAD32
	ROUND
	FMOVD.P F0, 8(R2)
	SUBS    $32, R4, R4
	BNE     some
	RET

// func extremes(x *float32, n int) (low, high float32)
// n is a positive multiple of 16.
TEXT ·extremes(SB), NOSPLIT, $0-24
	MOVD x+0(FP), R0
	MOVD n+8(FP), R1
	VLD1 (R0), [V4.S4]
	VMOV V4.B16, V5.B16
	VMOV V4.B16, V6.B16
	VMOV V4.B16, V7.B16

sixteen:
	FLDPQ.P 32(R0), (F0, F1)
	FLDPQ.P 32(R0), (F2, F3)
	WORD $0x4ea0f484 // fmin v4.4s, v4.4s, v0.4s
	WORD $0x4e20f4a5 // fmax v5.4s, v5.4s, v0.4s
	WORD $0x4ea1f4c6 // fmin v6.4s, v6.4s, v1.4s
	WORD $0x4e21f4e7 // fmax v7.4s, v7.4s, v1.4s
	WORD $0x4ea2f484 // fmin v4.4s, v4.4s, v2.4s
	WORD $0x4e22f4a5 // fmax v5.4s, v5.4s, v2.4s
	WORD $0x4ea3f4c6 // fmin v6.4s, v6.4s, v3.4s
	WORD $0x4e23f4e7 // fmax v7.4s, v7.4s, v3.4s
	SUBS $16, R1, R1
	BNE  sixteen
	WORD $0x4ea6f484 // fmin v4.4s, v4.4s, v6.4s
	WORD $0x4e27f4a5 // fmax v5.4s, v5.4s, v7.4s
	WORD $0x6eb0f884 // fminv s4, v4.4s
	WORD $0x6e30f8a5 // fmaxv s5, v5.4s
	FMOVS F4, low+16(FP)
	FMOVS F5, high+20(FP)
	RET
