// Package ref is the plain-Go oracle: every primitive that an instruction-set folder
// offers exists here as the loop that defines it. It is also what runs where no faster
// path exists.
package ref

import (
	"encoding/binary"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// ToF16 rounds x to binary16, ties to even: dst[i] = half(x[i]).
func ToF16(dst []uint16, x []float32) {
	for i, v := range x {
		dst[i] = tensor.F16FromF32(v)
	}
}

// FromF16 converts binary16 exactly: dst[i] = float(x[i]).
func FromF16(dst []float32, x []uint16) {
	for i, v := range x {
		dst[i] = tensor.F32FromF16(v)
	}
}

// RoundF16 rounds x to binary16 and back: dst[i] = float(half(x[i])).
func RoundF16(dst, x []float32) {
	for i, v := range x {
		dst[i] = tensor.F32FromF16(tensor.F16FromF32(v))
	}
}

// RoundBF16 rounds x to bfloat16 and back.
func RoundBF16(dst, x []float32) {
	for i, v := range x {
		dst[i] = tensor.F32FromBF16(tensor.BF16FromF32(v))
	}
}

// ToBF16 rounds x to bfloat16, ties to even.
func ToBF16(dst []uint16, x []float32) {
	for i, v := range x {
		dst[i] = tensor.BF16FromF32(v)
	}
}

// PairBF16 rounds pairs of rows to words of two bfloat16, as GemmBF16 multiplies them: the lower
// half of dst[i*width+r] is x[2*i*ldx+r], the upper x[(2*i+1)*ldx+r], r < width. len(dst) is a
// multiple of width.
func PairBF16(dst []uint32, x []float32, ldx, width int) {
	for i := range len(dst) / width {
		low, high := x[2*i*ldx:], x[(2*i+1)*ldx:]
		for r := range width {
			dst[i*width+r] = uint32(tensor.BF16FromF32(low[r])) | uint32(tensor.BF16FromF32(high[r]))<<16
		}
	}
}

// half reads a little-endian binary16 number.
func half(b []byte) float32 { return tensor.F32FromF16(binary.LittleEndian.Uint16(b)) }
