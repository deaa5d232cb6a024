package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/sampler"
	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// config is one model under test, with one clamp on images, and its running server.
type config struct {
	id, model string
	clamp     clampSpec
	control   *Control       // nil for a model of the plan's own
	made      Made           // zero for a model that is as the plan names it
	server    backend.Server // nil between the trials of a run that reloads
	composer  *workload.Composer
	vision    *imaging.Contract           // nil without images
	context   int                         // for the server, where images decide it
	idle      map[string]measure.Baseline // by channel
	doubts    []string                    // to go into its next trial
	// prompts by the numbers of their trials, where there is no server to compose them with.
	prompts map[int]workload.Prompt
}

// keepSamples is the longest trial whose samples are all there at its end. Between trials
// older samples are let go of.
const keepSamples = 6 * time.Hour

// Waiting and looking, in seconds.
const (
	pollSeconds  = 0.25 // between looks at the baseline
	emptySeconds = 2.0  // watching the memory in use without the model
)

// load starts a configuration's server and measures the idle machine around that.
func (r *runner) load(ctx context.Context, c *config) error {
	// A run that reloads is idle without a server: its baseline comes after the rehearsal.
	measured := r.plan.Baseline.Seconds > 0 && !r.plan.Reload
	var empty measure.Baseline
	var err error
	if measured {
		if empty, err = r.memoryWithout(ctx, c); err != nil {
			return err
		}
	}
	r.emit(StageChanged{StageLoad, "loading " + c.name()})
	if err := r.start(ctx, c); err != nil {
		return err
	}
	if err := r.see(c); err != nil {
		return err
	}
	if err := r.makeRoom(ctx, c); err != nil {
		return err
	}
	if measured {
		if err := r.baseline(ctx, c); err != nil {
			return err
		}
		r.rebaseMemory(c, empty)
	}
	r.describe(c)
	return nil
}

// name is the model with its clamp, if that is not the model's own.
func (c *config) name() string {
	if c.clamp.text == "" || c.clamp.text == clampModel {
		return c.title()
	}
	return c.title() + "#" + c.clamp.text
}

// title names the model.
func (c *config) title() string {
	if c.control != nil {
		return c.control.Name
	}
	return c.model
}

// makeRoom errs when the longest trial or task does not fit the model's context. Where the
// plan leaves the context open, and an image or a task needs more than the server has, it
// starts that again with as much as is needed.
func (r *runner) makeRoom(ctx context.Context, c *config) error {
	info := c.server.Model()
	if !r.plan.Images() {
		if err := r.plan.fits(info); err != nil {
			return err
		}
	}
	need, what, err := r.needs(ctx, c)
	if err != nil || info.Context <= 0 || need <= info.Context {
		return err
	}
	if r.plan.Context != 0 || c.context != 0 {
		return fmt.Errorf("plan: %s needs up to %d tokens of context with its prompt and answer, %s has %d; raise context or leave it out",
			what, need, info.Name, info.Context)
	}
	if err := errors.Join(r.detach(), c.server.Stop()); err != nil {
		return err
	}
	c.server, c.context = nil, need
	if err := r.start(ctx, c); err != nil {
		return fmt.Errorf("plan: %s needs up to %d tokens of context with its prompt and answer; leave it out or set a lower clamp: %w", what, need, err)
	}
	return nil
}

// needs is the most context that a trial or a task takes, and which one; 0 while the sizes of
// images are undecided.
func (r *runner) needs(ctx context.Context, c *config) (tokens int, what string, err error) {
	if r.plan.undecided() {
		return 0, "", nil
	}
	if r.plan.Images() {
		var largest imaging.Size
		if tokens, largest, err = r.plan.need(c.vision); err != nil {
			return 0, "", err
		}
		what = "resolutions: " + largest.String()
	}
	longest, id, err := r.longestTask(ctx, c)
	if longest > tokens {
		tokens, what = longest, "tasks: "+id
	}
	return tokens, what, err
}

// rebaseMemory makes the memory in use without the model the baseline of memory. All other
// idle levels are those with the model loaded and its server waiting, which is the state
// that a request begins and ends in.
func (r *runner) rebaseMemory(c *config, empty measure.Baseline) {
	name := string(measure.ScopeSystem) + ".memory"
	loaded, known := c.idle[name]
	if !known || empty.N == 0 {
		delete(c.idle, name)
		r.find(whenBaseline, severityDoubt, "memory", "the memory in use without %s was not measured: its load on memory has no baseline", c.name())
		return
	}
	// This model raises the idle level of those that were loaded before it.
	for _, other := range r.configs {
		if b, ok := other.idle[name]; ok && other != c {
			b.Level += loaded.Level - empty.Level
			other.idle[name] = b
		}
	}
	empty.Stable = loaded.Stable
	c.idle[name] = empty
}

