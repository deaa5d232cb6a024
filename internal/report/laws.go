package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/store"
)

const bandPoints = 41

// fitLaws fits one metric over the trials of one configuration, once per quality, so that
// an estimate never mixes with a measurement. why is set when there is nothing to fit.
func fitLaws(metric string, trials []store.Trial) (laws []LawResult, why string) {
	kind, x := predictorOf(trials)
	points, _ := pointsOf(metric, trials, x)
	for _, quality := range qualities {
		own := points[quality]
		if len(own) == 0 {
			continue
		}
		fitted, err := law.Fit(own, law.Options{Seed: 1, Noise: noiseOf(own)})
		if err != nil {
			why = strings.TrimPrefix(err.Error(), law.ErrPoints.Error()+": ")
			continue
		}
		result, err := lawResult(metric, kind, quality, fitted)
		if err != nil {
			why = err.Error()
			continue
		}
		laws = append(laws, result)
	}
	if len(laws) == 0 && why == "" {
		why = absentReason(metric, trials)
	}
	return laws, why
}

// tokens is the predictor of the laws: prompt tokens as the backend counted them, and the
// planned number where it does not count.
func tokens(t store.Trial) int { return cmp.Or(t.TokensIn, t.X) }

// absentReason says why no trial has the metric: the commonest reason given.
func absentReason(metric string, trials []store.Trial) string {
	counts := map[string]int{}
	for _, t := range trials {
		if f, ok := t.Figures[metric]; ok && f.Reason != "" {
			counts[f.Reason]++
		}
	}
	if len(counts) > 0 {
		return slices.MaxFunc(slices.Sorted(maps.Keys(counts)), func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
	}
	if len(trials) == 0 {
		return "no trial was finished"
	}
	return "no trial has this figure"
}

// noiseOf assumes scatter in proportion to cost, as timings and energies mostly have it,
// unless a cost above baseline averages to nothing somewhere.
func noiseOf(points []law.Point) law.Noise {
	groups := map[float64][]float64{}
	for _, p := range points {
		groups[p.X] = append(groups[p.X], p.Y)
	}
	for _, ys := range groups {
		if !(stat.Mean(ys) > 0) {
			return law.NoiseGiven
		}
	}
	return law.NoiseProportional
}

// lawResult copies a fitted law into the schema, where whatever is not a finite number is
// null. A law without finite coefficients is an error.
func lawResult(metric, predictor string, quality measure.Quality, fitted law.Law) (LawResult, error) {
	result := LawResult{
		Metric: metric, Predictor: predictor, Unit: describe(metric).unit, Quality: quality, Kind: "linear",
		Coef: map[string]float64{}, CI: map[string]*law.Interval{}, Level: fitted.Level, R2: present(fitted.R2), N: fitted.N,
		X: fitted.X, Noise: string(fitted.Noise),
		LinearFrom: present(fitted.LinearFrom), LinearTo: present(fitted.LinearTo), Best: fitted.Best,
		Rivals: []RivalResult{}, Beyond: []Prediction{}, Doubts: append([]string{}, fitted.Doubts...),
		TheilSen: Slope{Value: present(fitted.TheilSen.Value), CI: finite(fitted.TheilSen.CI)},
	}
	for _, c := range fitted.Coef {
		if present(c.Value) == nil {
			return LawResult{}, fmt.Errorf("coefficient %s of the fit is not a finite number", c.Name)
		}
		result.Coef[c.Name], result.CI[c.Name] = c.Value, finite(c.CI)
	}
	for _, r := range fitted.Rivals {
		rival := RivalResult{Kind: r.Kind, Coef: map[string]*float64{}, AICc: present(r.AICc), R2: present(r.R2), HeldOutError: present(r.HeldOutError)}
		for name, v := range r.Coef {
			rival.Coef[name] = present(v)
		}
		result.Rivals = append(result.Rivals, rival)
	}
	for _, p := range fitted.Beyond {
		best, ok := p.Rivals[fitted.Best]
		if !ok {
			best = math.NaN()
		}
		result.Beyond = append(result.Beyond, Prediction{X: p.X, Y: present(p.Y), CI: finite(p.CI), Best: present(best)})
	}
	result.Band = band(fitted)
	result.Statement = statement(&result)
	return result, nil
}

// finite returns an interval, nil when one of its ends is not a finite number.
func finite(i law.Interval) *law.Interval {
	if present(i.Lo) == nil || present(i.Hi) == nil {
		return nil
	}
	return &i
}

// band returns the pointwise interval of the line from zero to the longest length.
func band(fitted law.Law) []BandPoint {
	points := []BandPoint{}
	for i := range bandPoints {
		x := fitted.X.Hi * float64(i) / (bandPoints - 1)
		if ci := finite(fitted.Band(x)); ci != nil {
			points = append(points, BandPoint{X: x, Lo: ci.Lo, Hi: ci.Hi})
		}
	}
	return points
}

// statement says the law in words and numbers.
func statement(l *LawResult) string {
	what := describe(l.Metric)
	one, many := "prompt token", "tokens"
	slope, fixed := estimateOf(l, "b"), estimateOf(l, "a")
	if l.Predictor == PredictorEffective {
		one, many = "million effective pixels", "effective pixels"
		slope = estimateOf(l.times(1e6), "b")
	}
	text := fmt.Sprintf("Each "+one+" costs %s %s (%s interval %s)", slope.inWords(), what.per, percent(l.Level), slope.interval)
	if ci := l.CI["b"]; ci == nil || ci.Lo <= 0 && ci.Hi >= 0 {
		text = fmt.Sprintf("No cost per "+one+" can be told from zero: %s %s (%s interval %s)", slope.inWords(), what.per, percent(l.Level), slope.interval)
	}
	switch ci := l.CI["a"]; {
	case ci == nil || ci.Lo <= 0 && ci.Hi >= 0:
		text += fmt.Sprintf("; a fixed cost cannot be told from zero (%s %s)", fixed.interval, fixed.unit)
	case ci.Lo > 0:
		text += fmt.Sprintf(", on top of %s fixed (%s)", fixed.inWords(), fixed.interval)
	default:
		text += fmt.Sprintf("; the line starts at %s (%s)", fixed.inWords(), fixed.interval)
	}
	text += fmt.Sprintf(", between %.0f and %.0f %s.", l.X.Lo, l.X.Hi, many)
	if l.Quality == measure.Estimated {
		text += " This is an estimate, not a measurement."
	}
	return text
}

// times returns the law with its slope for so many units of the predictor.
func (l *LawResult) times(n float64) *LawResult {
	scaled := &LawResult{Unit: l.Unit, Coef: map[string]float64{"b": n * l.Coef["b"]}, CI: map[string]*law.Interval{}}
	if ci := l.CI["b"]; ci != nil {
		scaled.CI["b"] = &law.Interval{Lo: n * ci.Lo, Hi: n * ci.Hi}
	}
	return scaled
}

// lengths summarises the trials at each planned length.
func lengths(trials []store.Trial) []Length {
	groups := map[int][]store.Trial{}
	for _, t := range trials {
		groups[t.X] = append(groups[t.X], t)
	}
	result := []Length{}
	for _, x := range slices.Sorted(maps.Keys(groups)) {
		length := Length{X: x, N: len(groups[x]), Phases: map[string]map[string]Median{}}
		var whole, answers []map[string]store.Figure
		phases := map[string][]map[string]store.Figure{}
		for _, t := range groups[x] {
			whole, answers = append(whole, t.Figures), append(answers, t.WithoutLoad)
			for name, figures := range t.PhaseFigures {
				phases[name] = append(phases[name], figures)
			}
		}
		length.Figures, length.WithoutLoad = medians(whole), medians(answers)
		for name, figures := range phases {
			length.Phases[name] = medians(figures)
		}
		result = append(result, length)
	}
	return result
}

// medians returns the median of every metric that some of the sets of figures have. A
// median over measured and estimated values counts as estimated.
func medians(sets []map[string]store.Figure) map[string]Median {
	values, quality := map[string][]float64{}, map[string]measure.Quality{}
	for _, figures := range sets {
		for name, f := range figures {
			v := value(figures, name)
			if v == nil {
				continue
			}
			if q, seen := quality[name]; !seen || f.Quality < q {
				quality[name] = f.Quality
			}
			values[name] = append(values[name], *v)
		}
	}
	result := map[string]Median{}
	for name, vs := range values {
		m := Median{Value: stat.Median(vs), N: len(vs), Quality: quality[name]}
		if len(vs) >= 3 {
			m.CI = medianInterval(vs)
		}
		result[name] = m
	}
	return result
}
