package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/workload"
)

const (
	// closureLimit is the largest closure error that needs no remark, for windows of at
	// least closureSeconds.
	closureLimit   = 0.005
	closureSeconds = 2.0
	// longestMargin bounds the wait for slow meters after a trial, in seconds.
	longestMargin = 2.5
	// maxRequests bounds the requests of one trial.
	maxRequests = 1000
)

// trial measures one item of the order and stores it. After a failure of the model server
// it starts that again, once per session, and makes another attempt.
func (r *runner) trial(ctx context.Context, item workload.Item) error {
	i := slices.IndexFunc(r.configs, func(c *config) bool { return c.id == item.Config })
	c := r.configs[i]
	began := measure.Now()
	for {
		t, err := r.task(ctx, c, item)
		if err == nil {
			measured := r.measure
			if r.plan.Reload {
				measured = r.measureAnew
			}
			var trial store.Trial
			var samples store.Samples
			trial, samples, err = measured(ctx, c, item, t)
			if err == nil {
				return r.keep(ctx, c, item, trial, samples, began)
			}
		}
		var failure *ownError
		if errors.As(err, &failure) {
			return err
		}
		// A terminal interrupts the server together with this process: give the news time
		// to arrive before the server's end is taken for a failure.
		if wait(ctx, 200*time.Millisecond) != nil {
			return err
		}
		if err := r.restart(ctx, c, fmt.Errorf("trial %d (%s): %w", item.Seq, label(item), err)); err != nil {
			return err
		}
	}
}

// label names what a trial sweeps.
func label(item workload.Item) string {
	if item.Kind != "" {
		return item.Size.String()
	}
	return fmt.Sprintf("%d tokens", item.X)
}

// ownError is a failure on our side, which no restart of the server can mend.
type ownError struct{ error }

func (e *ownError) Unwrap() error { return e.error }

// keep stores a finished trial, even when ctx ends meanwhile.
func (r *runner) keep(ctx context.Context, c *config, item workload.Item, trial store.Trial, samples store.Samples, began int64) error {
	if err := r.deps.Store.AddTrial(context.WithoutCancel(ctx), trial, samples); err != nil {
		return err
	}
	c.doubts = nil
	r.done[trial.Seq] = true
	r.trials = append(r.trials, trial)
	window := float64(trial.End-trial.Start) / 1e9
	for range trial.Requests {
		r.eta.request(c.id, r.work(item), window/float64(trial.Requests))
	}
	r.eta.overhead(float64(measure.Now()-began)/1e9 - window)
	r.emit(TrialFinished{Index: len(r.done) - 1, Total: len(r.items), Trial: trial, ETA: r.remaining()})
	return nil
}

// measure makes the requests of one trial and turns the samples around them into figures.
//
// A trial repeats its request back to back until its window is MinWindow long: a prompt of
// 64 tokens may take a fraction of a second, too short for 20 Hz samples to resolve.
// All sources are read at both edges of the window, so that counters are exact there.
func (r *runner) measure(ctx context.Context, c *config, item workload.Item, t task) (store.Trial, store.Samples, error) {
	if err := r.attach(ctx, c); err != nil {
		return store.Trial{}, store.Samples{}, &ownError{err}
	}
	trial, err := r.open(ctx, c, item, t)
	if err != nil {
		return store.Trial{}, store.Samples{}, err
	}
	trial.Start = r.sampler.Mark()
	var responses []backend.Response
	for len(responses) == 0 || (measure.Window{Start: trial.Start, End: measure.Now()}.Seconds() < r.minWindow() && len(responses) < maxRequests) {
		response, err := c.server.Generate(ctx, r.request(t))
		if err != nil {
			return store.Trial{}, store.Samples{}, err
		}
		responses = append(responses, response)
	}
	trial.End = r.sampler.Mark()
	// The trial is complete: what follows does not give it up, whatever happens to ctx.
	margin := r.margin()
	time.Sleep(margin)
	series := r.sampler.Window(measure.Window{Start: trial.Start, End: trial.End}, margin)
	r.sampler.Discard(trial.Start - int64(time.Minute))
	fill(&trial, responses)
	r.evaluate(&trial, c, series, responses)
	return trial, store.Samples{Run: r.run.ID, Seq: item.Seq, Series: series}, nil
}

// minWindow is the shortest window of a trial in seconds.
func (r *runner) minWindow() float64 {
	if r.plan.Reload { // a window holds one start of the server
		return 0
	}
	return r.plan.MinWindow
}

