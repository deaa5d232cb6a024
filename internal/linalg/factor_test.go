package linalg

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/kernel/kerneltest"
	"gonum.org/v1/gonum/blas/blas64"
)

// both runs a test in both types with the best kernels of this machine.
func both(t *testing.T, f32 func(t *testing.T, g *MultiplierOf[float32]), f64 func(t *testing.T, g *MultiplierOf[float64])) {
	t.Run("float32", func(t *testing.T) { f32(t, NewMultiplierOf[float32](kernel.Best(), 2)) })
	t.Run("float64", func(t *testing.T) { f64(t, NewMultiplierOf[float64](kernel.Best(), 2)) })
}

func wide[T Float](m MatrixOf[T]) Matrix64 {
	w := newMatrix[float64](m.Rows, m.Cols)
	for i := range m.Rows {
		for j, v := range m.row(i) {
			w.Data[i*m.Cols+j] = float64(v)
		}
	}
	return w
}

// product returns op(A)·op(B) by gonum in float64.
func product[T Float](opA, opB Op, a, b MatrixOf[T]) Matrix64 {
	m, k := shape(opA, a)
	_, n := shape(opB, b)
	c := newMatrix[float64](m, n)
	if m > 0 && n > 0 && k > 0 {
		blas64.Gemm(transpose(opA), transpose(opB), 1, general64(wide(a)), general64(wide(b)), 0, general64(c))
	}
	return c
}

// norm returns the Frobenius norm.
func norm[T Float](m MatrixOf[T]) float64 {
	var sum float64
	for i := range m.Rows {
		for _, v := range m.row(i) {
			sum += float64(v) * float64(v)
		}
	}
	return math.Sqrt(sum)
}

// distance returns ‖a − b‖.
func distance[T Float](a MatrixOf[T], b Matrix64) float64 {
	d := wide(a)
	for i := range d.Rows {
		for j, v := range b.row(i) {
			d.row(i)[j] -= v
		}
	}
	return norm(d)
}

func identity(n int) Matrix64 {
	m := newMatrix[float64](n, n)
	for i := range n {
		m.Data[i*n+i] = 1
	}
	return m
}

// slack is the factor on n·eps that residuals and losses of orthogonality, in Frobenius' norm, are held
// to: below two is what is found.
const slack = 4

// within fails unless the figure, relative to n·eps and scale, is at most slack.
func within[T Float](t *testing.T, what string, figure, scale float64, n int) {
	t.Helper()
	eps, _ := unit[T]()
	if bound := slack * float64(n+8) * eps * scale; !(figure <= bound) {
		t.Errorf("%s: %.3g, want at most %.3g", what, figure, bound)
	}
}

// orthonormal fails unless the rows of q are.
func orthonormal[T Float](t *testing.T, what string, q MatrixOf[T]) {
	t.Helper()
	within[T](t, what+": orthogonality", distance(product(Plain, Transposed, q, q), identity(q.Rows)), 1, max(q.Rows, q.Cols))
}

// triangle returns a well-conditioned triangular matrix with NaN in the other half.
func triangle[T Float](rng *rand.Rand, half Triangle, n int) MatrixOf[T] {
	m := normal[T](rng, n, n, 2)
	for i := range n {
		for j := range m.row(i) {
			switch v := &m.row(i)[j]; {
			case i == j:
				*v = T(1 + rng.Float64())
			case (j > i) == (half == Lower):
				*v = T(math.NaN())
			default:
				*v /= T(n)
			}
		}
	}
	return m
}

func testTriangular[T Float](t *testing.T, g *MultiplierOf[T]) {
	for _, n := range []int{0, 1, 2, 31, 33, 64, 130} {
		for _, sides := range []int{0, 1, 7, 300} {
			for i := range 8 {
				side, half, op := Side(i%2 == 1), Triangle(i/2%2 == 1), Op(i/4 == 1)
				rng := rand.New(rand.NewPCG(uint64(n), uint64(sides)))
				a := triangle[T](rng, half, n)
				rows, cols := n, sides
				if side == Right {
					rows, cols = sides, n
				}
				b := normal[T](rng, rows, cols, 3)
				x := MatrixOf[T]{Rows: rows, Cols: cols, Stride: b.Stride, Data: append([]T(nil), b.Data...)}
				if err := g.SolveTriangular(side, half, op, a, x); err != nil {
					t.Fatal(err)
				}
				for i := range n {
					for j := range n {
						if v := &a.row(i)[j]; *v != *v {
							*v = 0
						}
					}
				}
				var back Matrix64
				if side == Left {
					back = product(op, Plain, a, x)
				} else {
					back = product(Plain, op, x, a)
				}
				within[T](t, fmt.Sprintf("n=%d sides=%d case %d", n, sides, i), distance(b, back), 2*norm(b), n)
			}
		}
	}
}

func TestSolveTriangular(t *testing.T) { both(t, testTriangular[float32], testTriangular[float64]) }

func TestSolveTriangularSingular(t *testing.T) {
	a := Dense(2, 2, []float64{1, 0, 5, 0})
	b := []float64{1, 2}
	err := NewMultiplierOf[float64](kernel.Best(), 1).SolveTriangular(Left, Lower, Plain, a, Dense(2, 1, b))
	if err == nil || !strings.Contains(err.Error(), "element 1") {
		t.Errorf("error %v", err)
	}
	kerneltest.Same(t, "b", b, []float64{1, 2})
}

