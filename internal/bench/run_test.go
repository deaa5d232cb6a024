package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/store/sqlite"
)

// quickPlan is over within a second or two; it measures no baseline.
func quickPlan() Plan {
	p := DefaultPlan()
	p.Model, p.Backend = []string{"m"}, "fake"
	p.Tokens, p.OutputTokens, p.Repeats = []int{16, 32, 64}, 4, 3
	p.Rate, p.MinWindow = 50, 0.08
	p.Baseline.Seconds, p.Baseline.Timeout = 0, 4
	p.WarmUp.CV = 0.5
	p.CoolDown = CoolDownPlan{Seconds: 0.02, Timeout: 0.5, Sigmas: 3}
	return p
}

// bed is a store and a fake machine for one test.
type bed struct {
	machine *fakeMachine
	backend *fakeBackend
	store   *sqlite.DB
	deps    Deps
	mu      sync.Mutex
	events  []Event
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{machine: newFakeMachine()}
	b.backend = &fakeBackend{m: b.machine}
	var err error
	if b.store, err = sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "s.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	b.deps = Deps{
		Backend: b.backend, Store: b.store, Sources: b.machine.sources, Tool: "test", Root: t.TempDir(),
		pace: pace{settle: 0.05, margin: 0.05, look: 0.02},
		Progress: func(e Event) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.events = append(b.events, e)
		},
	}
	return b
}

