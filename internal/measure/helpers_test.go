package measure

import (
	"math"
	"math/rand/v2"
	"testing"
)

const second = int64(1e9)

// sampled evaluates f (of seconds) at the given times, as a measured channel of kind k.
func sampled(k Kind, times []int64, f func(t float64) float64) Series {
	s := Series{Channel: Channel{Name: "test", Kind: k, Quality: Measured}, T: times, V: make([]float64, len(times))}
	for i, t := range times {
		s.V[i] = f(float64(t) / 1e9)
	}
	return s
}

// ticks returns times from 0 to the given seconds at a rate, each moved by up to ±jitter periods.
func ticks(seconds, rate, jitter float64, rng *rand.Rand) []int64 {
	period := 1e9 / rate
	var out []int64
	for i := 0; float64(i)*period <= seconds*1e9; i++ {
		shift := 0.0
		if jitter > 0 {
			shift = jitter * (2*rng.Float64() - 1)
		}
		out = append(out, int64((float64(i)+shift)*period))
	}
	return out
}

// box is 1 between a and b and 0 elsewhere.
func box(a, b float64) func(float64) float64 {
	return func(t float64) float64 {
		if t >= a && t < b {
			return 1
		}
		return 0
	}
}

// boxTotal is the integral of box(a, b) from 0.
func boxTotal(a, b float64) func(float64) float64 {
	return func(t float64) float64 { return max(0, min(t, b)-a) }
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.9g, want %.9g ± %.2g", what, got, want, tolerance)
	}
}

func refused(t *testing.T, what string, r Result) {
	t.Helper()
	if r.OK() || r.Reason == "" || !math.IsNaN(r.Value) {
		t.Errorf("%s = %+v, want unavailable with a reason and no value", what, r)
	}
}
