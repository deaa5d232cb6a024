#include "textflag.h"

// The constants of EXP that stay in registers: bounds, 1/ln 2, ln 2 in two parts (the upper
// has 12 trailing zero bits, so its product with an exponent is exact), 1/7!, 1, and the
// exponent's bias.
DATA exponential<>+0(SB)/4, $0xc2d00000 // −104
DATA exponential<>+4(SB)/4, $0x42b20000 // 89
DATA exponential<>+8(SB)/4, $0x3fb8aa3b // 1/ln 2
DATA exponential<>+12(SB)/4, $0x3f317000 // ln 2, upper
DATA exponential<>+16(SB)/4, $0x3805fdf4 // ln 2, lower
DATA exponential<>+20(SB)/4, $0x39500d01 // 1/5040
DATA exponential<>+24(SB)/4, $0x3f800000 // 1
DATA exponential<>+28(SB)/4, $127
GLOBL exponential<>(SB), RODATA|NOPTR, $32

// The other coefficients, 1/6! … 1/1!, in all lanes: loading each where a step starts from it
// is cheaper than copying it between registers.
DATA coefficients<>+0(SB)/8, $0x3ab60b613ab60b61 // 1/720
DATA coefficients<>+8(SB)/8, $0x3ab60b613ab60b61
DATA coefficients<>+16(SB)/8, $0x3c0888893c088889 // 1/120
DATA coefficients<>+24(SB)/8, $0x3c0888893c088889
DATA coefficients<>+32(SB)/8, $0x3d2aaaab3d2aaaab // 1/24
DATA coefficients<>+40(SB)/8, $0x3d2aaaab3d2aaaab
DATA coefficients<>+48(SB)/8, $0x3e2aaaab3e2aaaab // 1/6
DATA coefficients<>+56(SB)/8, $0x3e2aaaab3e2aaaab
DATA coefficients<>+64(SB)/8, $0x3f0000003f000000 // 1/2
DATA coefficients<>+72(SB)/8, $0x3f0000003f000000
DATA coefficients<>+80(SB)/8, $0x3f8000003f800000 // 1
DATA coefficients<>+88(SB)/8, $0x3f8000003f800000
GLOBL coefficients<>(SB), RODATA|NOPTR, $96

#define CONSTANTS \
	MOVD $exponential<>(SB), R15 \
	VLD1R.P 4(R15), [V16.S4] \
	VLD1R.P 4(R15), [V17.S4] \
	VLD1R.P 4(R15), [V18.S4] \
	VLD1R.P 4(R15), [V19.S4] \
	VLD1R.P 4(R15), [V20.S4] \
	VLD1R.P 4(R15), [V21.S4] \
	VLD1R.P 4(R15), [V27.S4] \
	VLD1R.P 4(R15), [V28.S4] \
	MOVD $coefficients<>(SB), R15

// EXP replaces v = V0 by eᵛ, using V1–V3: v = n·ln 2 + r, |r| ≤ ln 2/2, eʳ by its Taylor
// polynomial of degree 7 (truncation below 6·10⁻⁹). 2ⁿ is multiplied in as two factors, so
// that results may be subnormal, zero (below −104) or infinite (above 88.73).
#define EXP \
	WORD $0x4e30f400; /* fmax v0.4s, v0.4s, v16.4s */ \
	WORD $0x4eb1f400; /* fmin v0.4s, v0.4s, v17.4s */ \
	WORD $0x6e32dc01; /* fmul v1.4s, v0.4s, v18.4s */ \
	WORD $0x4e218821; /* frintn v1.4s, v1.4s */ \
	VFMLS V1.S4, V19.S4, V0.S4 \
	VFMLS V1.S4, V20.S4, V0.S4 \
	FMOVQ (R15), F2 \
	VFMLA V0.S4, V21.S4, V2.S4 \
	FMOVQ 16(R15), F3 \
	VFMLA V0.S4, V2.S4, V3.S4 \
	FMOVQ 32(R15), F2 \
	VFMLA V0.S4, V3.S4, V2.S4 \
	FMOVQ 48(R15), F3 \
	VFMLA V0.S4, V2.S4, V3.S4 \
	FMOVQ 64(R15), F2 \
	VFMLA V0.S4, V3.S4, V2.S4 \
	FMOVQ 80(R15), F3 \
	VFMLA V0.S4, V2.S4, V3.S4 \
	FMOVQ 80(R15), F2 \
	VFMLA V0.S4, V3.S4, V2.S4 \
	WORD $0x4e21a821; /* fcvtns v1.4s, v1.4s */ \
	WORD $0x4f3f0423; /* sshr v3.4s, v1.4s, #1 */ \
	VSUB  V3.S4, V1.S4, V1.S4 \
	VADD  V28.S4, V3.S4, V3.S4 \
	VADD  V28.S4, V1.S4, V1.S4 \
	VSHL  $23, V3.S4, V3.S4 \
	VSHL  $23, V1.S4, V1.S4 \
	WORD $0x6e23dc42; /* fmul v2.4s, v2.4s, v3.4s */ \
	WORD $0x6e21dc40; /* fmul v0.4s, v2.4s, v1.4s */

