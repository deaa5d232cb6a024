package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/kernel/kerneltest"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// spectra are eigenvalues by name: what makes algorithms deflate, split, iterate long or lose accuracy.
var spectra = map[string]func(rng *rand.Rand, i, n int) float64{
	"random":    func(rng *rand.Rand, _, _ int) float64 { return rng.NormFloat64() },
	"graded":    func(_ *rand.Rand, i, _ int) float64 { return math.Pow(10, -float64(i)/4) },
	"clustered": func(rng *rand.Rand, i, _ int) float64 { return float64(i%3) + 1e-13*rng.NormFloat64() },
	"deficient": func(rng *rand.Rand, i, n int) float64 {
		if i > n/3 {
			return 0
		}
		return rng.NormFloat64()
	},
	"equal":   func(*rand.Rand, int, int) float64 { return 3 },
	"zero":    func(*rand.Rand, int, int) float64 { return 0 },
	"mirror":  func(_ *rand.Rand, i, n int) float64 { return float64(n/2 - i) },
	"one big": func(_ *rand.Rand, i, _ int) float64 { return max(1e-9, 1e9*float64(1-i)) },
}

// withSpectrum returns QᵀΛQ for a random orthogonal Q.
func withSpectrum[T Float](rng *rand.Rand, n int, value func(rng *rand.Rand, i, n int) float64) MatrixOf[T] {
	q := orthogonal(rng, n, n)
	scaledRows := newMatrix[float64](n, n)
	for i := range n {
		v := value(rng, i, n)
		for j := range n {
			scaledRows.Data[i*n+j] = v * q.Data[i*n+j]
		}
	}
	p := product(Transposed, Plain, q, scaledRows)
	m := newMatrix[T](n, n)
	for i := range n {
		for j := range i + 1 {
			m.Data[i*n+j] = T(p.Data[i*n+j])
			m.Data[j*n+i] = m.Data[i*n+j]
		}
	}
	return m
}

// orthogonal returns a random matrix with orthonormal rows, by gonum.
func orthogonal(rng *rand.Rand, rows, cols int) Matrix64 {
	if rows == 0 {
		return newMatrix[float64](0, cols)
	}
	x := normal[float64](rng, cols, rows, 0)
	var qr mat.QR
	qr.Factorize(mat.NewDense(cols, rows, x.Data))
	var q mat.Dense
	qr.QTo(&q)
	out := newMatrix[float64](rows, cols)
	for i := range rows {
		for j := range cols {
			out.Data[i*cols+j] = q.At(j, i)
		}
	}
	return out
}

// checkEigen holds a decomposition to its definition.
func checkEigen[T Float](t *testing.T, name string, a MatrixOf[T], e Eigen[T]) {
	t.Helper()
	n := a.Rows
	orthonormal(t, name, e.Vectors)
	weighted := wide(e.Vectors)
	for i := range n {
		if i > 0 && !(e.Values[i] <= e.Values[i-1]) {
			t.Fatalf("%s: values %v and %v rise", name, e.Values[i-1], e.Values[i])
		}
		for j := range n {
			weighted.Data[i*n+j] *= float64(e.Values[i])
		}
	}
	within[T](t, name+": VᵀΛV − A", distance(a, product(Transposed, Plain, wide(e.Vectors), weighted)), norm(a), n)
}

// gonumValues returns the eigenvalues by gonum, falling.
func gonumValues(a Matrix64) []float64 {
	if a.Rows == 0 {
		return nil
	}
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(a.Rows, a.Data), false) {
		panic("gonum does not converge")
	}
	v := e.Values(nil)
	for i := range len(v) / 2 {
		v[i], v[len(v)-1-i] = v[len(v)-1-i], v[i]
	}
	return v
}

func testEigen[T Float](t *testing.T, g *MultiplierOf[T]) {
	eps, _ := unit[T]()
	for name, value := range spectra {
		for _, n := range []int{0, 1, 2, 3, 31, 33, 65, 130} {
			a := withSpectrum[T](rand.New(rand.NewPCG(uint64(n), 3)), n, value)
			e, err := g.SymEigen(a)
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s, n=%d", name, n)
			checkEigen(t, what, a, e)
			top := norm(a)
			for i, want := range gonumValues(wide(a)) {
				if d := math.Abs(float64(e.Values[i]) - want); d > slack*float64(n+8)*eps*top {
					t.Fatalf("%s: value %d is %v, want %v", what, i, e.Values[i], want)
				}
			}
		}
	}
}

func TestSymEigen(t *testing.T) { both(t, testEigen[float32], testEigen[float64]) }

// TestSymEigenStructured: matrices that are condensed already, and one of several panels and levels.
func TestSymEigenStructured(t *testing.T) {
	both(t, testStructured[float32], testStructured[float64])
}

