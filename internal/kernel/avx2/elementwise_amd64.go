package avx2

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// The assembly takes whole vectors of 8; what remains goes through ref.

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
	n := len(gate) &^ 7
	if n > 0 {
		_, _ = dst[n-1], up[n-1]
		swiGLU(&dst[0], &gate[0], &up[0], n)
	}
	ref.SwiGLU(dst[n:], gate[n:], up[n:])
}

// SwiGLUBack is ref's, with gates below −87 as −87.
func SwiGLUBack(d, dup, gate, up []float32) {
	n := len(d) &^ 7
	if n > 0 {
		_, _, _ = dup[n-1], gate[n-1], up[n-1]
		swiGLUBack(&d[0], &dup[0], &gate[0], &up[0], n)
	}
	ref.SwiGLUBack(d[n:], dup[n:], gate[n:], up[n:])
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
		ropePairs(&x[0], &cos[0], &sin[0], 2*n)
	}
	ref.RopePairs(x[2*n:], cos[n:], sin[n:])
}

// RopeHalves rotates the two halves of x against each other.
func RopeHalves(x, cos, sin []float32) {
	whole := len(cos)
	n := whole &^ 7
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
	n := len(s) / 8
	_ = s[8*n-1]
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
	var scale [1]float32
	var half [1]uint16
	for g := range d {
		src, dst := x[32*g:32*g+32], q[32*g:32*g+32]
		var inv float32
		top := maxMagnitude(&src[0], 32)
		if top != 0 {
			inv = 127 / top
		}
		scale[0] = top / 127
		ref.ToF16(half[:], scale[:])
		ref.FromF16(d[g:g+1], half[:])
		var pair [2]int32
		roundInt8(&dst[0], &pair[0], &src[0], 32, inv)
		sums[g] = pair[0] + pair[1]
	}
}

// QuantizeQ8K rounds to int8 in groups of 256.
func QuantizeQ8K(q []int8, d []float32, sums []int32, x []float32) {
	for b := range d {
		src, dst, s := x[256*b:256*b+256], q[256*b:256*b+256], sums[16*b:16*b+16]
		var inv float32
		d[b] = 0
		if top := maxMagnitude(&src[0], 256); top != 0 {
			for _, v := range src {
				if v == top || v == -top {
					inv = -127 / v
					d[b] = 1 / inv
					break
				}
			}
		}
		roundInt8(&dst[0], &s[0], &src[0], 256, inv)
	}
}
