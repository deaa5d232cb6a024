package kerneltest

import (
	"math"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// gradients checks what training needs on its way back, over all lengths.
func (s suite) gradients(t *testing.T) {
	for n := range lengths {
		s.swiGLUBack(t, n)
		if n > 0 {
			s.softmaxBack(t, n)
			s.rmsNormBack(t, n)
		}
	}
}

// swiGLUBack: eᵍ within 2 ulp and some ten roundings of the terms; gates below −87 may count as
// −87, where g·σ is 1.5·10⁻³⁶.
func (s suite) swiGLUBack(t *testing.T, n int) {
	rng := random(n)
	gates := Normal(rng, n)
	for i := range gates {
		gates[i] *= []float32{1, 3, 50}[i%3]
	}
	start := Normal(rng, n)
	d, dup := GuardCopy(t, start, n%5), Guard[float32](t, n, n%3)
	gate, up := GuardCopy(t, gates, n%4), GuardCopy(t, Normal(rng, n), n%2)
	s.p.SwiGLUBack(d.Data, dup.Data, gate.Data, up.Data)
	wd, wdup := append([]float32(nil), start...), make([]float32, n)
	ref.SwiGLUBack(wd, wdup, gates, up.Data)
	Near(t, "SwiGLUBack, gate", d.Data, wd, func(i int) float64 {
		g := float64(gates[i])
		return (24*0x1p-24*(1+math.Abs(g))/(1+math.Exp(-g)) + 2e-36) * math.Abs(float64(start[i]*up.Data[i]))
	})
	Near(t, "SwiGLUBack, up", dup.Data, wdup, func(i int) float64 {
		return 24*0x1p-24*math.Abs(float64(wdup[i])) + 2e-36*math.Abs(float64(start[i]))
	})
	Same(t, "SwiGLUBack's input", gate.Data, gates)
	for _, g := range []Guarded[float32]{d, dup, gate, up} {
		g.Check(t, "SwiGLUBack")
	}
}

// softmaxBack: n roundings of a sum of n products, and four more.
func (s suite) softmaxBack(t *testing.T, n int) {
	rng := random(n)
	weights, start := Normal(rng, n), Normal(rng, n)
	var total, magnitude float64
	for i, v := range weights {
		weights[i] = float32(math.Abs(float64(v)))
		total += float64(weights[i])
	}
	for i := range weights {
		weights[i] = float32(float64(weights[i]) / total)
		magnitude += float64(weights[i]) * math.Abs(float64(start[i]))
	}
	d, p := GuardCopy(t, start, n%5), GuardCopy(t, weights, n%3)
	want := append([]float32(nil), start...)
	s.p.SoftmaxBack(d.Data, p.Data, 0.3)
	ref.SoftmaxBack(want, weights, 0.3)
	Near(t, "SoftmaxBack", d.Data, want, func(i int) float64 {
		return 0.3 * float64(weights[i]) * (float64(n)*magnitude + 4*(math.Abs(float64(start[i]))+magnitude)) * 0x1p-24
	})
	d.Check(t, "SoftmaxBack")
	p.Check(t, "SoftmaxBack")
}

// rmsNormBack: two sums with n roundings, of which the squares count three half times, and eight
// more.
func (s suite) rmsNormBack(t *testing.T, n int) {
	rng := random(n)
	startX, startW := Normal(rng, n), Normal(rng, n)
	dx, dw := GuardCopy(t, startX, n%5), GuardCopy(t, startW, n%4)
	dy, x, w := GuardCopy(t, Normal(rng, n), n%3), GuardCopy(t, Normal(rng, n), n%2), GuardCopy(t, Normal(rng, n), n%7)
	s.p.RMSNormBack(dx.Data, dw.Data, dy.Data, x.Data, w.Data, 1e-5)
	wx, ww := append([]float32(nil), startX...), append([]float32(nil), startW...)
	ref.RMSNormBack(wx, ww, dy.Data, x.Data, w.Data, 1e-5)
	var squares, dot float64
	for i, v := range x.Data {
		squares += float64(v) * float64(v)
		dot += math.Abs(float64(v * w.Data[i] * dy.Data[i]))
	}
	scale := 1 / math.Sqrt(squares/float64(n)+1e-5)
	rounding := float64(3*n+8) * 0x1p-24
	Near(t, "RMSNormBack, x", dx.Data, wx, func(i int) float64 {
		term := scale*math.Abs(float64(w.Data[i]*dy.Data[i])) + math.Abs(float64(x.Data[i]))*scale*scale*scale*dot/float64(n)
		return rounding * (term + math.Abs(float64(startX[i])))
	})
	Near(t, "RMSNormBack, weight", dw.Data, ww, func(i int) float64 {
		return rounding * (scale*math.Abs(float64(dy.Data[i]*x.Data[i])) + math.Abs(float64(startW[i])))
	})
	for _, g := range []Guarded[float32]{dx, dw, dy, x, w} {
		g.Check(t, "RMSNormBack")
	}
}
