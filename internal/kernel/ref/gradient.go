package ref

import "math"

// SwiGLUBack turns d, the gradients of gate·σ(gate)·up, σ the logistic function, into those of
// gate, and writes those of up to dup:
//
//	dup[i] = d[i]·g·σ(g), d[i] = d[i]·up[i]·σ(g)·(1 + g·(1 − σ(g))), g = gate[i]
func SwiGLUBack(d, dup, gate, up []float32) {
	for i, g := range gate {
		s, rest := 1/(1+exp(-g)), 1/(1+exp(g))
		dup[i] = d[i] * (g * s)
		d[i] *= up[i] * (s * (1 + g*rest))
	}
}

// SoftmaxBack turns d, the gradients of p = softmax(scale·x), into those of x:
//
//	d[i] = scale·p[i]·(d[i] − Σ_k p[k]·d[k])
func SoftmaxBack(d, p []float32, scale float32) {
	var mean float64
	for i, v := range p {
		mean += float64(v) * float64(d[i])
	}
	for i, v := range p {
		d[i] = scale * v * (d[i] - float32(mean))
	}
}

// RMSNormBack adds to dx the gradients of x by way of y = x∘weight·s, s = 1/√(mean(x²) + eps),
// whose gradients are dy, and to dw those of weight:
//
//	dx += s·(weight∘dy) − x·s³·mean(x∘weight∘dy), dw += dy∘x·s
func RMSNormBack(dx, dw, dy, x, weight []float32, eps float32) {
	var squares, dot float64
	for i, v := range x {
		squares += float64(v) * float64(v)
		dot += float64(v) * float64(weight[i]*dy[i])
	}
	n := float64(len(x))
	s := 1 / math.Sqrt(squares/n+float64(eps))
	scale, shrink := float32(s), float32(s*s*s*dot/n)
	for i, v := range x {
		dx[i] += scale*(weight[i]*dy[i]) - v*shrink
		dw[i] += dy[i] * v * scale
	}
}
