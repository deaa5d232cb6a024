package avx512

import "math"

// SwiGLUBack is ref's, with gates below −87 as −87.
func SwiGLUBack(d, dup, gate, up []float32) {
	if n := len(d); n > 0 {
		_, _, _ = dup[n-1], gate[n-1], up[n-1]
		swiGLUBack(&d[0], &dup[0], &gate[0], &up[0], n)
	}
}

// SoftmaxBack is ref's; the products are summed in 16 float32 lanes.
func SoftmaxBack(d, p []float32, scale float32) {
	if n := len(d); n > 0 {
		_ = p[n-1]
		centerScale(&d[0], &p[0], n, dot(&d[0], &p[0], n), scale)
	}
}

// RMSNormBack is ref's; both sums are taken in 16 float32 lanes.
func RMSNormBack(dx, dw, dy, x, weight []float32, eps float32) {
	n := len(x)
	if n == 0 {
		return
	}
	_, _, _, _ = dx[n-1], dw[n-1], dy[n-1], weight[n-1]
	squares, dot := normSums(&dy[0], &x[0], &weight[0], n)
	s := 1 / math.Sqrt(float64(squares)/float64(n)+float64(eps))
	normBack(&dx[0], &dw[0], &dy[0], &x[0], &weight[0], n, float32(s), float32(s*s*s*float64(dot)/float64(n)))
}
