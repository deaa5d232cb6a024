package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/kernel/kerneltest"
	"github.com/wattlaw/wattlaw/internal/kernel/ref"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// random returns a guarded matrix of rows×cols with gap floats of NaN between the rows.
func random(t testing.TB, rng *rand.Rand, rows, cols, gap int) (Matrix, kerneltest.Guarded[float32]) {
	n := 0
	if rows > 0 && cols > 0 {
		n = (rows-1)*(cols+gap) + cols
	}
	g := kerneltest.Guard[float32](t, n, gap%4)
	m := Matrix{Rows: rows, Cols: cols, Stride: cols + gap, Data: g.Data}
	for i := range rows {
		for j := range cols {
			m.Data[i*m.Stride+j] = float32(rng.NormFloat64())
		}
	}
	return m, g
}

func stored(op Op, rows, cols int) (int, int) {
	if op == Transposed {
		return cols, rows
	}
	return rows, cols
}

func clone(m Matrix) Matrix {
	m.Data = append([]float32(nil), m.Data...)
	return m
}

func general(m Matrix) blas32.General {
	return blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: max(m.Stride, 1), Data: m.Data}
}

func transpose(op Op) blas.Transpose {
	if op == Transposed {
		return blas.Trans
	}
	return blas.NoTrans
}

var ops = []Op{Plain, Transposed}

// shapes are rows, columns and depth around the borders of tiles, panels and blocks.
var shapes = [][3]int{
	{1, 1, 1}, {1, 17, 5}, {7, 3, 2}, {8, 16, 8}, {8, 48, 33}, {9, 49, 31}, {15, 33, 64}, {64, 64, 64},
	{65, 97, 66}, {31, 1, 513}, {1, 250, 100}, {130, 245, 520}, {5, 6, 1030}, {4100, 5, 3}, {3, 4103, 3},
}

// precisions lists what a set multiplies.
func precisions(set *kernel.Set) []Precision {
	if set.BFloat16() {
		return []Precision{Float32, BFloat16}
	}
	return []Precision{Float32}
}

