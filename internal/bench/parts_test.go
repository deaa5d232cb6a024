package bench

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// counterSeries is a counter that is read every period ns and grows at rate per second
// from ns zero to until.
func counterSeries(name string, kind measure.Kind, scope measure.Scope, period, until int64, rate float64) measure.Series {
	s := measure.Series{Channel: measure.Channel{Name: name, Kind: kind, Scope: scope, Quality: measure.Measured, Capacity: 4}}
	for t := int64(0); t <= until; t += period {
		s.T, s.V = append(s.T, t), append(s.V, rate*float64(t)/1e9)
	}
	return s
}

// Whatever the number of requests and the way the window is cut into phases, amounts are
// per request and those of the phases add up to the whole.
func TestAmountsPerRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cores := rapid.Float64Range(0.1, 4).Draw(t, "cores")
		requests := rapid.IntRange(1, 6).Draw(t, "requests")
		const second = int64(1e9)
		m := meter{
			series: []measure.Series{
				counterSeries("process.cpu", measure.KindCPUTime, measure.ScopeProcess, second/20, 8*second, cores),
				counterSeries("meter", measure.KindEnergy, measure.ScopePackage, second/10, 8*second, 11),
			},
			idle:     map[string]measure.Baseline{"meter": {Level: 5, Sigma: 0.001, N: 3, Stable: true}},
			requests: requests,
		}
		cut := rapid.Int64Range(3*second/2, 5*second).Draw(t, "cut")
		whole := m.amounts([]measure.Window{{Start: second, End: 6 * second}})
		first := m.amounts([]measure.Window{{Start: second, End: cut}})
		last := m.amounts([]measure.Window{{Start: cut, End: 6 * second}})
		both := m.amounts([]measure.Window{{Start: second, End: cut}, {Start: cut, End: 6 * second}})
		n := float64(requests)
		for name, want := range map[string]float64{
			store.MetricWallSeconds: 5 / n, store.MetricCPUCoreSeconds: 5 * cores / n,
			store.MetricJoules + "meter": 55 / n, store.MetricJoulesAdjusted + "meter": 30 / n,
		} {
			for label, got := range map[string]float64{
				"whole": whole[name].Value, "sum of phases": first[name].Value + last[name].Value, "both phases": both[name].Value,
			} {
				if math.Abs(got-want) > 1e-9*want {
					t.Fatalf("%s, %s: %v, want %v", name, label, got, want)
				}
			}
		}
		for _, name := range []string{store.MetricCPUAUCCore, store.MetricRAMAUC, store.MetricRAMAUCPercent} {
			if f := whole[name]; f.OK() || f.Reason == "" || !math.IsNaN(f.Value) {
				t.Fatalf("%s is %+v without a source of it", name, f)
			}
		}
	})
}

func TestAmountsOfUnmarkedPhase(t *testing.T) {
	for name, f := range (meter{requests: 1}).amounts(nil) {
		if f.OK() || f.Reason == "" {
			t.Errorf("%s is %+v without a window", name, f)
		}
	}
}

func TestWindowMovesToSamplesBesideIt(t *testing.T) {
	s := measure.Series{T: []int64{0, 10e6, 50e6, 51e6, 100e6}}
	m := meter{snap: snapNs}
	got := m.toSamples(s, measure.Window{Start: 11e6, End: 97e6})
	if want := (measure.Window{Start: 10e6, End: 97e6}); got != want {
		t.Errorf("got %v, want %v: only what is within 2 ms moves", got, want)
	}
	m.snap = 0
	if got := m.toSamples(s, measure.Window{Start: 11e6, End: 99e6}); got != (measure.Window{Start: 11e6, End: 99e6}) {
		t.Errorf("got %v although nothing may move", got)
	}
	if got := (meter{snap: snapNs}).toSamples(measure.Series{}, measure.Window{Start: 1, End: 2}); got != (measure.Window{Start: 1, End: 2}) {
		t.Errorf("got %v of an empty series", got)
	}
}

// trialsWith makes trials of alternating length with a cost that changes over the run.
func trialsWith(n int, cost func(i int) float64) (out []store.Trial) {
	for i := range n {
		x := 64 << (i % 2)
		out = append(out, store.Trial{Config: "c", X: x, Figures: map[string]store.Figure{
			"m": {Value: float64(x) * cost(i), Quality: measure.Measured},
		}})
	}
	return out
}

func TestDrift(t *testing.T) {
	steady := trialsWith(30, func(i int) float64 { return 1 + 0.001*float64(i*7%5) })
	if d, ok := driftOf(steady, "m"); !ok || math.Abs(d.change) > 0.005 || d.p < driftP {
		t.Errorf("steady trials: %+v, %v", d, ok)
	}
	rising := trialsWith(30, func(i int) float64 { return 1 + 0.1*float64(i)/29 })
	if d, ok := driftOf(rising, "m"); !ok || math.Abs(d.change-0.066) > 0.01 || d.p > 1e-4 {
		t.Errorf("trials that rise by 10 %%: %+v, %v", d, ok)
	}
	if _, ok := driftOf(steady[:6], "m"); ok {
		t.Error("six trials are said to be enough")
	}
	if _, ok := driftOf(steady, "none"); ok {
		t.Error("a figure that no trial has is said to drift")
	}
}

