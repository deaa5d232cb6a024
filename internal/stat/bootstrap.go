package stat

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Method is a way to turn bootstrap resamples into an interval.
type Method string

const (
	// Percentile takes the quantiles of the resampled statistic. Right for medians and other
	// quantiles, whose jackknife is not smooth.
	Percentile Method = "percentile"
	// BCa corrects them for bias and for a spread that changes with the value (Efron, 1987).
	// Better for smooth statistics of skewed samples: means, ratios, variances.
	BCa Method = "bca"
)

// Estimate is a statistic with its bootstrap interval.
type Estimate struct {
	Value    float64  `json:"value"`
	CI       Interval `json:"ci"`
	Level    float64  `json:"level"`
	N        int      `json:"n"`
	Method   Method   `json:"method"`
	Warnings []string `json:"warnings"`
}

// Bootstrap resamples the sample with replacement and returns the statistic with its
// interval. The statistic must not keep or change its argument; a resample for which it is
// not finite is an error. It assumes only that the values are independent.
func Bootstrap(sample []float64, statistic func([]float64) float64, method Method, opt Options) (Estimate, error) {
	opt, err := opt.checked()
	if err != nil {
		return Estimate{}, err
	}
	if method != Percentile && method != BCa {
		return Estimate{}, fmt.Errorf("stat: bootstrap method %q: want %q or %q", method, Percentile, BCa)
	}
	if err := check("bootstrap sample", sample); err != nil {
		return Estimate{}, err
	}
	n := len(sample)
	out := Estimate{Value: statistic(sample), Level: opt.Level, N: n, Method: method, Warnings: []string{}}
	if n < 5 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d values are too few for a bootstrap interval to be trusted", n))
	}
	rng := Rand(opt.Seed)
	draws, resample := make([]float64, opt.Resamples), make([]float64, n)
	for i := range draws {
		for j := range resample {
			resample[j] = sample[rng.IntN(n)]
		}
		draws[i] = statistic(resample)
		if math.IsNaN(draws[i]) || math.IsInf(draws[i], 0) {
			return Estimate{}, fmt.Errorf("stat: bootstrap: statistic is %v for a resample of %d values", draws[i], n)
		}
	}
	slices.Sort(draws)
	lo, hi := (1-opt.Level)/2, (1+opt.Level)/2
	if method == BCa {
		lo, hi = bcaLevels(sample, statistic, out.Value, draws, lo, hi)
	}
	out.CI = Interval{Lo: SortedQuantile(draws, lo), Hi: SortedQuantile(draws, hi)}
	return out, nil
}

// bcaLevels moves the two quantile levels by the bias of the sorted draws and by the
// acceleration, taken from the jackknife.
func bcaLevels(sample []float64, statistic func([]float64) float64, value float64, draws []float64, lo, hi float64) (float64, float64) {
	below, _ := slices.BinarySearch(draws, value)
	upTo, _ := slices.BinarySearch(draws, math.Nextafter(value, math.Inf(1)))
	share := (float64(below) + float64(upTo-below)/2) / float64(len(draws))
	if share <= 0 || share >= 1 {
		return lo, hi // all draws on one side of the value: no correction can be read from them
	}
	bias := distuv.UnitNormal.Quantile(share)
	n := len(sample)
	left := make([]float64, n)
	rest := make([]float64, n-1)
	for i := range sample {
		copy(rest, sample[:i])
		copy(rest[i:], sample[i+1:])
		left[i] = statistic(rest)
	}
	mean := Mean(left)
	var squares, cubes float64
	for _, v := range left {
		d := mean - v
		squares, cubes = squares+d*d, cubes+d*d*d
	}
	acceleration := 0.0
	if squares > 0 {
		acceleration = cubes / (6 * math.Pow(squares, 1.5))
	}
	if math.IsNaN(acceleration) || math.IsInf(acceleration, 0) {
		acceleration = 0
	}
	move := func(level float64) float64 {
		z := bias + distuv.UnitNormal.Quantile(level)
		return distuv.UnitNormal.CDF(bias + z/(1-acceleration*z))
	}
	return move(lo), move(hi)
}