func (b *bed) trials(t *testing.T, run string) []store.Trial {
	t.Helper()
	trials, err := b.store.Trials(context.Background(), run)
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

// checkComplete checks that the store has every trial of the plan once.
func (b *bed) checkComplete(t *testing.T, run string, plan Plan) []store.Trial {
	t.Helper()
	trials := b.trials(t, run)
	cells := map[string]int{}
	for i, trial := range trials {
		if trial.Seq != i {
			t.Errorf("place %d holds trial %d", i, trial.Seq)
		}
		cells[fmt.Sprint(trial.Config, trial.X, trial.Repeat)]++
	}
	if len(trials) != plan.Trials() || len(cells) != plan.Trials() {
		t.Errorf("%d trials of %d kinds, want %d of each kind once", len(trials), len(cells), plan.Trials())
	}
	stored, err := b.store.Run(context.Background(), run)
	if err != nil || stored.Status != store.StatusComplete || stored.Reason != "" {
		t.Errorf("status %q (%s), %v; want complete", stored.Status, stored.Reason, err)
	}
	return trials
}

func TestRun(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	plan := quickPlan()
	plan.Tokens, plan.Repeats = []int{16, 64}, 2
	plan.Baseline.Seconds, plan.MinWindow = 2, 0.4
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	trials := b.checkComplete(t, run.ID, plan)
	found := map[string]int{}
	for _, trial := range trials {
		checkTrial(t, trial, found)
		samples, err := b.store.Samples(context.Background(), run.ID, trial.Seq)
		if err != nil || len(samples.Series) != 7 {
			t.Fatalf("%d series, %v; want 7", len(samples.Series), err)
		}
		for _, s := range samples.Series {
			before, after := s.Within(measure.Window{End: trial.Start - 1}), s.Within(measure.Window{Start: trial.End + 1, End: math.MaxInt64})
			if before.Len() < 2 || after.Len() < 2 {
				t.Errorf("%s has %d samples before the window and %d after it, want 2 at least", s.Channel.Name, before.Len(), after.Len())
			}
		}
	}
	for name, n := range found {
		if n == 0 {
			t.Errorf("no trial has %s", name)
		}
	}
	checkHeader(t, run)
	b.checkEvents(t, plan)
	if len(b.machine.resting) != 0 {
		t.Errorf("%d servers still run", len(b.machine.resting))
	}
}

// TestTwoModels checks that the models take turns and answer the same prompts.
func TestTwoModels(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	plan := quickPlan()
	plan.Model, plan.Repeats, plan.MinWindow = []string{"m1", "m2"}, 2, 0
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	trials := b.checkComplete(t, run.ID, plan)
	if len(run.Configs) != 2 || b.backend.starts != 2 {
		t.Errorf("%d configurations and %d starts of servers, want 2 and 2", len(run.Configs), b.backend.starts)
	}
	prompts, switches := map[string]map[string]bool{}, 0
	for i, trial := range trials {
		if i > 0 && trials[i-1].Config != trial.Config {
			switches++
		}
		cell := fmt.Sprint(trial.X, trial.Repeat)
		if prompts[cell] == nil {
			prompts[cell] = map[string]bool{}
		}
		prompts[cell][trial.PromptHash] = true
	}
	if switches < 3 {
		t.Errorf("the models take turns %d times in %d trials", switches, len(trials))
	}
	for cell, seen := range prompts {
		if len(seen) != 1 {
			t.Errorf("length and repeat %s: %d different prompts, want the same for both models", cell, len(seen))
		}
	}
}

// starved reports whether a figure was refused because the sampler did not get the
// processor in time, as happens where tests share a busy machine.
func starved(f store.Figure) bool { return !f.OK() && strings.Contains(f.Reason, "samples") }

// checkTrial compares a trial with what the fake machine did during it, and counts the
// figures that it has.
func checkTrial(t *testing.T, trial store.Trial, found map[string]int) {
	t.Helper()
	if trial.Requests < 2 || len(trial.Phases) != 2*trial.Requests {
		t.Fatalf("%d requests with %d phases, want several with two each", trial.Requests, len(trial.Phases))
	}
	var busy, prefill float64 // seconds per request
	for _, p := range trial.Phases {
		busy += p.Window().Seconds() / float64(trial.Requests)
		if p.Name == measure.PhasePrefill {
			prefill += p.Window().Seconds() / float64(trial.Requests)
		}
	}
	wall := float64(trial.End-trial.Start) / 1e9 / float64(trial.Requests)
	want := map[string]float64{
		store.MetricWallSeconds:                      wall,
		store.MetricCPUCoreSeconds:                   fakeBusyCores * busy,
		store.MetricCPUAUCCore:                       fakeBusyCores * busy,
		store.MetricCPUAUCPercent:                    100 * fakeBusyCores * busy / fakeCores,
		store.MetricRAMAUC:                           fakeModelBytes / gib * wall,
		store.MetricRAMAUCPercent:                    100 * fakeModelBytes / fakeRAM * wall,
		store.MetricJoules + "meter.package":         fakeIdleWatts*wall + fakeCoreWatts*fakeBusyCores*busy,
		store.MetricJoulesAdjusted + "meter.package": fakeCoreWatts * fakeBusyCores * busy,
		store.MetricJoules + "estimate.package":      7 * wall,
		store.MetricPrefillRate:                      float64(trial.X) / prefill,
		store.MetricPeakRSS:                          fakeModelBytes,
	}
	for name, value := range want {
		f := trial.Figures[name]
		if starved(f) {
			found[name] += 0
			continue
		}
		found[name]++
		if !f.OK() || math.Abs(f.Value-value) > 0.03*value+f.Uncertainty {
			t.Errorf("trial %d: %s is %v (%s), want %v", trial.Seq, name, f.Value, f.Reason, value)
		}
	}
	for name, f := range trial.Figures {
		if estimated := strings.Contains(name, "estimate"); f.OK() && (f.Quality == measure.Estimated) != estimated {
			t.Errorf("trial %d: %s has quality %v", trial.Seq, name, f.Quality)
		}
	}
	if f := trial.Figures[store.MetricDetectorError]; !starved(f) && (!f.OK() || f.Value < 0.3) {
		t.Errorf("trial %d: detected window agrees to %v (%s)", trial.Seq, f.Value, f.Reason)
	}
	if f := trial.Figures[store.MetricClosure]; !starved(f) && (!f.OK() || f.Value > 0.2) {
		t.Errorf("trial %d: closure %v (%s)", trial.Seq, f.Value, f.Reason)
	}
	if f := trial.PhaseFigures[measure.PhasePrefill][store.MetricCPUCoreSeconds]; !f.OK() || math.Abs(f.Value-fakeBusyCores*prefill) > 0.05*fakeBusyCores*prefill+f.Uncertainty {
		t.Errorf("trial %d: prefill took %v core-seconds (%s), want %v", trial.Seq, f.Value, f.Reason, fakeBusyCores*prefill)
	}
	// The idle estimate equals the busy one: the difference is nothing, and must be refused.
	if f := trial.Figures[store.MetricJoulesAdjusted+"estimate.package"]; f.OK() && math.Abs(f.Value) > 1e-6 {
		t.Errorf("trial %d: the constant estimate has %v J above idle", trial.Seq, f.Value)
	}
	if trial.TokensIn != trial.X || len(trial.TokenTimes) != 4*trial.Requests || trial.PromptHash == "" {
		t.Errorf("trial %d: %d tokens in, %d token times, hash %q", trial.Seq, trial.TokensIn, len(trial.TokenTimes), trial.PromptHash)
	}
}

func checkHeader(t *testing.T, run store.Run) {
	t.Helper()
	if run.Planned != 4 || len(run.Configs) != 1 || len(run.Channels) != 7 || run.Tool != "test" {
		t.Errorf("header: planned %d, %d configs, %d channels, tool %q", run.Planned, len(run.Configs), len(run.Channels), run.Tool)
	}
	c := run.Configs[0]
	if c.ID != "fake/m" || !c.Meaningless || len(c.Baselines) == 0 || len(c.Closing) == 0 {
		t.Errorf("configuration %+v", c)
	}
	levels := map[string]float64{"system.cpu": fakeIdleCores, "meter.package": fakeIdleWatts, "system.memory": fakeIdleMemory}
	for _, b := range c.Baselines {
		if want, ok := levels[b.Channel]; ok && math.Abs(b.Level-want) > 0.02*want {
			t.Errorf("baseline of %s is %v, want %v", b.Channel, b.Level, want)
		}
	}
	if run.Observer.Ticks == 0 || run.Observer.RateHz != 50 || run.Observer.CoreFraction <= 0 {
		t.Errorf("observer %+v", run.Observer)
	}
}

func (b *bed) checkEvents(t *testing.T, plan Plan) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var stages []Stage
	counts := map[string]int{}
	for _, e := range b.events {
		counts[strings.TrimPrefix(fmt.Sprintf("%T", e), "bench.")]++
		if s, ok := e.(StageChanged); ok && (len(stages) == 0 || stages[len(stages)-1] != s.Stage) {
			stages = append(stages, s.Stage)
		}
		if f, ok := e.(TrialFinished); ok && f.Index == plan.Trials()-2 && f.ETA <= 0 {
			t.Errorf("no time is predicted before the last trial")
		}
	}
	want := []Stage{StagePreflight, StageBaseline, StageLoad, StageBaseline, StageWarmUp, StageTrials, StageClosing, StageDone}
	if !slices.Equal(stages, want) {
		t.Errorf("stages %v, want %v", stages, want)
	}
	if counts["RunStarted"] != 1 || counts["RunEnded"] != 1 || counts["TrialStarted"] != plan.Trials() || counts["TrialFinished"] != plan.Trials() || counts["Live"] == 0 {
		t.Errorf("events %v", counts)
	}
	if _, last := b.events[len(b.events)-1].(RunEnded); !last {
		t.Errorf("the last event is %T", b.events[len(b.events)-1])
	}
}