// memoryWithout measures the machine's memory in use, watching no process. A machine that
// does not tell has a baseline of no samples.
func (r *runner) memoryWithout(ctx context.Context, c *config) (measure.Baseline, error) {
	r.emit(StageChanged{StageBaseline, "measuring the memory in use without " + c.name()})
	if err := r.attach(ctx, nil); err != nil {
		return measure.Baseline{}, err
	}
	if err := wait(ctx, seconds(emptySeconds)); err != nil {
		return measure.Baseline{}, err
	}
	series := r.sampler.Window(ago(emptySeconds), time.Second)
	memory := findSeries(series, measure.KindMemory, measure.ScopeSystem, "memory")
	level, err := measure.Level(memory, spanOf(memory, emptySeconds))
	if err != nil {
		return measure.Baseline{}, nil
	}
	return level, nil
}

// start starts the server of a configuration.
func (r *runner) start(ctx context.Context, c *config) error {
	server, err := r.deps.Backend.Start(ctx, r.backendConfig(c))
	if err != nil {
		return fmt.Errorf("start %s: %w", c.id, err)
	}
	c.server, c.composer = server, workload.NewComposer(server)
	return nil
}

// restart replaces the server of a configuration after its death, once per session.
func (r *runner) restart(ctx context.Context, c *config, cause error) error {
	if r.restarted {
		return fmt.Errorf("the server of %s failed again after it had been restarted once: %w", c.id, cause)
	}
	r.restarted = true
	r.find(whenTrial, severityDoubt, "model server", "the server of %s failed and was restarted: %v", c.id, cause)
	if r.plan.Reload { // the next attempt starts a server of its own
		c.doubts = append(c.doubts, "an attempt before this one failed: "+cause.Error())
		return nil
	}
	stopErr := c.server.Stop() // it is dead or beyond use; only a live one could object
	if err := r.detach(); err != nil {
		return err
	}
	if err := r.start(ctx, c); err != nil {
		return errors.Join(err, stopErr)
	}
	c.doubts = append(c.doubts, "the model server was restarted just before this trial")
	return r.warmUp(ctx, c)
}

// describe enters the configuration into the run, replacing what an earlier session said.
func (r *runner) describe(c *config) {
	info := c.server.Model()
	described := store.Config{
		ID: c.id, Backend: r.deps.Backend.Name(), Model: c.title(), Architecture: info.Architecture, Quant: info.Quant,
		Parameters: info.Parameters, Bytes: info.Bytes, Threads: info.Threads, Kernel: info.Kernel,
		Meaningless: info.Meaningless, Load: c.server.Load(), Baselines: baselines(c.idle), Vision: info.Vision,
	}
	if info.Vision != nil {
		described.Projector = r.backendConfig(c).Projector
	}
	if c.name() != c.title() {
		described.Clamp = c.clamp.text
	}
	if c.control != nil {
		described.Control = &c.control.Control
	}
	i := slices.IndexFunc(r.run.Configs, func(known store.Config) bool { return known.ID == c.id })
	if i < 0 {
		r.run.Configs = append(r.run.Configs, described)
		return
	}
	r.run.Configs[i] = described
}

// baselines lists idle levels in the order of their names.
func baselines(idle map[string]measure.Baseline) []store.Baseline {
	var out []store.Baseline
	for name, b := range idle {
		out = append(out, store.Baseline{Channel: name, Level: b.Level, Sigma: b.Sigma, Seconds: b.Seconds(), Stable: b.Stable})
	}
	slices.SortFunc(out, func(a, b store.Baseline) int {
		if a.Channel < b.Channel {
			return -1
		}
		return 1
	})
	return out
}

// attach points the sampler at a configuration's server, at none when c is nil. Only one
// sampler runs at a time: meters are read by one, and the observer's cost stays that of one.
func (r *runner) attach(ctx context.Context, c *config) error {
	if r.sampler != nil && r.attached == c {
		return nil
	}
	if err := r.detach(); err != nil {
		return err
	}
	var sources []source.Source
	switch {
	case c != nil:
		sources = r.deps.Sources(c.server.PID())
	case r.plan.Reload:
		sources = r.machineSources()
	default:
		sources = r.deps.Sources(0)
	}
	s, err := sampler.New(sampler.Config{RateHz: r.plan.Rate, Sources: sources, Keep: keepSamples})
	if err != nil {
		return err
	}
	s.Start()
	r.mu.Lock()
	r.sampler, r.attached = s, c
	r.mu.Unlock()
	if c != nil {
		r.run.Channels = channels(s, sources)
	}
	return wait(ctx, seconds(max(r.deps.pace.settle, 3/r.plan.Rate)))
}

// channels describes all channels, those of sources that could not be opened included: a
// source that did not say what it would have yielded stands for itself.
func channels(s *sampler.Sampler, sources []source.Source) []measure.Channel {
	out := s.Channels()
	for _, fault := range s.Faults() {
		if fault.Channel != "" {
			continue
		}
		c := measure.Channel{Name: fault.Source, Source: fault.Source, Quality: measure.Unavailable, Reason: fault.Reason}
		i := slices.IndexFunc(sources, func(s source.Source) bool { return s.Info().Name == fault.Source })
		if i >= 0 {
			if info := sources[i].Info(); info.State != source.Ready {
				c.Reason = string(info.State) + ": " + info.Reason
				if info.Fix != "" {
					c.Reason += "; run: " + info.Fix
				}
			}
		}
		out = append(out, c)
	}
	return out
}

