package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The trapezoidal rule is exact for piecewise linear curves, whatever the time stamps.
func TestAUCOfRampIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		slope := rapid.Float64Range(-5, 5).Draw(t, "slope")
		level := rapid.Float64Range(-5, 5).Draw(t, "level")
		base := rapid.Float64Range(-5, 5).Draw(t, "baseline")
		from := rapid.Float64Range(0.5, 4).Draw(t, "from")
		to := from + rapid.Float64Range(0.01, 5).Draw(t, "length")
		s := sampled(KindLoad, ticks(10, 20, 0.45, rng), func(x float64) float64 { return level + slope*x })
		w := Window{int64(from * 1e9), int64(to * 1e9)}
		r := AUC(s, w, base)
		want := (level-base)*(to-from) + slope*(to*to-from*from)/2
		if !r.OK() || math.Abs(r.Value-want) > 1e-6 || r.Coverage < 1-1e-9 {
			t.Fatalf("AUC = %+v, want %g", r, want)
		}
	})
}

func TestAUCOfSine(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := sampled(KindLoad, ticks(10, 50, 0.3, rng), func(x float64) float64 { return 2 + math.Sin(2*math.Pi*x/5) })
	r := AUC(s, Window{1 * second, 8500 * second / 1000}, 0.5)
	want := 1.5*7.5 + 5/(2*math.Pi)*(math.Cos(2*math.Pi*1/5)-math.Cos(2*math.Pi*8.5/5))
	near(t, "AUC of a sine", r.Value, want, 0.01)
}

func TestAUCGaps(t *testing.T) {
	constant := func(float64) float64 { return 3 }
	w := Window{2 * second, 8 * second}
	s := sampled(KindPower, ticks(10, 20, 0, nil), constant)
	s.V[100] = math.NaN() // two intervals of 50 ms out of 6 s
	r := AUC(s, w, 1)
	near(t, "AUC over an absent sample", r.Value, 12, 1e-9)
	near(t, "coverage", r.Coverage, 1-0.1/6, 1e-9)
	near(t, "uncertainty", r.Uncertainty, 2*0.1, 1e-9)

	for i := 100; i < 110; i++ {
		s.V[i] = math.NaN()
	}
	refused(t, "AUC with half a second missing", AUC(s, w, 1))

	holes := slices.DeleteFunc(ticks(10, 20, 0, nil), func(x int64) bool { return x > 4*second && x < 5*second })
	refused(t, "AUC over a second without ticks", AUC(sampled(KindPower, holes, constant), w, 0))
	refused(t, "AUC past the end", AUC(s, Window{9 * second, 12 * second}, 0))
	refused(t, "AUC of an empty window", AUC(s, Window{4, 4}, 0))
	refused(t, "AUC of an unavailable channel", AUC(Series{Channel: Channel{Name: "x", Reason: "no hardware"}}, w, 0))
}

func TestCounterDelta(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	total := boxTotal(2, 7)
	s := sampled(KindCPUTime, ticks(10, 20, 0.4, rng), total)
	r := CounterDelta(s, Window{1 * second, 9 * second})
	near(t, "delta around a box", r.Value, 5, 1e-9)
	near(t, "uncertainty where nothing happens", r.Uncertainty, 0, 1e-12)

	rapid.Check(t, func(t *rapid.T) { // the stated bound holds for any window
		from := rapid.Float64Range(0.5, 8).Draw(t, "from")
		to := from + rapid.Float64Range(0.01, 1.4).Draw(t, "length")
		r := CounterDelta(s, Window{int64(from * 1e9), int64(to * 1e9)})
		if err := math.Abs(r.Value - (total(to) - total(from))); !r.OK() || err > r.Uncertainty+1e-6 {
			t.Fatalf("delta %+v is off by %g", r, err)
		}
	})

	s.V[len(s.V)-1] = math.NaN()
	refused(t, "delta past the last valid sample", CounterDelta(s, Window{1 * second, s.T[len(s.T)-1]}))
	refused(t, "delta before the first sample", CounterDelta(s, Window{s.T[0] - 1, 9 * second}))
	s.V[50] = 99
	refused(t, "delta of a total that goes backwards", CounterDelta(s, Window{1 * second, 9 * second}))
}

