package bench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/sampler"
	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/workload"
)

// rehearse gets everything ready that a run which reloads cannot do without a server: it
// composes all prompts, makes one request, which also puts the model's file into the cache
// of the system, and stops the servers. Then it measures the idle machine, once for all.
func (r *runner) rehearse(ctx context.Context) error {
	for _, c := range r.configs {
		r.emit(StageChanged{StageWarmUp, "trying out " + c.name()})
		c.prompts = map[int]workload.Prompt{}
		for _, item := range r.items {
			if item.Config != c.id || r.done[item.Seq] {
				continue
			}
			length := item.X
			if r.plan.Images() {
				length = r.plan.Tokens[0]
			}
			prompt, err := c.composer.Compose(ctx, item.Complexity, length, item.PromptSeed)
			if err != nil {
				return fmt.Errorf("prompt of trial %d: %w", item.Seq, err)
			}
			c.prompts[item.Seq] = prompt
		}
		if r.plan.WarmUp.Max > 0 {
			if _, err := r.tryOut(ctx, c, 0); err != nil {
				return err
			}
		}
		if err := r.unload(c); err != nil {
			return err
		}
	}
	if r.plan.Baseline.Seconds == 0 {
		return nil
	}
	if err := r.attach(ctx, nil); err != nil {
		return err
	}
	levels, err := r.idleLevels(ctx)
	if err != nil {
		return err
	}
	for _, c := range r.configs {
		c.idle = levels
		i := slices.IndexFunc(r.run.Configs, func(known store.Config) bool { return known.ID == c.id })
		r.run.Configs[i].Baselines = baselines(levels)
	}
	return r.deps.Store.PutRun(ctx, r.run)
}

// unload stops the server of a configuration.
func (r *runner) unload(c *config) error {
	if c.server == nil {
		return nil
	}
	server := c.server
	c.server, c.composer = nil, nil
	return server.Stop()
}

// measureAnew starts the server within the window of the trial, makes one request, and
// stops the server after it. The machine is sampled throughout, the server's process from
// the moment at which it is ready.
func (r *runner) measureAnew(ctx context.Context, c *config, item workload.Item, t task) (trial store.Trial, samples store.Samples, err error) {
	if err := r.attach(ctx, nil); err != nil {
		return trial, samples, &ownError{err}
	}
	if trial, err = r.open(ctx, c, item, t); err != nil {
		return trial, samples, err
	}
	trial.Start = r.sampler.Mark()
	if err := r.start(ctx, c); err != nil {
		return trial, samples, err
	}
	process, err := r.watch(c)
	if err != nil {
		return trial, samples, &ownError{fmt.Errorf("watch the server of %s: %w", c.id, err)}
	}
	load := measure.Phase{Name: measure.PhaseLoad, Start: max(c.server.Load().Start, trial.Start), End: process.Mark()}
	r.sampler.Mark()
	response, err := c.server.Generate(ctx, r.request(t))
	if err != nil {
		_ = r.end(process) // the request's failure is the news
		_ = r.unload(c)
		return trial, samples, err
	}
	trial.End = r.sampler.Mark()
	process.Mark()
	margin := r.margin()
	time.Sleep(margin)
	window := measure.Window{Start: trial.Start, End: trial.End}
	series := append(r.sampler.Window(window, margin), fromBirth(process.Window(window, margin), load.Start)...)
	r.sampler.Discard(trial.Start - int64(time.Minute))
	if err := r.end(process); err != nil {
		return trial, samples, &ownError{err}
	}
	if err := r.unload(c); err != nil {
		trial.Doubts = append(trial.Doubts, "the model server did not end well after this trial: "+err.Error())
	}
	trial.Phases = []measure.Phase{load}
	responses := []backend.Response{response}
	fill(&trial, responses)
	r.evaluate(&trial, c, series, responses)
	m := meter{series: series, idle: c.idle, requests: 1, snap: snapNs}
	trial.WithoutLoad = m.amounts([]measure.Window{{Start: load.End, End: trial.End}})
	return trial, store.Samples{Run: r.run.ID, Seq: item.Seq, Series: series}, nil
}

// fromBirth adds to the running totals of a process that they were zero when it began.
func fromBirth(series []measure.Series, birth int64) []measure.Series {
	for i, s := range series {
		if s.Channel.Kind.Cumulative() && s.Len() > 0 && s.T[0] > birth {
			series[i].T = slices.Insert(slices.Clone(s.T), 0, birth)
			series[i].V = slices.Insert(slices.Clone(s.V), 0, 0)
		}
	}
	return series
}

// watch starts a sampler of a server's process beside that of the machine.
func (r *runner) watch(c *config) (*sampler.Sampler, error) {
	sources := slices.DeleteFunc(r.deps.Sources(c.server.PID()), func(s source.Source) bool { return !r.perProcess[s.Info().Name] })
	process, err := sampler.New(sampler.Config{RateHz: r.plan.Rate, Sources: sources, Keep: keepSamples})
	if err != nil {
		return nil, err
	}
	process.Start()
	if !slices.ContainsFunc(r.run.Channels, func(ch measure.Channel) bool { return ch.Scope == measure.ScopeProcess }) {
		r.run.Channels = append(channels(process, sources), channels(r.sampler, r.machineSources())...)
	}
	return process, nil
}

// machineSources are those that watch no process. Which ones do is found by opening them
// once on this very process.
func (r *runner) machineSources() []source.Source {
	if r.perProcess == nil {
		r.perProcess = map[string]bool{}
		for _, s := range r.deps.Sources(os.Getpid()) {
			if s.Open() == nil {
				own := s.Channels()
				r.perProcess[s.Info().Name] = len(own) > 0 && !slices.ContainsFunc(own, func(ch measure.Channel) bool { return ch.Scope != measure.ScopeProcess })
				_ = s.Close() // it was read only to be known
			}
		}
	}
	return slices.DeleteFunc(r.deps.Sources(0), func(s source.Source) bool { return r.perProcess[s.Info().Name] })
}
