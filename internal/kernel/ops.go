package kernel

import (
	"fmt"
	"iter"
)

// Pairing is which features of a head a rotary position embedding rotates together.
type Pairing uint8

const (
	Adjacent  Pairing = iota // (x[2i], x[2i+1]), as the llama architecture stores it in GGUF
	HalfSplit                // (x[i], x[i+n/2]), as qwen2 and the published weights do
)

// RMSNorm writes dst[i] = x[i]·weight[i] / √(mean(x²) + eps). dst may be x.
func (s *Set) RMSNorm(dst, x, weight []float32, eps float32) {
	same("RMSNorm", len(dst), len(x), len(weight))
	s.p.RMSNorm(dst, x, weight, eps)
}

// LayerNorm writes dst[i] = (x[i] − mean(x))·weight[i] / √(mean((x − mean(x))²) + eps) + bias[i];
// a nil bias counts as zeros. dst may be x.
func (s *Set) LayerNorm(dst, x, weight, bias []float32, eps float32) {
	same("LayerNorm", len(dst), len(x), len(weight))
	if bias != nil {
		same("LayerNorm", len(dst), len(bias))
	}
	s.p.LayerNorm(dst, x, weight, bias, eps)
}

// SwiGLU writes dst[i] = silu(gate[i])·up[i], silu(v) = v/(1+e⁻ᵛ). dst may be gate or up.
func (s *Set) SwiGLU(dst, gate, up []float32) {
	same("SwiGLU", len(dst), len(gate), len(up))
	for i, j := range chunks(len(dst)) {
		s.p.SwiGLU(dst[i:j], gate[i:j], up[i:j])
	}
}

// GELU writes x[i] = ½x[i]·(1 + tanh(√(2/π)·(x[i] + 0.044715x[i]³))), the tanh approximation
// of the Gaussian error linear unit.
func (s *Set) GELU(x []float32) {
	for i, j := range chunks(len(x)) {
		s.p.GELU(x[i:j])
	}
}

// QuickGELU writes x[i] = x[i]·σ(1.702·x[i]), σ the logistic function.
func (s *Set) QuickGELU(x []float32) {
	for i, j := range chunks(len(x)) {
		s.p.QuickGELU(x[i:j])
	}
}

// Add writes dst[i] += x[i].
func (s *Set) Add(dst, x []float32) {
	same("Add", len(dst), len(x))
	for i, j := range chunks(len(dst)) {
		s.p.Add(dst[i:j], x[i:j])
	}
}

// ToF16 rounds to binary16, ties to even.
func (s *Set) ToF16(dst []uint16, x []float32) {
	same("ToF16", len(dst), len(x))
	for i, j := range chunks(len(dst)) {
		s.p.ToF16(dst[i:j], x[i:j])
	}
}

// FromF16 converts binary16 exactly.
func (s *Set) FromF16(dst []float32, x []uint16) {
	same("FromF16", len(dst), len(x))
	for i, j := range chunks(len(dst)) {
		s.p.FromF16(dst[i:j], x[i:j])
	}
}

// Rope rotates every head of one token's x (consecutive heads of headDim features) by the
// angles of its position, whose cosines and sines are cos and sin. The first 2·len(cos)
// features of a head take part; the rest is left alone.
func (s *Set) Rope(x []float32, headDim int, cos, sin []float32, p Pairing) {
	n := len(cos)
	if len(sin) != n || 2*n > headDim || len(x)%headDim != 0 {
		panic(fmt.Sprintf("kernel: Rope of %d features in heads of %d by %d cosines and %d sines", len(x), headDim, n, len(sin)))
	}
	rotate := s.p.RopePairs
	if p == HalfSplit {
		rotate = s.p.RopeHalves
	}
	for h := 0; h < len(x); h += headDim {
		rotate(x[h:h+2*n], cos, sin)
	}
}

// chunks splits n elements into spans that assembly, which cannot be preempted, passes in
// about 10 µs.
func chunks(n int) iter.Seq2[int, int] {
	const step = 16 << 10
	return func(yield func(i, j int) bool) {
		for i := 0; i < n; i += step {
			if !yield(i, min(i+step, n)) {
				return
			}
		}
	}
}

// same panics unless all lengths are equal.
func same(op string, n int, others ...int) {
	for _, o := range others {
		if o != n {
			panic(fmt.Sprintf("kernel: %s of unequal lengths %d and %d", op, n, o))
		}
	}
}
