package neon

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// LayerNorm normalizes x about its mean; sums are taken in 8 float32 lanes.
func LayerNorm(dst, x, weight, bias []float32, eps float32) {
	n := len(x) &^ 7
	var total, squares float64
	if n > 0 {
		_, _ = dst[n-1], weight[n-1]
		total = float64(sum(&x[0], n))
	}
	for _, v := range x[n:] {
		total += float64(v)
	}
	mean := float32(total / float64(len(x)))
	if n > 0 {
		squares = float64(sumCentered(&x[0], n, mean))
	}
	for _, v := range x[n:] {
		squares += float64(v-mean) * float64(v-mean)
	}
	scale := float32(1 / math.Sqrt(squares/float64(len(x))+float64(eps)))
	if n > 0 {
		centerMul(&dst[0], &x[0], &weight[0], n, mean, scale)
	}
	for i := n; i < len(x); i++ {
		dst[i] = (x[i] - mean) * scale * weight[i]
	}
	if bias != nil {
		Add(dst[:len(x)], bias[:len(x)])
	}
}

// GELU is ref's, with values below −9.98 as −9.98, at e⁻⁸⁷ of themselves.
func GELU(x []float32) {
	const linear = 2 * 0.79788456080286535588 // 2·√(2/π)
	n := len(x) &^ 3
	if n > 0 {
		sigmoidGate(&x[0], n, linear, linear*0.044715, 9.98)
	}
	ref.GELU(x[n:])
}

// QuickGELU is ref's, with values below −51 as −51, at e⁻⁸⁷ of themselves.
func QuickGELU(x []float32) {
	n := len(x) &^ 3
	if n > 0 {
		sigmoidGate(&x[0], n, 1.702, 0, 51)
	}
	ref.QuickGELU(x[n:])
}
