package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// normalPairs returns n words of two standard normal bfloat16.
func normalPairs(rng *rand.Rand, n int) []float32 {
	x := Normal(rng, n)
	for i, v := range x {
		low := uint32(tensor.BF16FromF32(float32(rng.NormFloat64())))
		x[i] = math.Float32frombits(uint32(tensor.BF16FromF32(v))<<16 | low)
	}
	return x
}

// gemmFloat checks a multiplication of floats, or of words of two: one panel against the
// oracle, for all lengths and the strides of the drivers, and three panels, which must give
// the bits of each alone.
func (s suite) gemmFloat(t *testing.T, one func(out []float32, ldo int, panel, x []float32, ts, ks int, accumulate bool),
	three func(out []float32, ldo, os int, panel, x []float32, ts, ks int, accumulate bool),
	oracle func(out []float32, ldo int, panel, x []float32, ts, ks int, accumulate bool),
	random func(rng *rand.Rand, n int) []float32) {
	rows, tokens := s.p.Rows, ref.Tokens
	for k := range 20 {
		for _, strides := range [][2]int{{k + 1, 1}, {1, 9}, {1, 8}, {3, 40}} {
			for _, accumulate := range []bool{false, true} {
				rng := rand.New(rand.NewPCG(7, uint64(k)))
				ts, ks, ldo := strides[0], strides[1], rows+k%3
				panels := random(rng, 3*k*rows)
				panel := GuardCopy(t, panels[:k*rows], k%4)
				x := GuardCopy(t, random(rng, (tokens-1)*ts+max(k-1, 0)*ks+1), k%2)
				start := Normal(rng, (tokens-1)*ldo+rows)
				out, want := GuardCopy(t, start, 0), append([]float32(nil), start...)
				one(out.Data, ldo, panel.Data, x.Data, ts, ks, accumulate)
				oracle(want, ldo, panel.Data, x.Data, ts, ks, accumulate)
				// at most 2k products of two normals below 5 in magnitude
				Near(t, fmt.Sprintf("k=%d", k), out.Data, want, func(int) float64 { return float64(2*k+1) * 25 * float64(2*k+1) * 0x1p-23 })
				out.Check(t, "output")

				ldo, os := 3*rows+k%3, rows
				if k%2 == 1 { // or apart from each other
					ldo, os = rows, tokens*rows+k
				}
				start = Normal(rng, 2*os+(tokens-1)*ldo+rows)
				all := GuardCopy(t, panels, k%4)
				outs, wants := GuardCopy(t, start, k%3), append([]float32(nil), start...)
				three(outs.Data, ldo, os, all.Data, x.Data, ts, ks, accumulate)
				for i := range 3 {
					one(wants[i*os:], ldo, panels[i*k*rows:(i+1)*k*rows], x.Data, ts, ks, accumulate)
				}
				Same(t, fmt.Sprintf("three panels, k=%d", k), outs.Data, wants)
				outs.Check(t, "three panels")
			}
		}
	}
}