// func swiGLU(dst, gate, up *float32, n int)
// n is a positive multiple of 4.
TEXT ·swiGLU(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD gate+8(FP), R1
	MOVD up+16(FP), R2
	MOVD n+24(FP), R3
	CONSTANTS

four:
	FMOVQ.P 16(R1), F4
	FMOVQ.P 16(R2), F5
	WORD $0x6ea0f880 // fneg v0.4s, v4.4s
	EXP
	WORD $0x4e3bd400 // fadd v0.4s, v0.4s, v27.4s
	WORD $0x6e20fc84 // fdiv v4.4s, v4.4s, v0.4s
	WORD $0x6e25dc84 // fmul v4.4s, v4.4s, v5.4s
	FMOVQ.P F4, 16(R0)
	SUBS $4, R3, R3
	BNE  four
	RET

// func sigmoidGate(x *float32, n int, linear, cubic, bound float32)
// n is a positive multiple of 4. x becomes x·σ(u), u = x·(linear + cubic·x²); values below
// −bound count as −bound, so that e⁻ᵘ stays finite.
TEXT ·sigmoidGate(SB), NOSPLIT, $0-28
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	FMOVS linear+16(FP), F22
	FMOVS cubic+20(FP), F23
	FMOVS bound+24(FP), F24
	VDUP  V22.S[0], V22.S4
	VDUP  V23.S[0], V23.S4
	VDUP  V24.S[0], V24.S4
	CONSTANTS
	WORD $0x6ea0fb19 // fneg v25.4s, v24.4s

four:
	FMOVQ (R0), F4
	WORD $0x4e39f484 // fmax v4.4s, v4.4s, v25.4s
	WORD $0x4eb8f485 // fmin v5.4s, v4.4s, v24.4s
	WORD $0x6e25dca6 // fmul v6.4s, v5.4s, v5.4s
	VMOV  V22.B16, V7.B16
	VFMLA V6.S4, V23.S4, V7.S4
	WORD $0x6ea0f8a5 // fneg v5.4s, v5.4s
	WORD $0x6e27dca0 // fmul v0.4s, v5.4s, v7.4s
	EXP
	WORD $0x4e3bd400 // fadd v0.4s, v0.4s, v27.4s
	WORD $0x6e20fc84 // fdiv v4.4s, v4.4s, v0.4s
	FMOVQ F4, (R0)
	ADD   $16, R0
	SUBS $4, R1, R1
	BNE  four
	RET

// func softmax(s, top, sum, shrink *float32, n int)
// n > 0 keys of 8 lanes.
TEXT ·softmax(SB), NOSPLIT, $0-40
	MOVD  s+0(FP), R0
	MOVD  top+8(FP), R1
	MOVD  sum+16(FP), R2
	MOVD  shrink+24(FP), R3
	MOVD  n+32(FP), R4
	CONSTANTS
	FLDPQ (R1), (F6, F7)
	VMOV  V6.B16, V4.B16
	VMOV  V7.B16, V5.B16
	MOVD  R0, R5
	MOVD  R4, R6

max:
	FLDPQ.P 32(R5), (F0, F1)
	WORD $0x4e20f484 // fmax v4.4s, v4.4s, v0.4s
	WORD $0x4e21f4a5 // fmax v5.4s, v5.4s, v1.4s
	SUBS $1, R6, R6
	BNE  max

	FSTPQ (F4, F5), (R1)
	FLDPQ (R2), (F8, F9)
	WORD $0x4ea4d4c0 // fsub v0.4s, v6.4s, v4.4s
	EXP
	FMOVQ F0, (R3)
	WORD $0x6e20dd08 // fmul v8.4s, v8.4s, v0.4s
	WORD $0x4ea5d4e0 // fsub v0.4s, v7.4s, v5.4s
	EXP
	FMOVQ F0, 16(R3)
	WORD $0x6e20dd29 // fmul v9.4s, v9.4s, v0.4s

key:
	FLDPQ (R0), (F10, F11)
	WORD $0x4ea4d540 // fsub v0.4s, v10.4s, v4.4s
	EXP
	WORD $0x4e20d508 // fadd v8.4s, v8.4s, v0.4s
	VMOV V0.B16, V12.B16
	WORD $0x4ea5d560 // fsub v0.4s, v11.4s, v5.4s
	EXP
	WORD $0x4e20d529 // fadd v9.4s, v9.4s, v0.4s
	FSTPQ (F12, F0), (R0)
	ADD   $32, R0
	SUBS $1, R4, R4
	BNE  key

	FSTPQ (F8, F9), (R2)
	RET

// func softmaxRow(s *float32, n int) float32
// n is a positive multiple of 4.
TEXT ·softmaxRow(SB), NOSPLIT, $0-20
	MOVD  s+0(FP), R0
	MOVD  n+8(FP), R4
	CONSTANTS
	MOVD  R0, R5
	MOVD  R4, R6
	FMOVQ (R0), F4

max:
	FMOVQ.P 16(R5), F0
	WORD $0x4e20f484 // fmax v4.4s, v4.4s, v0.4s
	SUBS $4, R6, R6
	BNE  max

	WORD $0x6e30f884 // fmaxv s4, v4.4s
	VDUP V4.S[0], V4.S4
	WORD $0x6f00e405 // movi v5.2d, #0

four:
	FMOVQ (R0), F0
	WORD $0x4ea4d400 // fsub v0.4s, v0.4s, v4.4s
	EXP
	WORD $0x4e20d4a5 // fadd v5.4s, v5.4s, v0.4s
	FMOVQ F0, (R0)
	ADD   $16, R0
	SUBS $4, R4, R4
	BNE  four

	WORD $0x6e25d4a5 // faddp v5.4s, v5.4s, v5.4s
	WORD $0x6e25d4a5 // faddp v5.4s, v5.4s, v5.4s
	FMOVS F5, ret+16(FP)
	RET
