// A tile of 8 tokens in V16–V31, two vectors each: R0 is its address, R1 the distance of tokens in bytes.

#define LOADTILE \
	MOVD R0, R10 \
	FLDPQ (R10), (F16, F17) \
	ADD   R1, R10 \
	FLDPQ (R10), (F18, F19) \
	ADD   R1, R10 \
	FLDPQ (R10), (F20, F21) \
	ADD   R1, R10 \
	FLDPQ (R10), (F22, F23) \
	ADD   R1, R10 \
	FLDPQ (R10), (F24, F25) \
	ADD   R1, R10 \
	FLDPQ (R10), (F26, F27) \
	ADD   R1, R10 \
	FLDPQ (R10), (F28, F29) \
	ADD   R1, R10 \
	FLDPQ (R10), (F30, F31) \
	ADD   R1, R10

#define STORETILE \
	FSTPQ (F16, F17), (R0) \
	ADD   R1, R0 \
	FSTPQ (F18, F19), (R0) \
	ADD   R1, R0 \
	FSTPQ (F20, F21), (R0) \
	ADD   R1, R0 \
	FSTPQ (F22, F23), (R0) \
	ADD   R1, R0 \
	FSTPQ (F24, F25), (R0) \
	ADD   R1, R0 \
	FSTPQ (F26, F27), (R0) \
	ADD   R1, R0 \
	FSTPQ (F28, F29), (R0) \
	ADD   R1, R0 \
	FSTPQ (F30, F31), (R0)

#define CLEARTILE \
	WORD $0x6f00e410; /* movi v16.2d, #0 */ \
	WORD $0x6f00e411; /* movi v17.2d, #0 */ \
	WORD $0x6f00e412; /* movi v18.2d, #0 */ \
	WORD $0x6f00e413; /* movi v19.2d, #0 */ \
	WORD $0x6f00e414; /* movi v20.2d, #0 */ \
	WORD $0x6f00e415; /* movi v21.2d, #0 */ \
	WORD $0x6f00e416; /* movi v22.2d, #0 */ \
	WORD $0x6f00e417; /* movi v23.2d, #0 */ \
	WORD $0x6f00e418; /* movi v24.2d, #0 */ \
	WORD $0x6f00e419; /* movi v25.2d, #0 */ \
	WORD $0x6f00e41a; /* movi v26.2d, #0 */ \
	WORD $0x6f00e41b; /* movi v27.2d, #0 */ \
	WORD $0x6f00e41c; /* movi v28.2d, #0 */ \
	WORD $0x6f00e41d; /* movi v29.2d, #0 */ \
	WORD $0x6f00e41e; /* movi v30.2d, #0 */ \
	WORD $0x6f00e41f; /* movi v31.2d, #0 */
