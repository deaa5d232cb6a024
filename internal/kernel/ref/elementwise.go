package ref

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// RMSNorm writes dst[i] = x[i]·weight[i] / √(mean(x²) + eps).
func RMSNorm(dst, x, weight []float32, eps float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	s := float32(1 / math.Sqrt(sum/float64(len(x))+float64(eps)))
	for i, v := range x {
		dst[i] = v * s * weight[i]
	}
}

// LayerNorm writes dst[i] = (x[i] − mean(x))·weight[i] / √(mean((x − mean(x))²) + eps) + bias[i];
// without bias when it is nil.
func LayerNorm(dst, x, weight, bias []float32, eps float32) {
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	for _, v := range x {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	s := 1 / math.Sqrt(squares/float64(len(x))+float64(eps))
	for i, v := range x {
		dst[i] = float32((float64(v) - mean) * s * float64(weight[i]))
		if bias != nil {
			dst[i] += bias[i]
		}
	}
}

// SwiGLU writes dst[i] = gate[i]·σ(gate[i])·up[i], σ the logistic function.
func SwiGLU(dst, gate, up []float32) {
	for i, g := range gate {
		dst[i] = g / (1 + exp(-g)) * up[i]
	}
}

// GELU writes x[i] = x[i]·Φ(x[i]) in the tanh approximation (Hendrycks & Gimpel 2016, §2):
// ½x·(1 + tanh u) with u = √(2/π)·(x + 0.044715x³), which is x·σ(2u).
func GELU(x []float32) {
	for i, v := range x {
		w := float64(v)
		x[i] = gate(w, 2*math.Sqrt(2/math.Pi)*(w+0.044715*w*w*w))
	}
}

// QuickGELU writes x[i] = x[i]·σ(1.702·x[i]).
func QuickGELU(x []float32) {
	for i, v := range x {
		x[i] = gate(float64(v), 1.702*float64(v))
	}
}

// gate returns x·σ(u), and the limit 0 at −∞.
func gate(x, u float64) float32 {
	if math.IsInf(x, -1) {
		return 0
	}
	return float32(x / (1 + math.Exp(-u)))
}

// Add writes dst[i] += x[i].
func Add(dst, x []float32) {
	for i, v := range x {
		dst[i] += v
	}
}

// RopePairs rotates (x[2i], x[2i+1]) by the angle whose cosine and sine are cos[i], sin[i].
func RopePairs(x, cos, sin []float32) {
	for i, c := range cos {
		a, b, s := x[2*i], x[2*i+1], sin[i]
		x[2*i], x[2*i+1] = a*c-b*s, a*s+b*c
	}
}

// RopeHalves rotates (x[i], x[i+len(cos)]) by the angle whose cosine and sine are cos[i], sin[i].
func RopeHalves(x, cos, sin []float32) {
	n := len(cos)
	for i, c := range cos {
		a, b, s := x[i], x[i+n], sin[i]
		x[i], x[i+n] = a*c-b*s, a*s+b*c
	}
}

// Softmax advances a running softmax by one block of scores s[key][lane], lanes wide as top:
//
//	top' = max(top, max_key s), shrink = exp(top − top'), s = exp(s − top'), sum = sum·shrink + Σ_key s
//
// A score of −∞ counts as exactly zero; each lane must have at least one finite score so far.
func Softmax(s, top, sum, shrink []float32) {
	lanes := len(top)
	for j := range lanes {
		t := top[j]
		for i := j; i < len(s); i += lanes {
			t = max(t, s[i])
		}
		shrink[j] = exp(top[j] - t)
		top[j] = t
		var n float32
		for i := j; i < len(s); i += lanes {
			s[i] = exp(s[i] - t)
			n += s[i]
		}
		sum[j] = sum[j]*shrink[j] + n
	}
}

// ScaleLanes writes x[i*lanes+j] *= c[j], lanes = len(c).
func ScaleLanes(x, c []float32) {
	for i := 0; i < len(x); i += len(c) {
		for j, v := range c {
			x[i+j] *= v
		}
	}
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

// SoftmaxRow writes s[i] = exp(s[i] − max s) and returns Σ s. len(s) is a multiple of 16 and
// at least one score is finite; −∞ becomes exactly zero.
func SoftmaxRow(s []float32) (sum float32) {
	top := s[0]
	for _, v := range s {
		top = max(top, v)
	}
	for i, v := range s {
		s[i] = exp(v - top)
		sum += s[i]
	}
	return sum
}

// AccumulateF16 adds weighted rows of binary16 values: out[d] += Σ_j p[j]·v[j*ldv+d].
func AccumulateF16(out, p []float32, v []uint16, ldv int) {
	for j, w := range p {
		for d := range out {
			out[d] += w * tensor.F32FromF16(v[j*ldv+d])
		}
	}
}
