package measure

import "math"

// minPowerSamples is the least number of power samples in a window for it to carry an
// energy figure.
const minPowerSamples = 10

// minSteps is how many times its resolution an energy counter must advance in a window for
// the difference to mean anything: fewer is a figure of one significant digit at best.
const minSteps = 10

// Joules is the energy that passed through a channel in the window (gross). Where a running
// total exists it is its difference; from power samples it is their integral, which needs
// at least 10 samples in the window. A counter that hardly moved is refused: a short task
// must not read as one that cost nothing.
func Joules(s Series, w Window) Result {
	switch s.Channel.Kind {
	case KindEnergy:
		return energyDelta(s, w)
	case KindPower:
		r := AUC(s, w, 0)
		if n := countValid(s.Within(w)); r.OK() && n < minPowerSamples {
			u := unavailable("%s: %d power samples in the window, %d are needed", s.Channel.Name, n, minPowerSamples)
			u.N, u.Coverage = n, r.Coverage
			return u
		}
		return r
	default:
		return unavailable("%s: a channel of kind %s carries no energy", s.Channel.Name, s.Channel.Kind)
	}
}

func energyDelta(s Series, w Window) Result {
	r := CounterDelta(s, w)
	if !r.OK() {
		return r
	}
	step := s.Channel.Resolution
	if r.Value <= 0 || r.Value < minSteps*step {
		u := unavailable("%s: the counter advanced by %.3g J in %.3f s, too little for its resolution (%.3g J)",
			s.Channel.Name, r.Value, w.Seconds(), step)
		u.N, u.Coverage = r.N, r.Coverage
		return u
	}
	r.Uncertainty += step
	return r
}

// AboveIdle subtracts what the machine would have used anyway: gross − level·seconds, for a
// gross figure over a window of that length and the baseline of the same channel (joules
// with a level in watts, core-seconds with one in cores, byte-seconds with one in bytes).
// A difference smaller than twice its standard uncertainty (Baseline.Noise) is refused, not
// printed as a fact.
func AboveIdle(gross Result, idle Baseline, seconds float64) Result {
	if !gross.OK() {
		return gross
	}
	if idle.N == 0 || math.IsNaN(idle.Level) {
		return unavailable("no idle baseline was measured for this channel")
	}
	r := gross
	noise := idle.Noise(seconds)
	r.Value = gross.Value - idle.Level*seconds
	r.Uncertainty = math.Hypot(gross.Uncertainty, noise)
	if math.Abs(r.Value) < 2*noise {
		u := unavailable("the difference to idle, %.3g, is below what the baseline resolves (2σ = %.3g)", r.Value, 2*noise)
		u.N, u.Coverage = r.N, r.Coverage
		return u
	}
	return r
}