// duty is a load that is switched on at 2 s, wobbles, and ends at 2 s + length.
func duty(length float64) func(float64) float64 {
	return func(t float64) float64 {
		x := max(0, min(t-2, length))
		return 1.8*x + 0.05*math.Sin(11*x)
	}
}

// With marks at the edges and punctual ticks, closure stays within 0.5 % for every window of
// 2 s and more.
func TestClosureIsSmallWhenPunctual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 5))
		length := rapid.Float64Range(2, 20).Draw(t, "length")
		w := Window{2 * second, 2*second + int64(length*1e9)}
		times := append(ticks(25, 20, 0.1, rng), w.Start, w.End)
		slices.Sort(times)
		r := Closure(sampled(KindCPUTime, slices.Compact(times), duty(length)), w)
		if !r.OK() || r.Value > 0.005 || r.Uncertainty > 1e-9 {
			t.Fatalf("closure = %+v", r)
		}
	})
}

// Without marks the edges lie between ticks and closure still holds, but the uncertainty says
// that the difference itself is only known to a tick.
func TestClosureWithoutMarks(t *testing.T) {
	w := Window{2*second + 20e6, 4*second + 30e6}
	r := Closure(sampled(KindCPUTime, ticks(6, 20, 0, nil), duty(2.01)), w)
	if !r.OK() || r.Value > 0.012 || r.Uncertainty < 0.01 || r.Uncertainty > 0.06 {
		t.Errorf("closure = %+v", r)
	}
}

// Missing ticks where the load changes must show.
func TestClosureShowsMissedSamples(t *testing.T) {
	pulses := func(t float64) float64 { // on for 0.3 s of each second
		whole := math.Floor(t)
		return whole*0.3 + min(t-whole, 0.3)
	}
	w := Window{1 * second, 5 * second}
	good := Closure(sampled(KindCPUTime, ticks(6, 20, 0, nil), pulses), w)
	lost := slices.DeleteFunc(ticks(6, 20, 0, nil), func(x int64) bool { return x%second > 100e6 && x%second < 600e6 })
	bad := Closure(sampled(KindCPUTime, lost, pulses), w)
	if good.Value > 0.001 || bad.Value < 0.02 {
		t.Errorf("closure %.4f with all samples, %.4f with half of each pulse lost", good.Value, bad.Value)
	}
	refused(t, "closure of an idle process", Closure(sampled(KindCPUTime, ticks(6, 20, 0, nil), func(float64) float64 { return 7 }), w))
}

// The area under a rate is the counter's difference, however irregular the samples are.
func TestAreaOfRateIsTheDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 6))
		stalled := rapid.Int64Range(0, 9).Draw(t, "stalled second") // no ticks in half of it
		times := slices.DeleteFunc(ticks(10, 20, 0.49, rng), func(x int64) bool { return x/(second/2) == 2*stalled+1 && x < 9*second })
		s := sampled(KindCPUTime, times, duty(5))
		from := rapid.Float64Range(0.5, 6).Draw(t, "from")
		w := Window{int64(from * 1e9), int64((from + rapid.Float64Range(0.001, 3).Draw(t, "length")) * 1e9)}
		area, delta := AUC(s.Rate(w), w, 0), CounterDelta(s, w)
		if !area.OK() || !delta.OK() || math.Abs(area.Value-delta.Value) > 1e-9 {
			t.Fatalf("area %+v, difference %+v", area, delta)
		}
	})
}

func TestRateKeepsToTheWindow(t *testing.T) {
	s := sampled(KindCPUTime, ticks(6, 20, 0, nil), boxTotal(2, 4))
	r := s.Rate(Window{2 * second, 4 * second})
	if r.Channel.Kind != KindLoad || r.T[0] != 2*second || r.T[len(r.T)-1] != 4*second {
		t.Fatalf("rate of kind %s from %d to %d", r.Channel.Kind, r.T[0], r.T[len(r.T)-1])
	}
	for i, v := range r.V {
		near(t, "rate", v, 1, 1e-9)
		if i > 0 && r.T[i] <= r.T[i-1] {
			t.Errorf("time stamps %d and %d do not grow", i-1, i)
		}
	}
}