// open waits for a quiet machine and begins the record of a trial.
func (r *runner) open(ctx context.Context, c *config, item workload.Item, t task) (store.Trial, error) {
	trial := store.Trial{
		Run: r.run.ID, Seq: item.Seq, Config: c.id, X: item.X, Repeat: item.Repeat, Complexity: string(item.Complexity),
		PromptHash: t.hash, Image: t.image, Baselines: baselines(c.idle), Doubts: slices.Clone(c.doubts),
	}
	warm, err := r.coolDown(ctx, c)
	if err != nil {
		return trial, err
	}
	if warm != "" {
		trial.Doubts = append(trial.Doubts, warm)
	}
	r.emit(TrialStarted{
		Index: len(r.done), Total: len(r.items), Seq: item.Seq, Config: c.id, X: item.X,
		Size: item.Size, Kind: item.Kind,
		Repeat: item.Repeat, Complexity: string(item.Complexity), ETA: r.remaining(),
	})
	trial.Wall = time.Now().UTC()
	return trial, nil
}

// fill enters the answers into the record, but for phases that are none of the window's.
func fill(trial *store.Trial, responses []backend.Response) {
	trial.TokensIn, trial.TokensOut, trial.Requests = responses[0].TokensIn, responses[0].TokensOut, len(responses)
	for _, response := range responses {
		trial.Phases = append(trial.Phases, response.Phases...)
		trial.TokenTimes = append(trial.TokenTimes, response.TokenTimes...)
	}
	trial.Phases = slices.DeleteFunc(trial.Phases, func(p measure.Phase) bool {
		stray := p.Start < trial.Start || p.End > trial.End || p.End < p.Start
		if stray {
			trial.Doubts = append(trial.Doubts, "the backend marked a phase outside its request: "+p.Name)
		}
		return stray
	})
	noteImages(trial, responses)
}

// margin is how long before and after a trial samples are kept: that of the pace, or three
// ticks, or two readings of the slowest power meter that can keep up with a trial.
func (r *runner) margin() time.Duration {
	longest := max(r.deps.pace.margin, 3/r.plan.Rate)
	for _, c := range r.sampler.Channels() {
		if (c.Kind == measure.KindEnergy || c.Kind == measure.KindPower) && c.RateHz >= 2/longestMargin {
			longest = max(longest, 2/c.RateHz)
		}
	}
	return seconds(longest)
}

// coolDown waits until the machine is as quiet as in its baseline, at least for the planned
// pause and for the margin of samples before the trial. What it returns is a doubt when the
// time-out came first.
func (r *runner) coolDown(ctx context.Context, c *config) (doubt string, err error) {
	look := max(r.deps.pace.look, 3/r.plan.Rate)
	pause := max(r.plan.CoolDown.Seconds, look)
	from := measure.Now()
	for waited := 0.0; ; waited = float64(measure.Now()-from) / 1e9 {
		if waited < pause {
			if err := wait(ctx, seconds(pause-waited)); err != nil {
				return "", err
			}
			continue
		}
		w := ago(look)
		series := r.sampler.Window(w, time.Second)
		cpu := findSeries(series, measure.KindCPUTime, measure.ScopeSystem, "cpu")
		idle, known := c.idle[cpu.Channel.Name]
		if !known {
			return "", nil // without a baseline there is no band to return to
		}
		w.End = min(w.End, spanOf(cpu, 0).End) // the newest sample may be a period old
		busy := measure.CounterDelta(cpu, w)
		level := busy.Value / w.Seconds()
		if limit := r.band(idle, cpu.Channel, look); busy.OK() && level <= limit {
			return "", nil
		} else if waited >= max(r.plan.CoolDown.Timeout, pause) {
			return fmt.Sprintf("other programs kept %.2f cores busy just before this trial, the baseline is %.2f", level, idle.Level), nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return "", err
		}
	}
}

// band is the highest load, in cores over so many seconds, that still counts as idle: the
// baseline and its scatter, two steps of the counter, and 2 % of the machine.
func (r *runner) band(idle measure.Baseline, c measure.Channel, seconds float64) float64 {
	const slack = 0.02
	return idle.Level + r.plan.CoolDown.Sigmas*idle.Sigma/math.Sqrt(seconds) +
		2*c.Resolution/seconds + slack*float64(r.run.Machine.Cores)
}