func testStructured[T Float](t *testing.T, g *MultiplierOf[T]) {
	const n = 100
	diagonal, wilkinson, laplace, glued := newMatrix[T](n, n), newMatrix[T](n, n), newMatrix[T](n, n), newMatrix[T](n, n)
	set := func(m MatrixOf[T], i, j int, v float64) { m.Data[i*n+j], m.Data[j*n+i] = T(v), T(v) }
	for i := range n {
		set(diagonal, i, i, float64((i*37)%n))
		set(wilkinson, i, i, math.Abs(float64(n/2-i)))
		set(laplace, i, i, 2)
		set(glued, i, i, float64(i%10))
		if i > 0 {
			set(wilkinson, i, i-1, 1)
			set(laplace, i, i-1, -1)
			set(glued, i, i-1, map[bool]float64{true: 1e-8, false: 1}[i%10 == 0])
		}
	}
	for name, a := range map[string]MatrixOf[T]{"diagonal": diagonal, "Wilkinson": wilkinson, "Laplace": laplace, "glued": glued,
		"several panels": gram[T](rand.New(rand.NewPCG(1, 1)), 300, 200, 0)} {
		e, err := g.SymEigen(a)
		if err != nil {
			t.Fatal(err)
		}
		checkEigen(t, name, a, e)
	}
}

// TestConquerManyPairs: of many values that differ by rounding errors alone, as an orthogonal matrix's
// singular values do, mergers turn one vector after the other into an eigenvector; the values must not
// drift by an error for each.
func TestConquerManyPairs(t *testing.T) {
	const n = 450
	g := NewMultiplierOf[float64](kernel.Best(), 2)
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 0))
		a, off := newMatrix[float64](n, n), make([]float64, n-1)
		for i := range off {
			off[i] = 6 * (1 + 0x1p-52*rng.NormFloat64())
			if i%2 == 1 {
				off[i] = 8e-15 * (1 + rng.NormFloat64()/10)
			}
			if rng.IntN(2) == 0 {
				off[i] = -off[i]
			}
			a.Data[i*n+i+1], a.Data[(i+1)*n+i] = off[i], off[i]
		}
		values, vectors, err := g.conquer(make([]float64, n), off, n)
		if err != nil {
			t.Fatal(err)
		}
		checkEigen(t, fmt.Sprintf("seed %d", seed), a, Eigen[float64]{values, vectors})
	}
}

// TestSymEigenProperties: for any small matrix, of whole numbers and with gaps between the rows.
func TestSymEigenProperties(t *testing.T) {
	g := NewMultiplierOf[float64](kernel.Best(), 2)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 48).Draw(rt, "n")
		size := math.Ldexp(1, rapid.IntRange(-1000, 900).Draw(rt, "exponent"))
		a, full := MatrixOf[float64]{Rows: n, Cols: n, Stride: n + 2, Data: make([]float64, n*(n+2))}, newMatrix[float64](n, n)
		values := rapid.SliceOfN(rapid.IntRange(-2, 2), n*n, n*n).Draw(rt, "values")
		for i := range n {
			for j := range n {
				if j <= i {
					a.row(i)[j] = float64(values[i*n+j]) * size
					full.Data[i*n+j], full.Data[j*n+i] = float64(values[i*n+j]), float64(values[i*n+j])
				} else {
					a.row(i)[j] = math.NaN() // is not read
				}
			}
		}
		e, err := g.SymEigen(a)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range e.Values {
			e.Values[i] /= size
		}
		checkEigen(t, "drawn", full, e)
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}

// TestThreadsChangeNoBit: every factorization, for one thread and three.
func TestThreadsChangeNoBit(t *testing.T) {
	both(t, testThreads[float32], testThreads[float64])
}

func testThreads[T Float](t *testing.T, _ *MultiplierOf[T]) {
	const n = 2*symmetricTask + 8 // products with a vector have several tasks
	x, a := normal[T](rand.New(rand.NewPCG(5, 5)), n, n/2, 0), newMatrix[T](n, n)
	NewMultiplierOf[T](kernel.Best(), 1).Gemm(Plain, Transposed, 1, x, x, 0, a)
	var first [][]T
	for _, threads := range []int{1, 3} {
		g := NewMultiplierOf[T](kernel.Best(), threads)
		e, err := g.SymEigen(a)
		if err != nil {
			t.Fatal(err)
		}
		q, r, err := g.QR(a)
		if err != nil {
			t.Fatal(err)
		}
		l := Dense(n, n, append([]T(nil), a.Data...))
		for i := range n {
			l.Data[i*n+i] += 1
		}
		if err := g.Cholesky(l); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			clear(l.row(i)[i+1:])
		}
		s, err := g.SVD(a.part(0, n, 0, 300))
		if err != nil {
			t.Fatal(err)
		}
		all := [][]T{s.Values, s.Left.Data, s.Right.Data, e.Values, e.Vectors.Data, q.Data, r.Data, l.Data}
		if first == nil {
			first = all
		}
		for i := range all {
			kerneltest.Same(t, fmt.Sprintf("%d threads, output %d", threads, i), all[i], first[i])
		}
	}
}

// TestNotFinite: the element is named, nothing hangs.
func TestNotFinite(t *testing.T) {
	g := NewMultiplierOf[float64](kernel.Best(), 1)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		a := identity(40)
		a.Data[7*40+5] = v
		_, err1 := g.SymEigen(a)
		_, _, err2 := g.QR(a)
		_, err3 := g.SVD(a)
		for _, err := range []error{err1, err2, err3} {
			if err == nil || !strings.Contains(err.Error(), "element (7, 5)") {
				t.Errorf("%v: error %v", v, err)
			}
		}
	}
}
