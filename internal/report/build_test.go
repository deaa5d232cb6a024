package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

func mustBuild(t *testing.T, f *fixture) *Result {
	t.Helper()
	r, err := Build(f.run, f.trials, f.answers, f.of)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// findLaw returns the law of a metric, nil when there is none.
func findLaw(r *Result, metric string) *LawResult {
	for i := range r.Configs[0].Laws {
		if l := &r.Configs[0].Laws[i]; l.Metric == metric {
			return l
		}
	}
	return nil
}

func TestBuildRecoversTheTruth(t *testing.T) {
	r := mustBuild(t, newFixture(plain))
	l := findLaw(r, store.MetricCPUCoreSeconds)
	if l == nil {
		t.Fatal("no law of the CPU time")
	}
	for name, want := range map[string]float64{"a": plain.fixed, "b": plain.slope} {
		if ci := l.CI[name]; ci == nil || !ci.Contains(want) || math.Abs(l.Coef[name]-want) > 0.03*want {
			t.Errorf("%s = %v in %v, want %v", name, l.Coef[name], ci, want)
		}
	}
	if l.N != 75 || *l.R2 < 0.98 || *l.LinearTo != 1024 || l.Quality != measure.Measured {
		t.Errorf("law %+v", l)
	}
	if len(l.Band) != bandPoints {
		t.Errorf("band of %d points, want %d", len(l.Band), bandPoints)
	}
	for _, p := range l.Band {
		if v := l.at(p.X); v < p.Lo || v > p.Hi {
			t.Errorf("the line leaves its band at %v", p.X)
		}
	}
	want := "Each prompt token costs 4.10 ms of one core (95 % interval 4.08 … 4.12), on top of 521 ms fixed (518 … 525), between 64 and 1024 tokens."
	if l.Statement != want {
		t.Errorf("statement\n%s\nwant\n%s", l.Statement, want)
	}
	if r.Closure == nil || r.Closure.N != 75 || r.Closure.Median > 0.002 {
		t.Errorf("closure %+v", r.Closure)
	}
}

func TestQuadraticCostIsNoticed(t *testing.T) {
	bent := plain
	bent.curve = 4e-6
	l := findLaw(mustBuild(t, newFixture(bent)), store.MetricCPUCoreSeconds)
	if l.Best != "quadratic" || *l.LinearTo >= 1024 && *l.LinearFrom <= 64 {
		t.Errorf("best %q, linear from %v to %v", l.Best, *l.LinearFrom, *l.LinearTo)
	}
}

func TestComplexityAndDrift(t *testing.T) {
	verdictOf := func(cs []Contrast, group string) (Contrast, bool) {
		for _, c := range cs {
			if c.Metric == store.MetricCPUCoreSeconds && c.Group == group {
				return c, true
			}
		}
		return Contrast{}, false
	}
	cases := []struct {
		name        string
		change      func(*truth)
		complexity  string
		ratio       float64
		drift       string
		doubtsDrift bool
	}{
		{"nothing but length", func(*truth) {}, VerdictSame, 1, VerdictSame, false},
		{"high costs 20 % more", func(t *truth) { t.high = 1.2 }, VerdictDifferent, 1.2, "", false},
		{"noise hides it", func(t *truth) { t.noise, t.repeats = 0.2, 2 }, VerdictUndecided, 1, "", false},
		{"the machine gets slower", func(t *truth) { t.drift = 0.3 }, "", 1, VerdictDifferent, true},
	}
	for _, c := range cases {
		tr := plain
		c.change(&tr)
		r := mustBuild(t, newFixture(tr))
		got, ok := verdictOf(r.Configs[0].Complexity, "high")
		if !ok || c.complexity != "" && (got.Verdict != c.complexity || !got.CI.Contains(c.ratio)) {
			t.Errorf("%s: complexity %+v, want %s around %v", c.name, got, c.complexity, c.ratio)
		}
		drifted, ok := verdictOf(r.Drift, "last third")
		if !ok || c.drift != "" && drifted.Verdict != c.drift {
			t.Errorf("%s: drift %+v, want %s", c.name, drifted, c.drift)
		}
		if has := slices.ContainsFunc(r.Doubts, func(d Doubt) bool { return d.Where == "drift" }); has != c.doubtsDrift && c.drift != "" {
			t.Errorf("%s: doubt about drift: %v", c.name, has)
		}
	}
}

// A contrast that is not settled says how much more work would settle it, where any would.
func TestUnsettledContrasts(t *testing.T) {
	of := func(ratio, lo, hi float64) Contrast {
		return Contrast{Group: "high", Against: "low", Ratio: ratio, CI: law.Interval{Lo: lo, Hi: hi}, Verdict: verdict(law.Interval{Lo: lo, Hi: hi})}
	}
	for _, c := range []struct {
		contrast Contrast
		want     string
	}{
		{of(1, 0.91, 1.1), "not settled between high and low: 0.0 % (−9.0 … +10.0); about 4 times as many trials would settle it."},
		{of(1.048, 0.99, 1.11), "not settled between high and low: +4.8 % (−1.0 … +11.0)."},
		{of(1, 0.98, 1.02), "high costs the same as low within 5 %: 0.0 % (−2.0 … +2.0)."},
	} {
		if got := c.contrast.sentence(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Repeats dealt in turn leave cells of one or two trials, and some lengths where the
// groups are unequal: the length must not leak into the comparison.
func TestContrastOfUnbalancedCells(t *testing.T) {
	var data []observation
	for block := range 5 {
		for i := range 5 {
			noise := 0.01 * math.Sin(float64(7*block+3*i))
			data = append(data, observation{(i + block) % 3, block, math.Log(float64(block+1)) + noise})
		}
	}
	for group := 1; group <= 2; group++ {
		c, ok := contrast(data, 0, group)
		if !ok || c.Verdict != VerdictSame || math.Abs(c.Ratio-1) > 0.02 {
			t.Errorf("group %d: %+v, %v", group, c, ok)
		}
	}
	if _, ok := contrast(data[:3], 0, 1); ok {
		t.Error("a contrast of one trial against one")
	}
}

func TestEnergyKeepsEstimatesApart(t *testing.T) {
	both := plain
	both.measured = true
	r := mustBuild(t, newFixture(both))
	for metric, want := range map[string]measure.Quality{
		"joules.powercap.package-0": measure.Measured, "joules_idle_adjusted.powercap.package-0": measure.Measured,
		"joules.estimate.cpu": measure.Estimated, "joules_idle_adjusted.estimate.cpu": measure.Estimated,
	} {
		l := findLaw(r, metric)
		if l == nil || l.Quality != want {
			t.Fatalf("%s: %+v, want it %s", metric, l, want)
		}
		if says := strings.Contains(l.Statement, "estimate"); says != (want == measure.Estimated) {
			t.Errorf("%s: %q", metric, l.Statement)
		}
	}
	trial := r.Trials[0]
	if len(trial.Joules) != 1 || trial.Joules["powercap.package-0"] == nil || len(trial.JoulesEst) != 1 || trial.JoulesEst["estimate.cpu"] == nil {
		t.Errorf("joules %v, estimated %v", trial.Joules, trial.JoulesEst)
	}

	// One metric of both qualities makes two laws, never one.
	f := newFixture(both)
	for i := range f.trials {
		if i%2 == 0 {
			figure := f.trials[i].Figures["joules.powercap.package-0"]
			figure.Quality = measure.Estimated
			f.trials[i].Figures["joules.powercap.package-0"] = figure
		}
	}
	laws, why := fitLaws("joules.powercap.package-0", f.trials)
	if len(laws) != 2 || laws[0].Quality == laws[1].Quality || laws[0].N+laws[1].N != 75 || why != "" {
		t.Errorf("%d laws (%s)", len(laws), why)
	}
}

func TestAbsentIsNeverZero(t *testing.T) {
	f := newFixture(plain)
	for i := range f.trials {
		f.trials[i].Figures[store.MetricRAMAUC] = store.Unavailable("memory could not be read")
		delete(f.trials[i].Figures, store.MetricWallSeconds)
	}
	f.trials[3].Figures[store.MetricCPUCoreSeconds] = store.Figure{Value: math.NaN(), Quality: measure.Measured}
	r := mustBuild(t, f)
	trial := r.Trials[0]
	if trial.RAMAUCGiBS != nil || trial.WallS != nil || trial.Absent[store.MetricRAMAUC] != "memory could not be read" {
		t.Errorf("absent figures %v %v, reasons %v", trial.RAMAUCGiBS, trial.WallS, trial.Absent)
	}
	if v, ok := trial.Joules["powercap.package-0"]; !ok || v != nil || !strings.Contains(trial.Absent["joules.powercap.package-0"], "no permission") {
		t.Errorf("an energy that could not be read: %v, %v, reasons %v", v, ok, trial.Absent)
	}
	if r.Trials[3].CPUCoreS != nil {
		t.Error("NaN passed for a value")
	}
	if l := findLaw(r, store.MetricCPUCoreSeconds); l.N != 74 {
		t.Errorf("%d trials in the law, want 74", l.N)
	}
	reasons := map[string]string{}
	for _, u := range r.Configs[0].Unfitted {
		reasons[u.Metric] = u.Reason
	}
	if reasons[store.MetricRAMAUC] != "memory could not be read" || reasons[store.MetricWallSeconds] == "" {
		t.Errorf("reasons %v", reasons)
	}
	if _, ok := r.Configs[0].Lengths[0].Figures[store.MetricRAMAUC]; ok {
		t.Error("a median of nothing")
	}
}

func TestBuildOfARunWithoutTrials(t *testing.T) {
	f := newFixture(plain)
	f.run.Observer, f.run.Plan = store.Observer{}, nil
	r, err := Build(f.run, nil, nil, f.of)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Configs[0].Laws) != 0 || r.Observer.CoreFraction != nil || r.Closure != nil {
		t.Errorf("%+v", r)
	}
	if !slices.ContainsFunc(r.Doubts, func(d Doubt) bool { return strings.Contains(d.Text, "no trial was finished") }) {
		t.Errorf("doubts %v", r.Doubts)
	}
	if err := WriteAll(t.TempDir(), r, f.of); err != nil {
		t.Error(err)
	}
}

func TestBuildNamesUnreadableSamples(t *testing.T) {
	f := newFixture(plain)
	broken := errors.New("checksum differs")
	_, err := Build(f.run, f.trials, nil, func(int) (store.Samples, error) { return store.Samples{}, broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "samples of trial 0") || !strings.Contains(err.Error(), f.run.ID) {
		t.Errorf("error %v", err)
	}
}

func TestDoubtsAreCollectedOnce(t *testing.T) {
	f := newFixture(plain)
	for i := range f.trials {
		if i < 10 {
			f.trials[i].Doubts = []string{"late cool-down"}
		}
	}
	f.run.Observer.LateTicks = 500
	r := mustBuild(t, f)
	if !slices.Contains(r.Doubts, Doubt{"late cool-down", "trials", 10}) {
		t.Errorf("doubts %+v", r.Doubts)
	}
	if r.Doubts[0].Where != "governor" {
		t.Errorf("first doubt %+v, want that of the checks", r.Doubts[0])
	}
	subjects := map[string]int{}
	for _, d := range r.Doubts {
		subjects[d.Where]++
	}
	if subjects["governor"] != 1 || subjects["load"] != 0 || subjects["observer"] != 1 {
		t.Errorf("doubts by subject %v", subjects)
	}
}

// A doubt that all laws share, for want of repeats, stands once.
func TestDoubtsOfSeveralLawsAreOne(t *testing.T) {
	few := plain
	few.repeats = 1
	r := mustBuild(t, newFixture(few))
	texts := map[string]int{}
	for _, d := range r.Doubts {
		texts[d.Text]++
		if strings.Contains(d.Text, "fewer than 5 repeats") && (d.Where != "laws" || d.Count < 4) {
			t.Errorf("doubt %+v, want it of several laws", d)
		}
	}
	for text, n := range texts {
		if n > 1 {
			t.Errorf("%d times: %s", n, text)
		}
	}
}

func TestSlopeThatMayBeZero(t *testing.T) {
	flat := plain
	flat.slope, flat.noise = 0, 0.1
	l := findLaw(mustBuild(t, newFixture(flat)), store.MetricCPUCoreSeconds)
	if l == nil || !strings.HasPrefix(l.Statement, "No cost per prompt token can be told from zero") {
		t.Errorf("law %+v", l)
	}
}

func TestScales(t *testing.T) {
	for _, c := range []struct {
		unit string
		v    float64
		want string
	}{
		{"core·s", 0.0041, "4.10 core·ms"}, {"core·s", 4.2, "4.20 core·s"}, {"core·s", 4200, "4200 core·s"},
		{"s", 0, "0 s"}, {"J", 0.0266, "26.6 mJ"}, {"J", 12345, "12.3 kJ"}, {"J", -0.5, "−500 mJ"},
		{"GiB·s", 0.00074, "776 KiB·s"}, {"GiB·s", 0.5, "512 MiB·s"}, {"GiB·s", 3, "3.00 GiB·s"},
		{"B", 2.1e8, "200 MiB"}, {"%·s", 0.2058, "0.206 %·s"}, {"", 405.1, "405"}, {"s", math.NaN(), "–"}, {"s", math.Inf(1), "–"},
	} {
		if got := amount(c.unit, c.v); got != c.want {
			t.Errorf("amount(%q, %v) = %q, want %q", c.unit, c.v, got, c.want)
		}
	}
	for v, want := range map[float64]string{0.95: "95 %", 0.00072: "0.072 %", 0.0011: "0.11 %", 0: "0 %", 1.5: "150 %", math.NaN(): "– %"} {
		if got := percent(v); got != want {
			t.Errorf("percent(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestSlopeRatio(t *testing.T) {
	of := func(b, lo, hi float64) *LawResult {
		return &LawResult{Coef: map[string]float64{"b": b}, CI: map[string]*law.Interval{"b": {Lo: lo, Hi: hi}}}
	}
	ratio, ci := slopeRatio(of(2, 1.9, 2.1), of(4, 3.8, 4.2))
	if ratio != 0.5 || ci == nil || !(ci.Lo < 0.48 && ci.Lo > 0.45 && ci.Hi > 0.52 && ci.Hi < 0.55) {
		t.Errorf("ratio %v in %v", ratio, ci)
	}
	if _, ci := slopeRatio(of(2, -1, 5), of(4, 3, 5)); ci != nil {
		t.Error("a ratio of a slope that may be zero has an interval")
	}
}

func ExampleContrast() {
	c := Contrast{Group: "high", Against: "low", Ratio: 1.004, CI: law.Interval{Lo: 1, Hi: 1.008}}
	c.Verdict = verdict(c.CI)
	fmt.Println(c.sentence())
	// Output: high costs the same as low within 5 %: +0.4 % (0.0 … +0.8).
}
