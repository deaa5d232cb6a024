package avx512

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// ToF16 rounds to binary16.
func ToF16(dst []uint16, x []float32) {
	if n := len(x); n > 0 {
		_ = dst[n-1]
		toF16(&dst[0], &x[0], n)
	}
}

// FromF16 converts binary16.
func FromF16(dst []float32, x []uint16) {
	if n := len(x); n > 0 {
		_ = dst[n-1]
		fromF16(&dst[0], &x[0], n)
	}
}

// RoundF16 rounds to binary16 and back.
func RoundF16(dst, x []float32) {
	if n := len(x); n > 0 {
		_ = dst[n-1]
		roundF16(&dst[0], &x[0], n)
	}
}

// RoundBF16 rounds to bfloat16 and back.
func RoundBF16(dst, x []float32) {
	if n := len(x); n > 0 {
		_ = dst[n-1]
		roundBF16(&dst[0], &x[0], n)
	}
}

// ToBF16 rounds to bfloat16.
func ToBF16(dst []uint16, x []float32) {
	if n := len(x); n > 0 {
		_ = dst[n-1]
		toBF16(&dst[0], &x[0], n)
	}
}

// PairBF16 rounds pairs of rows; see ref.PairBF16. width is 8 or 16.
func PairBF16(dst []uint32, x []float32, ldx, width int) {
	n := len(dst) / width
	if n == 0 {
		return
	}
	_ = x[(2*n-1)*ldx+width-1]
	switch width {
	case 16:
		pairBF16x16(&dst[0], &x[0], ldx, n)
	case 8:
		pairBF16x8(&dst[0], &x[0], ldx, n)
	default:
		ref.PairBF16(dst, x, ldx, width)
	}
}

// RMSNorm normalizes x; the squares are summed in 16 float32 lanes.
func RMSNorm(dst, x, weight []float32, eps float32) {
	n := len(x)
	if n == 0 {
		return
	}
	_, _ = dst[n-1], weight[n-1]
	mean := float64(sumSquares(&x[0], n)) / float64(n)
	scaleMul(&dst[0], &x[0], &weight[0], n, float32(1/math.Sqrt(mean+float64(eps))))
}

// SwiGLU gates up by gate.
func SwiGLU(dst, gate, up []float32) {
	if n := len(gate); n > 0 {
		_, _ = dst[n-1], up[n-1]
		swiGLU(&dst[0], &gate[0], &up[0], n)
	}
}

// Add adds x to dst.
func Add(dst, x []float32) {
	if n := len(x); n > 0 {
		_ = dst[n-1]
		addTo(&dst[0], &x[0], n)
	}
}

// RopePairs rotates neighbours.
func RopePairs(x, cos, sin []float32) {
	if n := len(cos); n > 0 {
		_, _ = x[2*n-1], sin[n-1]
		ropePairs(&x[0], &cos[0], &sin[0], 2*n)
	}
}

// RopeHalves rotates the two halves of x against each other.
func RopeHalves(x, cos, sin []float32) {
	if n := len(cos); n > 0 {
		_, _ = x[2*n-1], sin[n-1]
		ropeHalves(&x[0], &x[n], &cos[0], &sin[0], n)
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
	n := len(s) / Rows
	_ = s[Rows*n-1]
	return softmaxRow(&s[0], n)
}

// AccumulateF16 adds weighted rows of binary16 values.
func AccumulateF16(out, p []float32, v []uint16, ldv int) {
	if n, rows := len(out), len(p); n > 0 && rows > 0 {
		_ = v[(rows-1)*ldv+n-1]
		accumulateF16(&out[0], &p[0], &v[0], ldv, rows, n)
	}
}

// ScaleLanes multiplies every group of Rows values by c.
func ScaleLanes(x, c []float32) {
	if n := len(x) / Rows; n > 0 {
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
	if n := len(d); n > 0 {
		_, _, _ = q[256*n-1], sums[16*n-1], x[256*n-1]
		quantizeQ8K(&q[0], &d[0], &sums[0], &x[0], n)
	}
}
