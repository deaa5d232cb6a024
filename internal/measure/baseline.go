package measure

import (
	"fmt"
	"math"
)

// blockSeconds is the length of the blocks whose means a baseline is made of: long enough to
// even out the ticks of 10 ms counters, short enough to give several in a few seconds.
const blockSeconds = 1.0

// Baseline is the idle level of one channel: the mean rate for cumulative kinds (cores,
// watts), the mean value for the others.
type Baseline struct {
	Level  float64
	Sigma  float64 // standard deviation of the means over one second, same unit as Level
	N      int     // number of those means
	Stable bool
	Doubt  string // why it is not stable
}

// Seconds is the length of time that the baseline rests on.
func (b Baseline) Seconds() float64 { return float64(b.N) * blockSeconds }

// Noise is the standard uncertainty of Level·seconds as a prediction of what an idle stretch
// of that length would have used, in the unit of Level times seconds. It adds the scatter of
// the stretch itself to the error of the level, both from the scatter of one-second means:
//
//	Sigma·√( seconds·1 s + seconds²/N )
func (b Baseline) Noise(seconds float64) float64 {
	if b.N == 0 {
		return math.Inf(1)
	}
	return b.Sigma * math.Sqrt(seconds*blockSeconds+seconds*seconds/float64(b.N))
}

// Level measures the baseline of a series over a window that holds at least two one-second
// blocks. Stable is left false.
func Level(s Series, w Window) (Baseline, error) {
	blocks := int(w.Seconds() / blockSeconds)
	if blocks < 2 {
		return Baseline{}, fmt.Errorf("baseline of %s: a window of %.2f s is too short, 2 s are needed", s.Channel.Name, w.Seconds())
	}
	var mean, m2 float64
	n := 0
	for i := range blocks {
		v := blockMean(s, blockOf(w, i))
		if !v.OK() {
			return Baseline{}, fmt.Errorf("baseline of %s: %s", s.Channel.Name, v.Reason)
		}
		n++ // Welford's recurrence
		d := v.Value - mean
		mean += d / float64(n)
		m2 += d * (v.Value - mean)
	}
	return Baseline{Level: mean, Sigma: math.Sqrt(m2 / float64(n-1)), N: n}, nil
}

// blockOf is the i-th block of the window, counted so that the last one ends with it.
func blockOf(w Window, i int) Window {
	blocks := int64(w.Seconds() / blockSeconds)
	length := int64(blockSeconds * 1e9)
	start := w.End - (blocks-int64(i))*length
	return Window{start, start + length}
}

func blockMean(s Series, w Window) Result {
	var r Result
	if s.Channel.Kind.Cumulative() {
		r = CounterDelta(s, w)
	} else {
		r = AUC(s, w, 0)
	}
	r.Value /= w.Seconds()
	return r
}

// BaselineRule says when a machine counts as idle.
type BaselineRule struct {
	Span     float64 // seconds over which the level must hold still; at least 2
	MaxSigma float64 // largest standard deviation of one-second means, in the unit of the level
	Timeout  float64 // seconds after which a baseline is taken anyway, with a doubt
}

// Check judges the series at time now, when waiting began at from (both Now). It returns the
// baseline of the last Span seconds and true when waiting is over: because that baseline is
// stable, or because the time-out has passed, in which case Stable is false and Doubt says
// why. While there are not enough samples it returns false.
func (rule BaselineRule) Check(s Series, from, now int64) (Baseline, bool) {
	waited := float64(now-from) / 1e9
	expired := waited >= rule.Timeout
	last := s.Valid()
	if n := len(last.T); n > 0 {
		now = min(now, last.T[n-1]) // the newest sample may be a period old
	}
	span := Window{now - int64(max(rule.Span, 2*blockSeconds)*1e9), now}
	if span.Start < from && !expired {
		return Baseline{}, false
	}
	b, err := Level(s, span)
	if err != nil {
		return Baseline{Level: math.NaN(), Sigma: math.NaN(), Doubt: err.Error()}, expired
	}
	b.Stable = b.Sigma <= rule.MaxSigma
	if !b.Stable {
		b.Doubt = fmt.Sprintf("%s was not stable after %.0f s: σ of one-second means %.3g, at most %.3g was wanted",
			s.Channel.Name, waited, b.Sigma, rule.MaxSigma)
	}
	return b, b.Stable || expired
}