func TestRunWithoutBaselineOrMeter(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.machine.noMeter, b.machine.stolen, b.machine.strays = true, 0.5, true
	plan := quickPlan()
	plan.Repeats, plan.MinWindow = 1, 0.4 // power needs ten samples
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range b.checkComplete(t, run.ID, plan) {
		for name, f := range trial.Figures {
			idle := strings.HasPrefix(name, store.MetricJoulesAdjusted) || strings.Contains(name, "_auc_")
			if starved(f) {
				continue
			}
			if f.OK() == idle || (idle && !strings.Contains(f.Reason, "baseline")) {
				t.Errorf("%s is %+v without a baseline", name, f)
			}
			if strings.HasPrefix(name, store.MetricJoules+"meter") {
				t.Errorf("%s is there without a meter", name)
			}
		}
		if !mentions(trial.Doubts, "hypervisor") || !mentions(trial.Doubts, "outside its request: encode") {
			t.Errorf("doubts %v do not mention what the hypervisor took and the stray phase", trial.Doubts)
		}
		if _, known := trial.PhaseFigures[measure.PhaseEncode]; known {
			t.Error("a phase before the request has figures")
		}
	}
	i := slices.IndexFunc(run.Channels, func(c measure.Channel) bool { return c.Name == "meter" })
	if i < 0 || run.Channels[i].Quality != measure.Unavailable || !strings.Contains(run.Channels[i].Reason, "no meter is plugged in") {
		t.Errorf("channels %+v do not say that and why the meter is missing", run.Channels)
	}
	if f := find(run.Findings, "baseline"); f == nil || f.Severity != severityDoubt {
		t.Errorf("finding %+v, want a doubt about the missing baseline", f)
	}
}

