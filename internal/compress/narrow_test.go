package compress

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// features returns E[h·hᵀ] and rows of activations of which the last few repeat sums of others.
func features(t *testing.T, rng *rand.Rand, n, copies int) (linalg.Matrix64, linalg.Matrix64) {
	t.Helper()
	h := normal(rng, 500, n)
	for i := range h.Rows {
		row := h.Data[i*n : (i+1)*n]
		for k := range copies {
			row[n-1-k] = 0.05 * (row[k] + row[k+1])
		}
	}
	return added(t, converted[float32](h), linalg.Matrix{}).Gram(), h
}

func TestNarrowKeepsWhatOthersDoNotTell(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	const n, copies = 24, 8
	ch, h := features(t, rng, n, copies)
	down := converted[float32](normal(rng, 6, n))
	kept, small, loss, err := Narrow(ch, down, n-copies, 1e-8)
	if err != nil {
		t.Fatal(err)
	}
	for i, j := range kept {
		if i != j {
			t.Fatalf("kept %v: want the first %d, the others are sums of them", kept, n-copies)
		}
	}
	want, got := times(h, transposed(converted[float64](down))), times(part(h, 0, h.Rows, 0, n-copies), transposed(small))
	if d := distance(got, want); d > 1e-4 {
		t.Errorf("outputs differ by %g where nothing need be lost", d)
	}
	if loss > 1e-5 {
		t.Errorf("a loss of %g where nothing need be lost", loss)
	}
}

func TestNarrowAgainstOracles(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	const n, outputs, ridge = 30, 7, 1e-2
	x := inputs(rng, 400, n, n)
	m := added(t, x, linalg.Matrix{})
	ch, down := m.Gram(), converted[float32](normal(rng, outputs, n))
	before := clone(ch)
	o, err := m.Whitened(down, ridge) // its loss is the oracle of Narrow's
	if err != nil {
		t.Fatal(err)
	}
	wide := func(kept []int, small linalg.Matrix64) linalg.Matrix64 {
		w := newMatrix(outputs, n)
		for i := range outputs {
			for k, j := range kept {
				w.Data[i*n+j] = small.Data[i*small.Stride+k]
			}
		}
		return w
	}
	last := math.Inf(1)
	for keep := 2; keep <= n; keep += 4 {
		kept, small, loss, err := Narrow(ch, down, keep, ridge)
		if err != nil {
			t.Fatal(err)
		}
		if len(kept) != keep || !slices.IsSorted(kept) || small.Rows != outputs || small.Cols != keep {
			t.Fatalf("kept %v, outputs of %d×%d", kept, small.Rows, small.Cols)
		}
		scale := o.Loss(newMatrix(outputs, n))
		near(t, "loss", loss, o.Loss(wide(kept, small)), scale, 1e-10)
		for range 10 {
			other := clone(small)
			for i := range other.Data {
				other.Data[i] += 0.01 * rng.NormFloat64()
			}
			if o.Loss(wide(kept, other)) < loss {
				t.Errorf("keep %d: other weights are better", keep)
			}
		}
		if loss > last {
			t.Errorf("keeping %d loses %g, fewer %g", keep, loss, last)
		}
		last = loss
	}
	kept, small, loss, err := Narrow(ch, down, n, ridge)
	if err != nil || len(kept) != n || loss > 1e-9*squares(small) {
		t.Errorf("all features: kept %v, loss %g, %v", kept, loss, err)
	}
	if d := distance(small, converted[float64](down)); d > 1e-9 {
		t.Errorf("all features: weights differ by %g", d)
	}
	if distance(ch, before) != 0 {
		t.Error("the moments were written to")
	}
}

func TestInverseDiagonal(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const n = 250 // two blocks
	ch := added(t, inputs(rng, 300, n, 40), linalg.Matrix{}).Gram()
	g := multiplier()
	root, _, err := regularized(g, ch, 1, 1e-3)
	if err != nil {
		t.Fatal(err)
	}
	got, err := inverseDiagonal(g, root)
	if err != nil {
		t.Fatal(err)
	}
	want := newMatrix(n, n)
	for i := range n {
		want.Data[i*n+i] = 1
	}
	if err := g.SolveCholesky(linalg.Right, root, want); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		near(t, "diagonal of the inverse", got[i], want.Data[i*n+i], want.Data[i*n+i], 1e-9)
	}
}

// TestNarrowAsksTheOutputs has features that occur, but that no output uses.
func TestNarrowAsksTheOutputs(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 3))
	const n = 16
	ch := added(t, converted[float32](normal(rng, 300, n)), linalg.Matrix{}).Gram()
	down := converted[float32](normal(rng, 4, n))
	for i := range down.Rows {
		clear(down.Data[i*n+4 : i*n+8])
	}
	kept, _, loss, err := Narrow(ch, down, n-4, 0)
	if err != nil || slices.ContainsFunc(kept, func(i int) bool { return i >= 4 && i < 8 }) || loss > 1e-9 {
		t.Errorf("kept %v, loss %g, %v: want all but 4 to 7, which no output uses", kept, loss, err)
	}
}

func TestNarrowRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 3))
	ch, _ := features(t, rng, 8, 1)
	down := converted[float32](normal(rng, 3, 8))
	broken := clone(ch)
	broken.Data[9] = math.NaN()
	cases := []struct {
		name  string
		ch    linalg.Matrix64
		down  linalg.Matrix
		keep  int
		ridge float64
	}{
		{"none", ch, down, 0, 0},
		{"more than there are", ch, down, 9, 0},
		{"other features", ch, converted[float32](normal(rng, 3, 7)), 4, 0},
		{"ridge", ch, down, 4, -1},
		{"not finite", broken, down, 4, 0},
	}
	for _, c := range cases {
		if _, _, _, err := Narrow(c.ch, c.down, c.keep, c.ridge); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}