func TestRemaining(t *testing.T) {
	r := &runner{plan: DefaultPlan(), done: map[int]bool{}, configs: []*config{{}}}
	r.plan.MinWindow, r.plan.OutputTokens = 2, 0
	r.items = []workload.Item{{Seq: 0, X: 100}, {Seq: 1, X: 1000}}
	if got := r.remaining(); got != 0 {
		t.Errorf("%v although nothing is known", got)
	}
	r.eta.request("", 500, 2.5) // 5 ms per token
	// 100 tokens take 0.5 s, four times over; 1000 take 5 s; a second around each; and the
	// closing baseline.
	if got := r.remaining().Seconds(); got != 2+5+2+r.plan.Baseline.Seconds {
		t.Errorf("%v s, want %v s", got, 9+r.plan.Baseline.Seconds)
	}
	r.eta.overhead(3)
	r.done[1] = true
	if got := r.remaining().Seconds(); got != 2+3+r.plan.Baseline.Seconds {
		t.Errorf("%v s with one trial left, want %v s", got, 5+r.plan.Baseline.Seconds)
	}
}

func TestWidestPower(t *testing.T) {
	channel := func(name string, k measure.Kind, s measure.Scope, q measure.Quality) measure.Channel {
		return measure.Channel{Name: name, Kind: k, Scope: s, Quality: q}
	}
	all := []measure.Channel{
		channel("cpu", measure.KindCPUTime, measure.ScopeWall, measure.Measured),
		channel("guess", measure.KindPower, measure.ScopeWall, measure.Estimated),
		channel("core", measure.KindEnergy, measure.ScopeCore, measure.Measured),
		channel("package", measure.KindEnergy, measure.ScopePackage, measure.Measured),
		channel("plug", measure.KindPower, measure.ScopeWall, measure.Unavailable),
	}
	if c, ok := widestPower(all); !ok || c.Name != "package" {
		t.Errorf("%q, %v; want the widest measured one", c.Name, ok)
	}
	if c, ok := widestPower(all[:2]); !ok || c.Name != "guess" {
		t.Errorf("%q, %v; want the estimate where nothing is measured", c.Name, ok)
	}
	if _, ok := widestPower(all[:1]); ok {
		t.Error("a CPU clock is taken for power")
	}
}

func TestDoubts(t *testing.T) {
	plan := DefaultPlan()
	trial := &store.Trial{X: 64, TokensIn: 65, Figures: map[string]store.Figure{store.MetricClosure: {Value: 0.02, Quality: measure.Measured}}}
	long, short := measure.Window{Start: 1e9, End: 5e9}, measure.Window{Start: 1e9, End: 2e9}
	steal := []measure.Series{counterSeries("system.steal", measure.KindCPUTime, measure.ScopeSystem, 1e8, 9e9, 0.4)}
	responses := []backend.Response{{TokensOut: 16}, {TokensOut: 3}}
	text := strings.Join(doubtsOf(trial, steal, long, responses, plan), "\n")
	for _, want := range []string{"65 prompt tokens instead of 64", "3 tokens instead of 16", "2.00 %", "10.0 %"} {
		if !strings.Contains(text, want) {
			t.Errorf("doubts %q lack %q", text, want)
		}
	}
	if text := strings.Join(doubtsOf(trial, nil, short, nil, plan), "\n"); strings.Contains(text, "area") {
		t.Errorf("a window too short for closure is doubted for it: %q", text)
	}
}

// Each model's memory counts against the machine without it, whatever else is loaded.
func TestRebaseMemory(t *testing.T) {
	level := func(v float64) measure.Baseline { return measure.Baseline{Level: v, Sigma: 1, N: 2, Stable: true} }
	const name = "system.memory"
	first := &config{idle: map[string]measure.Baseline{name: level(1300)}}
	second := &config{}
	blind := &config{model: "blind"}
	r := &runner{configs: []*config{first, second, blind}}
	r.rebaseMemory(first, level(1000)) // it took 300
	if got := first.idle[name].Level; got != 1000 {
		t.Errorf("the first model's baseline is %v, want 1000", got)
	}
	second.idle = map[string]measure.Baseline{name: level(1850)}
	r.rebaseMemory(second, level(1310)) // it took 540, and 10 came from elsewhere
	if a, b := first.idle[name].Level, second.idle[name].Level; a != 1540 || b != 1310 {
		t.Errorf("baselines %v and %v, want 1540 and 1310", a, b)
	}
	blind.idle = map[string]measure.Baseline{name: level(1900)}
	r.rebaseMemory(blind, measure.Baseline{})
	if _, known := blind.idle[name]; known || find(r.run.Findings, "memory") == nil {
		t.Errorf("a baseline of no samples was used, findings %+v", r.run.Findings)
	}
}
