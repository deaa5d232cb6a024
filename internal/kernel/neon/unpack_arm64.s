#include "textflag.h"
#include "codes_arm64.h"

// ARGUMENTS loads those of formats with minimums: R2 mins.
#define ARGUMENTS \
	MOVD codes+0(FP), R0 \
	MOVD scales+8(FP), R1 \
	MOVD mins+16(FP), R2 \
	MOVD row+24(FP), R3 \
	MOVD blocks+32(FP), R4 \
	VMOVI $15, V31.B16 \
	VMOVI $16, V30.B16 \
	MASKS6

// UNPACK32 walks blocks of 32 values behind a binary16 scale: R0 codes, R1 scales, R3 row,
// R4 blocks. load leaves the codes in V0 and V1.
#define UNPACK32(bytes, load) \
	MOVD codes+0(FP), R0 \
	MOVD scales+8(FP), R1 \
	MOVD row+16(FP), R3 \
	MOVD blocks+24(FP), R4 \
block: \
	load \
	FSTPQ.P (F0, F1), 32(R0) \
	WORD $0x7d400062; /* ldr h2, [x3, #0] */ \
	FCVTHS F2, F2 \
	FMOVS.P F2, 4(R1) \
	ADD  $bytes, R3 \
	SUBS $1, R4, R4 \
	BNE  block \
	RET

// func unpackQ8_0(codes *uint8, scales *float32, row *uint8, blocks int)
TEXT ·unpackQ8_0(SB), NOSPLIT, $0-32
	UNPACK32(34, BYTES)

#define CENTERED4 \
	FMOVQ 2(R3), F1 \
	VAND  V31.B16, V1.B16, V0.B16 \
	VUSHR $4, V1.B16, V1.B16 \
	VSUB  V30.B16, V0.B16, V0.B16 \
	VSUB  V30.B16, V1.B16, V1.B16

// func unpackQ4_0(codes *uint8, scales *float32, row *uint8, blocks int)
TEXT ·unpackQ4_0(SB), NOSPLIT, $0-32
	VMOVI $15, V31.B16
	VMOVI $8, V30.B16
	UNPACK32(18, CENTERED4)

// func unpackIQ4NL(codes *uint8, scales *float32, row *uint8, blocks int)
TEXT ·unpackIQ4NL(SB), NOSPLIT, $0-32
	VMOVI $15, V31.B16
	LEVELS
	UNPACK32(18, LOOKUP)

// MULTIPLIED writes the superblock's scales times d and minimums times −dmin.
#define MULTIPLIED \
	SCALES6 \
	WIDEN(R16, F20, V20, V16, V17) \
	WIDEN(R17, F21, V21, V18, V19) \
	WORD $0x4e21da10; /* scvtf v16.4s, v16.4s */ \
	WORD $0x4e21da31; /* scvtf v17.4s, v17.4s */ \
	WORD $0x4e21da52; /* scvtf v18.4s, v18.4s */ \
	WORD $0x4e21da73; /* scvtf v19.4s, v19.4s */ \
	WORD $0x7d400076; /* ldr h22, [x3, #0] */ \
	WORD $0x7d400477; /* ldr h23, [x3, #2] */ \
	FCVTHS F22, F22 \
	FCVTHS F23, F23 \
	FNEGS  F23, F23 \
	WORD $0x4f969210; /* fmul v16.4s, v16.4s, v22.s[0] */ \
	WORD $0x4f969231; /* fmul v17.4s, v17.4s, v22.s[0] */ \
	WORD $0x4f979252; /* fmul v18.4s, v18.4s, v23.s[0] */ \
	WORD $0x4f979273; /* fmul v19.4s, v19.4s, v23.s[0] */ \
	FSTPQ.P (F16, F17), 32(R1) \
	FSTPQ.P (F18, F19), 32(R2)

#define STORE64 \
	FSTPQ.P (F2, F3), 32(R0) \
	FSTPQ.P (F4, F5), 32(R0)

// func unpackQ4_K(codes *uint8, scales, mins *float32, row *uint8, blocks int)
TEXT ·unpackQ4_K(SB), NOSPLIT, $0-40
	ARGUMENTS

block:
	MULTIPLIED
	NIBBLES(16)
	STORE64
	NIBBLES(48)
	STORE64
	NIBBLES(80)
	STORE64
	NIBBLES(112)
	STORE64
	ADD  $144, R3
	SUBS $1, R4, R4
	BNE  block
	RET

// func unpackQ5_K(codes *uint8, scales, mins *float32, row *uint8, blocks int)
TEXT ·unpackQ5_K(SB), NOSPLIT, $0-40
	ARGUMENTS

