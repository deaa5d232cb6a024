package measure

import (
	"math"
	"slices"
	"sort"
)

// Len is the number of samples, absent ones included.
func (s Series) Len() int { return len(s.T) }

// Valid returns the series without its absent (NaN) samples.
func (s Series) Valid() Series {
	out := Series{Channel: s.Channel, T: make([]int64, 0, len(s.T)), V: make([]float64, 0, len(s.V))}
	for i, v := range s.V {
		if !math.IsNaN(v) {
			out.T, out.V = append(out.T, s.T[i]), append(out.V, v)
		}
	}
	return out
}

// Within returns the samples with start ≤ t ≤ end, sharing memory with s.
func (s Series) Within(w Window) Series {
	lo := s.search(w.Start)
	hi := max(lo, sort.Search(len(s.T), func(i int) bool { return s.T[i] > w.End }))
	return Series{Channel: s.Channel, T: s.T[lo:hi], V: s.V[lo:hi]}
}

// search returns the index of the first sample at or after t.
func (s Series) search(t int64) int {
	i, _ := slices.BinarySearch(s.T, t)
	return i
}

// At returns the value at time t by linear interpolation between the neighbouring
// samples, NaN when t lies outside the series or a neighbour that is needed is absent.
func (s Series) At(t int64) float64 {
	i := s.search(t)
	switch {
	case i == len(s.T):
		return math.NaN()
	case s.T[i] == t:
		return s.V[i]
	case i == 0:
		return math.NaN()
	}
	f := float64(t-s.T[i-1]) / float64(s.T[i]-s.T[i-1])
	return s.V[i-1] + f*(s.V[i]-s.V[i-1])
}

// Clip returns a copy of the samples inside the window, with interpolated samples added at
// its edges where the series reaches past them and no sample lies there already.
func (s Series) Clip(w Window) Series {
	in := s.Within(w)
	out := Series{Channel: s.Channel, T: make([]int64, 0, len(in.T)+2), V: make([]float64, 0, len(in.T)+2)}
	add := func(t int64) {
		if v := s.At(t); !math.IsNaN(v) {
			out.T, out.V = append(out.T, t), append(out.V, v)
		}
	}
	if len(in.T) == 0 || in.T[0] > w.Start {
		add(w.Start)
	}
	out.T, out.V = append(out.T, in.T...), append(out.V, in.V...)
	if w.End > w.Start && (len(in.T) == 0 || in.T[len(in.T)-1] < w.End) {
		add(w.End)
	}
	return out
}

// Period is the median distance between neighbouring samples in nanoseconds, 0 with fewer
// than two samples.
func (s Series) Period() int64 {
	if len(s.T) < 2 {
		return 0
	}
	gaps := make([]int64, len(s.T)-1)
	for i := range gaps {
		gaps[i] = s.T[i+1] - s.T[i]
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// Max returns the largest value, NaN when there is none.
func (s Series) Max() float64 {
	largest := math.NaN()
	for _, v := range s.V {
		if !(v <= largest) && !math.IsNaN(v) {
			largest = v
		}
	}
	return largest
}

// Rate returns the rate of a cumulative series inside the window, per second: cores for
// CPU time, watts for energy. The total is first clipped to the window by interpolation,
// so that nothing from outside can leak in. The rate at a sample is the mean over the two
// intervals beside it, at the ends over the one:
//
//	r_i = (C_{i+1} − C_{i−1}) / (t_{i+1} − t_{i−1})
//
// The trapezoidal integral of this curve is the counter's difference, whatever the
// distances of the samples: a late tick moves load within the curve but does not make any.
func (s Series) Rate(w Window) Series {
	in := s.Valid().Clip(w)
	out := Series{Channel: s.Channel}
	out.Channel.Kind, out.Channel.Resolution = s.Channel.Kind.Rate(), 0
	n := len(in.T)
	if n < 2 {
		return out
	}
	out.T, out.V = in.T, make([]float64, n)
	for i := range n {
		lo, hi := max(0, i-1), min(n-1, i+1)
		out.V[i] = (in.V[hi] - in.V[lo]) / (float64(in.T[hi]-in.T[lo]) / 1e9)
	}
	return out
}

// usage returns the curve as monitors draw it: the mean rate of each interval between
// neighbouring valid samples, placed at the middle of the interval, with straight lines in
// between; the first and last rates reach to the window's edges. Its trapezoidal integral
// differs from the counter's difference by
//
//	Σ (r_{i+1} − r_i)·(Δt_{i+1} − Δt_i) / 4
//
// which vanishes for punctual sampling and grows with late and missed samples where the load
// changes.
func (s Series) usage(w Window) Series {
	in := s.Valid().Clip(w)
	out := Series{Channel: s.Channel}
	out.Channel.Kind = s.Channel.Kind.Rate()
	n := len(in.T)
	for i := 0; i+1 < n; i++ {
		dt := in.T[i+1] - in.T[i]
		r := (in.V[i+1] - in.V[i]) / (float64(dt) / 1e9)
		if i == 0 {
			out.T, out.V = append(out.T, in.T[0]), append(out.V, r)
		}
		out.T, out.V = append(out.T, in.T[i]+dt/2), append(out.V, r)
	}
	if n > 1 {
		out.T, out.V = append(out.T, in.T[n-1]), append(out.V, out.V[len(out.V)-1])
	}
	return out
}
