package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/kernel/kerneltest"
	"gonum.org/v1/gonum/blas/blas64"
)

// normal returns a matrix of normals whose rows lie gap elements apart.
func normal[T Float](rng *rand.Rand, rows, cols, gap int) MatrixOf[T] {
	m := MatrixOf[T]{Rows: rows, Cols: cols, Stride: cols + gap, Data: make([]T, rows*(cols+gap))}
	for i := range m.Data {
		m.Data[i] = T(rng.NormFloat64())
	}
	return m
}

func general64(m Matrix64) blas64.General {
	return blas64.General{Rows: m.Rows, Cols: m.Cols, Stride: max(m.Stride, 1), Data: m.Data}
}

// TestGemm64AgainstGonum: as in float32, in fewer shapes; the driver is the same. Of a symmetric
// product only the lower half need be right.
func TestGemm64AgainstGonum(t *testing.T) {
	for _, set := range kernel.Available() {
		for _, shape := range [][3]int{{1, 1, 1}, {7, 3, 2}, {9, 49, 31}, {65, 97, 66}, {31, 1, 300}, {5, 6, 530}, {300, 300, 24}} {
			for i := range 4 {
				m, n, k, opA, opB := shape[0], shape[1], shape[2], ops[i%2], ops[i/2]
				t.Run(fmt.Sprintf("%s %v %v %v", set.Name(), shape, opA, opB), func(t *testing.T) {
					rng := rand.New(rand.NewPCG(uint64(m), uint64(n*k)))
					ar, ac := stored(opA, m, k)
					br, bc := stored(opB, k, n)
					a, b, start := normal[float64](rng, ar, ac, k%3), normal[float64](rng, br, bc, n%3), normal[float64](rng, m, n, m%4)
					for _, scalars := range [][2]float64{{1, 0}, {1, 1}, {-0.3, 2}} {
						want := start
						want.Data = append([]float64(nil), start.Data...)
						blas64.Gemm(transpose(opA), transpose(opB), scalars[0], general64(a), general64(b), scalars[1], general64(want))
						for threads := 1; threads <= 2; threads++ {
							g := NewMultiplierOf[float64](set, threads)
							for _, multiply := range []func(opA, opB Op, alpha float64, a, b Matrix64, beta float64, c Matrix64){g.Gemm, g.GemmLower} {
								c := start
								c.Data = append([]float64(nil), start.Data...)
								multiply(opA, opB, scalars[0], a, b, scalars[1], c)
								full := threads == 1
								for i := range m {
									for j := range n {
										if bound := 25 * 2 * float64(k+1) * math.Sqrt(float64(k+1)) * 0x1p-53; j <= i || full && n < 240 {
											if d := math.Abs(c.Data[i*c.Stride+j] - want.Data[i*c.Stride+j]); !(d <= bound) {
												t.Fatalf("C[%d][%d] = %v, want %v", i, j, c.Data[i*c.Stride+j], want.Data[i*c.Stride+j])
											}
										}
									}
								}
							}
						}
					}
				})
			}
		}
	}
}

// TestBFloat16RefusesFloat64: only float32 are rounded.
func TestBFloat16RefusesFloat64(t *testing.T) {
	if _, err := NewMultiplierOf[float64](kernel.Best(), 1).WithPrecision(BFloat16); err == nil {
		t.Error("no error")
	}
	g, err := NewMultiplierOf[float64](kernel.Best(), 1).WithPrecision(Float32)
	if err != nil {
		t.Fatal(err)
	}
	c := make([]float64, 1)
	g.Gemm(Plain, Plain, 1, Dense(1, 1, []float64{3}), Dense(1, 1, []float64{1.0 / 3}), 0, Dense(1, 1, c))
	kerneltest.Same(t, "c", c, []float64{1})
}
