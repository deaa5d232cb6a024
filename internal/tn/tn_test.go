package tn

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// drawn is a random matrix and how its indices part into sites.
type drawn struct {
	w     Matrix
	sites []Site
}

func draw(t *rapid.T) drawn {
	var d drawn
	rows, cols := 1, 1
	for range rapid.IntRange(1, 4).Draw(t, "sites") {
		s := Site{rapid.IntRange(1, 4).Draw(t, "out"), rapid.IntRange(1, 4).Draw(t, "in")}
		d.sites, rows, cols = append(d.sites, s), rows*s.Out, cols*s.In
	}
	d.w = random(rows, cols, rapid.Uint64().Draw(t, "seed"))
	return d
}

func random(rows, cols int, seed uint64) Matrix {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := newMatrix(rows, cols)
	for i := range w.Data {
		w.Data[i] = rng.NormFloat64()
	}
	return w
}

func difference(a, b Matrix) float64 {
	d := newMatrix(a.Rows, a.Cols)
	for i := range d.Data {
		d.Data[i] = a.Data[i] - b.Data[i]
	}
	return norm(d.Data)
}

const exact = 1e-12

var g = linalg.NewMultiplierOf[float64](kernel.Best(), 1)

func decompose(t interface{ Fatal(...any) }, d drawn, l Limits) (*MPO, Truncation) {
	m, cut, err := Decompose(g, d.w, d.sites, l)
	if err != nil {
		t.Fatal(err)
	}
	return m, cut
}

func TestFullRankReconstructs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		m, cut := decompose(t, d, Limits{})
		if e := difference(m.Matrix(g), d.w); e > exact*norm(d.w.Data) || cut.Error() > exact {
			t.Errorf("sites %v, bonds %v: error %g, reported %g", d.sites, m.Bonds, e, cut.Error())
		}
	})
}

// TestDiscardedWeightIsTheError, by decomposition as by truncation, whatever the limits.
func TestDiscardedWeightIsTheError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		l := UpTo(rapid.IntRange(0, 5).Draw(t, "bond"), len(d.sites))
		l.Error = rapid.Float64Range(0, 0.7).Draw(t, "error")
		m, cut := decompose(t, d, l)
		whole, _ := decompose(t, d, Limits{})
		later, cutLater, err := whole.Truncate(g, l)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []struct {
			m   *MPO
			cut Truncation
		}{{m, cut}, {later, cutLater}} {
			e := difference(r.m.Matrix(g), d.w)
			if math.Abs(e*e-r.cut.Weight()) > exact*norm(d.w.Data)*norm(d.w.Data) {
				t.Errorf("sites %v, bonds %v: squared error %g, discarded %g", d.sites, r.m.Bonds, e*e, r.cut.Weight())
			}
			for k, n := range r.m.Bonds {
				if l.Bonds[k] > 0 && n > l.Bonds[k] {
					t.Errorf("bond %d has dimension %d, more than %d", k, n, l.Bonds[k])
				}
			}
			if l.Bonds == nil || len(l.Bonds) > 0 && l.Bonds[0] == 0 {
				if r.cut.Error() > l.Error+exact {
					t.Errorf("error %g, more than %g", r.cut.Error(), l.Error)
				}
			}
		}
	})
}

// TestOneBondIsOptimal: no pair of that rank is nearer than the leading singular values.
func TestOneBondIsOptimal(t *testing.T) {
	w := random(7, 5, 3)
	s, err := g.SVD(w)
	if err != nil {
		t.Fatal(err)
	}
	for rank := 1; rank <= 5; rank++ {
		_, cut, err := Decompose(g, w, LowRank(7, 5), UpTo(rank, 2))
		if err != nil {
			t.Fatal(err)
		}
		if want := squares(s.Values[rank:]); math.Abs(cut.Weight()-want) > exact {
			t.Errorf("rank %d discards %g, the tail of the singular values is %g", rank, cut.Weight(), want)
		}
	}
}

