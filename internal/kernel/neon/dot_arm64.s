#include "textflag.h"
#include "codes_arm64.h"

// The row-wise products walk rows with the same activations: R0 y, R1 w, R2 stride in bytes,
// R4 the rows left, R5 q or x, R6 d, R7 sums, R8 blocks or values. Within a row R3 is the
// block, R9 q or x, R19–R24 the rest. Lanes are added only at the end of a row.

// DOT32 multiplies blocks of 32 values behind a binary16 scale, whose codes load leaves in V0
// and V1. F29 holds the factor of the sum.
#define DOT32(bytes, load) \
	MOVD y+0(FP), R0 \
	MOVD w+8(FP), R1 \
	MOVD stride+16(FP), R2 \
	MOVD rows+24(FP), R4 \
	MOVD q+32(FP), R5 \
	MOVD d+40(FP), R6 \
	MOVD blocks+48(FP), R8 \
row: \
	MOVD R1, R3 \
	MOVD R5, R9 \
	MOVD R6, R22 \
	MOVD R8, R24 \
	WORD $0x6f00e410; /* movi v16.2d, #0 */ \
block: \
	load \
	FLDPQ.P 32(R9), (F2, F3) \
	WORD $0x6f00e404; /* movi v4.2d, #0 */ \
	WORD $0x4e829404; /* sdot v4.4s, v0.16b, v2.16b */ \
	WORD $0x4e839424; /* sdot v4.4s, v1.16b, v3.16b */ \
	WORD $0x7d400065; /* ldr h5, [x3, #0] */ \
	FMOVS.P 4(R22), F6 \
	FCVTHS F5, F5 \
	FMULS F5, F6, F6 \
	WORD $0x4e21d884; /* scvtf v4.4s, v4.4s */ \
	WORD $0x4f861090; /* fmla v16.4s, v4.4s, v6.s[0] */ \
	ADD  $bytes, R3 \
	SUBS $1, R24, R24 \
	BNE  block \
	WORD $0x6e30d610; /* faddp v16.4s, v16.4s, v16.4s */ \
	WORD $0x6e30d610; /* faddp v16.4s, v16.4s, v16.4s */ \
	FMULS F29, F16, F16 \
	FMOVS.P F16, 4(R0) \
	ADD  R2, R1 \
	SUBS $1, R4, R4 \
	BNE  row \
	RET

// DOTKARGUMENTS and DOTKROW start a product of superblocks and a row of it.
#define DOTKARGUMENTS \
	MOVD y+0(FP), R0 \
	MOVD w+8(FP), R1 \
	MOVD stride+16(FP), R2 \
	MOVD rows+24(FP), R4 \
	MOVD q+32(FP), R5 \
	MOVD d+40(FP), R6

#define DOTKROW \
	MOVD R1, R3 \
	MOVD R5, R9 \
	MOVD R6, R22 \
	MOVD R7, R23 \
	MOVD R8, R24 \
	WORD $0x6f00e412; /* movi v18.2d, #0 */

// ENDROW writes the sum of the lanes of V18 and leaves the loop after the last row.
#define ENDROW \
	WORD $0x6e32d652; /* faddp v18.4s, v18.4s, v18.4s */ \
	WORD $0x6e32d652; /* faddp v18.4s, v18.4s, v18.4s */ \
	FMOVS.P F18, 4(R0) \
	ADD  R2, R1 \
	SUBS $1, R4, R4 \
	BNE  row \
	RET

// MINIMUMS leaves Σ minimum·Σq of a superblock in the lanes of V26 and its scales in V21, V22.
#define MINIMUMS \
	SCALES6 \
	WIDEN(R17, F20, V20, V26, V27) \
	WIDEN(R16, F20, V20, V21, V22) \
	FLDPQ.P 32(R23), (F0, F1) \
	FLDPQ.P 32(R23), (F2, F3) \
	VADDP V1.S4, V0.S4, V0.S4 \
	VADDP V3.S4, V2.S4, V2.S4 \
	WORD $0x4eba9c1a; /* mul v26.4s, v0.4s, v26.4s */ \
	WORD $0x4ebb945a; /* mla v26.4s, v2.4s, v27.4s */

