// Steps that unpacking and the row-wise products share. R3 is the block.

// SCALES6 leaves the 8 six-bit scales of a K-quant in the bytes of R16 and the minimums in
// R17. The first four of each are the low bits of a byte; the others have their low nibbles
// in the last four bytes and their upper two bits atop the first four.
#define MASKS6 \
	MOVD $0x3f3f3f3f, R13 \
	MOVD $0x0f0f0f0f, R14 \
	MOVD $0x30303030, R15

#define SCALES6 \
	MOVWU 4(R3), R10 \
	MOVWU 8(R3), R11 \
	MOVWU 12(R3), R12 \
	AND   R13, R10, R16 \
	AND   R13, R11, R17 \
	AND   R14, R12, R19 \
	AND   R10>>2, R15, R10 \
	ORR   R10, R19, R19 \
	AND   R12>>4, R14, R12 \
	AND   R11>>2, R15, R11 \
	ORR   R11, R12, R12 \
	ORR   R19<<32, R16, R16 \
	ORR   R12<<32, R17, R17

// WIDEN turns the bytes of a register into eight 32-bit lanes.
#define WIDEN(r, f, v, low, high) \
	FMOVD  r, f \
	VUXTL  v.B8, v.H8 \
	VUXTL  v.H4, low.S4 \
	VUXTL2 v.H8, high.S4

// NIBBLES splits 32 bytes at(R3): low nibbles in V2, V3, high in V4, V5. V31 holds 15s.
#define NIBBLES(at) \
	FLDPQ at(R3), (F0, F1) \
	VAND  V31.B16, V0.B16, V2.B16 \
	VAND  V31.B16, V1.B16, V3.B16 \
	VUSHR $4, V0.B16, V4.B16 \
	VUSHR $4, V1.B16, V5.B16

// FIFTH adds the fifth bit, shifted into place from high, to codes. V30 holds 16s.
#define FIFTH(shift, n, high, codes) \
	shift $n, high.B16, V6.B16 \
	VAND  V30.B16, V6.B16, V6.B16 \
	VORR  V6.B16, codes.B16, codes.B16

// FIFTHS adds the fifth bits, in V24 and V25, to the codes of NIBBLES.
#define FIFTHS(lowshift, low, highshift, high) \
	FIFTH(lowshift, low, V24, V2) \
	FIFTH(lowshift, low, V25, V3) \
	FIFTH(highshift, high, V24, V4) \
	FIFTH(highshift, high, V25, V5)

// CODES6 leaves 128 codes of a Q6_K superblock, centered and times 4, in V8–V15: nibbles at
// low(R3), upper bit pairs at high(R3). V31 holds 0xf0, V30 0xaa: flipping the upper bit of
// each pair subtracts 32 from the code, read as a signed number of six bits. The pairs fill the top two
// bits of a byte, whatever lies below; then the nibbles are inserted under them.
#define CODES6(low, high) \
	FLDPQ low(R3), (F0, F1) \
	FLDPQ (low+32)(R3), (F2, F3) \
	FLDPQ high(R3), (F14, F15) \
	VEOR  V30.B16, V14.B16, V14.B16 \
	VEOR  V30.B16, V15.B16, V15.B16 \
	VSHL  $6, V14.B16, V8.B16 \
	VSHL  $6, V15.B16, V9.B16 \
	VSHL  $4, V14.B16, V10.B16 \
	VSHL  $4, V15.B16, V11.B16 \
	VSHL  $2, V14.B16, V12.B16 \
	VSHL  $2, V15.B16, V13.B16 \
	VSHL  $4, V0.B16, V4.B16 \
	VSHL  $4, V1.B16, V5.B16 \
	VSHL  $4, V2.B16, V6.B16 \
	VSHL  $4, V3.B16, V7.B16 \
	VAND  V31.B16, V0.B16, V0.B16 \
	VAND  V31.B16, V1.B16, V1.B16 \
	VAND  V31.B16, V2.B16, V2.B16 \
	VAND  V31.B16, V3.B16, V3.B16 \
	VSRI  $2, V4.B16, V8.B16 \
	VSRI  $2, V5.B16, V9.B16 \
	VSRI  $2, V6.B16, V10.B16 \
	VSRI  $2, V7.B16, V11.B16 \
	VSRI  $2, V0.B16, V12.B16 \
	VSRI  $2, V1.B16, V13.B16 \
	VSRI  $2, V2.B16, V14.B16 \
	VSRI  $2, V3.B16, V15.B16

#define MASKSQ6 \
	VMOVI $0xf0, V31.B16 \
	VMOVI $0xaa, V30.B16

// LEVELS loads the levels of IQ4_NL into V30.
#define LEVELS \
	MOVD $0xf6eaddcfbfad9881, R10 \
	MOVD $0x7159453526190d01, R11 \
	VMOV R10, V30.D[0] \
	VMOV R11, V30.D[1]

// LOOKUP loads 32 signed codes of IQ4_NL into V0 and V1.
#define LOOKUP \
	FMOVQ 2(R3), F1 \
	VAND  V31.B16, V1.B16, V0.B16 \
	VUSHR $4, V1.B16, V1.B16 \
	VTBL  V0.B16, [V30.B16], V0.B16 \
	VTBL  V1.B16, [V30.B16], V1.B16

// BYTES loads 32 codes of Q8_0 into V0 and V1.
#define BYTES \
	FMOVQ 2(R3), F0 \
	FMOVQ 18(R3), F1