func multiplier(t testing.TB, set *kernel.Set, threads int, p Precision) *Multiplier {
	t.Helper()
	g, err := NewMultiplier(set, threads).WithPrecision(p)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// rounded returns m as a multiplier of precision p sees it.
func rounded(m Matrix, p Precision) Matrix {
	m = clone(m)
	if p == BFloat16 {
		ref.RoundBF16(m.Data, m.Data)
	}
	return m
}

// TestGemmAgainstGonum: all transpositions, over odd shapes, strides and threads, within the
// rounding of sums of k products of two normals. What bfloat16 loses is lost before: the products
// of rounded numbers are exact in float32.
func TestGemmAgainstGonum(t *testing.T) {
	for _, set := range kernel.Available() {
		for _, p := range precisions(set) {
			for _, shape := range shapes {
				for i := range 4 {
					opA, opB := ops[i%2], ops[i/2]
					t.Run(fmt.Sprintf("%s %v %v %v %v", set.Name(), p, shape, opA, opB), func(t *testing.T) {
						against(t, set, p, shape[0], shape[1], shape[2], opA, opB)
					})
				}
			}
		}
	}
}

func against(t *testing.T, set *kernel.Set, p Precision, m, n, k int, opA, opB Op) {
	rng := rand.New(rand.NewPCG(uint64(m), uint64(n*k)))
	ar, ac := stored(opA, m, k)
	br, bc := stored(opB, k, n)
	a, guardA := random(t, rng, ar, ac, k%3)
	b, guardB := random(t, rng, br, bc, n%3)
	beforeA, beforeB := clone(a), clone(b)
	for _, scalars := range [][2]float32{{1, 0}, {1, 1}, {-0.5, 2}, {0, 0.5}} {
		alpha, beta := scalars[0], scalars[1]
		start, _ := random(t, rng, m, n, m%4)
		want := clone(start)
		blas32.Gemm(transpose(opA), transpose(opB), alpha, general(rounded(a, p)), general(rounded(b, p)), beta, general(want)) // alpha is a power of two
		var first Matrix
		for threads := 1; threads <= 3; threads++ {
			guardC := kerneltest.GuardCopy(t, start.Data, threads)
			c := start
			c.Data = guardC.Data
			multiplier(t, set, threads, p).Gemm(opA, opB, alpha, a, b, beta, c)
			bound := func(int) float64 { return 25 * 2 * float64(k+1) * math.Sqrt(float64(k+1)) * 0x1p-24 }
			kerneltest.Near(t, "C", c.Data, want.Data, bound)
			guardC.Check(t, "C")
			if threads == 1 {
				first = clone(c)
			}
			kerneltest.Same(t, fmt.Sprintf("%d threads", threads), c.Data, first.Data)
		}
	}
	kerneltest.Same(t, "A", a.Data, beforeA.Data)
	kerneltest.Same(t, "B", b.Data, beforeB.Data)
	guardA.Check(t, "A")
	guardB.Check(t, "B")
}

// TestGemmNaN: NaN and infinities reach the outputs that they are summed into and no other; what
// is multiplied by a scalar of zero does not matter.
func TestGemmNaN(t *testing.T) {
	const m, n, k = 11, 21, 13
	rng := rand.New(rand.NewPCG(1, 2))
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, set := range kernel.Available() {
		for i := range 4 * len(precisions(set)) {
			g := multiplier(t, set, 2, precisions(set)[i/4])
			opA, opB := ops[i%2], ops[i/2%2]
			ar, ac := stored(opA, m, k)
			br, bc := stored(opB, k, n)
			a, _ := random(t, rng, ar, ac, 0)
			b, _ := random(t, rng, br, bc, 0)
			c, _ := random(t, rng, m, n, 0)
			set := func(op Op, m Matrix, i, j int, v float32) {
				if op == Transposed {
					i, j = j, i
				}
				m.Data[i*m.Stride+j] = v
			}
			set(opA, a, 10, 12, nan)
			set(opB, b, 3, 20, inf)
			c.Data[0] = nan
			g.Gemm(opA, opB, 1, a, b, 0, c)
			for i := range m {
				for j := range n {
					v := float64(c.Data[i*n+j])
					switch wantNaN, wantInf := i == 10, j == 20 && i != 10; {
					case math.IsNaN(v) != wantNaN, math.IsInf(v, 0) != wantInf:
						t.Fatalf("C[%d][%d] = %v", i, j, v)
					}
				}
			}
			g.Gemm(opA, opB, 0, a, b, 0, c)
			kerneltest.Same(t, "C of zeros", c.Data, make([]float32, m*n))
		}
	}
}

func TestGemmEmpty(t *testing.T) {
	g := NewMultiplier(kernel.Best(), 2)
	c := []float32{1, 2, 3, 4}
	g.Gemm(Plain, Plain, 1, Dense[float32](2, 0, nil), Dense[float32](0, 2, nil), 2, Dense(2, 2, c))
	kerneltest.Same(t, "no products", c, []float32{2, 4, 6, 8})
	g.Gemm(Plain, Plain, 1, Dense[float32](0, 3, nil), Dense(3, 2, make([]float32, 6)), 0, Dense[float32](0, 2, nil))
}

// TestWithPrecisionRefuses: a set without products of bfloat16 says so instead of multiplying
// otherwise.
func TestWithPrecisionRefuses(t *testing.T) {
	plain, err := kernel.ByName("ref")
	if err != nil {
		t.Fatal(err)
	}
	for p, text := range map[Precision]string{BFloat16: "bfloat16", 7: "precision 7"} {
		if _, err := NewMultiplier(plain, 1).WithPrecision(p); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("precision %v: error %v", p, err)
		}
	}
}

func TestGemmRefusesShapes(t *testing.T) {
	x := make([]float32, 6)
	for name, c := range map[string][3]Matrix{
		"inner":  {Dense(2, 3, x), Dense(2, 3, x), Dense(2, 3, make([]float32, 6))},
		"output": {Dense(2, 3, x), Dense(3, 2, x), Dense(3, 2, make([]float32, 6))},
		"short":  {Dense(2, 3, x[:5]), Dense(3, 2, x), Dense(2, 2, make([]float32, 4))},
		"stride": {{Rows: 2, Cols: 3, Stride: 2, Data: x}, Dense(3, 2, x), Dense(2, 2, make([]float32, 4))},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			NewMultiplier(kernel.Best(), 1).Gemm(Plain, Plain, 1, c[0], c[1], 0, c[2])
		}()
	}
}

// BenchmarkGemm multiplies 1024³, beside gonum in the same process.
func BenchmarkGemm(b *testing.B) {
	const n = 1024
	rng := rand.New(rand.NewPCG(1, 1))
	x, y, z := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
	for i := range x {
		x[i], y[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	rate := func(b *testing.B) {
		b.ReportMetric(2*n*n*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	}
	for _, threads := range []int{1, 2} {
		g := NewMultiplier(kernel.Best(), threads)
		for i := range 4 {
			opA, opB := ops[i%2], ops[i/2]
			b.Run(fmt.Sprintf("%s/threads=%d/%v,%v", kernel.Best().Name(), threads, opA, opB), func(b *testing.B) {
				for range b.N {
					g.Gemm(opA, opB, 1, Dense(n, n, x), Dense(n, n, y), 0, Dense(n, n, z))
				}
				rate(b)
			})
		}
	}
	b.Run("gonum", func(b *testing.B) {
		for range b.N {
			blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, general(Dense(n, n, x)), general(Dense(n, n, y)), 0, general(Dense(n, n, z)))
		}
		rate(b)
	})
}
