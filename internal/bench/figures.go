package bench

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

const gib = 1 << 30

// clockSource is the source of figures that rest on time stamps alone.
const clockSource = "clock"

// snapNs is how far an edge of a window is moved to a sample next to it. The sampler reads
// all sources when a trial begins and ends, one after the other: their samples lie within
// a fraction of this around the mark, and with a sample on its very edge a counter's
// difference is exact instead of interpolated over a sampling period.
const snapNs = 2e6

// meter turns series into figures. Amounts are divided by the number of requests.
type meter struct {
	series   []measure.Series
	idle     map[string]measure.Baseline // by channel
	requests int
	snap     int64 // how far edges of windows move to a sample beside them, in ns
}

// gross adds up what one function of series and window yields over several windows. One
// window without a value leaves the sum without one: a part is not the whole.
func (m meter) gross(s measure.Series, windows []measure.Window, f func(measure.Series, measure.Window) measure.Result) (sum measure.Result, seconds float64) {
	for i, w := range windows {
		w = m.toSamples(s, w)
		r := f(s, w)
		if !r.OK() {
			return r, 0
		}
		seconds += w.Seconds()
		if i == 0 {
			sum = r
			continue
		}
		sum.Value += r.Value
		sum.Uncertainty += r.Uncertainty
		sum.N += r.N
		sum.Coverage = min(sum.Coverage, r.Coverage)
	}
	if len(windows) == 0 {
		return measure.Result{Value: math.NaN(), Reason: "the backend marked no such phase"}, 0
	}
	return sum, seconds
}

// toSamples moves the edges of the window to samples that lie right beside them.
func (m meter) toSamples(s measure.Series, w measure.Window) measure.Window {
	return measure.Window{Start: nearest(s.T, w.Start, m.snap), End: nearest(s.T, w.End, m.snap)}
}

// nearest returns the time stamp closest to t if it is within reach, else t.
func nearest(times []int64, t, reach int64) int64 {
	best, distance := t, reach+1
	for _, x := range times {
		if d := max(x-t, t-x); d < distance {
			best, distance = x, d
		}
	}
	return best
}

// load is the area under the curve of a channel's load: of the rate of counters.
func load(s measure.Series, w measure.Window) measure.Result {
	if s.Channel.Kind.Cumulative() {
		s = s.Rate(w)
	}
	return measure.AUC(s, w, 0)
}

// amounts returns the figures that make sense for a whole trial and for each phase.
func (m meter) amounts(windows []measure.Window) map[string]store.Figure {
	out := map[string]store.Figure{}
	var seconds float64
	for _, w := range windows {
		seconds += w.Seconds()
	}
	out[store.MetricWallSeconds] = store.Figure{Value: seconds / float64(m.requests), Quality: measure.Measured, Source: clockSource, N: len(windows)}
	if len(windows) == 0 {
		out[store.MetricWallSeconds] = store.Unavailable("the backend marked no such phase")
	}
	process := m.find(measure.KindCPUTime, measure.ScopeProcess, "cpu")
	sum, _ := m.gross(process, windows, measure.CounterDelta)
	out[store.MetricCPUCoreSeconds] = m.perRequest(process, sum, 1)

	system := m.find(measure.KindCPUTime, measure.ScopeSystem, "cpu")
	above := m.aboveIdle(system, windows, load)
	out[store.MetricCPUAUCCore] = m.perRequest(system, above, 1)
	out[store.MetricCPUAUCPercent] = m.percent(system, above)

	memory := m.find(measure.KindMemory, measure.ScopeSystem, "memory")
	above = m.aboveIdle(memory, windows, load)
	out[store.MetricRAMAUC] = m.perRequest(memory, above, 1.0/gib)
	out[store.MetricRAMAUCPercent] = m.percent(memory, above)

	for _, s := range m.series {
		if s.Channel.Kind == measure.KindEnergy || s.Channel.Kind == measure.KindPower {
			gross, _ := m.gross(s, windows, measure.Joules)
			out[store.MetricJoules+s.Channel.Name] = m.perRequest(s, gross, 1)
			out[store.MetricJoulesAdjusted+s.Channel.Name] = m.perRequest(s, m.aboveIdle(s, windows, measure.Joules), 1)
		}
	}
	return out
}