func mentions(doubts []string, word string) bool {
	return slices.ContainsFunc(doubts, func(d string) bool { return strings.Contains(d, word) })
}

// TestStrictRun runs on a machine that its battery drives.
func TestStrictRun(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the pre-flight check reads the battery's state from files on Linux only")
	}
	b := newBed(t)
	plan := quickPlan()
	plan.Strict = true
	battery := filepath.Join(b.deps.Root, "sys/class/power_supply/BAT0")
	for name, text := range map[string]string{"type": "Battery", "status": "Discharging"} {
		if err := errors.Join(os.MkdirAll(battery, 0o700), os.WriteFile(filepath.Join(battery, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Run(context.Background(), plan, b.deps); err == nil || !strings.Contains(err.Error(), "plug it in") || b.backend.starts != 0 {
		t.Errorf("%d servers started, error %v; want a refusal before any", b.backend.starts, err)
	}
	if runs, err := b.store.Runs(context.Background()); err != nil || len(runs) != 0 {
		t.Errorf("the refused run was stored: %+v, %v", runs, err)
	}
	plan.Strict, plan.Repeats = false, 1
	run, err := Run(context.Background(), plan, b.deps)
	if err != nil {
		t.Fatal(err)
	}
	if f := find(run.Findings, "battery"); f == nil || f.Severity != severityBlocker {
		t.Errorf("finding %+v, want the blocker on record", f)
	}
}

func TestRefusedRuns(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*bed, *Plan)
		say    string
		status store.Status // of the stored run; none is stored when empty
	}{
		"bad plan":        {func(_ *bed, p *Plan) { p.Repeats = 0 }, "repeats", ""},
		"unknown backend": {func(_ *bed, p *Plan) { p.Backend = "cloud" }, "cloud", ""},
		"long prompt":     {func(b *bed, _ *Plan) { b.backend.context = 40 }, "64 and 4 output tokens", store.StatusFailed},
		"no such model":   {func(b *bed, _ *Plan) { b.backend.refuse = errors.New("no such file") }, "no such file", store.StatusFailed},
		"no source":       {func(b *bed, _ *Plan) { b.deps.Sources = nil }, "no source", store.StatusFailed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			plan := quickPlan()
			c.change(b, &plan)
			if b.deps.Sources == nil {
				b.machine.noMeter = true
				b.deps.Sources = func(int) []source.Source { return nil }
			}
			_, err := Run(context.Background(), plan, b.deps)
			if err == nil || !strings.Contains(err.Error(), c.say) {
				t.Errorf("error %v does not say %q", err, c.say)
			}
			runs, listErr := b.store.Runs(context.Background())
			if listErr != nil {
				t.Fatal(listErr)
			}
			switch {
			case c.status == "" && len(runs) != 0:
				t.Errorf("a refused run was stored: %+v", runs)
			case c.status != "" && (len(runs) != 1 || runs[0].Status != c.status || !strings.Contains(runs[0].Reason, c.say)):
				t.Errorf("stored %+v; want one run with status %s and the reason", runs, c.status)
			}
			if len(b.machine.resting) != 0 {
				t.Errorf("%d servers still run", len(b.machine.resting))
			}
		})
	}
}
