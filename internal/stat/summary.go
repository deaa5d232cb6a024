package stat

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// Assumption is what the caller is willing to assume of the scatter of repeated values.
type Assumption string

const (
	// AssumeNothing needs only independent values of one distribution: medians, order
	// statistics and rank tests. It is the zero value.
	AssumeNothing Assumption = ""
	// AssumeNormal takes the scatter as normal: means, Student's and Welch's t.
	AssumeNormal Assumption = "normal"
)

// Options of a summary or test. The zero value is a sound default.
type Options struct {
	Assume    Assumption
	Level     float64 // confidence level; 0 means 0.95
	Resamples int     // bootstrap resamples; 0 means 2000
	Seed      uint64
}

// maxResamples bounds the work of a bootstrap.
const maxResamples = 100_000

func (o Options) checked() (Options, error) {
	level, err := checkLevel(o.Level)
	if err != nil {
		return o, err
	}
	o.Level = level
	if o.Resamples == 0 {
		o.Resamples = 2000
	}
	if o.Resamples < 1 || o.Resamples > maxResamples {
		return o, fmt.Errorf("stat: %d resamples: want 1 to %d", o.Resamples, maxResamples)
	}
	if o.Assume != AssumeNothing && o.Assume != AssumeNormal {
		return o, fmt.Errorf("stat: assumption %q: want %q or nothing", o.Assume, AssumeNormal)
	}
	return o, nil
}

// Summary describes one sample.
type Summary struct {
	N int `json:"n"`
	// Center is the median, or the mean under AssumeNormal, and CI its interval at Level.
	Center float64    `json:"center"`
	CI     Interval   `json:"ci"`
	Level  float64    `json:"level"`
	Assume Assumption `json:"assume"`

	Median float64 `json:"median"`
	Mean   float64 `json:"mean"`
	SD     float64 `json:"sd"`  // 0 for a single value: see Warnings
	MAD    float64 `json:"mad"` // not scaled
	Min    float64 `json:"min"`
	Q1     float64 `json:"q1"`
	Q3     float64 `json:"q3"`
	Max    float64 `json:"max"`

	Warnings []string `json:"warnings"`
}

// CV is the coefficient of variation SD/|mean|; NaN for a single value and for mean 0.
func (s Summary) CV() float64 {
	if s.N < 2 || s.Mean == 0 {
		return math.NaN()
	}
	return s.SD / math.Abs(s.Mean)
}

// Summarize describes a sample of at least one finite value. The interval is of the median,
// from order statistics, or Student's t interval of the mean under AssumeNormal.
//
// The percentile bootstrap of the median comes near the same order statistics, but covers
// only 92 % of the time with 15 normal values where it says 95 %; order statistics cover
// exactly and need no random numbers.
func Summarize(sample []float64, opt Options) (Summary, error) {
	opt, err := opt.checked()
	if err != nil {
		return Summary{}, err
	}
	if err := check("sample", sample); err != nil {
		return Summary{}, err
	}
	sorted := slices.Sorted(slices.Values(sample))
	n := len(sorted)
	s := Summary{
		N: n, Level: opt.Level, Assume: opt.Assume, Median: SortedQuantile(sorted, 0.5), Mean: Mean(sorted), MAD: MAD(sorted),
		Min: sorted[0], Q1: SortedQuantile(sorted, 0.25), Q3: SortedQuantile(sorted, 0.75), Max: sorted[n-1], Warnings: []string{},
	}
	s.Center, s.CI = s.Median, Interval{Lo: s.Min, Hi: s.Max}
	if opt.Assume == AssumeNormal {
		s.Center = s.Mean
	}
	if n == 1 {
		s.CI = Interval{Lo: s.Center, Hi: s.Center}
		s.Warnings = append(s.Warnings, "a single value has no interval")
		return s, nil
	}
	s.SD = SD(sorted)
	if opt.Assume == AssumeNormal {
		s.CI = around(s.Mean, studentT(n-1, opt.Level)*s.SD/math.Sqrt(float64(n)))
		return s, nil
	}
	ci, reach := medianInterval(sorted, opt.Level)
	s.CI = ci
	if reach < opt.Level {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%d values reach only %.3g %% for an interval of the median, not %g %%: it is their range", n, 100*reach, 100*opt.Level))
	}
	return s, nil
}

// medianInterval returns the interval of the median between two order statistics, interpolated
// to the level (Hettmansperger and Sheather, 1986), and the level it reaches: the d-th
// smallest and d-th largest of n values hold the median but for a chance of 2·P(B < d), B
// binomial of n tosses.
func medianInterval(sorted []float64, level float64) (Interval, float64) {
	n := len(sorted)
	toss := distuv.Binomial{N: float64(n), P: 0.5}
	covers := func(d int) float64 { return 1 - 2*toss.CDF(float64(d-1)) }
	outermost := Interval{Lo: sorted[0], Hi: sorted[n-1]}
	if reach := covers(1); reach < level {
		return outermost, reach
	}
	// The largest d ≤ n/2 that still covers.
	d := sort.Search(n/2, func(i int) bool { return i > 0 && covers(i+1) < level })
	if 2*(d+1) > n+1 {
		return Interval{Lo: sorted[d-1], Hi: sorted[n-d]}, covers(d)
	}
	outer, inner := covers(d), covers(d+1)
	share := (outer - level) / (outer - inner)
	f := float64(n-d) * share / (float64(d) + float64(n-2*d)*share)
	mix := func(from, to float64) float64 { return from*(1-f) + to*f }
	return Interval{Lo: mix(sorted[d-1], sorted[d]), Hi: mix(sorted[n-d], sorted[n-d-1])}, level
}

// studentT returns the two-sided critical value of Student's t.
func studentT(freedom int, level float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(freedom)}.Quantile((1 + level) / 2)
}

func around(center, half float64) Interval { return Interval{Lo: center - half, Hi: center + half} }
