package train

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/model"
)

// activate computes y = f(x) for one of the GELUs.
func (t *tools) activate(f model.Activation, y, x []float32) {
	t.spread(len(y), grain, func(i, j int) {
		copy(y[i:j], x[i:j])
		if f == model.GELU {
			t.kernels.GELU(y[i:j])
		} else {
			t.kernels.QuickGELU(y[i:j])
		}
	})
}

// activateBack turns d, the gradients of y = f(x), into those of x. Both functions are x·σ(u(x)),
// with the derivative σ + y·(1 − σ)·u': u is 1.702·x for QuickGELU, and for GELU, by tanh(v) =
// 2σ(2v) − 1, √(8/π)·(x + 0.044715x³).
func (t *tools) activateBack(f model.Activation, d, y, x []float32) {
	t.spread(len(d), grain, func(i, j int) {
		if f == model.GELU {
			geluBack(d[i:j], y[i:j], x[i:j])
		} else {
			quickGELUBack(d[i:j], y[i:j], x[i:j])
		}
	})
}

func quickGELUBack(d, y, x []float32) {
	for i, v := range x {
		s := portion(y[i], v)
		d[i] *= s + 1.702*y[i]*(1-s)
	}
}

func geluBack(d, y, x []float32) {
	root := float32(math.Sqrt(8 / math.Pi))
	for i, v := range x {
		s := portion(y[i], v)
		square := min(v*v, 1e4) // beyond, σ is 0 or 1
		d[i] *= s + y[i]*(1-s)*root*(1+3*0.044715*square)
	}
}

// portion returns σ for y = x·σ, where σ(0) = ½.
func portion(y, x float32) float32 {
	const small = 1e-20 // where y may have lost digits
	if x > small || x < -small {
		return y / x
	}
	return 0.5
}