// evaluate fills in the figures and the doubts of a trial.
func (r *runner) evaluate(trial *store.Trial, c *config, series []measure.Series, responses []backend.Response) {
	window := measure.Window{Start: trial.Start, End: trial.End}
	m := meter{series: series, idle: c.idle, requests: trial.Requests}
	whole := m
	whole.snap = snapNs
	trial.Figures = whole.amounts([]measure.Window{window})
	trial.PhaseFigures = map[string]map[string]store.Figure{}
	phases := map[string][]measure.Window{}
	sampled := window
	for _, p := range trial.Phases {
		phases[p.Name] = append(phases[p.Name], p.Window())
		if p.Name == measure.PhaseLoad {
			sampled.Start = p.End // the process is sampled from then on; before, there is only its total
		}
	}
	for name, f := range whole.levels(sampled) {
		trial.Figures[name] = f
	}
	for name, windows := range phases {
		trial.PhaseFigures[name] = m.amounts(windows)
	}
	trial.Figures[store.MetricPrefillRate] = rate(trial.TokensIn*trial.Requests, total(phases[measure.PhasePrefill]))
	trial.Figures[store.MetricDecodeRate] = decodeRate(responses)
	trial.Figures[store.MetricDetectorError] = detect(trial, series, window)
	trial.Doubts = append(trial.Doubts, doubtsOf(trial, series, window, responses, r.plan)...)
	trial.Doubts = append(trial.Doubts, doubtImages(trial, c.vision, responses)...)
}

func total(windows []measure.Window) (seconds float64) {
	for _, w := range windows {
		seconds += w.Seconds()
	}
	return seconds
}

// decodeRate counts tokens after the first, which belongs to the prefill, over the time
// from the first to the last.
func decodeRate(responses []backend.Response) store.Figure {
	tokens, seconds := 0, 0.0
	for _, response := range responses {
		if n := len(response.TokenTimes); n > 1 {
			tokens += n - 1
			seconds += float64(response.TokenTimes[n-1]-response.TokenTimes[0]) / 1e9
		}
	}
	return rate(tokens, seconds)
}

// detect finds the trial's window from the load curve alone, as for a runtime that gives
// no marks, and returns how well that agrees with the marks.
func detect(trial *store.Trial, series []measure.Series, window measure.Window) store.Figure {
	cpu := findSeries(series, measure.KindCPUTime, measure.ScopeSystem, "cpu")
	if cpu.Len() < 2 {
		return store.Unavailable(cmpReason(cpu.Channel.Reason, "too few samples"))
	}
	wide := measure.Window{Start: cpu.T[0], End: cpu.T[cpu.Len()-1]}
	found, err := measure.Detector{}.Detect(cpu.Rate(wide), wide)
	if err != nil {
		return store.Unavailable(err.Error())
	}
	longest := measure.Window{}
	for _, w := range found {
		if w.Seconds() > longest.Seconds() {
			longest = w
		}
	}
	if longest.End > longest.Start {
		trial.Detected = &measure.Phase{Name: "detected", Start: longest.Start, End: longest.End}
	}
	return store.Figure{
		Value: measure.IoU(found, []measure.Window{window}), Quality: cpu.Channel.Quality,
		Source: cpu.Channel.Name, Scope: cpu.Channel.Scope, N: cpu.Len(),
	}
}

// doubtsOf lists what speaks against a trial.
func doubtsOf(trial *store.Trial, series []measure.Series, window measure.Window, responses []backend.Response, plan Plan) (out []string) {
	doubt := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	expected := trial.X
	if trial.Image != nil {
		expected = plan.Tokens[0] + trial.Image.Sequence
	}
	if trial.TokensIn != expected {
		doubt("the model counted %d prompt tokens instead of %d", trial.TokensIn, expected)
	}
	for _, response := range responses {
		if response.TokensOut != plan.OutputTokens {
			doubt("the model answered with %d tokens instead of %d", response.TokensOut, plan.OutputTokens)
			break
		}
	}
	if f := trial.Figures[store.MetricClosure]; f.OK() && f.Value > closureLimit && window.Seconds() >= closureSeconds {
		doubt("the area under the sampled CPU load differs from the CPU-time counter by %.2f %%", 100*f.Value)
	}
	steal := findSeries(series, measure.KindCPUTime, measure.ScopeSystem, "steal")
	if stolen := measure.CounterDelta(steal, window); stolen.OK() && steal.Channel.Capacity > 0 {
		if part := stolen.Value / window.Seconds() / steal.Channel.Capacity; part > plan.MaxSteal {
			doubt("the hypervisor gave %.1f %% of the processor to others during this trial", 100*part)
		}
	}
	return out
}
