package avx512

import "math"

// LayerNorm normalizes x about its mean; sums are taken in 16 float32 lanes.
func LayerNorm(dst, x, weight, bias []float32, eps float32) {
	n := len(x)
	if n == 0 {
		return
	}
	_, _ = dst[n-1], weight[n-1]
	mean := sum(&x[0], n) / float32(n)
	variance := float64(sumCentered(&x[0], n, mean)) / float64(n)
	centerMul(&dst[0], &x[0], &weight[0], n, mean, float32(1/math.Sqrt(variance+float64(eps))))
	if bias != nil {
		Add(dst[:n], bias[:n])
	}
}

// GELU is ref's, with values below −9.98 as −9.98, at e⁻⁸⁷ of themselves.
func GELU(x []float32) {
	const linear = 2 * 0.79788456080286535588 // 2·√(2/π)
	if n := len(x); n > 0 {
		sigmoidGate(&x[0], n, linear, linear*0.044715, 9.98)
	}
}

// QuickGELU is ref's, with values below −51 as −51, at e⁻⁸⁷ of themselves.
func QuickGELU(x []float32) {
	if n := len(x); n > 0 {
		sigmoidGate(&x[0], n, 1.702, 0, 51)
	}
}
