package bench

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

const (
	// driftLimit is the smallest relative change over a session that is worth a doubt.
	driftLimit = 0.02
	// driftP is the significance from which a trend is not put down to chance.
	driftP = 0.05
	// leastDriftTrials is the least number of trials in which a drift can be told.
	leastDriftTrials = 9
)

// judgeDrift compares the end of the session with its beginning.
func (r *runner) judgeDrift() {
	for _, metric := range []string{store.MetricCPUCoreSeconds, store.MetricWallSeconds} {
		r.judgeMetric(metric, "the cost %s of equal work")
	}
	seen := map[string]bool{}
	for _, c := range r.run.Channels {
		if c.Kind == measure.KindFrequency && !seen[c.Name] {
			seen[c.Name] = true
			r.judgeMetric(store.MetricMean+c.Name, "%s")
		}
	}
	if n := throttleCount(r.deps.Root) - r.throttles; n > 0 {
		r.find(whenDrift, severityDoubt, "throttling", "the processor was slowed down for heat %d times during the run: cool the machine and repeat it", n)
	}
}

// judgeMetric tests one figure for a drift over the trials.
func (r *runner) judgeMetric(metric, what string) {
	d, ok := driftOf(r.trials, metric)
	if !ok {
		return
	}
	severity, verdict := severityInfo, "no drift"
	if math.Abs(d.change) > driftLimit && d.p < driftP {
		severity, verdict = severityDoubt, "drift"
	}
	r.find(whenDrift, severity, metric, "%s: "+what+" changed by %+.1f %% from the first to the last third of the trials (trend p = %.2g)",
		verdict, metric, 100*d.change, d.p)
}

// drift is the relative change of a figure over a run.
type drift struct {
	change float64 // mean of the last third over that of the first, minus one
	p      float64 // of no trend over all trials (Kendall)
}

// driftOf compares each trial with the median of its like (same configuration and prompt
// length), so that the random order of lengths does not look like drift.
func driftOf(trials []store.Trial, metric string) (drift, bool) {
	like := func(t store.Trial) string { return fmt.Sprint(t.Config, "\x00", t.X) }
	groups := map[string][]float64{}
	for _, t := range trials {
		if f := t.Figures[metric]; f.OK() {
			groups[like(t)] = append(groups[like(t)], f.Value)
		}
	}
	var place, ratio []float64
	for i, t := range trials {
		f := t.Figures[metric]
		if middle := stat.Median(groups[like(t)]); f.OK() && middle > 0 && len(groups[like(t)]) >= 3 {
			place, ratio = append(place, float64(i)), append(ratio, f.Value/middle)
		}
	}
	if len(ratio) < leastDriftTrials {
		return drift{}, false
	}
	third := len(ratio) / 3
	trend, err := stat.Kendall(place, ratio)
	if err != nil {
		return drift{}, false
	}
	first, last := stat.Mean(ratio[:third]), stat.Mean(ratio[len(ratio)-third:])
	return drift{change: last/first - 1, p: trend.P}, true
}

// judgeBaselines compares the idle levels after the trials with those before. Memory is
// left out: its level before is that of a machine without the model.
func (r *runner) judgeBaselines(c *config, closing map[string]measure.Baseline) {
	for _, ch := range r.run.Channels {
		before, known := c.idle[ch.Name]
		after, measured := closing[ch.Name]
		if !known || !measured || ch.Kind == measure.KindMemory || ch.Kind == measure.KindFrequency {
			continue
		}
		change := after.Level - before.Level
		noise := math.Hypot(before.Sigma/math.Sqrt(float64(before.N)), after.Sigma/math.Sqrt(float64(after.N)))
		if math.Abs(change) > 3*noise && math.Abs(change) > r.leastChange(ch, before) {
			r.find(whenDrift, severityDoubt, "baseline of "+ch.Name, "the idle level went from %.3g to %.3g %s over the trials of %s",
				before.Level, after.Level, ch.Kind.Rate().Unit(), c.id)
		}
	}
}

// leastChange is the smallest change of an idle level that matters.
func (r *runner) leastChange(ch measure.Channel, before measure.Baseline) float64 {
	switch ch.Kind {
	case measure.KindCPUTime:
		return driftLimit * float64(r.run.Machine.Cores)
	case measure.KindTemperature:
		return 5 // °C
	default:
		return 0.05 * math.Abs(before.Level)
	}
}
