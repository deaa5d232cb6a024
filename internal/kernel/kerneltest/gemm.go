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
// the bits of each alone. eps is twice the rounding unit of T.
func gemmFloat[T float32 | float64](t *testing.T, rows int, eps float64,
	one func(out []T, ldo int, panel, x []T, ts, ks int, accumulate bool),
	three func(out []T, ldo, os int, panel, x []T, ts, ks int, accumulate bool),
	oracle func(out []T, ldo int, panel, x []T, ts, ks int, accumulate bool),
	random func(rng *rand.Rand, n int) []T) {
	tokens := ref.Tokens
	for k := range 20 {
		for _, strides := range [][2]int{{k + 1, 1}, {1, 9}, {1, 8}, {3, 40}} {
			for _, accumulate := range []bool{false, true} {
				rng := rand.New(rand.NewPCG(7, uint64(k)))
				ts, ks, ldo := strides[0], strides[1], rows+k%3
				panels := random(rng, 3*k*rows)
				panel := GuardCopy(t, panels[:k*rows], k%4)
				x := GuardCopy(t, random(rng, (tokens-1)*ts+max(k-1, 0)*ks+1), k%2)
				start := random(rng, (tokens-1)*ldo+rows)
				out, want := GuardCopy(t, start, 0), append([]T(nil), start...)
				one(out.Data, ldo, panel.Data, x.Data, ts, ks, accumulate)
				oracle(want, ldo, panel.Data, x.Data, ts, ks, accumulate)
				// at most 2k products of two normals below 5 in magnitude
				Near(t, fmt.Sprintf("k=%d", k), out.Data, want, func(int) float64 { return float64(2*k+1) * 25 * float64(2*k+1) * eps })
				out.Check(t, "output")

				ldo, os := 3*rows+k%3, rows
				if k%2 == 1 { // or apart from each other
					ldo, os = rows, tokens*rows+k
				}
				start = random(rng, 2*os+(tokens-1)*ldo+rows)
				all := GuardCopy(t, panels, k%4)
				outs, wants := GuardCopy(t, start, k%3), append([]T(nil), start...)
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

// normal64 returns n standard normal values.
func normal64(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

// rowProducts checks the products of rows of a dense matrix with vectors, for all tails of columns
// and of groups of rows. Terms are products of two normals below 5 in magnitude.
func rowProducts[T float32 | float64](t *testing.T, eps float64, dots func(d, a []T, ld int, x []T), adds func(y, a []T, ld int, c []T),
	both func(y, d, a []T, ld int, x, c []T), random func(rng *rand.Rand, n int) []T) {
	for rows := range 10 {
		for n := range 40 {
			rng := rand.New(rand.NewPCG(8, uint64(rows*40+n)))
			ld := n + rows%3
			a := GuardCopy(t, random(rng, max((rows-1)*ld+n, 0)), n%4)
			x, c := GuardCopy(t, random(rng, n), rows%4), GuardCopy(t, random(rng, rows), n%3)
			start := random(rng, n)
			wantD, wantY := make([]T, rows), append([]T(nil), start...)
			ref.SymRows(wantY, wantD, a.Data, ld, x.Data, c.Data)
			check := func(what string, call func(y, d []T)) {
				y, d := GuardCopy(t, start, n%2), Guard[T](t, rows, rows%2)
				call(y.Data, d.Data)
				if what != "AddRows" {
					Near(t, what+" d", d.Data, wantD, func(int) float64 { return float64(n*n) * 25 * eps })
				}
				if what != "RowDots" {
					Near(t, what+" y", y.Data, wantY, func(int) float64 { return float64((rows+1)*(rows+1)) * 25 * eps })
				}
				y.Check(t, what)
				d.Check(t, what)
			}
			check("RowDots", func(y, d []T) { dots(d, a.Data, ld, x.Data) })
			check("AddRows", func(y, d []T) { adds(y, a.Data, ld, c.Data) })
			check("SymRows", func(y, d []T) { both(y, d, a.Data, ld, x.Data, c.Data) })
		}
	}
}
