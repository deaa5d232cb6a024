package stat

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Comparison is the difference between two samples.
type Comparison struct {
	// Difference is other − base: of the means under AssumeNormal, else the Hodges–Lehmann
	// shift (the median of all differences, or of all averages of paired ones).
	Difference float64    `json:"difference"`
	CI         Interval   `json:"ci"`
	Level      float64    `json:"level"`
	P          float64    `json:"p"`    // two-sided p value of "no difference"
	Test       string     `json:"test"` // which test, and whether its distribution is exact
	N          [2]int     `json:"n"`    // sizes of base and other
	Assume     Assumption `json:"assume"`
	Warnings   []string   `json:"warnings"`
}

// Significant reports whether the difference is told from none at the comparison's level.
func (c Comparison) Significant() bool { return c.P < 1-c.Level }

// maxCompare bounds the quadratic work of the rank intervals.
const maxCompare = 2000

// checkTwo checks the options and both samples.
func checkTwo(base, other []float64, least int, opt Options) (Options, error) {
	opt, err := opt.checked()
	if err != nil {
		return opt, err
	}
	for _, s := range []struct {
		name   string
		sample []float64
	}{{"base", base}, {"other", other}} {
		if err := check(s.name, s.sample); err != nil {
			return opt, err
		}
		if n := len(s.sample); n < least || n > maxCompare {
			return opt, fmt.Errorf("stat: %s has %d values: a comparison takes %d to %d", s.name, n, least, maxCompare)
		}
	}
	return opt, nil
}

// Compare compares two independent samples: Mann–Whitney's test and the Hodges–Lehmann
// shift, or Welch's test and the difference of means under AssumeNormal. Values that belong
// together, such as the same prompt on two configurations, call for Paired.
func Compare(base, other []float64, opt Options) (Comparison, error) {
	opt, err := checkTwo(base, other, 2, opt)
	if err != nil {
		return Comparison{}, err
	}
	c := Comparison{Level: opt.Level, N: [2]int{len(base), len(other)}, Assume: opt.Assume, Warnings: []string{}}
	if opt.Assume == AssumeNormal {
		return c.welch(base, other), nil
	}
	n, m := len(base), len(other)
	all := slices.Concat(base, other)
	ranks := midranks(all)
	u := -float64(m*(m+1)) / 2
	for _, r := range ranks[n:] {
		u += r
	}
	d := mannWhitneyNull(n, m, ties(all))
	c.P, c.Test = d.twoSided(u), testName("Mann–Whitney", d)
	shifts := make([]float64, 0, n*m)
	for _, b := range base {
		for _, o := range other {
			shifts = append(shifts, o-b)
		}
	}
	return c.shift(shifts, d), nil
}

// Paired compares values that belong together, base[i] with other[i]: Wilcoxon's signed-rank
// test and the Hodges–Lehmann shift, which assume that differences scatter symmetrically, or
// Student's paired test under AssumeNormal.
func Paired(base, other []float64, opt Options) (Comparison, error) {
	if len(base) != len(other) {
		return Comparison{}, fmt.Errorf("stat: paired comparison of %d with %d values", len(base), len(other))
	}
	opt, err := checkTwo(base, other, 2, opt)
	if err != nil {
		return Comparison{}, err
	}
	diffs := make([]float64, len(base))
	var moved, sizes []float64 // differences other than zero, and their magnitudes
	for i := range diffs {
		diffs[i] = other[i] - base[i]
		if diffs[i] != 0 {
			moved, sizes = append(moved, diffs[i]), append(sizes, math.Abs(diffs[i]))
		}
	}
	n := len(diffs)
	c := Comparison{Level: opt.Level, N: [2]int{n, n}, Assume: opt.Assume, Warnings: []string{}}
	if opt.Assume == AssumeNormal {
		return c.student(diffs), nil
	}
	w := 0.0
	for i, r := range midranks(sizes) {
		if moved[i] > 0 {
			w += r
		}
	}
	d := signedRankNull(len(moved), ties(sizes))
	c.P, c.Test = d.twoSided(w), testName("Wilcoxon signed-rank", d)
	averages := make([]float64, 0, n*(n+1)/2)
	for i := range diffs {
		for _, e := range diffs[:i+1] {
			averages = append(averages, diffs[i]/2+e/2)
		}
	}
	return c.shift(averages, signedRankNull(n, nil)), nil
}

// PairedRatio compares other[i]/base[i], all above zero: Paired on logarithms, with
// Difference and CI turned back into ratios (1 means no difference).
func PairedRatio(base, other []float64, opt Options) (Comparison, error) {
	logs := [2][]float64{}
	for k, sample := range [][]float64{base, other} {
		for i, v := range sample {
			if !(v > 0) {
				return Comparison{}, fmt.Errorf("stat: ratio: value %d of sample %d is %v; want values above zero", i, k+1, v)
			}
			logs[k] = append(logs[k], math.Log(v))
		}
	}
	c, err := Paired(logs[0], logs[1], opt)
	if err != nil {
		return c, err
	}
	c.Difference = math.Exp(c.Difference)
	c.CI = Interval{Lo: math.Exp(c.CI.Lo), Hi: math.Exp(c.CI.Hi)}
	return c, nil
}

// shift fills in the median of the candidates and the interval that the null distribution
// leaves between the outermost of them.
func (c Comparison) shift(candidates []float64, d null) Comparison {
	slices.Sort(candidates)
	c.Difference = SortedQuantile(candidates, 0.5)
	k, reached := d.outside(c.Level)
	k = min(k, (len(candidates)-1)/2)
	c.CI = Interval{Lo: candidates[k], Hi: candidates[len(candidates)-1-k]}
	if !reached {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%d and %d values are too few for a %g %% interval: it spans all differences, and no difference can be significant", c.N[0], c.N[1], 100*c.Level))
	}
	return c
}

func testName(name string, d null) string {
	if d.cdf != nil {
		return name + ", exact"
	}
	return name + ", normal approximation"
}

// welch compares means with unequal variances (Welch, 1947).
func (c Comparison) welch(base, other []float64) Comparison {
	n, m := float64(len(base)), float64(len(other))
	vb, vo := SD(base)*SD(base)/n, SD(other)*SD(other)/m
	freedom := (vb + vo) * (vb + vo) / (vb*vb/(n-1) + vo*vo/(m-1))
	c.Test, c.Difference = "Welch t", Mean(other)-Mean(base)
	return c.t(math.Sqrt(vb+vo), freedom)
}

// student compares paired means.
func (c Comparison) student(diffs []float64) Comparison {
	c.Test, c.Difference = "paired t", Mean(diffs)
	return c.t(SD(diffs)/math.Sqrt(float64(len(diffs))), float64(len(diffs)-1))
}

// t fills in the interval and p value of a difference with a standard error.
func (c Comparison) t(se, freedom float64) Comparison {
	if !(se > 0) || math.IsNaN(freedom) {
		c.CI, c.P = Interval{Lo: c.Difference, Hi: c.Difference}, 1
		if c.Difference != 0 {
			c.P = 0
		}
		c.Warnings = append(c.Warnings, "the values do not scatter at all: the source may be too coarse to show it")
		return c
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}
	c.CI = around(c.Difference, t.Quantile((1+c.Level)/2)*se)
	c.P = 2 * t.Survival(math.Abs(c.Difference)/se)
	return c
}
