// Package stat turns samples into numbers that carry their own doubts: summaries,
// intervals, bootstrap, trend and comparison tests.
//
// The caller states what it is willing to assume about the noise (an Assumption) and the
// package picks the estimator and the test; every result lists the assumption it rests on
// and warnings in plain words. No function changes its input. Samples that hold NaN or an
// infinity are an error: an absent value must be dropped by the caller, who knows why it
// is absent.
package stat

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a closed interval of values.
type Interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// Contains reports whether v lies in the interval, ends included.
func (i Interval) Contains(v float64) bool { return i.Lo <= v && v <= i.Hi }

// Width is Hi − Lo.
func (i Interval) Width() float64 { return i.Hi - i.Lo }

// DefaultLevel is the confidence level used where none is given.
const DefaultLevel = 0.95

// ErrEmpty is returned for a sample without values.
var ErrEmpty = errors.New("stat: empty sample")

// Rand returns the generator that all resampling here draws from: the same seed gives the
// same numbers on every platform.
func Rand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x77617474_6c6177)) }

// checkLevel returns level, with 0 replaced by DefaultLevel.
func checkLevel(level float64) (float64, error) {
	if level == 0 {
		return DefaultLevel, nil
	}
	if !(level > 0 && level < 1) {
		return 0, fmt.Errorf("stat: confidence level %v: want a fraction between 0 and 1, such as 0.95", level)
	}
	return level, nil
}

// check refuses empty samples and values that are not finite.
func check(what string, sample []float64) error {
	if len(sample) == 0 {
		return fmt.Errorf("%w: %s", ErrEmpty, what)
	}
	for i, v := range sample {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("stat: %s: value %d is %v; drop absent values first", what, i, v)
		}
	}
	return nil
}

// Mean returns the arithmetic mean; NaN for an empty sample. It does not overflow.
func Mean(sample []float64) float64 {
	if len(sample) == 0 {
		return math.NaN()
	}
	var mean float64
	for i, v := range sample {
		n := float64(i + 1)
		mean += v/n - mean/n
	}
	return mean
}

// SD returns the sample standard deviation (n−1 in the denominator); NaN below two values.
func SD(sample []float64) float64 {
	if len(sample) < 2 {
		return math.NaN()
	}
	mean, scale := Mean(sample), 0.0
	for _, v := range sample {
		scale = max(scale, math.Abs(v-mean))
	}
	if scale == 0 {
		return 0
	}
	var sum float64
	for _, v := range sample {
		d := (v - mean) / scale
		sum += d * d
	}
	return scale * math.Sqrt(sum/float64(len(sample)-1))
}

// Quantile returns the q-quantile, 0 ≤ q ≤ 1, by linear interpolation between order
// statistics (type 7 of Hyndman and Fan, 1996); NaN for an empty sample.
func Quantile(sample []float64, q float64) float64 {
	return SortedQuantile(slices.Sorted(slices.Values(sample)), q)
}

// SortedQuantile is Quantile for a sample already in increasing order.
func SortedQuantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	at := min(max(q, 0), 1) * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	f := at - float64(i)
	return sorted[i]*(1-f) + sorted[i+1]*f
}

// Median returns the 0.5-quantile; NaN for an empty sample.
func Median(sample []float64) float64 { return Quantile(sample, 0.5) }

// MAD returns the median absolute deviation from the median, not scaled; multiply by
// NormalMAD to estimate the standard deviation of a normal sample.
func MAD(sample []float64) float64 {
	if len(sample) == 0 {
		return math.NaN()
	}
	m := Median(sample)
	dev := make([]float64, len(sample))
	for i, v := range sample {
		dev[i] = math.Abs(v - m)
	}
	return Median(dev)
}

// NormalMAD is 1/Φ⁻¹(3/4): the ratio of standard deviation to MAD of a normal variable.
const NormalMAD = 1.4826022185056018

// CV returns the coefficient of variation SD/|mean|; NaN below two values and for mean 0.
func CV(sample []float64) float64 {
	mean := math.Abs(Mean(sample))
	if mean == 0 {
		return math.NaN()
	}
	return SD(sample) / mean
}

// PercentileInterval returns the interval between the two tail quantiles of draws that
// leave level between them. It sorts draws in place.
func PercentileInterval(draws []float64, level float64) Interval {
	slices.Sort(draws)
	return Interval{Lo: SortedQuantile(draws, (1-level)/2), Hi: SortedQuantile(draws, (1+level)/2)}
}

// Correlation returns Pearson's correlation of two samples of equal length; NaN when one
// of them does not vary or their lengths differ.
func Correlation(x, y []float64) float64 {
	sx, sy := SD(x), SD(y)
	if len(x) != len(y) || !(sx > 0 && sy > 0) {
		return math.NaN()
	}
	mx, my, sum := Mean(x), Mean(y), 0.0
	for i := range x {
		sum += (x[i] - mx) / sx * ((y[i] - my) / sy)
	}
	return sum / float64(len(x)-1)
}