// DOT64 multiplies the codes of NIBBLES: the two group sums are left in pairs of lanes of sum.
#define DOT64(sum) \
	FLDPQ.P 32(R9), (F8, F9) \
	FLDPQ.P 32(R9), (F10, F11) \
	WORD $0x6f00e410; /* movi v16.2d, #0 */ \
	WORD $0x6f00e411; /* movi v17.2d, #0 */ \
	WORD $0x4e889450; /* sdot v16.4s, v2.16b, v8.16b */ \
	WORD $0x4e8a9491; /* sdot v17.4s, v4.16b, v10.16b */ \
	WORD $0x4e899470; /* sdot v16.4s, v3.16b, v9.16b */ \
	WORD $0x4e8b94b1; /* sdot v17.4s, v5.16b, v11.16b */ \
	VADDP V17.S4, V16.S4, sum.S4

// ENDBLOCK adds dx·(dw·Σ scale·sum − dmin·Σ minimum·Σq) of a superblock to V18.
#define ENDBLOCK \
	VADDP V13.S4, V12.S4, V12.S4 \
	VADDP V15.S4, V14.S4, V14.S4 \
	WORD $0x4eb59d9b; /* mul v27.4s, v12.4s, v21.4s */ \
	WORD $0x4eb695db; /* mla v27.4s, v14.4s, v22.4s */ \
	WORD $0x7d40007c; /* ldr h28, [x3, #0] */ \
	WORD $0x7d40047d; /* ldr h29, [x3, #2] */ \
	FMOVS.P 4(R22), F6 \
	FCVTHS F28, F28 \
	FCVTHS F29, F29 \
	FMULS F6, F28, F28 \
	FMULS F6, F29, F29 \
	WORD $0x4e21db7b; /* scvtf v27.4s, v27.4s */ \
	WORD $0x4e21db5a; /* scvtf v26.4s, v26.4s */ \
	WORD $0x4f9c1372; /* fmla v18.4s, v27.4s, v28.s[0] */ \
	WORD $0x4f9d5352; /* fmls v18.4s, v26.4s, v29.s[0] */

// DOT8 multiplies the 128 codes of CODES6, which are times 4, and adds their sums times scales(R3) to V17.
#define DOT8(scales) \
	FLDPQ.P 32(R9), (F0, F1) \
	FLDPQ.P 32(R9), (F2, F3) \
	FLDPQ.P 32(R9), (F4, F5) \
	FLDPQ.P 32(R9), (F6, F7) \
	WORD $0x6f00e414; /* movi v20.2d, #0 */ \
	WORD $0x6f00e415; /* movi v21.2d, #0 */ \
	WORD $0x6f00e416; /* movi v22.2d, #0 */ \
	WORD $0x6f00e417; /* movi v23.2d, #0 */ \
	WORD $0x6f00e418; /* movi v24.2d, #0 */ \
	WORD $0x6f00e419; /* movi v25.2d, #0 */ \
	WORD $0x6f00e41a; /* movi v26.2d, #0 */ \
	WORD $0x6f00e41b; /* movi v27.2d, #0 */ \
	WORD $0x4e809514; /* sdot v20.4s, v8.16b, v0.16b */ \
	WORD $0x4e819535; /* sdot v21.4s, v9.16b, v1.16b */ \
	WORD $0x4e829556; /* sdot v22.4s, v10.16b, v2.16b */ \
	WORD $0x4e839577; /* sdot v23.4s, v11.16b, v3.16b */ \
	WORD $0x4e849598; /* sdot v24.4s, v12.16b, v4.16b */ \
	WORD $0x4e8595b9; /* sdot v25.4s, v13.16b, v5.16b */ \
	WORD $0x4e8695da; /* sdot v26.4s, v14.16b, v6.16b */ \
	WORD $0x4e8795fb; /* sdot v27.4s, v15.16b, v7.16b */ \
	VADDP V21.S4, V20.S4, V20.S4 \
	VADDP V23.S4, V22.S4, V22.S4 \
	VADDP V25.S4, V24.S4, V24.S4 \
	VADDP V27.S4, V26.S4, V26.S4 \
	VADDP V22.S4, V20.S4, V20.S4 \
	VADDP V26.S4, V24.S4, V24.S4 \
	FMOVD scales(R3), F0 \
	WORD $0x0f08a400; /* sxtl v0.8h, v0.8b */ \
	WORD $0x4f10a401; /* sxtl2 v1.4s, v0.8h */ \
	WORD $0x0f10a400; /* sxtl v0.4s, v0.4h */ \
	WORD $0x4ea09691; /* mla v17.4s, v20.4s, v0.4s */ \
	WORD $0x4ea19711; /* mla v17.4s, v24.4s, v1.4s */

