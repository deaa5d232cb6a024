package stat

import (
	"math"
	"testing"
)

func TestWilson(t *testing.T) {
	// Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I.
	for _, c := range []struct {
		right, n float64
		want     Interval
	}{
		{81, 263, Interval{0.2553, 0.3662}}, {15, 148, Interval{0.0624, 0.1605}}, {0, 20, Interval{0, 0.1611}}, {1, 29, Interval{0.0061, 0.1718}},
	} {
		got := Wilson(c.right, c.n, 0.95)
		if math.Abs(got.Lo-c.want.Lo) > 6e-5 || math.Abs(got.Hi-c.want.Hi) > 6e-5 {
			t.Errorf("%v of %v: %v, want %v", c.right, c.n, got, c.want)
		}
	}
	if got := Wilson(0, 0, 0.95); got != (Interval{0, 1}) {
		t.Errorf("of nothing: %v", got)
	}
	if got := Wilson(20, 20, 0.95); got.Hi != 1 || got.Lo > 0.84 || got.Lo < 0.83 {
		t.Errorf("of all: %v", got)
	}
}

// TestQuotientCovers draws answers that are right with some probability and cost something, and
// looks how often the interval of right answers per cost has the true ratio in it.
func TestQuotientCovers(t *testing.T) {
	rng := Rand(3)
	const draws, n = 1000, 120
	for _, p := range []float64{0.5, 0.9, 0.99} {
		covered := 0
		for range draws {
			right, costs := 0.0, make([]float64, n)
			for i := range costs {
				if rng.Float64() < p {
					right++
				}
				costs[i] = 3 + rng.ExpFloat64() // of mean 4
			}
			mean, half := Mean(costs), 1.98*SD(costs)/math.Sqrt(n)
			ci, ok := Quotient(right/n, Wilson(right, n, 0.95), mean, Interval{mean - half, mean + half})
			if !ok {
				t.Fatal("no interval")
			}
			if ci.Contains(p / 4) {
				covered++
			}
		}
		if share := float64(covered) / draws; share < 0.93 || share > 0.985 {
			t.Errorf("p = %v: covered in %v of the draws", p, share)
		}
	}
	if _, ok := Quotient(0.5, Interval{0.4, 0.6}, 1, Interval{-0.1, 2.1}); ok {
		t.Error("a cost that may be zero has an interval")
	}
	if ci, ok := Quotient(0, Wilson(0, 20, 0.95), 2, Interval{1.9, 2.1}); !ok || ci.Lo != 0 || ci.Hi < 0.07 || ci.Hi > 0.1 {
		t.Errorf("nothing right: %v", ci)
	}
}

func TestComparePaired(t *testing.T) {
	of := func(both, lost, gained, neither int) (base, other []bool) {
		add := func(n int, b, o bool) {
			for range n {
				base, other = append(base, b), append(other, o)
			}
		}
		add(both, true, true)
		add(lost, true, false)
		add(gained, false, true)
		add(neither, false, false)
		return base, other
	}
	// The intervals by hand: (6 − 13)/102 ± 1.96·√((19/102 − (7/102)²)/102), and with 1 for both.
	for _, c := range []struct {
		both, lost, gained, neither int
		difference                  float64
		ci                          Interval
		p                           float64
	}{
		{50, 12, 5, 33, -0.07, Interval{-0.15130, 0.01405}, 0.14346},
		{100, 0, 0, 0, 0, Interval{-0.02717, 0.02717}, 1},
		{0, 10, 0, 0, -1, Interval{-1, -0.48}, 0.001953},
	} {
		got, err := ComparePaired(of(c.both, c.lost, c.gained, c.neither))
		if err != nil || math.Abs(got.Difference-c.difference) > 1e-12 || math.Abs(got.P-c.p) > 1e-4 ||
			math.Abs(got.CI.Lo-c.ci.Lo) > 1e-4 || c.lost < 20 && c.both > 0 && math.Abs(got.CI.Hi-c.ci.Hi) > 1e-4 {
			t.Errorf("%+v, %v; want %+v", got, err, c)
		}
	}
	if _, err := ComparePaired([]bool{true}, nil); err == nil {
		t.Error("items without partners were compared")
	}
	// As many items as are said to be needed do tell the margin.
	few, err := ComparePaired(of(90, 4, 4, 2))
	if err != nil {
		t.Fatal(err)
	}
	n := few.Needed(0.01)
	many, err := ComparePaired(of(n-2*n/20, n/20, n/20, 0))
	if err != nil || n < 3000 || n > 4500 || math.Abs(many.CI.Width()/2-0.01) > 0.001 {
		t.Errorf("%d items: %+v, %v", n, many, err)
	}
}

func TestComparePairedCovers(t *testing.T) {
	rng := Rand(5)
	const draws, n = 1000, 80
	for _, truth := range []struct{ lost, gained float64 }{{0.1, 0.05}, {0.02, 0.02}, {0.3, 0.01}} {
		covered := 0
		for range draws {
			base, other := make([]bool, n), make([]bool, n)
			for i := range base {
				u := rng.Float64()
				base[i] = u < truth.lost || u > 0.5
				other[i] = u > truth.lost && u < truth.lost+truth.gained || u > 0.5
			}
			c, err := ComparePaired(base, other)
			if err != nil {
				t.Fatal(err)
			}
			if c.CI.Contains(truth.gained - truth.lost) {
				covered++
			}
		}
		if share := float64(covered) / draws; share < 0.93 {
			t.Errorf("%+v: covered in %v of the draws", truth, share)
		}
	}
}
