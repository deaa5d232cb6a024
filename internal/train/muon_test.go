package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// TestOrthogonalize holds the singular values near one and the singular vectors as they were.
func TestOrthogonalize(t *testing.T) {
	m, err := NewRandom(small("llama"), true, 1, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, shape := range [][2]int{{12, 12}, {8, 24}, {24, 8}} {
		rows, cols := shape[0], shape[1]
		rng := rand.New(rand.NewPCG(1, uint64(rows)))
		x := make([]float32, rows*cols)
		var squares float64
		for i := range x {
			x[i] = float32(rng.NormFloat64())
			squares += float64(x[i]) * float64(x[i])
		}
		for i := range x {
			x[i] /= float32(math.Sqrt(squares))
		}
		before := factor(t, rows, cols, slices.Clone(x))
		m.orthogonalize(linalg.Dense(rows, cols, x))
		after := factor(t, rows, cols, x)
		for i, s := range after.Values(nil) {
			if s < 0.65 || s > 1.25 { // the quintic keeps within this of one
				t.Errorf("%d × %d: singular value %d is %v", rows, cols, i, s)
			}
		}
		var u, v, ideal mat.Dense
		before.UTo(&u)
		before.VTo(&v)
		ideal.Mul(&u, v.T())
		var dot, a, b float64
		for i := range rows {
			for j := range cols {
				p, q := ideal.At(i, j), float64(x[i*cols+j])
				dot, a, b = dot+p*q, a+p*p, b+q*q
			}
		}
		if cos := dot / math.Sqrt(a*b); cos < 0.97 {
			t.Errorf("%d × %d: cosine %v to U·Vᵀ", rows, cols, cos)
		}
	}
}

func factor(t *testing.T, rows, cols int, x []float32) *mat.SVD {
	t.Helper()
	m := mat.NewDense(rows, cols, nil)
	for i, v := range x {
		m.Set(i/cols, i%cols, float64(v))
	}
	var svd mat.SVD
	if !svd.Factorize(m, mat.SVDThin) {
		t.Fatal("no decomposition")
	}
	return &svd
}

// TestMuonLearns holds that both optimizers learn by one learning rate, and that no thread count
// changes a bit of it.
func TestMuonLearns(t *testing.T) {
	plan := Plan{Recipe: "muon", Batch: 2, Rate: Schedule{Peak: 0.02, WarmUp: 5, Steps: 150}, Clip: 1, Muon: true}
	data := func(uint64) (Sequence, error) {
		return Sequence{Tokens: []int32{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5}}, nil
	}
	var ends [2]Progress
	for i, threads := range []int{1, 3} {
		tr := trainer(t, 5, threads, plan, data)
		ends[i] = steps(t, tr, plan.Rate.Steps)
	}
	if ends[0].Loss > 0.1 {
		t.Errorf("after %d steps a loss of %v", plan.Rate.Steps, ends[0].Loss)
	}
	if ends[0] != ends[1] {
		t.Errorf("with 1 thread %+v, with 3 %+v", ends[0], ends[1])
	}
}