// DOTFLOATS multiplies rows of floats: load leaves 16 values in V0–V3; R8 is a positive
// multiple of 16.
#define DOTFLOATS(load) \
	MOVD y+0(FP), R0 \
	MOVD w+8(FP), R1 \
	MOVD stride+16(FP), R2 \
	MOVD rows+24(FP), R4 \
	MOVD x+32(FP), R5 \
	MOVD n+40(FP), R8 \
	WORD $0x6f00e41f; /* movi v31.2d, #0 */ \
row: \
	MOVD R1, R3 \
	MOVD R5, R9 \
	MOVD R8, R24 \
	WORD $0x6f00e410; /* movi v16.2d, #0 */ \
	WORD $0x6f00e411; /* movi v17.2d, #0 */ \
	WORD $0x6f00e412; /* movi v18.2d, #0 */ \
	WORD $0x6f00e413; /* movi v19.2d, #0 */ \
sixteen: \
	load \
	FLDPQ.P 32(R9), (F4, F5) \
	FLDPQ.P 32(R9), (F6, F7) \
	VFMLA V4.S4, V0.S4, V16.S4 \
	VFMLA V5.S4, V1.S4, V17.S4 \
	VFMLA V6.S4, V2.S4, V18.S4 \
	VFMLA V7.S4, V3.S4, V19.S4 \
	SUBS $16, R24, R24 \
	BNE  sixteen \
	WORD $0x4e31d610; /* fadd v16.4s, v16.4s, v17.4s */ \
	WORD $0x4e33d652; /* fadd v18.4s, v18.4s, v19.4s */ \
	WORD $0x4e30d652; /* fadd v18.4s, v18.4s, v16.4s */ \
	ENDROW

#define FLOAT32S \
	FLDPQ.P 32(R3), (F0, F1) \
	FLDPQ.P 32(R3), (F2, F3)

#define FLOAT16S \
	FLDPQ.P 32(R3), (F1, F3) \
	WORD $0x0e217820; /* fcvtl v0.4s, v1.4h */ \
	WORD $0x4e217821; /* fcvtl2 v1.4s, v1.8h */ \
	WORD $0x0e217862; /* fcvtl v2.4s, v3.4h */ \
	WORD $0x4e217863; /* fcvtl2 v3.4s, v3.8h */

// BFLOATS puts zeros, in V31, below the halfwords.
#define BFLOATS \
	FLDPQ.P 32(R3), (F1, F3) \
	VZIP1 V1.H8, V31.H8, V0.H8 \
	VZIP2 V1.H8, V31.H8, V1.H8 \
	VZIP1 V3.H8, V31.H8, V2.H8 \
	VZIP2 V3.H8, V31.H8, V3.H8

// func dotQ8_0(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)
TEXT ·dotQ8_0(SB), NOSPLIT, $0-56
	FMOVS $1.0, F29
	DOT32(34, BYTES)

// Nibble ^ 8 as a signed number of four bits is nibble − 8; kept in the upper half of a byte
// it is 16 times that.
#define SIXTEENFOLD \
	FMOVQ 2(R3), F1 \
	VEOR V31.B16, V1.B16, V1.B16 \
	VSHL $4, V1.B16, V0.B16 \
	VAND V30.B16, V1.B16, V1.B16