block:
	MULTIPLIED
	FLDPQ 16(R3), (F24, F25)
	NIBBLES(48)
	FIFTHS(VSHL, 4, VSHL, 3)
	STORE64
	NIBBLES(80)
	FIFTHS(VSHL, 2, VSHL, 1)
	STORE64
	NIBBLES(112)
	FIFTHS(VSHL, 0, VUSHR, 1)
	STORE64
	NIBBLES(144)
	FIFTHS(VUSHR, 2, VUSHR, 3)
	STORE64
	ADD  $176, R3
	SUBS $1, R4, R4
	BNE  block
	RET

#define STORE128 \
	WORD $0x4f0e0508; /* sshr v8.16b, v8.16b, #2 */ \
	WORD $0x4f0e0529; /* sshr v9.16b, v9.16b, #2 */ \
	WORD $0x4f0e054a; /* sshr v10.16b, v10.16b, #2 */ \
	WORD $0x4f0e056b; /* sshr v11.16b, v11.16b, #2 */ \
	WORD $0x4f0e058c; /* sshr v12.16b, v12.16b, #2 */ \
	WORD $0x4f0e05ad; /* sshr v13.16b, v13.16b, #2 */ \
	WORD $0x4f0e05ce; /* sshr v14.16b, v14.16b, #2 */ \
	WORD $0x4f0e05ef; /* sshr v15.16b, v15.16b, #2 */ \
	FSTPQ.P (F8, F9), 32(R0) \
	FSTPQ.P (F10, F11), 32(R0) \
	FSTPQ.P (F12, F13), 32(R0) \
	FSTPQ.P (F14, F15), 32(R0)

// func unpackQ6_K(codes *uint8, scales *float32, row *uint8, blocks int)
TEXT ·unpackQ6_K(SB), NOSPLIT, $0-32
	MOVD codes+0(FP), R0
	MOVD scales+8(FP), R1
	MOVD row+16(FP), R3
	MOVD blocks+24(FP), R4
	MASKSQ6

block:
	FMOVQ 192(R3), F16
	WORD $0x7d41a076 // ldr h22, [x3, #208]
	FCVTHS F22, F22
	WORD $0x4f08a612 // sxtl2 v18.8h, v16.16b
	WORD $0x0f08a610 // sxtl v16.8h, v16.8b
	WORD $0x4f10a611 // sxtl2 v17.4s, v16.8h
	WORD $0x0f10a610 // sxtl v16.4s, v16.4h
	WORD $0x4f10a653 // sxtl2 v19.4s, v18.8h
	WORD $0x0f10a652 // sxtl v18.4s, v18.4h
	WORD $0x4e21da10 // scvtf v16.4s, v16.4s
	WORD $0x4e21da31 // scvtf v17.4s, v17.4s
	WORD $0x4e21da52 // scvtf v18.4s, v18.4s
	WORD $0x4e21da73 // scvtf v19.4s, v19.4s
	WORD $0x4f969210 // fmul v16.4s, v16.4s, v22.s[0]
	WORD $0x4f969231 // fmul v17.4s, v17.4s, v22.s[0]
	WORD $0x4f969252 // fmul v18.4s, v18.4s, v22.s[0]
	WORD $0x4f969273 // fmul v19.4s, v19.4s, v22.s[0]
	FSTPQ.P (F16, F17), 32(R1)
	FSTPQ.P (F18, F19), 32(R1)
	CODES6(0, 128)
	STORE128
	CODES6(64, 160)
	STORE128
	ADD  $210, R3
	SUBS $1, R4, R4
	BNE  block
	RET

// func fromF16(dst *float32, x *uint16, n int)
// n is a positive multiple of 8.
TEXT ·fromF16(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2

eight:
	FMOVQ.P 16(R1), F0
	WORD $0x4e217801 // fcvtl2 v1.4s, v0.8h
	WORD $0x0e217800 // fcvtl v0.4s, v0.4h
	FSTPQ.P (F0, F1), 32(R0)
	SUBS $8, R2, R2
	BNE  eight
	RET

// func fromBF16(dst *float32, x *uint16, n int)
// n is a positive multiple of 8.
TEXT ·fromBF16(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2
	WORD $0x6f00e402 // movi v2.2d, #0

eight:
	FMOVQ.P 16(R1), F0
	VZIP2 V0.H8, V2.H8, V1.H8
	VZIP1 V0.H8, V2.H8, V0.H8
	FSTPQ.P (F0, F1), 32(R0)
	SUBS $8, R2, R2
	BNE  eight
	RET
