package stat

import (
	"math"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// distinct draws n different integers as floats: rank tests are then exact.
func distinct(t *rapid.T, n int) []float64 {
	ints := rapid.SliceOfNDistinct(rapid.IntRange(-1000, 1000), n, n, rapid.ID).Draw(t, "values")
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(ints[i])
	}
	return v
}

// The exact Mann–Whitney p value is the share of all ways to split the values in two whose
// U lies at least as far from the middle.
func TestMannWhitneyAgainstAllSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(2, 5).Draw(t, "n"), rapid.IntRange(2, 5).Draw(t, "m")
		v := distinct(t, n+m)
		far := func(set uint) float64 {
			u := 0
			for i := range v {
				for j := range v {
					if set>>i&1 == 1 && set>>j&1 == 0 && v[i] > v[j] {
						u++
					}
				}
			}
			return math.Abs(float64(u) - float64(n*m)/2)
		}
		seen := far((1<<m - 1) << n)
		hits, all := 0, 0
		for set := range uint(1) << (n + m) {
			if bits.OnesCount(set) != m {
				continue
			}
			all++
			if far(set) >= seen {
				hits++
			}
		}
		c, err := Compare(v[:n], v[n:], Options{})
		if err != nil || !close(c.P, float64(hits)/float64(all), 1e-12) || c.Test != "Mann–Whitney, exact" {
			t.Fatalf("p = %v by %s, all splits say %d of %d (%v)", c.P, c.Test, hits, all, err)
		}
	})
}

// The exact Wilcoxon p value is the share of all signs of the differences.
func TestSignedRankAgainstAllSigns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(t, "n")
		sizes := distinct(t, n)
		signs := rapid.UintRange(0, 1<<n-1).Draw(t, "signs")
		diffs, zero := make([]float64, n), make([]float64, n)
		for i := range sizes {
			sizes[i] = sizes[i] + 2000 // above zero and still distinct
			diffs[i] = sizes[i] * (1 - 2*float64(signs>>i&1))
		}
		ranks := midranks(sizes)
		far := func(set uint) float64 {
			w := 0.0
			for i, r := range ranks {
				if set>>i&1 == 0 {
					w += r
				}
			}
			return math.Abs(w - float64(n*(n+1))/4)
		}
		hits := 0
		for set := range uint(1) << n {
			if far(set) >= far(signs) {
				hits++
			}
		}
		c, err := Paired(zero, diffs, Options{})
		if err != nil || !close(c.P, float64(hits)/float64(int(1)<<n), 1e-12) {
			t.Fatalf("p = %v by %s, all signs say %d of %d (%v)", c.P, c.Test, hits, 1<<n, err)
		}
	})
}

// The normal approximations meet the exact distributions at the size where they take over.
func TestApproximationsAgreeWithExact(t *testing.T) {
	exact, approx := mannWhitneyNull(25, 25, nil), mannWhitneyNull(25, 25, []int{1}) // a "tie" of one changes nothing else
	for s := 150.0; s <= 310; s += 20 {
		if a, b := exact.twoSided(s), approx.twoSided(s); math.Abs(a-b) > 0.01 {
			t.Errorf("Mann–Whitney U = %v: exact %v, approximate %v", s, a, b)
		}
	}
	exact, approx = signedRankNull(25, nil), signedRankNull(25, []int{1})
	for s := 60.0; s <= 160; s += 10 {
		if a, b := exact.twoSided(s), approx.twoSided(s); math.Abs(a-b) > 0.01 {
			t.Errorf("Wilcoxon W = %v: exact %v, approximate %v", s, a, b)
		}
	}
	if k1, _ := exact.outside(0.95); k1 != 89 { // tables of the signed-rank test: 89 at n = 25, two-sided 5 %
		t.Errorf("critical value %d, tables say 89", k1)
	}
}