// detach ends the sampler that is attached, if there is one.
func (r *runner) detach() error {
	r.mu.Lock()
	s := r.sampler
	r.sampler, r.attached = nil, nil
	r.mu.Unlock()
	if s == nil {
		return nil
	}
	return r.end(s)
}

// end stops a sampler and adds its cost to the run's.
func (r *runner) end(s *sampler.Sampler) error {
	err := s.Stop()
	o, seen := s.Observer(), s.Observer().Duration.Seconds()
	total := &r.run.Observer
	if !math.IsNaN(o.CoreFraction) && seen > 0 {
		// The mean over all samplers of the run, weighted by how long each ran; the ticks
		// so far tell how long that was.
		before := float64(total.Ticks) / o.RateHz
		total.CoreFraction = (total.CoreFraction*before + o.CoreFraction*seen) / (before + seen)
	}
	total.Ticks += o.Ticks
	total.LateTicks += o.LateTicks
	total.RateHz = o.RateHz
	return err
}

// baseline waits for a quiet machine and takes the idle level of every channel.
func (r *runner) baseline(ctx context.Context, c *config) error {
	if err := r.attach(ctx, c); err != nil {
		return err
	}
	var err error
	c.idle, err = r.idleLevels(ctx)
	return err
}

// idleLevels waits for a quiet machine under the sampler that is attached, and doubts what it
// finds.
func (r *runner) idleLevels(ctx context.Context) (map[string]measure.Baseline, error) {
	r.emit(StageChanged{StageBaseline, fmt.Sprintf("waiting for a quiet machine, at most %.0f s", r.plan.Baseline.Timeout)})
	levels, doubt, err := r.quiet(ctx)
	if err != nil {
		return nil, err
	}
	if doubt != "" {
		r.find(whenBaseline, severityDoubt, "baseline", "%s; stop other programs, or raise baseline.timeout", doubt)
	}
	cores := float64(r.run.Machine.Cores)
	if cpu, ok := levels[string(measure.ScopeSystem)+".cpu"]; ok && cpu.Level > busyFraction*cores {
		r.find(whenBaseline, severityDoubt, "baseline", "the idle machine is %.0f %% busy: other programs compete with the model, and its load above idle is too low; stop them", 100*cpu.Level/cores)
	}
	return levels, nil
}

// quiet waits until the system's CPU load holds still, or the time-out, and returns the
// levels of all channels over the stretch that ended the wait.
func (r *runner) quiet(ctx context.Context) (levels map[string]measure.Baseline, doubt string, err error) {
	cores := float64(r.run.Machine.Cores)
	rule := measure.BaselineRule{
		Span: r.plan.Baseline.Seconds, Timeout: r.plan.Baseline.Timeout, MaxSigma: r.plan.Baseline.Threshold * cores,
	}
	from := measure.Now()
	for {
		if err := wait(ctx, seconds(pollSeconds)); err != nil {
			return nil, "", err
		}
		now := measure.Now()
		series := r.sampler.Window(measure.Window{Start: from, End: now}, time.Second)
		cpu := findSeries(series, measure.KindCPUTime, measure.ScopeSystem, "cpu")
		level, over := rule.Check(cpu, from, now)
		if !over {
			continue
		}
		levels := map[string]measure.Baseline{}
		for _, s := range series {
			// Level of the stretch that was judged: it ends at the newest sample of all.
			b, err := measure.Level(s, spanOf(s, rule.Span))
			if err == nil {
				b.Stable = level.Stable
				levels[s.Channel.Name] = b
			}
		}
		return levels, level.Doubt, nil
	}
}

// spanOf is the stretch of so many seconds that ends with the series.
func spanOf(s measure.Series, seconds float64) measure.Window {
	if s.Len() == 0 {
		return measure.Window{}
	}
	end := s.T[s.Len()-1]
	return measure.Window{Start: end - int64(seconds*1e9), End: end}
}

// closingBaseline measures the idle levels after the trials, with the server of c if it is
// not nil, and judges what moved for the given configurations.
func (r *runner) closingBaseline(ctx context.Context, c *config, of []*config) error {
	r.emit(StageChanged{StageClosing, fmt.Sprintf("measuring the idle machine again, at most %.0f s", r.plan.Baseline.Timeout)})
	if err := r.attach(ctx, c); err != nil {
		return err
	}
	levels, doubt, err := r.quiet(ctx)
	if err != nil {
		return err
	}
	if doubt != "" {
		r.find(whenBaseline, severityDoubt, "closing baseline", "%s", doubt)
	}
	for _, one := range of {
		i := slices.IndexFunc(r.run.Configs, func(known store.Config) bool { return known.ID == one.id })
		r.run.Configs[i].Closing = baselines(levels)
	}
	r.judgeBaselines(of[0], levels)
	return nil
}
