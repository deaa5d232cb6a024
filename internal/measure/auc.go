package measure

import "math"

const (
	// minCoverage is the least part of a window that samples must cover for a figure.
	minCoverage = 0.95
	// longGap is the distance between samples, in median periods, from which the stretch
	// between them counts as not covered.
	longGap = 5
)

// AUC is the area under the curve of instantaneous values above a baseline inside the
// window, in the unit of the values times seconds. It is the trapezoidal rule on the actual
// time stamps, clipped at the window's edges by interpolation:
//
//	Σ ((v_i + v_{i+1})/2 − baseline)·(t_{i+1} − t_i)
//
// Samples below the baseline count negative: cutting them off would turn noise into load.
// Stretches next to an absent sample, longer than five median periods, or outside the
// series are not covered; but for load, which is the rate of a counter and so has an exact
// mean however long the stretch. The result is scaled up to the whole window, with the scaled-up
// part as its uncertainty, and refused when less than 95 % is covered.
//
// For the load of a cumulative series, pass its Rate over the same window.
func AUC(s Series, w Window, baseline float64) Result {
	if w.End <= w.Start {
		return unavailable("%s: the window is empty", s.Channel.Name)
	}
	if s.Channel.Quality == Unavailable {
		return absent(s.Channel)
	}
	in := s.Clip(w)
	limit := longGap * s.Period()
	if s.Channel.Kind == KindLoad {
		limit = math.MaxInt64
	}
	var area, covered float64
	for i := 0; i+1 < len(in.T); i++ {
		dt := in.T[i+1] - in.T[i]
		mean := (in.V[i] + in.V[i+1]) / 2
		if math.IsNaN(mean) || dt > limit {
			continue
		}
		area += (mean - baseline) * float64(dt) / 1e9
		covered += float64(dt) / 1e9
	}
	r := inherit(s.Channel, area)
	r.N = countValid(s.Within(w))
	r.Coverage = covered / w.Seconds()
	if r.Coverage < minCoverage {
		u := unavailable("%s: samples cover %.0f %% of the window, %.0f %% are needed", s.Channel.Name, 100*r.Coverage, 100*minCoverage)
		u.N, u.Coverage = r.N, r.Coverage
		return u
	}
	if r.Coverage < 1 {
		r.Value = area / r.Coverage
		r.Uncertainty = math.Abs(r.Value - area)
	}
	return r
}

// CounterDelta is the growth of a cumulative series over the window, from the totals at
// its edges by linear interpolation between the neighbouring samples. The uncertainty is
// the furthest that the true totals at the edges can lie from the interpolated ones, given
// that totals only grow; it is 0 when a sample lies on each edge (see the sampler's Mark).
func CounterDelta(s Series, w Window) Result {
	name := s.Channel.Name
	if w.End <= w.Start {
		return unavailable("%s: the window is empty", name)
	}
	if s.Channel.Quality == Unavailable {
		return absent(s.Channel)
	}
	valid := s.Valid()
	n := len(valid.T)
	switch {
	case n == 0:
		return unavailable("%s: no valid sample", name)
	case valid.T[0] > w.Start:
		return unavailable("%s: the first valid sample comes %.3f s after the window's start", name, float64(valid.T[0]-w.Start)/1e9)
	case valid.T[n-1] < w.End:
		return unavailable("%s: the last valid sample comes %.3f s before the window's end", name, float64(w.End-valid.T[n-1])/1e9)
	}
	in := valid.Clip(w)
	for i := 1; i < len(in.V); i++ {
		if in.V[i] < in.V[i-1] {
			return unavailable("%s: the running total went backwards %.3f s into the window", name, float64(in.T[i]-w.Start)/1e9)
		}
	}
	r := inherit(s.Channel, in.V[len(in.V)-1]-in.V[0])
	r.N = countValid(s.Within(w))
	r.Uncertainty = valid.edgeError(w.Start) + valid.edgeError(w.End)
	return r
}

// edgeError bounds the error of an interpolated total at t: a total that only grows may lie
// anywhere between its neighbours.
func (s Series) edgeError(t int64) float64 {
	i := s.search(t)
	if i == 0 || i == len(s.T) || s.T[i] == t {
		return 0
	}
	f := float64(t-s.T[i-1]) / float64(s.T[i]-s.T[i-1])
	return max(f, 1-f) * (s.V[i] - s.V[i-1])
}

// Closure is the relative disagreement between the area under the usage curve of a
// cumulative series, drawn as monitors draw it (one mean rate per interval, joined by
// straight lines), and its difference over the same window, |AUC − Δ| / Δ. The difference is
// exact, so closure tells how well these very samples carry a curve: it stays below 0.5 %
// for windows of 2 s and more unless samples are late or missing where the load changes.
// The areas that AUC gives for a Rate do not suffer from late samples; closure bounds what
// curves without a counter behind them, such as power, lose on the same ticks.
func Closure(s Series, w Window) Result {
	delta := CounterDelta(s, w)
	if !delta.OK() {
		return delta
	}
	area := AUC(s.usage(w), w, 0)
	if !area.OK() {
		return area
	}
	if delta.Value <= 0 {
		return unavailable("%s: nothing was counted in the window", s.Channel.Name)
	}
	r := delta
	r.Value = math.Abs(area.Value-delta.Value) / delta.Value
	r.Uncertainty = delta.Uncertainty / delta.Value
	r.Coverage = area.Coverage
	return r
}

func absent(c Channel) Result {
	if c.Reason == "" {
		return unavailable("%s: not available", c.Name)
	}
	return unavailable("%s: %s", c.Name, c.Reason)
}

func countValid(s Series) (n int) {
	for _, v := range s.V {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}
