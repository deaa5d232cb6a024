package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

// Build evaluates the records of one run: its trials, and the tasks that it answered. samples returns the series around a trial; it
// is called once per trial, in order. A run without finished trials has no laws, which is
// a result too: it says so among its doubts.
func Build(run store.Run, trials []store.Trial, answers []store.Answer, samples SamplesFunc) (*Result, error) {
	trials = slices.SortedFunc(slices.Values(trials), func(a, b store.Trial) int { return cmp.Compare(a.Seq, b.Seq) })
	sources, err := buildSources(run, trials, samples)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", run.ID, err)
	}
	result := &Result{
		Schema:   Schema,
		Run:      RunInfo{ID: run.ID, Created: run.Created, Tool: run.Tool, Status: run.Status, Reason: run.Reason, Planned: run.Planned},
		Machine:  run.Machine,
		Plan:     run.Plan,
		Sources:  sources,
		Observer: buildObserver(run.Observer),
		Closure:  buildClosure(trials),
		Findings: append([]store.Finding{}, run.Findings...),
		Sweep:    sweepOf(run, trials), OneCurves: oneCurves(run, trials),
		Configs: []ConfigResult{}, Drift: []Contrast{}, Trials: []TrialResult{},
		Tasks: run.Tasks, Answers: buildAnswers(answers),
	}
	if len(result.Plan) == 0 {
		result.Plan = []byte("null")
	}
	if result.Machine.Features == nil {
		result.Machine.Features = []string{}
	}
	for _, config := range run.Configs {
		own := ofConfig(trials, config.ID)
		built := buildConfig(config, own, run.Channels)
		built.Accuracy = accuracies(config.ID, answers, run.Channels)
		result.Configs = append(result.Configs, built)
		result.Drift = append(result.Drift, drift(config.ID, own)...)
	}
	result.Comparisons = comparisons(run, trials, answers)
	result.Pareto = paretos(result, trials)
	for i := range trials {
		result.Trials = append(result.Trials, buildTrial(&trials[i], run.Channels))
	}
	result.Doubts = collectDoubts(result)
	return result, nil
}

func ofConfig(trials []store.Trial, id string) []store.Trial {
	var own []store.Trial
	for _, t := range trials {
		if t.Config == id {
			own = append(own, t)
		}
	}
	return own
}

