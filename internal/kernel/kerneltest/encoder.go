package kerneltest

import (
	"fmt"
	"math"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// layerNorm checks all lengths, with and without bias, in place, and features that are large
// against their spread. Two sums of n terms, each off by n·2⁻²⁴ of the sum of magnitudes,
// give a mean off by that part of mean|x|, and a root off by half of it.
func (s suite) layerNorm(t *testing.T) {
	for n := 1; n < lengths; n++ {
		for _, offset := range []float32{0, 50} {
			rng := random(n)
			x, w, b := GuardCopy(t, Normal(rng, n), n%3), GuardCopy(t, Normal(rng, n), n%4), GuardCopy(t, Normal(rng, n), n%5)
			var size, mean, squares float64
			for i := range x.Data {
				x.Data[i] = x.Data[i]*3 + offset
				size += math.Abs(float64(x.Data[i])) / float64(n)
				mean += float64(x.Data[i]) / float64(n)
			}
			for _, v := range x.Data {
				squares += (float64(v) - mean) * (float64(v) - mean) / float64(n)
			}
			spread := math.Sqrt(squares + 1e-5)
			for _, bias := range [][]float32{nil, b.Data} {
				want := make([]float32, n)
				ref.LayerNorm(want, x.Data, w.Data, bias, 1e-5)
				bound := func(i int) float64 {
					e := float64(n+8) * 0x1p-24
					return e*(size/spread*math.Abs(float64(w.Data[i]))*2+math.Abs(float64(want[i]))) + 0x1p-22*math.Abs(float64(b.Data[i]))
				}
				what := fmt.Sprintf("LayerNorm of %d, bias %v", n, bias != nil)
				out, same := Guard[float32](t, n, n%6), GuardCopy(t, x.Data, n%2)
				s.p.LayerNorm(out.Data, x.Data, w.Data, bias, 1e-5)
				Near(t, what, out.Data, want, bound)
				s.p.LayerNorm(same.Data, same.Data, w.Data, bias, 1e-5)
				Same(t, what+", in place", same.Data, out.Data)
				out.Check(t, what)
				same.Check(t, what)
			}
		}
	}
}

// gelu checks both activations: the gate's argument u is off by a few roundings, which the
// exponential turns into |u| as many, and eˣ is within 2 ulp. The gate may stop falling at
// e⁻⁸⁷: an absolute part of 10⁻³⁵.
func (s suite) gelu(t *testing.T) {
	for name, c := range map[string]struct {
		got, want func(x []float32)
		u         func(x float64) float64
	}{
		"GELU":      {s.p.GELU, ref.GELU, func(x float64) float64 { return 1.6 * (x + 0.044715*x*x*x) }},
		"QuickGELU": {s.p.QuickGELU, ref.QuickGELU, func(x float64) float64 { return 1.702 * x }},
	} {
		check := func(in []float32, tail int) {
			x, want := GuardCopy(t, in, tail), append([]float32(nil), in...)
			c.got(x.Data)
			c.want(want)
			Near(t, fmt.Sprintf("%s of %d", name, len(in)), x.Data, want, func(i int) float64 {
				u := math.Min(math.Abs(c.u(float64(in[i]))), 100)
				return (8+4*u)*0x1p-24*math.Abs(float64(want[i])) + 1e-35
			})
			x.Check(t, name)
		}
		for n := range lengths {
			x := Normal(random(n), n)
			for i := range x {
				x[i] *= []float32{1, 0.01, 4, 20}[i%4]
			}
			check(x, n%5)
		}
		inf := float32(math.Inf(1))
		check([]float32{0, 1, -1, 5, -5, 9.9, -9.9, 10.1, -10.1, 51, -51, 52, -52, 200, -200, 1e10, -1e10, 1e30, -1e30, 3e38, -3e38, inf, -inf, 1e-30, -1e-30, 1e-40, -1e-40}, 1)
		for _, n := range []int{1, 8, 16, 17} {
			x := Traps(n)
			c.got(x)
			for i, v := range x {
				if v == v {
					t.Fatalf("%s of NaN [%d] = %v", name, i, v)
				}
			}
		}
	}
}