// func dotQ4_0(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)
TEXT ·dotQ4_0(SB), NOSPLIT, $0-56
	FMOVS $0.0625, F29
	VMOVI $0x88, V31.B16
	VMOVI $0xf0, V30.B16
	DOT32(18, SIXTEENFOLD)

// func dotIQ4NL(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)
TEXT ·dotIQ4NL(SB), NOSPLIT, $0-56
	FMOVS $1.0, F29
	VMOVI $15, V31.B16
	LEVELS
	DOT32(18, LOOKUP)

// func dotQ4_K(y *float32, w *uint8, stride, rows int, q *int8, d *float32, sums *int32, blocks int)
TEXT ·dotQ4_K(SB), NOSPLIT, $0-64
	DOTKARGUMENTS
	MOVD  sums+48(FP), R7
	MOVD  blocks+56(FP), R8
	VMOVI $15, V31.B16
	MASKS6

row:
	DOTKROW

block:
	MINIMUMS
	NIBBLES(16)
	DOT64(V12)
	NIBBLES(48)
	DOT64(V13)
	NIBBLES(80)
	DOT64(V14)
	NIBBLES(112)
	DOT64(V15)
	ENDBLOCK
	ADD   $144, R3
	SUBS  $1, R24, R24
	BNE   block
	ENDROW

// func dotQ5_K(y *float32, w *uint8, stride, rows int, q *int8, d *float32, sums *int32, blocks int)
TEXT ·dotQ5_K(SB), NOSPLIT, $0-64
	DOTKARGUMENTS
	MOVD  sums+48(FP), R7
	MOVD  blocks+56(FP), R8
	VMOVI $15, V31.B16
	VMOVI $16, V30.B16
	MASKS6

row:
	DOTKROW

block:
	MINIMUMS
	FLDPQ 16(R3), (F24, F25)
	NIBBLES(48)
	FIFTHS(VSHL, 4, VSHL, 3)
	DOT64(V12)
	NIBBLES(80)
	FIFTHS(VSHL, 2, VSHL, 1)
	DOT64(V13)
	NIBBLES(112)
	FIFTHS(VSHL, 0, VUSHR, 1)
	DOT64(V14)
	NIBBLES(144)
	FIFTHS(VUSHR, 2, VUSHR, 3)
	DOT64(V15)
	ENDBLOCK
	ADD   $176, R3
	SUBS  $1, R24, R24
	BNE   block
	ENDROW

// func dotQ6_K(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)
TEXT ·dotQ6_K(SB), NOSPLIT, $0-56
	DOTKARGUMENTS
	MOVD blocks+48(FP), R8
	MASKSQ6
	FMOVS $0.25, F29

row:
	DOTKROW

block:
	WORD $0x6f00e411 // movi v17.2d, #0
	CODES6(0, 128)
	DOT8(192)
	CODES6(64, 160)
	DOT8(200)
	WORD $0x7d41a060 // ldr h0, [x3, #208]
	FMOVS.P 4(R22), F1
	FCVTHS F0, F0
	FMULS F29, F1, F1
	FMULS F0, F1, F1
	WORD $0x4e21da31 // scvtf v17.4s, v17.4s
	WORD $0x4f811232 // fmla v18.4s, v17.4s, v1.s[0]
	ADD  $210, R3
	SUBS $1, R24, R24
	BNE  block
	ENDROW

// func dotF32(y *float32, w *uint8, stride, rows int, x *float32, n int)
TEXT ·dotF32(SB), NOSPLIT, $0-48
	DOTFLOATS(FLOAT32S)

// func dotF16(y *float32, w *uint8, stride, rows int, x *float32, n int)
TEXT ·dotF16(SB), NOSPLIT, $0-48
	DOTFLOATS(FLOAT16S)

// func dotBF16(y *float32, w *uint8, stride, rows int, x *float32, n int)
TEXT ·dotBF16(SB), NOSPLIT, $0-48
	DOTFLOATS(BFLOATS)