// gram returns X·Xᵀ/cols + ridge.
func gram[T Float](rng *rand.Rand, n, cols int, ridge float64) MatrixOf[T] {
	x := normal[float64](rng, n, cols, 0)
	p := product(Plain, Transposed, x, x)
	m := newMatrix[T](n, n)
	for i := range p.Data {
		m.Data[i] = T(p.Data[i] / float64(max(cols, 1)))
	}
	for i := range n {
		m.Data[i*n+i] += T(ridge)
	}
	return m
}

func testCholesky[T Float](t *testing.T, g *MultiplierOf[T]) {
	for _, n := range []int{0, 1, 2, 47, 49, 97, 130, 300} {
		rng := rand.New(rand.NewPCG(uint64(n), 1))
		a := gram[T](rng, n, 2*n, 0.01)
		l := Dense(n, n, append([]T(nil), a.Data...))
		for i := range n {
			for j := i + 1; j < n; j++ {
				l.Data[i*n+j] = T(math.NaN())
			}
		}
		if err := g.Cholesky(l); err != nil {
			t.Fatal(err)
		}
		clean := newMatrix[T](n, n)
		for i := range n {
			copy(clean.row(i), l.row(i)[:i+1])
		}
		within[T](t, fmt.Sprintf("n=%d: LLᵀ − A", n), distance(a, product(Plain, Transposed, clean, clean)), norm(a), n)
		for _, side := range []Side{Left, Right} {
			b := normal[T](rng, n, n, 0)
			x := Dense(n, n, append([]T(nil), b.Data...))
			if err := g.SolveCholesky(side, l, x); err != nil {
				t.Fatal(err)
			}
			back := product(Plain, Plain, a, x)
			if side == Right {
				back = product(Plain, Plain, x, a)
			}
			within[T](t, fmt.Sprintf("n=%d: solution", n), distance(b, back), norm(x)*norm(a), n)
		}
	}
}

func TestCholesky(t *testing.T) { both(t, testCholesky[float32], testCholesky[float64]) }

// TestCholeskyNotPositive: the pivot at which elimination ends is named, NaN too, in every part of
// the recursion.
func TestCholeskyNotPositive(t *testing.T) {
	const n = 130
	g := NewMultiplierOf[float64](kernel.Best(), 2)
	for _, pivot := range []int{0, 1, 64, 100, 129} {
		for _, value := range []float64{-1, 0, math.NaN()} {
			a := identity(n)
			a.Data[pivot*n+pivot] = value
			var e *NotPositiveError
			if err := g.Cholesky(a); !errors.As(err, &e) || e.Pivot != pivot || !strings.Contains(err.Error(), fmt.Sprintf("pivot %d is", pivot)) {
				t.Errorf("pivot %d of %v: error %v", pivot, value, err)
			}
		}
	}
}

func testQR[T Float](t *testing.T, g *MultiplierOf[T]) {
	for _, s := range [][2]int{{0, 0}, {3, 0}, {0, 3}, {1, 1}, {2, 5}, {5, 2}, {9, 9}, {70, 65}, {65, 130}, {130, 129}, {300, 40}} {
		for _, rank := range []int{1000, 3, 0} {
			rng := rand.New(rand.NewPCG(uint64(s[0]), uint64(s[1])))
			a := deficient[T](rng, s[0], s[1], rank)
			q, r, err := g.QR(a)
			if err != nil {
				t.Fatal(err)
			}
			name, n := fmt.Sprintf("%d×%d of rank %d", s[0], s[1], rank), min(s[0], s[1])
			if q.Rows != s[0] || q.Cols != n || r.Rows != n || r.Cols != s[1] {
				t.Fatalf("%s: Q %d×%d, R %d×%d", name, q.Rows, q.Cols, r.Rows, r.Cols)
			}
			for i := range r.Rows {
				for j := range min(i, r.Cols) {
					if r.Data[i*r.Stride+j] != 0 {
						t.Fatalf("%s: R[%d][%d] is not zero", name, i, j)
					}
				}
			}
			within[T](t, name+": QR − A", distance(a, product(Plain, Plain, q, r)), norm(a), max(s[0], s[1]))
			qt := newMatrix[T](n, s[0])
			q.transposeTo(qt)
			orthonormal(t, name, qt)
		}
	}
}

// deficient returns a matrix of at most a rank.
func deficient[T Float](rng *rand.Rand, rows, cols, rank int) MatrixOf[T] {
	if rank >= min(rows, cols) {
		return normal[T](rng, rows, cols, 1)
	}
	p := product(Plain, Plain, normal[float64](rng, rows, rank, 0), normal[float64](rng, rank, cols, 0))
	m := newMatrix[T](rows, cols)
	for i, v := range p.Data {
		m.Data[i] = T(v)
	}
	return m
}

func TestQR(t *testing.T) { both(t, testQR[float32], testQR[float64]) }

// TestExtremeScales: nothing overflows or vanishes near the ends of the exponents.
func TestExtremeScales(t *testing.T) {
	g := NewMultiplierOf[float64](kernel.Best(), 1)
	for _, size := range []float64{1e-300, 1e300, 0x1p-1070} {
		a := Dense(2, 2, []float64{3 * size, size, 4 * size, 2 * size})
		_, r, err := g.QR(a)
		if err != nil || math.Abs(math.Abs(r.Data[0])/size-5) > 1e-14 {
			t.Errorf("size %g: R %v, %v", size, r.Data, err)
		}
	}
}