func TestErrorFallsWithTheBond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		last := math.Inf(1)
		for bond := 1; bond <= 6; bond++ {
			_, cut := decompose(t, d, UpTo(bond, len(d.sites)))
			if cut.Error() > last+exact {
				t.Errorf("bond %d has error %g, the narrower one %g", bond, cut.Error(), last)
			}
			last = cut.Error()
		}
	})
}

// TestGaugesDoNotMatter: with g and g⁻¹ between two cores the operator, its canonical forms and its
// truncation are the same.
func TestGaugesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		m, _ := decompose(t, d, Limits{})
		turned := m.Clone()
		for k, n := range m.Bonds {
			x, inverse := shear(n, uint64(k))
			turned.Cores[k] = multiply(g, linalg.Dense(len(turned.Cores[k])/n, n, turned.Cores[k]), x).Data
			turned.Cores[k+1] = multiply(g, inverse, linalg.Dense(n, len(turned.Cores[k+1])/n, turned.Cores[k+1])).Data
		}
		l := UpTo(rapid.IntRange(1, 4).Draw(t, "bond"), len(d.sites))
		a, cutA, errA := m.Truncate(g, l)
		b, cutB, errB := turned.Truncate(g, l)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		scale := 1e-9 * norm(d.w.Data)
		if difference(turned.Matrix(g), d.w) > scale || difference(a.Matrix(g), b.Matrix(g)) > scale ||
			math.Abs(cutA.Weight()-cutB.Weight()) > scale*norm(d.w.Data) {
			t.Errorf("sites %v: gauges changed the operator or its truncation, %g and %g", d.sites, cutA.Weight(), cutB.Weight())
		}
	})
}

// shear returns a triangular matrix with ones on its diagonal, and its inverse: (1+N)⁻¹ = Σ(−N)ᵏ.
func shear(n int, seed uint64) (x, inverse Matrix) {
	x, inverse = random(n, n, seed), newMatrix(n, n)
	minus, power := newMatrix(n, n), newMatrix(n, n)
	for i := range n {
		for j := range n {
			if x.Data[i*n+j] /= float64(n); j <= i { // small enough that the inverse stays so
				x.Data[i*n+j] = 0
			}
			minus.Data[i*n+j] = -x.Data[i*n+j]
		}
		x.Data[i*n+i], power.Data[i*n+i] = 1, 1
	}
	for range n {
		for i, v := range power.Data {
			inverse.Data[i] += v
		}
		power = multiply(g, power, minus)
	}
	return x, inverse
}

func TestCanonicalForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		m, _ := decompose(t, d, Limits{})
		at := rapid.IntRange(0, len(d.sites)-1).Draw(t, "site")
		c, err := m.Canonical(g, at)
		if err != nil {
			t.Fatal(err)
		}
		if difference(c.Matrix(g), d.w) > exact*norm(d.w.Data) {
			t.Error("another matrix")
		}
		if n := norm(c.Cores[at]); math.Abs(n-norm(d.w.Data)) > exact*n {
			t.Errorf("the core has norm %g, the matrix %g", n, norm(d.w.Data))
		}
		for k := range d.sites {
			left, right := bond(c.Bonds, k), bond(c.Bonds, k+1)
			var product Matrix
			switch core := c.Cores[k]; {
			case k < at:
				x := linalg.Dense(len(core)/right, right, core)
				product = multiply(g, transposed(x), x)
			case k > at:
				x := linalg.Dense(left, len(core)/left, core)
				product = multiply(g, x, transposed(x))
			}
			for i := range product.Rows {
				product.Data[i*product.Cols+i]--
			}
			if norm(product.Data) > 1e-10 {
				t.Errorf("core %d of %d is no isometry", k, len(d.sites))
			}
		}
	})
}

