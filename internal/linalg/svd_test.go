package linalg

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// checkSVD holds a decomposition to its definition.
func checkSVD[T Float](t *testing.T, name string, a MatrixOf[T], s SVD[T]) {
	t.Helper()
	k, n := min(a.Rows, a.Cols), max(a.Rows, a.Cols)
	if len(s.Values) != k || s.Left.Rows != k || s.Left.Cols != a.Rows || s.Right.Rows != k || s.Right.Cols != a.Cols {
		t.Fatalf("%s: %d values, left %d×%d, right %d×%d", name, len(s.Values), s.Left.Rows, s.Left.Cols, s.Right.Rows, s.Right.Cols)
	}
	orthonormal(t, name+" left", s.Left)
	orthonormal(t, name+" right", s.Right)
	weighted := wide(s.Right)
	for i, v := range s.Values {
		if !(v >= 0) || i > 0 && v > s.Values[i-1] {
			t.Fatalf("%s: values %v", name, s.Values)
		}
		for j := range weighted.row(i) {
			weighted.row(i)[j] *= float64(v)
		}
	}
	within[T](t, name+": UᵀΣV − A", distance(a, product(Transposed, Plain, wide(s.Left), weighted)), norm(a), n)
}

// withSingular returns UᵀΣV for random U and V with orthonormal rows.
func withSingular[T Float](rng *rand.Rand, rows, cols int, value func(rng *rand.Rand, i, n int) float64) MatrixOf[T] {
	k := min(rows, cols)
	u, v := orthogonal(rng, k, rows), orthogonal(rng, k, cols)
	for i := range k {
		f := value(rng, i, k)
		for j := range v.row(i) {
			v.row(i)[j] *= f
		}
	}
	p := product(Transposed, Plain, u, v)
	m := newMatrix[T](rows, cols)
	for i, x := range p.Data {
		m.Data[i] = T(x)
	}
	return m
}

func gonumSingular(a Matrix64) []float64 {
	if a.Rows == 0 || a.Cols == 0 {
		return nil
	}
	var s mat.SVD
	if !s.Factorize(mat.NewDense(a.Rows, a.Cols, a.Data), mat.SVDNone) {
		panic("gonum does not converge")
	}
	return s.Values(nil)
}

func testSVD[T Float](t *testing.T, g *MultiplierOf[T]) {
	eps, _ := unit[T]()
	for name, value := range spectra {
		for _, s := range [][2]int{{0, 0}, {0, 4}, {4, 0}, {1, 1}, {1, 9}, {9, 1}, {2, 2}, {7, 5}, {20, 20}, {35, 33}, {70, 70}, {40, 129}, {130, 65}} {
			a := withSingular[T](rand.New(rand.NewPCG(uint64(s[0]), uint64(s[1]))), s[0], s[1], value)
			d, err := g.SVD(a)
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s, %d×%d", name, s[0], s[1])
			checkSVD(t, what, a, d)
			top := norm(a)
			for i, want := range gonumSingular(wide(a)) {
				if d := math.Abs(float64(d.Values[i]) - want); d > slack*float64(max(s[0], s[1])+8)*eps*top {
					t.Fatalf("%s: value %d differs by %v, largest is %v", what, i, d, top)
				}
			}
		}
	}
}

func TestSVD(t *testing.T) { both(t, testSVD[float32], testSVD[float64]) }

// TestSVDSmallValues: values far below the largest keep an error relative to the largest, which the
// square of the matrix would have lost: all of 1 to 1e-14 are found within 1e-15.
func TestSVDSmallValues(t *testing.T) {
	const n = 57
	g := NewMultiplierOf[float64](kernel.Best(), 2)
	a := withSingular[float64](rand.New(rand.NewPCG(1, 2)), n, n, spectra["graded"])
	s, err := g.SVD(a)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range s.Values {
		if want := spectra["graded"](nil, i, n); math.Abs(v-want) > 4e-15 {
			t.Errorf("value %d is %v, want %v", i, v, want)
		}
	}
}

func TestSVDProperties(t *testing.T) {
	g := NewMultiplierOf[float64](kernel.Best(), 2)
	rapid.Check(t, func(rt *rapid.T) {
		rows, cols := rapid.IntRange(1, 40).Draw(rt, "rows"), rapid.IntRange(1, 40).Draw(rt, "cols")
		values := rapid.SliceOfN(rapid.IntRange(-1, 1), rows*cols, rows*cols).Draw(rt, "values")
		a := MatrixOf[float64]{Rows: rows, Cols: cols, Stride: cols + 1, Data: make([]float64, rows*(cols+1))}
		for i, v := range values {
			a.Data[i/cols*a.Stride+i%cols] = float64(v)
		}
		s, err := g.SVD(a)
		if err != nil {
			rt.Fatal(err)
		}
		checkSVD(t, "drawn", a, s)
		if t.Failed() {
			rt.Fatal("see above")
		}
	})
}
