package neon

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// The assembly takes whole vectors, 8 values or 4; what remains goes through ref.

// ToF16 rounds to binary16.
func ToF16(dst []uint16, x []float32) {
	n := len(x) &^ 7
	if n > 0 {
		_ = dst[n-1]
		toF16(&dst[0], &x[0], n)
	}
	ref.ToF16(dst[n:], x[n:])
}

// FromF16 converts binary16.
func FromF16(dst []float32, x []uint16) {
	n := len(x) &^ 7
	if n > 0 {
		_ = dst[n-1]
		fromF16(&dst[0], &x[0], n)
	}
	ref.FromF16(dst[n:], x[n:])
}

// RoundF16 rounds to binary16 and back.
func RoundF16(dst, x []float32) {
	n := len(x) &^ 7
	if n > 0 {
		_ = dst[n-1]
		roundF16(&dst[0], &x[0], n)
	}
	ref.RoundF16(dst[n:], x[n:])
}

// RoundBF16 rounds to bfloat16 and back.
func RoundBF16(dst, x []float32) {
	n := len(x) &^ 7
	if n > 0 {
		_ = dst[n-1]
		roundBF16(&dst[0], &x[0], n)
	}
	ref.RoundBF16(dst[n:], x[n:])
}

// RMSNorm normalizes x; the squares are summed in 8 float32 lanes.
func RMSNorm(dst, x, weight []float32, eps float32) {
	n := len(x) &^ 7
	var sum float64
	if n > 0 {
		_, _ = dst[n-1], weight[n-1]
		sum = float64(sumSquares(&x[0], n))
	}
	for _, v := range x[n:] {
		sum += float64(v) * float64(v)
	}
	s := float32(1 / math.Sqrt(sum/float64(len(x))+float64(eps)))
	if n > 0 {
		scaleMul(&dst[0], &x[0], &weight[0], n, s)
	}
	for i := n; i < len(x); i++ {
		dst[i] = x[i] * s * weight[i]
	}
}

// SwiGLU gates up by gate.
func SwiGLU(dst, gate, up []float32) {
	n := len(gate) &^ 3
	if n > 0 {
		_, _ = dst[n-1], up[n-1]
		swiGLU(&dst[0], &gate[0], &up[0], n)
	}
	ref.SwiGLU(dst[n:], gate[n:], up[n:])
}

// Add adds x to dst.
func Add(dst, x []float32) {
	n := len(x) &^ 7
	if n > 0 {
		_ = dst[n-1]
		addTo(&dst[0], &x[0], n)
	}
	ref.Add(dst[n:], x[n:])
}

// RopePairs rotates neighbours.
func RopePairs(x, cos, sin []float32) {
	n := len(cos) &^ 3
	if n > 0 {
		_, _ = x[2*n-1], sin[n-1]
		ropePairs(&x[0], &cos[0], &sin[0], n)
	}
	ref.RopePairs(x[2*n:], cos[n:], sin[n:])
}

// RopeHalves rotates the two halves of x against each other.
func RopeHalves(x, cos, sin []float32) {
	whole := len(cos)
	n := whole &^ 3
	if n > 0 {
		_, _ = x[whole+n-1], sin[n-1]
		ropeHalves(&x[0], &x[whole], &cos[0], &sin[0], n)
	}
	for i := n; i < whole; i++ {
		a, b, c, s := x[i], x[i+whole], cos[i], sin[i]
		x[i], x[i+whole] = a*c-b*s, a*s+b*c
	}
}

// Softmax advances a running softmax over Rows lanes.
func Softmax(s, top, sum, shrink []float32) {
	if n := len(s) / Rows; n > 0 {
		_, _, _ = top[Rows-1], sum[Rows-1], shrink[Rows-1]
		softmax(&s[0], &top[0], &sum[0], &shrink[0], n)
	}
}

// SoftmaxRow exponentiates a row of scores.
func SoftmaxRow(s []float32) float32 {
	n := len(s) &^ 15
	_ = s[n-1]
	return softmaxRow(&s[0], n)
}

// AccumulateF16 adds weighted rows of binary16 values.
func AccumulateF16(out, p []float32, v []uint16, ldv int) {
	n, rows := len(out)&^7, len(p)
	if rows == 0 {
		return
	}
	if n > 0 {
		_ = v[(rows-1)*ldv+n-1]
		accumulateF16(&out[0], &p[0], &v[0], ldv, rows, n)
	}
	if n < len(out) {
		ref.AccumulateF16(out[n:], p, v[n:], ldv)
	}
}

// ScaleLanes multiplies every group of Rows values by c.
func ScaleLanes(x, c []float32) {
	if n := len(x) &^ 7; n > 0 {
		_ = c[Rows-1]
		scaleLanes(&x[0], &c[0], n)
	}
}

// QuantizeQ8 rounds to int8 in groups of 32.
func QuantizeQ8(q []int8, d []float32, sums []int32, x []float32) {
	if n := len(d); n > 0 {
		_, _, _ = q[32*n-1], sums[n-1], x[32*n-1]
		quantizeQ8(&q[0], &d[0], &sums[0], &x[0], n)
	}
}

// QuantizeQ8K rounds to int8 in groups of 256.
func QuantizeQ8K(q []int8, d []float32, sums []int32, x []float32) {
	for b := range d {
		src, dst, s := x[256*b:256*b+256], q[256*b:256*b+256], sums[16*b:16*b+16]
		var inv float32
		d[b] = 0
		if top := largest(src); top != 0 {
			inv = -127 / top
			d[b] = 1 / inv
		}
		roundQ8K(&dst[0], &s[0], &src[0], 256, inv)
	}
}

// largest returns the value of largest magnitude, the first of equals. len(x) is a multiple of 16.
func largest(x []float32) float32 {
	low, high := extremes(&x[0], len(x))
	switch {
	case high > -low:
		return high
	case high < -low:
		return low
	}
	for _, v := range x {
		if v == high || v == low {
			return v
		}
	}
	return 0
}