// levels returns the figures of a trial that are no amounts: they are not per request.
func (m meter) levels(w measure.Window) map[string]store.Figure {
	out := map[string]store.Figure{}
	process := m.find(measure.KindCPUTime, measure.ScopeProcess, "cpu")
	out[store.MetricClosure] = figure(process, measure.Closure(process, m.toSamples(process, w)), 1)

	rss := m.find(measure.KindMemory, measure.ScopeProcess, "rss")
	out[store.MetricPeakRSS] = figure(rss, highest(rss, w), 1)
	for _, s := range m.series {
		if s.Channel.Kind == measure.KindTemperature || s.Channel.Kind == measure.KindFrequency {
			r, seconds := m.gross(s, []measure.Window{w}, load)
			out[store.MetricMean+s.Channel.Name] = figure(s, r, 1/seconds)
		}
	}
	return out
}

// highest is the largest valid sample within the window.
func highest(s measure.Series, w measure.Window) measure.Result {
	in := s.Within(w).Valid()
	if in.Len() == 0 || s.Channel.Quality == measure.Unavailable {
		return measure.Result{Value: math.NaN(), Reason: cmpReason(s.Channel.Reason, s.Channel.Name+": no valid sample in the window")}
	}
	return measure.Result{Value: in.Max(), Quality: s.Channel.Quality, Reason: s.Channel.Reason, N: in.Len()}
}

func cmpReason(reason, otherwise string) string {
	if reason != "" {
		return reason
	}
	return otherwise
}

// find returns the series of a kind and scope whose name ends in ".suffix", one without
// samples when there is none.
func (m meter) find(kind measure.Kind, scope measure.Scope, suffix string) measure.Series {
	return findSeries(m.series, kind, scope, suffix)
}

func findSeries(all []measure.Series, kind measure.Kind, scope measure.Scope, suffix string) measure.Series {
	name := fmt.Sprintf("%s.%s", scope, suffix)
	for _, s := range all {
		if s.Channel.Kind == kind && s.Channel.Scope == scope && s.Channel.Name == name {
			return s
		}
	}
	return measure.Series{Channel: measure.Channel{Name: name, Kind: kind, Scope: scope, Reason: "this machine has no such source"}}
}

// aboveIdle is the gross amount minus what the idle machine would have used.
func (m meter) aboveIdle(s measure.Series, windows []measure.Window, f func(measure.Series, measure.Window) measure.Result) measure.Result {
	gross, seconds := m.gross(s, windows, f)
	return measure.AboveIdle(gross, m.idle[s.Channel.Name], seconds)
}

// perRequest makes a figure of a window's amount, in units of 1/scale.
func (m meter) perRequest(s measure.Series, r measure.Result, scale float64) store.Figure {
	return figure(s, r, scale/float64(m.requests))
}

// percent makes a figure in percent of the channel's capacity times seconds.
func (m meter) percent(s measure.Series, r measure.Result) store.Figure {
	if r.OK() && !(s.Channel.Capacity > 0) {
		return store.Unavailable(s.Channel.Name + ": its capacity is unknown")
	}
	return m.perRequest(s, r, 100/s.Channel.Capacity)
}

// figure makes a figure of a result.
func figure(s measure.Series, r measure.Result, scale float64) store.Figure {
	f := store.Figure{
		Value: r.Value * scale, Quality: r.Quality, Reason: r.Reason, Source: s.Channel.Name, Scope: s.Channel.Scope,
		N: r.N, Uncertainty: r.Uncertainty * scale,
	}
	if !r.OK() {
		f.Value, f.Uncertainty = math.NaN(), 0
	}
	return f
}

// rate is tokens per second.
func rate(tokens int, seconds float64) store.Figure {
	if tokens < 1 || !(seconds > 0) {
		return store.Unavailable("too few tokens for a rate")
	}
	return store.Figure{Value: float64(tokens) / seconds, Quality: measure.Measured, Source: clockSource, N: tokens}
}