// TestSchedules applies operators in both orders, counting every multiply-add.
func TestSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		m, _ := decompose(t, d, UpTo(rapid.IntRange(1, 5).Draw(t, "bond"), len(d.sites)))
		x := random(1, d.w.Cols, 9)
		want := multiply(g, x, transposed(m.Matrix(g))).Data
		var parameters int64
		for _, core := range m.Cores {
			parameters += int64(len(core))
		}
		if parameters != Parameters(m.Sites, m.Bonds) {
			t.Errorf("%d parameters, counted %d", parameters, Parameters(m.Sites, m.Bonds))
		}
		for _, order := range []Order{FromLast, FromFirst} {
			s := NewSchedule(m.Sites, m.Bonds, order)
			var done int64
			y := s.Run(x.Data, func(stage int, tokens []float64) (out []float64) {
				core := m.Core(s, stage)
				for t := 0; t < len(tokens); t += core.Cols {
					for r := range core.Rows {
						var sum float64
						for k := range core.Cols {
							sum += core.Data[r*core.Cols+k] * tokens[t+k]
							done++
						}
						out = append(out, sum)
					}
				}
				return out
			})
			for i, v := range want {
				if math.Abs(y[i]-v) > 1e-10 {
					t.Fatalf("sites %v, bonds %v, order %d: output %d is %g, want %g", m.Sites, m.Bonds, order, i, y[i], v)
				}
			}
			if done != s.MulAdds() || Cheaper(m.Sites, m.Bonds).MulAdds() > done {
				t.Errorf("%d multiply-adds, planned %d", done, s.MulAdds())
			}
			var stages [][]float64
			for i := range s.Stages {
				stages = append(stages, m.Core(s, i).Data)
			}
			if difference(Assemble(m.Sites, m.Bonds, s, stages).Matrix(g), m.Matrix(g)) != 0 {
				t.Error("the matrices of the stages make another operator")
			}
			if bytes, err := s.Bytes(tensor.F32); err != nil || bytes != 4*parameters {
				t.Errorf("%d bytes (%v), want %d", bytes, err, 4*parameters)
			}
		}
		y := m.Apply(g, Cheaper(m.Sites, m.Bonds), x.Data)
		if math.Abs(y[0]-want[0]) > 1e-10 {
			t.Errorf("applied: %g, want %g", y[0], want[0])
		}
	})
}

// TestScatterUndoesGather for several vectors and ranges of tokens.
func TestScatterUndoesGather(t *testing.T) {
	a := Arrangement{2, 3, 2, 4, 5}
	x := random(3, 240, 1).Data
	got := make([]float64, len(x))
	n := 3 * a.Tokens()
	for lo := 0; lo < n; lo += 7 {
		hi := min(lo+7, n)
		part := make([]float64, (hi-lo)*a.Features())
		Gather(a, part, x, lo, hi)
		Scatter(a, got, part, lo, hi)
	}
	for i := range x {
		if x[i] != got[i] {
			t.Fatalf("value %d is %g, was %g", i, got[i], x[i])
		}
	}
}

func TestLowRankCostsItsParameters(t *testing.T) {
	s := Cheaper(LowRank(40, 30), []int{4})
	if s.Order != FromLast || s.MulAdds() != 4*(40+30) || Parameters(LowRank(40, 30), []int{4}) != 4*70 {
		t.Errorf("order %d, %d multiply-adds", s.Order, s.MulAdds())
	}
	for _, st := range append(s.Stages, Stage{Arrangement: s.Last}) {
		if !st.Identity() {
			t.Errorf("a low-rank pair rearranges values: %+v", st)
		}
	}
}

func TestWhatCannotBeDecomposed(t *testing.T) {
	w := random(4, 6, 1)
	for _, c := range []struct {
		sites  []Site
		limits Limits
		want   string
	}{
		{nil, Limits{}, "without sites"},
		{[]Site{{2, 2}, {2, 2}}, Limits{}, "4 by 6"},
		{[]Site{{2, 0}, {2, 2}}, Limits{}, "site 0"},
		{[]Site{{2, 3}, {2, 2}}, UpTo(1, 3), "2 bonds"},
		{[]Site{{2, 3}, {2, 2}}, UpTo(-1, 2), "-1"},
		{[]Site{{2, 3}, {2, 2}}, Limits{Error: math.NaN()}, "NaN"},
	} {
		if _, _, err := Decompose(g, w, c.sites, c.limits); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v: %v, want %q", c.sites, c.limits, err, c.want)
		}
	}
	w.Data[3] = math.NaN()
	if _, _, err := Decompose(g, w, LowRank(4, 6), Limits{}); err == nil {
		t.Error("a matrix with NaN was decomposed")
	}
}