// buildSources lists the channels with the number of values that were recorded.
func buildSources(run store.Run, trials []store.Trial, samples func(int) (store.Samples, error)) ([]Source, error) {
	readings, absent := map[string]int64{}, map[string]int64{}
	for _, t := range trials {
		s, err := samples(t.Seq)
		if err != nil {
			return nil, fmt.Errorf("samples of trial %d: %w", t.Seq, err)
		}
		for _, series := range s.Series {
			for _, v := range series.V {
				if math.IsNaN(v) {
					absent[series.Channel.Name]++
				} else {
					readings[series.Channel.Name]++
				}
			}
		}
	}
	sources := []Source{}
	for _, c := range run.Channels {
		s := Source{
			Name: c.Name, Source: c.Source, Scope: c.Scope, Kind: c.Kind, Unit: c.Kind.Unit(), Quality: c.Quality,
			Reason: c.Reason, Readings: readings[c.Name], Absent: absent[c.Name],
		}
		if c.Quality != measure.Unavailable {
			s.RateHz = positive(cmp.Or(c.RateHz, run.Observer.RateHz))
			s.Uncertainty = positive(c.Uncertainty)
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// buildObserver leaves out what an observer that never ticked cannot know.
func buildObserver(o store.Observer) Observer {
	result := Observer{LateTicks: o.LateTicks, Ticks: o.Ticks}
	if o.Ticks > 0 {
		result.CoreFraction, result.RateHz = present(o.CoreFraction), present(o.RateHz)
	}
	return result
}

func buildClosure(trials []store.Trial) *Closure {
	var errors []float64
	for _, t := range trials {
		if v := value(t.Figures, store.MetricClosure); v != nil {
			errors = append(errors, *v)
		}
	}
	if len(errors) == 0 {
		return nil
	}
	return &Closure{Median: stat.Median(errors), Max: slices.Max(errors), N: len(errors)}
}

func buildConfig(c store.Config, trials []store.Trial, channels []measure.Channel) ConfigResult {
	result := ConfigResult{
		ID: c.ID, Backend: c.Backend, Model: c.Model, Architecture: c.Architecture, Quant: c.Quant,
		Parameters: c.Parameters, Bytes: c.Bytes, Threads: c.Threads, Kernel: c.Kernel, Meaningless: c.Meaningless,
		Projector: c.Projector, Clamp: c.Clamp, Vision: c.Vision, Control: c.Control,
		Laws: []LawResult{}, Knees: []KneeResult{}, Unfitted: []Unfitted{},
		Complexity: complexity(c.ID, trials), Kinds: kinds(c.ID, trials), Lengths: lengths(trials),
	}
	if c.Load.End > c.Load.Start {
		result.LoadS = present(seconds(c.Load.End - c.Load.Start))
	}
	x, _ := predictorOf(trials)
	for _, m := range metricNames(trials, channels) {
		fitted, why := fitLaws(m, trials)
		result.Laws = append(result.Laws, fitted...)
		if x == PredictorEffective {
			knees, without := fitKnees(m, c.Vision, trials)
			result.Knees = append(result.Knees, knees...)
			why = cmp.Or(why, without)
		}
		if why != "" {
			result.Unfitted = append(result.Unfitted, Unfitted{Metric: m, Reason: why})
		}
	}
	return result
}

// metricNames lists the metrics to fit: the fixed ones, then the energies of every
// channel that the run or its trials know, gross before idle-adjusted.
func metricNames(trials []store.Trial, channels []measure.Channel) []string {
	energies := map[string]bool{}
	for _, c := range channels {
		if c.Kind == measure.KindEnergy || c.Kind == measure.KindPower {
			energies[store.MetricJoules+c.Name] = true
		}
	}
	for _, t := range trials {
		for name := range t.Figures {
			if isEnergy(name) {
				energies[name] = true
			}
		}
	}
	var names []string
	for _, m := range metrics {
		names = append(names, m.name)
	}
	return append(names, slices.SortedFunc(maps.Keys(energies), func(a, b string) int {
		adjusted := func(s string) bool { return strings.HasPrefix(s, store.MetricJoulesAdjusted) }
		if adjusted(a) != adjusted(b) {
			if adjusted(b) {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})...)
}

func buildTrial(t *store.Trial, channels []measure.Channel) TrialResult {
	result := TrialResult{
		Seq: t.Seq, Config: t.Config, X: t.X, Repeat: t.Repeat, Complexity: t.Complexity, PromptHash: t.PromptHash,
		TokensIn: t.TokensIn, TokensOut: t.TokensOut, Requests: max(1, t.Requests), Started: t.Wall, StartNS: t.Start, EndNS: t.End,
		Phases: []PhaseResult{}, PhaseFigures: map[string]map[string]float64{}, Means: map[string]*float64{}, Baselines: []store.Baseline{},
		WallS:        value(t.Figures, store.MetricWallSeconds),
		CPUCoreS:     value(t.Figures, store.MetricCPUCoreSeconds),
		CPUAUCCoreS:  value(t.Figures, store.MetricCPUAUCCore),
		CPUAUCPctS:   value(t.Figures, store.MetricCPUAUCPercent),
		RAMAUCGiBS:   value(t.Figures, store.MetricRAMAUC),
		RAMAUCPctS:   value(t.Figures, store.MetricRAMAUCPercent),
		PeakRSSBytes: value(t.Figures, store.MetricPeakRSS),
		PrefillTokS:  value(t.Figures, store.MetricPrefillRate),
		DecodeTokS:   value(t.Figures, store.MetricDecodeRate),
		Closure:      value(t.Figures, store.MetricClosure),
		DetectorIoU:  value(t.Figures, store.MetricDetectorError),
		Joules:       map[string]*float64{}, JoulesIdle: map[string]*float64{},
		JoulesEst: map[string]*float64{}, JoulesEstIdl: map[string]*float64{},
		Absent: map[string]string{}, Doubts: append([]string{}, t.Doubts...),
		Image: buildImage(t.Image), WithoutLoad: valued(t.WithoutLoad),
	}
	for _, c := range channels { // an energy channel that could not be read is null, not missing
		if c.Kind == measure.KindEnergy || c.Kind == measure.KindPower {
			result.putEnergy(store.MetricJoules+c.Name, store.Figure{Quality: measure.Unavailable, Reason: c.Reason})
		}
	}
	for name, f := range t.Figures {
		if isEnergy(name) {
			result.putEnergy(name, f)
		}
		if channel, ok := strings.CutPrefix(name, store.MetricMean); ok {
			result.Means[channel] = value(t.Figures, name)
		}
		if !f.OK() {
			result.Absent[name] = f.Reason
		}
	}
	for _, b := range t.Baselines {
		if present(b.Level) != nil && present(b.Sigma) != nil {
			result.Baselines = append(result.Baselines, b)
		}
	}
	for _, p := range t.Phases {
		result.Phases = append(result.Phases, PhaseResult{Name: p.Name, StartS: seconds(p.Start - t.Start), EndS: seconds(p.End - t.Start)})
	}
	for phase, figures := range t.PhaseFigures {
		result.PhaseFigures[phase] = valued(figures)
	}
	return result
}

// valued returns the figures that have a value.
func valued(figures map[string]store.Figure) map[string]float64 {
	out := map[string]float64{}
	for name := range figures {
		if v := value(figures, name); v != nil {
			out[name] = *v
		}
	}
	return out
}

// putEnergy files an energy under measured or estimated, gross or idle-adjusted. One
// without a value is null among the measured ones.
func (t *TrialResult) putEnergy(name string, f store.Figure) {
	into, channel := t.Joules, strings.TrimPrefix(name, store.MetricJoules)
	estimated := f.Quality == measure.Estimated
	if estimated {
		into = t.JoulesEst
	}
	if rest, ok := strings.CutPrefix(name, store.MetricJoulesAdjusted); ok {
		into, channel = t.JoulesIdle, rest
		if estimated {
			into = t.JoulesEstIdl
		}
	}
	if f.OK() {
		into[channel] = present(f.Value)
		if estimated {
			t.dropNull(name, channel)
		}
		return
	}
	into[channel] = nil
	t.Absent[name] = f.Reason
}

// dropNull removes the null that stands for a channel among the measured ones once an
// estimate of it is known.
func (t *TrialResult) dropNull(name, channel string) {
	delete(t.Absent, name)
	for _, m := range [...]map[string]*float64{t.Joules, t.JoulesIdle} {
		if v, ok := m[channel]; ok && v == nil {
			delete(m, channel)
		}
	}
}

// value returns a figure's value, nil when it is absent or not finite.
func value(figures map[string]store.Figure, name string) *float64 {
	f, ok := figures[name]
	if !ok || !f.OK() {
		return nil
	}
	return present(f.Value)
}

// present returns v, or nil when it is not a finite number.
func present(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// positive is present for numbers where zero stands for unknown.
func positive(v float64) *float64 {
	if !(v > 0) {
		return nil
	}
	return present(v)
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }
