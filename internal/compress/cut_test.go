package compress

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// shapes has more outputs, more inputs and as many of both.
var shapes = [][2]int{{10, 24}, {24, 10}, {16, 16}}

// objectives returns one of each kind for a random matrix.
func objectives(t *testing.T, rng *rand.Rand, outputs, n int) map[string]*Objective {
	t.Helper()
	w, x := converted[float32](normal(rng, outputs, n)), inputs(rng, 300, n, n)
	y := targets(w, x)
	for i := range y.Data {
		y.Data[i] += 0.3 * float32(rng.NormFloat64())
	}
	m := added(t, x, y)
	list := map[string]*Objective{"plain": Plain(w)}
	for name, make := range map[string]func() (*Objective, error){
		"whitened": func() (*Objective, error) { return m.Whitened(w, 0) },
		"targets":  func() (*Objective, error) { return m.Objective(1e-6) },
		"toward":   func() (*Objective, error) { return m.Toward(w, 0) },
	} {
		o, err := make()
		if err != nil {
			t.Fatal(err)
		}
		list[name] = o
	}
	return list
}

func each(t *testing.T, f func(t *testing.T, rng *rand.Rand, o *Objective)) {
	for _, s := range shapes {
		for name, o := range objectives(t, rand.New(rand.NewPCG(4, uint64(s[0]))), s[0], s[1]) {
			t.Run(fmt.Sprintf("%s %d×%d", name, s[0], s[1]), func(t *testing.T) {
				f(t, rand.New(rand.NewPCG(5, 5)), o)
			})
		}
	}
}

// gram returns C of an objective.
func (o *Objective) gram() linalg.Matrix64 {
	if o.root.Rows > 0 {
		return times(o.root, transposed(o.root))
	}
	c := newMatrix(o.best.Cols, o.best.Cols)
	for i := range c.Rows {
		c.Data[i*c.Stride+i] = 1
	}
	return c
}

func TestLossIsTheTrace(t *testing.T) {
	each(t, func(t *testing.T, rng *rand.Rand, o *Objective) {
		w := normal(rng, o.best.Rows, o.best.Cols)
		d := clone(w)
		for i := range d.Data {
			d.Data[i] -= o.best.Data[i]
		}
		dcd, want := times(times(d, o.gram()), transposed(d)), 0.0
		for i := range dcd.Rows {
			want += dcd.Data[i*dcd.Cols+i]
		}
		near(t, "loss", o.Loss(w), want, want, 1e-12)
		near(t, "loss of the solution", o.Loss(o.Solution()), 0, want, 1e-20)
	})
}

func TestSpectrum(t *testing.T) {
	each(t, func(t *testing.T, rng *rand.Rand, o *Objective) {
		s, err := o.Spectrum(multiplier())
		if err != nil {
			t.Fatal(err)
		}
		losses, full := s.Losses(), min(o.best.Rows, o.best.Cols)
		if len(losses) != full+1 || losses[full] != 0 {
			t.Fatalf("losses %v of %d ranks", losses, full)
		}
		near(t, "loss of rank 0", losses[0], o.Loss(newMatrix(o.best.Rows, o.best.Cols)), losses[0], 1e-12)
		for r := 0; r <= full; r++ {
			b, a := s.Pair(r)
			near(t, fmt.Sprint("loss of rank ", r), o.Loss(times(b, a)), losses[r], losses[0], 1e-12)
			if r > 0 && losses[r] > losses[r-1] {
				t.Errorf("rank %d loses more than rank %d", r, r-1)
			}
			unit := times(transposed(b), b)
			for i := range r {
				unit.Data[i*r+i]--
			}
			if d := math.Sqrt(squares(unit)); d > 1e-7 {
				t.Errorf("rank %d: the columns of b are not orthonormal: %g", r, d)
			}
			refit := o.Loss(times(o.RefitB(a), a))
			near(t, fmt.Sprint("refitted rank ", r), refit, losses[r], losses[0], 1e-11)
			for range 20 { // no other pair is better, even with its best partner
				if other := normal(rng, r, o.best.Cols); o.Loss(times(o.RefitB(other), other)) < losses[r]-1e-12*losses[0] {
					t.Errorf("a random matrix of rank %d is better", r)
				}
			}
		}
	})
}

func TestPlainIsTheSVD(t *testing.T) {
	for _, s := range shapes {
		w := normal(rand.New(rand.NewPCG(6, 1)), s[0], s[1])
		d, err := multiplier().SVD(w)
		if err != nil {
			t.Fatal(err)
		}
		spectrum, err := Plain(converted[float32](w)).Spectrum(multiplier())
		if err != nil {
			t.Fatal(err)
		}
		for r := range d.Values {
			tail := 0.0
			for _, v := range d.Values[r:] {
				tail += v * v
			}
			near(t, fmt.Sprintf("%v, rank %d", s, r), spectrum.Losses()[r], tail, spectrum.Losses()[0], 1e-6) // w was rounded to float32
		}
		b, a := spectrum.Pair(3)
		left, right := part(d.Left, 0, 3, 0, s[0]), clone(part(d.Right, 0, 3, 0, s[1]))
		for i := range 3 {
			for j := range s[1] {
				right.Data[i*s[1]+j] *= d.Values[i]
			}
		}
		if d := distance(times(b, a), times(transposed(left), right)); d > 1e-5 {
			t.Errorf("%v: the pair of rank 3 differs from the SVD's by %g", s, d)
		}
	}
}

// TestRefitNeverWorsens alternates from factors that are rounded as a quantizer does, some of whose
// rows are zero or the same.
func TestRefitNeverWorsens(t *testing.T) {
	each(t, func(t *testing.T, rng *rand.Rand, o *Objective) {
		b, a := normal(rng, o.best.Rows, 6), normal(rng, 6, o.best.Cols)
		for i := range a.Data {
			a.Data[i] = math.Round(2*a.Data[i]) / 2
		}
		copy(a.Data[:a.Cols], a.Data[a.Cols:2*a.Cols])
		clear(a.Data[2*a.Cols : 3*a.Cols])
		last := o.Loss(times(b, a))
		for sweep := range 4 {
			b = o.RefitB(a)
			withB := o.Loss(times(b, a))
			a = o.RefitA(b)
			withA := o.Loss(times(b, a))
			if !(withB <= last*(1+1e-9)) || !(withA <= withB*(1+1e-9)) {
				t.Fatalf("sweep %d: loss %g, %g after B, %g after A", sweep, last, withB, withA)
			}
			last = withA
		}
		for _, v := range o.RefitB(part(newMatrix(3, o.best.Cols), 0, 3, 0, o.best.Cols)).Data {
			if v != 0 {
				t.Fatalf("B for an A of zeros holds %v", v)
			}
		}
		a.Data[0] = math.NaN()
		if v := o.RefitB(a).Data[0]; !math.IsNaN(v) {
			t.Errorf("B for an A that is not finite holds %v", v)
		}
	})
}

// TestAnchored shifts the inputs as a cut of earlier layers does: the solution undoes what can be undone.
func TestAnchored(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	const n, outputs, rows = 20, 12, 400
	w, x0 := converted[float32](normal(rng, outputs, n)), inputs(rng, rows, n, n)
	shift := normal(rng, n, n)
	for i := range n {
		for j := range n {
			shift.Data[i*n+j] *= 0.1
		}
		shift.Data[i*n+i]++
	}
	x := converted[float32](times(converted[float64](x0), shift))
	for i := range x.Data {
		x.Data[i] += 0.01 * float32(rng.NormFloat64())
	}
	y := targets(w, x0)
	m := added(t, x, y)
	residue := func(w linalg.Matrix64) (sum float64) {
		got := times(converted[float64](x), transposed(w))
		for i, v := range got.Data {
			sum += (v - float64(y.Data[i])) * (v - float64(y.Data[i])) / rows
		}
		return sum
	}
	original := converted[float64](w)
	for name, make := range map[string]func(float64) (*Objective, error){
		"to zero": m.Objective, "to the weights": func(ridge float64) (*Objective, error) { return m.Toward(w, ridge) },
	} {
		o, err := make(1e-4)
		if err != nil {
			t.Fatal(err)
		}
		if got, was := residue(o.Solution()), residue(original); got > was/5 {
			t.Errorf("%s: the solution leaves %g of %g", name, got, was)
		}
		// E‖y − W·x‖² + λ‖W − W₀‖² = floor + loss for any W
		other := normal(rng, outputs, n)
		d := clone(other)
		if name != "to zero" {
			for i := range d.Data {
				d.Data[i] -= original.Data[i]
			}
		}
		whole := residue(other) + o.Ridge.Lambda*squares(d)
		near(t, name+": floor + loss", o.Floor+o.Loss(other), whole, whole, 1e-5)
	}
	still := added(t, x0, y)
	o, err := still.Toward(w, 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := distance(o.Solution(), original); d > 1e-4 {
		t.Errorf("without a shift the solution differs from the weights by %g", d)
	}
}

func TestObjectiveRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	x := inputs(rng, 9, 4, 4)
	alone, none := added(t, x, linalg.Matrix{}), NewMoments(4, 2)
	w := converted[float32](normal(rng, 3, 5))
	for name, f := range map[string]func() (*Objective, error){
		"no targets":      func() (*Objective, error) { return alone.Objective(0) },
		"no rows":         func() (*Objective, error) { return none.Objective(0) },
		"other inputs":    func() (*Objective, error) { return alone.Whitened(w, 0) },
		"another target":  func() (*Objective, error) { return none.Toward(w, 0) },
		"no rows, whiten": func() (*Objective, error) { return none.Whitened(w, 0) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestObjectiveOfSomeOutputs is that of their own moments, and a pair's loss that of its product.
func TestObjectiveOfSomeOutputs(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	x, y, w := inputs(rng, 100, 12, 12), converted[float32](normal(rng, 100, 9)), converted[float32](normal(rng, 9, 12))
	whole, err := added(t, x, y).Toward(w, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := added(t, x, part(y, 0, 100, 4, 7)).Toward(part(w, 4, 7, 0, 12), 0)
	if err != nil {
		t.Fatal(err)
	}
	some := whole.Outputs(4, 3)
	for range 3 {
		b, a := normal(rng, 3, 2), normal(rng, 2, 12)
		loss := want.Loss(times(b, a))
		near(t, "loss", some.Loss(times(b, a)), loss, loss, 1e-5)
		near(t, "loss of a pair", some.pairLoss(b, some.whitened(a)), some.Loss(times(b, a)), loss, 1e-12)
	}
	if !math.IsNaN(some.Floor) {
		t.Errorf("a floor of %v", some.Floor)
	}
}
