package linalg

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"gonum.org/v1/gonum/mat"
)

// BenchmarkSymEigen decomposes Gram matrices.
func BenchmarkSymEigen(b *testing.B) {
	eigen := factorization{matrix: uniformGram, f32: eigenOf[float32], f64: eigenOf[float64], gonum: func(n int, a []float64) {
		var e mat.EigenSym
		e.Factorize(mat.NewSymDense(n, a), true)
	}}
	eigen.bench(b)
}

// BenchmarkCholesky factorizes Gram matrices with n added to their diagonals.
func BenchmarkCholesky(b *testing.B) {
	cholesky := factorization{matrix: positive, f32: choleskyOf[float32](), f64: choleskyOf[float64](), gonum: func(n int, a []float64) {
		var c mat.Cholesky
		c.Factorize(mat.NewSymDense(n, a))
	}}
	cholesky.bench(b)
}

// BenchmarkQR factorizes random square matrices and forms Q.
func BenchmarkQR(b *testing.B) {
	qr := factorization{matrix: uniform, f32: qrOf[float32], f64: qrOf[float64], gonum: func(n int, a []float64) {
		var qr mat.QR
		var q mat.Dense
		qr.Factorize(mat.NewDense(n, n, a))
		qr.QTo(&q)
	}}
	qr.bench(b)
}

// BenchmarkSVD decomposes random square matrices.
func BenchmarkSVD(b *testing.B) {
	svd := factorization{matrix: uniform, f32: svdOf[float32], f64: svdOf[float64], gonum: func(n int, a []float64) {
		var s mat.SVD
		s.Factorize(mat.NewDense(n, n, a), mat.SVDThin)
	}}
	svd.bench(b)
}

// factorization is what a benchmark times on two threads in both types, beside gonum's in float64.
type factorization struct {
	matrix func(n int) Matrix64
	f32    func(g *MultiplierOf[float32], a Matrix) error
	f64    func(g *MultiplierOf[float64], a Matrix64) error
	gonum  func(n int, a []float64)
}

const gonumLargest = 2048 // beyond which gonum takes minutes

func (f factorization) bench(b *testing.B) {
	for _, n := range []int{256, 512, 1024, 2048, 4096} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			a := f.matrix(n)
			b.Run("float64", func(b *testing.B) { timed(b, f.f64, a) })
			b.Run("float32", func(b *testing.B) { timed(b, f.f32, narrow(a)) })
			if n > gonumLargest {
				return
			}
			b.Run("gonum", func(b *testing.B) {
				for range b.N {
					f.gonum(n, a.Data)
				}
			})
		})
	}
}

func timed[T Float](b *testing.B, factorize func(g *MultiplierOf[T], a MatrixOf[T]) error, a MatrixOf[T]) {
	g := NewMultiplierOf[T](kernel.Best(), 2)
	for range b.N {
		if err := factorize(g, a); err != nil {
			b.Fatal(err)
		}
	}
}

func eigenOf[T Float](g *MultiplierOf[T], a MatrixOf[T]) error {
	_, err := g.SymEigen(a)
	return err
}

// choleskyOf factorizes a copy, in memory that it keeps.
func choleskyOf[T Float]() func(g *MultiplierOf[T], a MatrixOf[T]) error {
	var l MatrixOf[T]
	return func(g *MultiplierOf[T], a MatrixOf[T]) error {
		if l.Rows != a.Rows {
			l = newMatrix[T](a.Rows, a.Cols)
		}
		a.copyTo(l)
		return g.Cholesky(l)
	}
}

func qrOf[T Float](g *MultiplierOf[T], a MatrixOf[T]) error {
	_, _, err := g.QR(a)
	return err
}

func svdOf[T Float](g *MultiplierOf[T], a MatrixOf[T]) error {
	_, err := g.SVD(a)
	return err
}

// uniform returns a square matrix of numbers in [-½, ½), drawn row after row.
func uniform(n int) Matrix64 {
	rng, m := rand.New(rand.NewPCG(1, 1)), newMatrix[float64](n, n)
	for i := range m.Data {
		m.Data[i] = rng.Float64() - 0.5
	}
	return m
}

// uniformGram returns X·Xᵀ of such an X.
func uniformGram(n int) Matrix64 {
	x, a := uniform(n), newMatrix[float64](n, n)
	NewMultiplierOf[float64](kernel.Best(), 2).Gemm(Plain, Transposed, 1, x, x, 0, a)
	return a
}

// positive returns the same plus n·I.
func positive(n int) Matrix64 {
	a := uniformGram(n)
	for i := range n {
		a.Data[i*n+i] += float64(n)
	}
	return a
}

func narrow(a Matrix64) Matrix {
	m := newMatrix[float32](a.Rows, a.Cols)
	for i, v := range a.Data {
		m.Data[i] = float32(v)
	}
	return m
}
