package measure

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestJoules(t *testing.T) {
	w := Window{1 * second, 5 * second}
	counter := sampled(KindEnergy, ticks(6, 20, 0, nil), func(x float64) float64 { return 12 * x })
	counter.Channel.Resolution = 61e-6
	near(t, "joules of a counter", Joules(counter, w).Value, 48, 1e-9)

	power := sampled(KindPower, ticks(6, 10, 0, nil), func(float64) float64 { return 12 })
	power.Channel.Quality, power.Channel.Reason = Estimated, "model of the machine"
	r := Joules(power, w)
	near(t, "joules of power", r.Value, 48, 1e-9)
	if r.Quality != Estimated || r.Reason == "" || r.N != 41 {
		t.Errorf("an estimate became %+v", r)
	}
	refused(t, "nine power samples", Joules(power, Window{1 * second, 1*second + 850e6}))
	refused(t, "energy of a temperature", Joules(sampled(KindTemperature, ticks(6, 1, 0, nil), math.Sqrt), w))

	counter.Channel.Resolution = 5
	refused(t, "a counter of too coarse steps", Joules(counter, w))
	still := sampled(KindEnergy, ticks(6, 20, 0, nil), func(float64) float64 { return 7 })
	refused(t, "a counter that stands still", Joules(still, w))
}

func TestAboveIdle(t *testing.T) {
	gross := Result{Value: 50, Quality: Measured, N: 80, Coverage: 1}
	idle := Baseline{Level: 4, Sigma: 0.2, N: 10}
	r := AboveIdle(gross, idle, 10)
	near(t, "above idle", r.Value, 10, 1e-12)
	near(t, "its uncertainty", r.Uncertainty, 0.2*math.Sqrt(10+10), 1e-12)
	refused(t, "a difference within the noise", AboveIdle(gross, Baseline{Level: 4.9, Sigma: 0.2, N: 10}, 10))
	refused(t, "no baseline", AboveIdle(gross, Baseline{}, 10))
	refused(t, "no gross figure", AboveIdle(unavailable("x"), idle, 10))
}

// Noise must predict the scatter of (idle stretch − level·seconds).
func TestBaselineNoiseIsCalibrated(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const draws, n, length, sigma = 4000, 6, 9, 0.3
	var squares float64
	for range draws {
		var level, used float64
		for range n {
			level += (2 + sigma*rng.NormFloat64()) / n
		}
		for range length {
			used += 2 + sigma*rng.NormFloat64()
		}
		squares += (used - level*length) * (used - level*length)
	}
	want := Baseline{Sigma: sigma, N: n}.Noise(length)
	near(t, "scatter / Noise", math.Sqrt(squares/draws)/want, 1, 0.04)
}

func TestBaselineRule(t *testing.T) {
	rule := BaselineRule{Span: 3, MaxSigma: 0.02, Timeout: 10}
	// Busy for 4 s, then 0.1 cores.
	s := sampled(KindCPUTime, ticks(30, 20, 0, nil), func(x float64) float64 { return min(x, 4) + 0.1*max(0, x-4) })
	at := func(seconds float64) (Baseline, bool) {
		now := int64(seconds * 1e9)
		return rule.Check(Series{Channel: s.Channel, T: s.Within(Window{0, now}).T, V: s.Within(Window{0, now}).V}, 3*second, now)
	}
	if b, done := at(5); done {
		t.Errorf("done after 2 s of 3: %+v", b)
	}
	if b, done := at(6.5); done {
		t.Errorf("done while the load still falls: %+v", b)
	}
	b, done := at(7.1)
	if !done || !b.Stable || b.Doubt != "" || b.N != 3 {
		t.Fatalf("not done once stable: %+v", b)
	}
	near(t, "level", b.Level, 0.1, 1e-9)

	noisy := sampled(KindLoad, ticks(30, 20, 0, nil), func(x float64) float64 { return math.Mod(math.Floor(x), 2) })
	if b, done := rule.Check(noisy, 3*second, 12*second); done {
		t.Errorf("unstable but done: %+v", b)
	}
	b, done = rule.Check(noisy, 3*second, 13*second)
	if !done || b.Stable || b.Doubt == "" || math.IsNaN(b.Level) {
		t.Errorf("time-out must end in a doubt: %+v, done %v", b, done)
	}
	b, done = rule.Check(Series{Channel: s.Channel}, 0, 11*second)
	if !done || b.Stable || b.Doubt == "" || !math.IsNaN(b.Level) {
		t.Errorf("no samples at all: %+v, done %v", b, done)
	}
}