func TestComparisonsMirror(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := Options{Assume: rapid.SampledFrom([]Assumption{AssumeNothing, AssumeNormal}).Draw(t, "assume")}
		v := samples(4, 40).Draw(t, "v")
		half := len(v) / 2
		for name, test := range map[string]func(a, b []float64, o Options) (Comparison, error){"compare": Compare, "paired": Paired} {
			there, err := test(v[:half], v[half:2*half], opt)
			if err != nil {
				t.Fatal(err)
			}
			back, _ := test(v[half:2*half], v[:half], opt)
			if !close(there.P, back.P, 1e-9) || !close(there.Difference, -back.Difference, 1e-9) || !close(there.CI.Lo, -back.CI.Hi, 1e-9) {
				t.Fatalf("%s: %+v mirrors to %+v", name, there, back)
			}
			if there.P < 0 || there.P > 1 || there.CI.Lo > there.Difference || there.CI.Hi < there.Difference {
				t.Fatalf("%s: %+v", name, there)
			}
		}
	})
}

func TestTooFewToTell(t *testing.T) {
	c, err := Compare([]float64{1, 2, 3}, []float64{10, 11, 12}, Options{})
	if err != nil || c.Significant() || len(c.Warnings) != 1 {
		t.Errorf("three against three: %+v, %v", c, err)
	}
	c, err = Compare([]float64{1, 2, 3, 4}, []float64{10, 11, 12, 13}, Options{})
	if err != nil || !c.Significant() || len(c.Warnings) != 0 || c.CI.Contains(0) {
		t.Errorf("four against four: %+v, %v", c, err)
	}
}

func TestNoScatterAtAll(t *testing.T) {
	c, err := Compare([]float64{1, 1, 1}, []float64{2, 2, 2}, Options{Assume: AssumeNormal})
	if err != nil || c.Difference != 1 || c.P != 0 || len(c.Warnings) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	p, err := Paired([]float64{5, 6, 7}, []float64{5, 6, 7}, Options{})
	if err != nil || p.P != 1 || p.Difference != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPairedRatio(t *testing.T) {
	base := []float64{1, 10, 100, 2, 30, 7, 12}
	other := make([]float64, len(base))
	for i, v := range base {
		other[i] = v * 0.8 * (1 + 0.01*float64(i-3))
	}
	c, err := PairedRatio(base, other, Options{})
	if err != nil || !close(c.Difference, 0.8, 0.01) || !c.Significant() || !c.CI.Contains(0.8) || c.CI.Width() > 0.1 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestKendallKnownValues(t *testing.T) {
	x := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	up, err := Kendall(x, x)
	if err != nil || up.Tau != 1 || up.P > 1e-3 {
		t.Errorf("rising: %+v, %v", up, err)
	}
	// S = 10·9/2 − 2·1 after one swap; its variance without ties is n(n−1)(2n+5)/18 = 125.
	swapped := slices.Clone(x)
	swapped[0], swapped[1] = 2, 1
	s, _ := Kendall(x, swapped)
	if !close(s.Tau, 43.0/45, 1e-12) || !close(s.P, math.Erfc(42/math.Sqrt(125)/math.Sqrt2), 1e-9) {
		t.Errorf("swapped: %+v", s)
	}
	flat, _ := Kendall(x, make([]float64, 10))
	if flat.P != 1 || flat.Note == "" {
		t.Errorf("flat: %+v", flat)
	}
	long := make([]float64, 9000)
	for i := range long {
		long[i] = float64(i)
	}
	if l, _ := Kendall(long, long); l.Tau != 1 || l.N != maxKendall {
		t.Errorf("thinned: %+v", l)
	}
}

func TestTheilSenIgnoresOutliers(t *testing.T) {
	var x, y []float64
	for i := range 2000 { // beyond maxPairs: a random subset of pairs
		x = append(x, float64(i%50))
		y = append(y, 5+2*x[i])
		if i%5 == 0 {
			y[i] += 1000
		}
	}
	s, err := TheilSen(x, y, 0)
	if err != nil || !close(s.Value, 2, 1e-9) || !close(s.Intercept, 5, 1e-9) || !s.CI.Contains(2) {
		t.Errorf("%+v, %v", s, err)
	}
	few, err := TheilSen([]float64{1, 2}, []float64{1, 4}, 0)
	if err != nil || few.Value != 3 || len(few.Warnings) != 1 {
		t.Errorf("two points: %+v, %v", few, err)
	}
}
