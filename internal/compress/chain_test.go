package compress

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/tn"
)

var chains = [][]tn.Site{
	{{Out: 6, In: 3}, {Out: 2, In: 8}},
	{{Out: 2, In: 3}, {Out: 3, In: 4}, {Out: 2, In: 2}},
	{{Out: 1, In: 2}, {Out: 12, In: 1}, {Out: 1, In: 12}},
	{{Out: 12, In: 24}},
}

func TestChainOfAPairIsTheBestCut(t *testing.T) {
	each(t, func(t *testing.T, rng *rand.Rand, o *Objective) {
		s, err := o.Spectrum(multiplier())
		if err != nil {
			t.Fatal(err)
		}
		for _, chi := range []int{1, 4, 10} {
			m, loss, err := o.Chain(multiplier(), tn.LowRank(o.best.Rows, o.best.Cols), chi)
			if err != nil {
				t.Fatal(err)
			}
			near(t, fmt.Sprint("loss of rank ", chi), loss, s.Losses()[chi], s.Losses()[0], 1e-10)
			near(t, "loss of the operator", loss, o.Loss(m.Matrix(multiplier())), s.Losses()[0], 1e-12)
		}
	})
}

func TestChains(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	for _, sites := range chains {
		rows, cols := (&tn.MPO{Sites: sites}).Shape()
		for name, o := range objectives(t, rng, rows, cols) {
			g := multiplier()
			zero := o.Loss(newMatrix(rows, cols))
			m, loss, err := o.Chain(g, sites, 1000)
			if err != nil {
				t.Fatal(err)
			}
			near(t, fmt.Sprint(sites, name, " without a cut"), loss, 0, zero, 1e-12)
			if d := distance(m.Matrix(g), o.best); d > 1e-5 {
				t.Errorf("%v %s without a cut: differs by %g", sites, name, d)
			}
			if len(sites) == 1 {
				continue
			}
			const chi = 2
			m, loss, err = o.Chain(g, sites, chi)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "loss of the operator", loss, o.Loss(m.Matrix(g)), zero, 1e-12)
			blind, _, err := tn.Decompose(g, o.best, sites, tn.UpTo(chi, len(sites)))
			if err != nil {
				t.Fatal(err)
			}
			if other := o.Loss(blind.Matrix(g)); loss > other*(1+1e-9) {
				t.Errorf("%v %s: loses %g, a cut that does not look at inputs %g", sites, name, loss, other)
			}
			for k, bond := range m.Bonds {
				if bond > chi {
					t.Errorf("%v %s: bond %d of %d", sites, name, k, bond)
				}
			}
		}
	}
}

// TestRefittedCoreIsBest holds the closed form of each core against random changes of it.
func TestRefittedCoreIsBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	for _, sites := range chains[:3] {
		rows, cols := (&tn.MPO{Sites: sites}).Shape()
		for name, o := range objectives(t, rng, rows, cols) {
			f := newChainFit(multiplier(), o, sites)
			if err := f.start(2); err != nil {
				t.Fatal(err)
			}
			for k := range sites {
				before := o.Loss(f.mpo.Matrix(f.g))
				for i := range f.mpo.Cores[k] {
					f.mpo.Cores[k][i] += rng.NormFloat64()
				}
				f.refit(k)
				after := o.Loss(f.mpo.Matrix(f.g))
				if after > before*(1+1e-9) {
					t.Errorf("%v %s, core %d: loss %g, %g after the fit", sites, name, k, before, after)
				}
				for range 20 {
					other := f.mpo.Clone()
					for i := range other.Cores[k] {
						other.Cores[k][i] += 1e-3 * rng.NormFloat64()
					}
					if loss := o.Loss(other.Matrix(f.g)); loss < after*(1-1e-9) {
						t.Fatalf("%v %s, core %d: a random change has loss %g, the fit %g", sites, name, k, loss, after)
					}
				}
			}
		}
	}
}

func TestChainRefuses(t *testing.T) {
	o := Plain(converted[float32](normal(rand.New(rand.NewPCG(11, 1)), 6, 8)))
	for name, c := range map[string]struct {
		sites []tn.Site
		chi   int
	}{
		"no sites":     {nil, 2},
		"no bond":      {tn.LowRank(6, 8), 0},
		"no division":  {[]tn.Site{{Out: 4, In: 2}, {Out: 1, In: 4}}, 2},
		"too small":    {[]tn.Site{{Out: 3, In: 2}, {Out: 1, In: 4}}, 2},
		"negative":     {[]tn.Site{{Out: -6, In: 8}}, 2},
		"out of range": {[]tn.Site{{Out: 1 << 62, In: 8}, {Out: 8, In: 1}}, 2},
	} {
		if _, _, err := o.Chain(multiplier(), c.sites, c.chi); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
