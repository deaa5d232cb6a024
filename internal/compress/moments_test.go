package compress

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
)

func singles() *linalg.Multiplier { return linalg.NewMultiplier(kernel.Best(), 2) }

// normal returns a matrix of independent normal numbers.
func normal(rng *rand.Rand, rows, cols int) linalg.Matrix64 {
	m := newMatrix(rows, cols)
	for i := range m.Data {
		m.Data[i] = rng.NormFloat64()
	}
	return m
}

// inputs returns rows whose coordinates depend on each other and have very different sizes, as
// activations do; directions of them beyond rank do not occur.
func inputs(rng *rand.Rand, rows, n, rank int) linalg.Matrix {
	z, mix := normal(rng, rows, rank), normal(rng, rank, n)
	for i := range mix.Rows {
		for j := range n {
			mix.Data[i*n+j] *= math.Exp(-4 * float64(i) / float64(rank))
		}
	}
	return converted[float32](times(z, mix))
}

// times is the oracle of products.
func times(a, b linalg.Matrix64) linalg.Matrix64 {
	c := newMatrix(a.Rows, b.Cols)
	for i := range a.Rows {
		row := c.Data[i*c.Stride : i*c.Stride+c.Cols]
		for l := range a.Cols {
			for j, v := range b.Data[l*b.Stride : l*b.Stride+b.Cols] {
				row[j] += a.Data[i*a.Stride+l] * v
			}
		}
	}
	return c
}

// near errs when two figures differ by more than a share of scale.
func near(t *testing.T, what string, got, want, scale, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(scale)) {
		t.Errorf("%s: %.12g, want %.12g", what, got, want)
	}
}

func distance(a, b linalg.Matrix64) (d float64) {
	for i := range a.Rows {
		for j := range a.Cols {
			d = max(d, math.Abs(a.Data[i*a.Stride+j]-b.Data[i*b.Stride+j]))
		}
	}
	return d
}

// added returns the moments of rows in groups of different sizes.
func added(t *testing.T, x, y linalg.Matrix) *Moments {
	t.Helper()
	m := NewMoments(x.Cols, y.Cols)
	for lo, n := 0, 1; lo < x.Rows; lo, n = lo+n, 3*n {
		hi := min(lo+n, x.Rows)
		group := linalg.Matrix{}
		if y.Cols > 0 {
			group = part(y, lo, hi, 0, y.Cols)
		}
		if err := m.Add(singles(), part(x, lo, hi, 0, x.Cols), group); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// targets returns x·wᵀ.
func targets(w, x linalg.Matrix) linalg.Matrix {
	return converted[float32](times(converted[float64](x), transposed(converted[float64](w))))
}

func TestMomentsAreSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const rows, n, outputs = groupRows + 30, stripRows + 4, 7 // two groups, two strips
	x, y := inputs(rng, rows, n, 8), converted[float32](normal(rng, rows, outputs))
	m := added(t, x, y)
	if m.Rows() != rows {
		t.Errorf("%d rows, want %d", m.Rows(), rows)
	}
	dot := func(a linalg.Matrix, i int, b linalg.Matrix, j int) (sum float64) {
		for k := range rows {
			sum += float64(a.Data[k*a.Stride+i]) * float64(b.Data[k*b.Stride+j])
		}
		return sum
	}
	gram := m.Gram()
	for i := 0; i < n; i += 7 {
		for j := 0; j < n; j += 7 {
			near(t, "E[x·x]", gram.Data[i*n+j], dot(x, i, x, j)/rows, math.Sqrt(gram.Data[i*n+i]*gram.Data[j*n+j]), 1e-5)
		}
	}
	for i := range outputs {
		square := dot(y, i, y, i)
		near(t, "Σ y²", m.squares[i], square, square, 1e-12)
		for j := range n {
			near(t, "Σ y·x", m.r.Data[i*n+j], dot(y, i, x, j), math.Sqrt(square*rows*gram.Data[j*n+j]), 1e-5)
		}
	}
}

func TestMomentsRefuse(t *testing.T) {
	ones := func(rows, cols int) linalg.Matrix {
		m := linalg.Dense(rows, cols, make([]float32, rows*cols))
		for i := range m.Data {
			m.Data[i] = 1
		}
		return m
	}
	with := func(v float32) linalg.Matrix { m := ones(4, 3); m.Data[7] = v; return m }
	cases := []struct {
		name string
		x, y linalg.Matrix
		want string
	}{
		{"too wide", ones(4, 5), ones(4, 3), "4×5"},
		{"rows that differ", ones(4, 3), ones(5, 3), "5×3"},
		{"not a number", with(float32(math.NaN())), ones(4, 3), "input 1 of row 2 is NaN"},
		{"infinite target", ones(4, 3), with(float32(math.Inf(-1))), "output 1 of row 2 is -Inf"},
		{"squares overflow", with(1e20), ones(4, 3), "1e+20"},
	}
	for _, c := range cases {
		m := NewMoments(3, 3)
		err := m.Add(singles(), c.x, c.y)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if m.Rows() != 0 || squares(m.c) != 0 {
			t.Errorf("%s: something was added", c.name)
		}
	}
}

func TestRidge(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	const n = 24
	w := converted[float32](normal(rng, 5, n))
	singular := inputs(rng, 60, n, 4)
	cases := []struct {
		name   string
		x      linalg.Matrix
		ridge  float64
		raised bool
	}{
		{"regular", inputs(rng, 200, n, n), 0, false},
		{"singular, a sound ridge", singular, 1e-2, false},
		{"singular, next to no ridge", singular, 1e-30, true},
		{"always zero", linalg.Dense(9, n, make([]float32, 9*n)), 1e-2, true},
	}
	for _, c := range cases {
		m := added(t, c.x, targets(w, c.x))
		o, err := m.Objective(c.ridge)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if o.Ridge.Raised != c.raised || !(o.Ridge.Lambda > 0) {
			t.Errorf("%s: %+v, want raised %v", c.name, o.Ridge, c.raised)
		}
		back := times(o.root, transposed(o.root))
		want := m.Gram()
		for i := range n {
			want.Data[i*n+i] += o.Ridge.Lambda
		}
		if d := distance(back, want); d > 1e-12*math.Sqrt(squares(want)) {
			t.Errorf("%s: root·rootᵀ differs from C + λ by %g", c.name, d)
		}
	}
	m := added(t, singular, targets(w, singular))
	for _, ridge := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := m.Objective(ridge); err == nil {
			t.Errorf("a ridge of %v is no error", ridge)
		}
	}
	broken := newMatrix(2, 2)
	broken.Data[0] = math.NaN()
	if _, _, err := regularized(multiplier(), broken, 1, 0); err == nil {
		t.Error("a Gram matrix that is not finite is no error")
	}
}
