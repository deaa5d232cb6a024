package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// pointBudget bounds the points of all series in one page, so that it stays small enough
// to be mailed; a single series keeps at least minPoints.
const (
	pointBudget = 120_000
	minPoints   = 64
	maxPoints   = 600
)

// trialSeries is what the page draws of one trial. Times are seconds from its start.
type trialSeries struct {
	Label   string      `json:"label"`
	Phases  []phaseSpan `json:"phases"`
	End     float64     `json:"end"`
	Times   []compact   `json:"times"` // shared by the curves
	Curves  []curve     `json:"curves"`
	Section string      `json:"section"` // configuration, to group the choices
	x       int
}

type phaseSpan struct {
	Name   string  `json:"name"`
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Colour int     `json:"colour"`
}

// curve is one channel: a level as it was read, or the rate of a running total.
type curve struct {
	Name      string   `json:"name"`
	Panel     string   `json:"panel"`
	Unit      string   `json:"unit"`
	Times     int      `json:"times"` // index
	Values    compact  `json:"values"`
	Estimated bool     `json:"estimated"`
	Step      bool     `json:"step"`    // each value holds since the time before it
	Thinned   bool     `json:"thinned"` // lowest and highest of each stretch are kept
	Zero      bool     `json:"zero"`    // the axis begins at zero
	Baseline  *float64 `json:"baseline"`
	Sigma     float64  `json:"sigma"`
}

// compact numbers are written with five significant digits, NaN as null.
type compact []float64

// MarshalJSON implements json.Marshaler.
func (c compact) MarshalJSON() ([]byte, error) {
	out := append(make([]byte, 0, 6*len(c)+2), '[')
	for i, v := range c {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out = append(out, "null"...)
		} else {
			out = strconv.AppendFloat(out, v, 'g', 5, 64)
		}
	}
	return append(out, ']'), nil
}

// panel says where and in which unit a channel is drawn.
func panel(c measure.Channel) (name, unit string, factor float64, zero bool) {
	switch c.Kind {
	case measure.KindCPUTime, measure.KindLoad:
		return "CPU", "cores", 1, true
	case measure.KindMemory:
		if c.Scope == measure.ScopeProcess {
			return "Memory of the process", "GiB", 1.0 / (1 << 30), false
		}
		return "Memory of the machine", "GiB", 1.0 / (1 << 30), false
	case measure.KindEnergy, measure.KindPower:
		return "Power", "W", 1, true
	case measure.KindFrequency:
		return "Frequency", "GHz", 1e-9, true
	case measure.KindTemperature:
		return "Temperature", "°C", 1, false
	}
	return "", "", 0, false
}

// drawTrial prepares the series around one trial, at most limit points each.
func drawTrial(t *TrialResult, s store.Samples, limit int) trialSeries {
	result := trialSeries{
		Label:   fmt.Sprintf("%d tokens · %s · repeat %d (trial %d)", t.X, t.Complexity, t.Repeat+1, t.Seq),
		Section: t.Config, x: t.X, End: seconds(t.EndNS - t.StartNS), Phases: []phaseSpan{}, Times: []compact{}, Curves: []curve{},
	}
	if t.Image != nil {
		result.Label = fmt.Sprintf("%s · %s · repeat %d (trial %d)", t.imageText(), t.Complexity, t.Repeat+1, t.Seq)
	}
	if t.Requests > 1 {
		result.Label += fmt.Sprintf(" · %d requests", t.Requests)
	}
	for i, p := range t.Phases {
		result.Phases = append(result.Phases, phaseSpan{p.Name, p.StartS, p.EndS, phaseColour(p.Name, i)})
	}
	for _, series := range s.Series {
		c := series.Channel
		name, unit, factor, zero := panel(c)
		if name == "" {
			continue
		}
		if c.Kind.Cumulative() {
			series = rate(series)
		}
		at, values, thinned := thin(series.T, series.V, limit)
		if len(at) == 0 {
			continue
		}
		drawn := curve{
			Name: c.Name, Panel: name, Unit: unit, Values: make(compact, len(values)), Step: c.Kind.Cumulative(),
			Estimated: c.Quality == measure.Estimated, Thinned: thinned, Zero: zero, Times: result.times(at, t.StartNS),
		}
		for i, v := range values {
			drawn.Values[i] = v * factor
		}
		for _, b := range t.Baselines {
			if b.Channel == c.Name {
				drawn.Baseline, drawn.Sigma = present(b.Level*factor), deref(present(b.Sigma*factor))
			}
		}
		result.Curves = append(result.Curves, drawn)
	}
	return result
}

// times returns the index of the time stamps at, which curves share where they can.
func (s *trialSeries) times(at []int64, start int64) int {
	relative := make(compact, len(at))
	for i, t := range at {
		relative[i] = seconds(t - start)
	}
	for i, known := range s.Times {
		if slices.Equal(known, relative) {
			return i
		}
	}
	s.Times = append(s.Times, relative)
	return len(s.Times) - 1
}

// rate turns a running total into the mean rate over each interval, placed at its end.
func rate(series measure.Series) measure.Series {
	out := measure.Series{Channel: series.Channel}
	last := -1
	for i := range min(len(series.T), len(series.V)) {
		if math.IsNaN(series.V[i]) {
			continue // the next interval spans the gap: a counter loses nothing
		}
		if last >= 0 && series.T[i] > series.T[last] {
			out.T = append(out.T, series.T[i])
			out.V = append(out.V, (series.V[i]-series.V[last])/seconds(series.T[i]-series.T[last]))
		}
		last = i
	}
	return out
}

// thin keeps at most limit points of a series: the lowest and the highest of each of
// limit/2 equal stretches, in their order, so that no peak is lost.
func thin(t []int64, v []float64, limit int) ([]int64, []float64, bool) {
	n := min(len(t), len(v))
	if n <= limit || limit < 4 {
		return t[:n], v[:n], false
	}
	var keptT []int64
	var keptV []float64
	stretches := limit / 2
	for i := range stretches {
		from, to := i*n/stretches, (i+1)*n/stretches
		lo, hi := from, from
		for j := from; j < to; j++ {
			if math.IsNaN(v[lo]) || v[j] < v[lo] {
				lo = j
			}
			if math.IsNaN(v[hi]) || v[j] > v[hi] {
				hi = j
			}
		}
		for _, j := range slices.Compact([]int{min(lo, hi), max(lo, hi)}) {
			keptT, keptV = append(keptT, t[j]), append(keptV, v[j])
		}
	}
	return keptT, keptV, true
}
