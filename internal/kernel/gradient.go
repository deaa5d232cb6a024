package kernel

// SwiGLUBack turns d, the gradients of SwiGLU's results, into those of gate, and writes those of
// up to dup.
func (s *Set) SwiGLUBack(d, dup, gate, up []float32) {
	same("SwiGLUBack", len(d), len(dup), len(gate), len(up))
	for i, j := range chunks(len(d)) {
		s.p.SwiGLUBack(d[i:j], dup[i:j], gate[i:j], up[i:j])
	}
}

// SoftmaxBack turns d, the gradients of p = softmax(scale·x), into those of x:
// d[i] = scale·p[i]·(d[i] − Σ_k p[k]·d[k]).
func (s *Set) SoftmaxBack(d, p []float32, scale float32) {
	same("SoftmaxBack", len(d), len(p))
	s.p.SoftmaxBack(d, p, scale)
}

// RMSNormBack adds to dx and dw the gradients of x and weight by way of RMSNorm's results, whose
// gradients are dy.
func (s *Set) RMSNormBack(dx, dw, dy, x, weight []float32, eps float32) {
	same("RMSNormBack", len(dx), len(dw), len(dy), len(x), len(weight))
	s.p.RMSNormBack(dx, dw, dy, x, weight, eps)
}
