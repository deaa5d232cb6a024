package eval

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// TestWilson compares with the worked values of Newcombe (1998), table I: 81 of 263, 15 of
// 148, 0 of 20, 1 of 29.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		right, n int
		lo, hi   float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		values := make([]float64, c.n)
		for i := range c.right {
			values[i] = 1
		}
		f := share(values)
		if math.Abs(f.CI.Lo-c.lo) > 5e-5 || math.Abs(f.CI.Hi-c.hi) > 5e-5 || math.Abs(f.Value-float64(c.right)/float64(c.n)) > 1e-12 || f.N != c.n {
			t.Errorf("%d of %d: %v in %v, want [%v, %v]", c.right, c.n, f.Value, *f.CI, c.lo, c.hi)
		}
	}
	all := share([]float64{1, 1, 1})
	if all.CI.Hi != 1 || all.CI.Lo > 0.5 || len(all.Doubts) != 1 {
		t.Errorf("3 of 3: %+v", all)
	}
}

// TestWindowsAreResampledWhole has windows of equal tokens: only the windows carry
// information, and the interval must be as wide as theirs, not as that of the tokens.
func TestWindowsAreResampledWhole(t *testing.T) {
	rng := stat.Rand(1)
	const windows, per = 40, 50
	var values, means []float64
	for range windows {
		v := rng.NormFloat64()
		means = append(means, v)
		values = append(values, slices.Repeat([]float64{v}, per)...)
	}
	f, err := tokenMean(values, per)
	if err != nil {
		t.Fatal(err)
	}
	want := 2 * 1.96 * stat.SD(means) / math.Sqrt(windows)
	if got := f.CI.Width(); math.Abs(got/want-1) > 0.2 {
		t.Errorf("width %v, want about %v", got, want)
	}
	if got := *f.Error; math.Abs(got/(stat.SD(means)/math.Sqrt(windows*per))-1) > 0.05 {
		t.Errorf("standard error %v takes tokens as independent", got)
	}
	sorted := slices.Sorted(slices.Values(values))
	q := tokenQuantile(values, sorted, per, 0.5)
	if q.Value != stat.Median(values) || !q.CI.Contains(0) || q.CI.Width() < 0.3 || q.CI.Width() > 1.5 {
		t.Errorf("median %+v", q)
	}
}

// TestQuantileCoverage draws independent tokens and counts how often the interval of the 90 %
// quantile holds the true one.
func TestQuantileCoverage(t *testing.T) {
	rng := stat.Rand(2)
	const draws, truth = 400, 1.2815515655446004
	held := 0
	for range draws {
		values := make([]float64, 20*40)
		for i := range values {
			values[i] = rng.NormFloat64()
		}
		if tokenQuantile(values, slices.Sorted(slices.Values(values)), 40, 0.9).CI.Contains(truth) {
			held++
		}
	}
	if share := float64(held) / draws; share < 0.91 || share > 0.985 {
		t.Errorf("95 %% intervals hold the truth in %v of the draws", share)
	}
}

func TestFiguresOfFewValuesDoubt(t *testing.T) {
	f, err := tokenMean([]float64{1, 2, 3, 4}, 4)
	if err != nil || f.CI != nil || len(f.Doubts) != 2 {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = tokenMean(slices.Repeat([]float64{1, 2}, 100), 100)
	if err != nil || f.CI == nil || len(f.Doubts) != 1 || !strings.Contains(f.Doubts[0], "2 windows") {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = itemStatistic([]float64{0.5}, stat.Mean, methodItems)
	if err != nil || f.CI != nil || f.N != 1 {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = itemStatistic(make([]float64, 40), stat.Mean, methodPaired)
	if err != nil || f.CI.Width() != 0 || !strings.Contains(strings.Join(f.Doubts, ""), "equal") {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestTrimmedMean(t *testing.T) {
	values := []float64{100, 1, 2, 3, 4, 5, 6, 7, 8, -100}
	for _, c := range []struct{ share, want float64 }{{0.1, 4.5}, {0.05, 3.6}, {0.3, 4.5}, {0.49, 4.5}} {
		if got := trimmedMean(values, c.share); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("trimmed by %v: %v, want %v", c.share, got, c.want)
		}
	}
	if values[0] != 100 {
		t.Error("the values were moved")
	}
}
