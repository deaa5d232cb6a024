package stat

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	gonum "gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

func close(a, b, tolerance float64) bool {
	return a == b || math.Abs(a-b) <= tolerance*max(1, math.Abs(a), math.Abs(b))
}

func samples(least, most int) *rapid.Generator[[]float64] {
	return rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), least, most)
}

func TestMomentsAgainstGonum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := samples(2, 40).Draw(t, "v")
		mean, sd := gonum.MeanStdDev(v, nil)
		if !close(Mean(v), mean, 1e-12) || !close(SD(v), sd, 1e-9) {
			t.Fatalf("mean %v and sd %v, gonum %v and %v", Mean(v), SD(v), mean, sd)
		}
		w := samples(len(v), len(v)).Draw(t, "w")
		if r, want := Correlation(v, w), gonum.Correlation(v, w, nil); !math.IsNaN(r) && !close(r, want, 1e-6) {
			t.Fatalf("correlation %v, gonum %v", r, want)
		}
	})
}

func TestQuantile(t *testing.T) {
	v := []float64{7, 1, 3, 5}
	for q, want := range map[float64]float64{0: 1, 0.25: 2.5, 0.5: 4, 0.75: 5.5, 1: 7, -1: 1, 2: 7} { // R: quantile(v, q)
		if got := Quantile(v, q); got != want {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
	if !slices.Equal(v, []float64{7, 1, 3, 5}) {
		t.Error("the sample was sorted in place")
	}
	if MAD(v) != 2 || Median([]float64{2}) != 2 {
		t.Errorf("MAD %v, want 2", MAD(v))
	}
	for name, got := range map[string]float64{"median": Median(nil), "mean": Mean(nil), "sd": SD([]float64{1}), "MAD": MAD(nil), "CV": CV([]float64{-1, 1}), "quantile": Quantile(v, math.NaN())} {
		if !math.IsNaN(got) {
			t.Errorf("%s of nothing is %v, want NaN", name, got)
		}
	}
}

func TestSDDoesNotOverflow(t *testing.T) {
	if got := SD([]float64{-1e300, 1e300}); !close(got/1e300, math.Sqrt2, 1e-12) {
		t.Errorf("sd %v", got)
	}
}

func TestSummaryOfFive(t *testing.T) {
	s, err := Summarize([]float64{3, 1, 4, 1, 5}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.N != 5 || s.Median != 3 || s.Center != 3 || s.Min != 1 || s.Max != 5 || s.CI != (Interval{1, 5}) || !close(s.Mean, 2.8, 1e-12) {
		t.Errorf("%+v", s)
	}
	if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "93.8 %") {
		t.Errorf("warnings %q", s.Warnings)
	}
	n, err := Summarize([]float64{3, 1, 4, 1, 5}, Options{Assume: AssumeNormal})
	if err != nil || n.Center != n.Mean || !close(n.CI.Hi-n.Mean, 2.776445*s.SD/math.Sqrt(5), 1e-6) { // t(0.975, 4)
		t.Errorf("%+v, %v", n, err)
	}
	one, err := Summarize([]float64{7}, Options{})
	if err != nil || one.CI != (Interval{7, 7}) || len(one.Warnings) != 1 || !math.IsNaN(one.CV()) {
		t.Errorf("%+v, %v", one, err)
	}
}

func TestAbsentValuesAreRefused(t *testing.T) {
	bad := []float64{1, math.NaN(), 3, 4, 5, 6}
	good := []float64{1, 2, 3, 4, 5, 6}
	for name, err := range map[string]error{
		"summary":   second(Summarize(bad, Options{})),
		"infinite":  second(Summarize([]float64{math.Inf(1)}, Options{})),
		"empty":     second(Summarize(nil, Options{})),
		"level":     second(Summarize(good, Options{Level: 95})),
		"resamples": second(Summarize(good, Options{Resamples: 1 << 30})),
		"assume":    second(Summarize(good, Options{Assume: "lognormal"})),
		"bootstrap": second(Bootstrap(bad, Mean, BCa, Options{})),
		"method":    second(Bootstrap(good, Mean, "t", Options{})),
		"statistic": second(Bootstrap(good, func([]float64) float64 { return math.NaN() }, BCa, Options{})),
		"slope":     second(TheilSen(good, bad, 0)),
		"lengths":   second(TheilSen(good, good[1:], 0)),
		"one x":     second(TheilSen([]float64{1, 1}, []float64{1, 2}, 0)),
		"kendall":   second(Kendall(bad, good)),
		"compare":   second(Compare(good, bad, Options{})),
		"few":       second(Compare(good, good[:1], Options{})),
		"paired":    second(Paired(good, good[1:], Options{})),
		"ratio":     second(PairedRatio(good, []float64{1, 2, 0, 4, 5, 6}, Options{})),
		"drift":     second(FindDrift(good[:5], Options{})),
		"keys":      second(Relative([]int{1}, good)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Summarize(nil, Options{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty sample: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// covers returns the share of 1,000 seeded samples whose interval holds the truth.
func covers(t *testing.T, truth float64, interval func(seed uint64) (Interval, error)) float64 {
	t.Helper()
	hits := 0
	for seed := range uint64(1000) {
		ci, err := interval(seed)
		if err != nil {
			t.Fatal(err)
		}
		if ci.Contains(truth) {
			hits++
		}
	}
	return float64(hits) / 1000
}

func TestIntervalsCover(t *testing.T) {
	normal := func(seed uint64, n int) []float64 {
		rng, v := Rand(seed+1000), make([]float64, n)
		for i := range v {
			v[i] = 10 + rng.NormFloat64()
		}
		return v
	}
	skewed := func(seed uint64, n int) []float64 {
		rng, v := Rand(seed+1000), make([]float64, n)
		for i := range v {
			v[i] = rng.ExpFloat64()
		}
		return v
	}
	opt := func(seed uint64) Options { return Options{Resamples: 400, Seed: seed} }
	for _, c := range []struct {
		name     string
		truth    float64
		lo, hi   float64
		interval func(seed uint64) (Interval, error)
	}{
		{"median, n = 7", 10, 0.93, 0.97, func(seed uint64) (Interval, error) {
			s, err := Summarize(normal(seed, 7), opt(seed))
			return s.CI, err
		}},
		{"median, n = 15", 10, 0.93, 0.97, func(seed uint64) (Interval, error) {
			s, err := Summarize(normal(seed, 15), opt(seed))
			return s.CI, err
		}},
		{"median of skewed, n = 26", math.Ln2, 0.93, 0.97, func(seed uint64) (Interval, error) {
			s, err := Summarize(skewed(seed, 26), opt(seed))
			return s.CI, err
		}},
		{"mean, t, n = 5", 10, 0.93, 0.97, func(seed uint64) (Interval, error) {
			s, err := Summarize(normal(seed, 5), Options{Assume: AssumeNormal})
			return s.CI, err
		}},
		{"mean of skewed, BCa, n = 40", 1, 0.93, 0.97, func(seed uint64) (Interval, error) {
			e, err := Bootstrap(skewed(seed, 40), Mean, BCa, opt(seed))
			return e.CI, err
		}},
		{"Theil–Sen slope, 5 × 5", 0.5, 0.93, 0.97, func(seed uint64) (Interval, error) {
			rng := Rand(seed)
			var x, y []float64
			for i := range 25 {
				x = append(x, float64(i%5))
				y = append(y, 3+0.5*x[i]+rng.NormFloat64())
			}
			s, err := TheilSen(x, y, 0)
			return s.CI, err
		}},
		// A shift by ranks is exact for continuous noise, and so at least 95 %.
		{"shift, Mann–Whitney, 8 and 8", 1, 0.94, 0.98, func(seed uint64) (Interval, error) {
			v := normal(seed, 16)
			for i := range v[8:] {
				v[8+i]++
			}
			c, err := Compare(v[:8], v[8:], Options{})
			return c.CI, err
		}},
		{"shift, Wilcoxon, 10 pairs", 1, 0.94, 0.98, func(seed uint64) (Interval, error) {
			v, w := normal(seed, 10), normal(seed+5000, 10)
			for i := range w {
				w[i] += v[i] - 9
			}
			c, err := Paired(v, w, Options{})
			return c.CI, err
		}},
		{"difference, Welch, 5 and 8", 0, 0.93, 0.97, func(seed uint64) (Interval, error) {
			v := normal(seed, 13)
			c, err := Compare(v[:5], v[5:], Options{Assume: AssumeNormal})
			return c.CI, err
		}},
	} {
		share := covers(t, c.truth, c.interval)
		t.Logf("%s: %.1f %%", c.name, 100*share)
		if share < c.lo || share > c.hi {
			t.Errorf("%s: covered in %.1f %%, want %g–%g %%", c.name, 100*share, 100*c.lo, 100*c.hi)
		}
	}
}

// The correction matters: of a skewed mean, the plain percentiles cover less.
func TestBCaBeatsPercentile(t *testing.T) {
	share := func(m Method) float64 {
		return covers(t, 1, func(seed uint64) (Interval, error) {
			rng, v := Rand(seed+77), make([]float64, 15)
			for i := range v {
				v[i] = rng.ExpFloat64()
			}
			e, err := Bootstrap(v, Mean, m, Options{Resamples: 400, Seed: seed})
			return e.CI, err
		})
	}
	if p, b := share(Percentile), share(BCa); b <= p {
		t.Errorf("BCa covers in %v, percentile in %v", b, p)
	}
}

// At every size and level the interval lies inside the sample, around the median, and grows
// with the level.
func TestMedianIntervalsNest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := samples(2, 30).Draw(t, "v")
		last := Interval{math.Inf(1), math.Inf(-1)}
		for _, level := range []float64{0.01, 0.3, 0.5, 0.8, 0.95, 0.99} {
			s, err := Summarize(v, Options{Level: level})
			if err != nil {
				t.Fatal(err)
			}
			if !s.CI.Contains(s.Median) || s.CI.Lo > last.Lo || s.CI.Hi < last.Hi || s.CI.Lo < s.Min || s.CI.Hi > s.Max {
				t.Fatalf("level %v: %v around %v in %v … %v, smaller level %v", level, s.CI, s.Median, s.Min, s.Max, last)
			}
			last = s.CI
		}
	})
}

func TestBootstrapIsSeeded(t *testing.T) {
	v := []float64{1, 2, 4, 8, 16, 32}
	a, _ := Bootstrap(v, Mean, BCa, Options{Seed: 1})
	b, _ := Bootstrap(v, Mean, BCa, Options{Seed: 1})
	c, _ := Bootstrap(v, Mean, BCa, Options{Seed: 2})
	if a.CI != b.CI || a.CI == c.CI {
		t.Errorf("intervals %v, %v, %v", a.CI, b.CI, c.CI)
	}
	same, err := Bootstrap([]float64{3, 3, 3}, Mean, BCa, Options{})
	if err != nil || same.CI != (Interval{3, 3}) || len(same.Warnings) != 1 {
		t.Errorf("%+v, %v", same, err)
	}
}
