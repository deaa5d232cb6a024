package neon

import (
	"unsafe"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// The Unpack primitives read one row as centered codes, scales and minimums; see ref for each.

// UnpackQ8_0 reads Q8_0.
func UnpackQ8_0(codes []uint8, scales, _ []float32, row []byte) {
	if n := len(scales); n > 0 {
		_, _ = codes[32*n-1], row[34*n-1]
		unpackQ8_0(&codes[0], &scales[0], &row[0], n)
	}
}

// UnpackQ4_0 reads Q4_0.
func UnpackQ4_0(codes []uint8, scales, _ []float32, row []byte) {
	if n := len(scales); n > 0 {
		_, _ = codes[32*n-1], row[18*n-1]
		unpackQ4_0(&codes[0], &scales[0], &row[0], n)
	}
}

// UnpackIQ4NL reads IQ4_NL.
func UnpackIQ4NL(codes []uint8, scales, _ []float32, row []byte) {
	if n := len(scales); n > 0 {
		_, _ = codes[32*n-1], row[18*n-1]
		unpackIQ4NL(&codes[0], &scales[0], &row[0], n)
	}
}

// UnpackQ4_K reads Q4_K.
func UnpackQ4_K(codes []uint8, scales, mins []float32, row []byte) {
	if n := len(codes) / 256; n > 0 {
		_, _, _ = scales[8*n-1], mins[8*n-1], row[144*n-1]
		unpackQ4_K(&codes[0], &scales[0], &mins[0], &row[0], n)
	}
}

// UnpackQ5_K reads Q5_K.
func UnpackQ5_K(codes []uint8, scales, mins []float32, row []byte) {
	if n := len(codes) / 256; n > 0 {
		_, _, _ = scales[8*n-1], mins[8*n-1], row[176*n-1]
		unpackQ5_K(&codes[0], &scales[0], &mins[0], &row[0], n)
	}
}

// UnpackQ6_K reads Q6_K.
func UnpackQ6_K(codes []uint8, scales, _ []float32, row []byte) {
	if n := len(codes) / 256; n > 0 {
		_, _ = scales[16*n-1], row[210*n-1]
		unpackQ6_K(&codes[0], &scales[0], &row[0], n)
	}
}

// RowF32 reads float32.
func RowF32(dst []float32, row []byte) {
	if n := len(dst); n > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), 4*n), row[:4*n])
	}
}

// RowF16 reads binary16.
func RowF16(dst []float32, row []byte) {
	n := len(dst) &^ 7
	if n > 0 {
		_ = row[2*n-1]
		fromF16(&dst[0], (*uint16)(unsafe.Pointer(&row[0])), n)
	}
	ref.RowF16(dst[n:], row[2*n:])
}

// RowBF16 reads bfloat16.
func RowBF16(dst []float32, row []byte) {
	n := len(dst) &^ 7
	if n > 0 {
		_ = row[2*n-1]
		fromBF16(&dst[0], (*uint16)(unsafe.Pointer(&row[0])), n)
	}
	ref.RowBF16(dst[n:], row[2*n:])
}
