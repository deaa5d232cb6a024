package linalg

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"gonum.org/v1/gonum/mat"
)

// BenchmarkSymEigen decomposes Gram matrices on two threads, beside gonum's EigenSym in the same process.
func BenchmarkSymEigen(b *testing.B) {
	for _, n := range []int{512, 1024, 2048} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			x, a := normal[float64](rand.New(rand.NewPCG(1, 1)), n, n, 0), newMatrix[float64](n, n)
			NewMultiplierOf[float64](kernel.Best(), 2).Gemm(Plain, Transposed, 1, x, x, 0, a)
			b.Run("float64", func(b *testing.B) { benchEigen(b, a) })
			b.Run("float32", func(b *testing.B) { benchEigen(b, narrow(a)) })
			b.Run("gonum", func(b *testing.B) {
				for range b.N {
					var e mat.EigenSym
					e.Factorize(mat.NewSymDense(n, a.Data), true)
				}
			})
		})
	}
}

func narrow(a Matrix64) Matrix {
	m := newMatrix[float32](a.Rows, a.Cols)
	for i, v := range a.Data {
		m.Data[i] = float32(v)
	}
	return m
}

func benchEigen[T Float](b *testing.B, a MatrixOf[T]) {
	g := NewMultiplierOf[T](kernel.Best(), 2)
	for range b.N {
		if _, err := g.SymEigen(a); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkQR factorizes random square matrices and forms Q.
func BenchmarkQR(b *testing.B) {
	for _, n := range []int{512, 1024, 2048} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			x := normal[float64](rand.New(rand.NewPCG(1, 1)), n, n, 0)
			g := NewMultiplierOf[float64](kernel.Best(), 2)
			b.Run("float64", func(b *testing.B) {
				for range b.N {
					if _, _, err := g.QR(x); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("gonum", func(b *testing.B) {
				for range b.N {
					var qr mat.QR
					var q mat.Dense
					qr.Factorize(mat.NewDense(n, n, x.Data))
					qr.QTo(&q)
				}
			})
		})
	}
}

// BenchmarkSVD decomposes random square matrices, beside gonum's SVD in the same process.
func BenchmarkSVD(b *testing.B) {
	for _, n := range []int{512, 1024, 2048} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			x := normal[float64](rand.New(rand.NewPCG(1, 1)), n, n, 0)
			b.Run("float64", func(b *testing.B) { benchSVD(b, x) })
			b.Run("float32", func(b *testing.B) { benchSVD(b, narrow(x)) })
			b.Run("gonum", func(b *testing.B) {
				for range b.N {
					var s mat.SVD
					s.Factorize(mat.NewDense(n, n, x.Data), mat.SVDThin)
				}
			})
		})
	}
}

func benchSVD[T Float](b *testing.B, a MatrixOf[T]) {
	g := NewMultiplierOf[T](kernel.Best(), 2)
	for range b.N {
		if _, err := g.SVD(a); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCholesky factorizes Gram matrices, beside gonum in the same process.
func BenchmarkCholesky(b *testing.B) {
	for _, n := range []int{512, 1024, 2048} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			g := NewMultiplierOf[float64](kernel.Best(), 2)
			x, a := normal[float64](rand.New(rand.NewPCG(1, 1)), n, n, 0), newMatrix[float64](n, n)
			g.Gemm(Plain, Transposed, 1, x, x, 0, a)
			for i := range n {
				a.Data[i*n+i] += float64(n)
			}
			b.Run("float64", func(b *testing.B) {
				l := newMatrix[float64](n, n)
				for range b.N {
					a.copyTo(l)
					if err := g.Cholesky(l); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("gonum", func(b *testing.B) {
				for range b.N {
					var c mat.Cholesky
					c.Factorize(mat.NewSymDense(n, a.Data))
				}
			})
		})
	}
}
