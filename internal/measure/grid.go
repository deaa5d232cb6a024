package measure

import (
	"fmt"
	"math"
)

// maxGrid bounds the points of a resampled series: 100 Hz for a day and a half.
const maxGrid = 1 << 24

// resample returns values at w.Start, w.Start+step, … up to w.End by linear interpolation
// between valid samples; times outside the series take the nearest value.
func resample(s Series, w Window, step int64) ([]float64, error) {
	valid := s.Valid()
	if len(valid.T) < 2 {
		return nil, fmt.Errorf("%s: %d valid samples, at least 2 are needed", s.Channel.Name, len(valid.T))
	}
	if step <= 0 || w.End <= w.Start || (w.End-w.Start)/step >= maxGrid {
		return nil, fmt.Errorf("%s: cannot put %.3f s on a grid of %d ns", s.Channel.Name, w.Seconds(), step)
	}
	out := make([]float64, (w.End-w.Start)/step+1)
	i := 0
	for k := range out {
		t := w.Start + int64(k)*step
		for i < len(valid.T) && valid.T[i] < t {
			i++
		}
		switch {
		case i == 0:
			out[k] = valid.V[0]
		case i == len(valid.T):
			out[k] = valid.V[i-1]
		default:
			f := float64(t-valid.T[i-1]) / float64(valid.T[i]-valid.T[i-1])
			out[k] = valid.V[i-1] + f*(valid.V[i]-valid.V[i-1])
		}
	}
	return out, nil
}

// smooth is the centred moving average over 2·half+1 points; near the ends it runs over the
// points that exist.
func smooth(v []float64, half int) []float64 {
	sums := make([]float64, len(v)+1)
	for i, x := range v {
		sums[i+1] = sums[i] + x
	}
	out := make([]float64, len(v))
	for i := range v {
		lo, hi := max(0, i-half), min(len(v), i+half+1)
		out[i] = (sums[hi] - sums[lo]) / float64(hi-lo)
	}
	return out
}

// gradient is the central difference per point, one-sided at the ends.
func gradient(v []float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		lo, hi := max(0, i-1), min(len(v)-1, i+1)
		if hi > lo {
			out[i] = (v[hi] - v[lo]) / float64(hi-lo)
		}
	}
	return out
}

// meanDeviation returns the mean and the standard deviation (over n).
func meanDeviation(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		sd += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sd / float64(len(v)))
}
