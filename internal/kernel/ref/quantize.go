package ref

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// QuantizeQ8 rounds activations to int8 in groups of 32: d = max|x|/127, q = round(x·127/max|x|)
// with ties to even; d is rounded to binary16 afterwards, as llama.cpp stores it. sums[g] = Σq.
// len(x) = len(q) = 32·len(d) = 32·len(sums).
func QuantizeQ8(q []int8, d []float32, sums []int32, x []float32) {
	for g := range d {
		src, dst := x[32*g:32*g+32], q[32*g:32*g+32]
		var top float32
		for _, v := range src {
			top = max(top, float32(math.Abs(float64(v))))
		}
		var inv float32
		if top != 0 {
			inv = 127 / top
		}
		d[g] = tensor.F32FromF16(tensor.F16FromF32(top / 127))
		sums[g] = round(dst, src, inv)
	}
}

// QuantizeQ8K rounds activations to int8 in groups of 256: q = round(x·i), d = 1/i, where
// i = −127/x* and x* is the value of largest magnitude, the first of equals (llama.cpp's Q8_K;
// the sign puts x* on −127). sums[g] = Σq over 16 values each.
// len(x) = len(q) = 256·len(d) = 16·len(sums).
func QuantizeQ8K(q []int8, d []float32, sums []int32, x []float32) {
	for b := range d {
		src, dst := x[256*b:256*b+256], q[256*b:256*b+256]
		var top, at float32
		for _, v := range src {
			if a := float32(math.Abs(float64(v))); a > top {
				top, at = a, v
			}
		}
		var inv float32
		d[b] = 0
		if top != 0 {
			inv = -127 / at
			d[b] = 1 / inv
		}
		for j := range 16 {
			sums[16*b+j] = round(dst[16*j:16*j+16], src[16*j:16*j+16], inv)
		}
	}
}

// round writes x·inv rounded to the nearest integer and returns the sum.
func round(q []int8, x []float32, inv float32) (sum int32) {
	for i, v := range x {
		n := int32(min(math.RoundToEven(float64(v*inv)), 127))
		q[i] = int8(n)
		sum += n
	}
	return sum
}
