package report

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// metricInfo is how one metric is shown: its unit in memory and its names for people.
type metricInfo struct {
	name  string
	title string // for headings and axes
	unit  string // unit of the values in memory
	per   string // what the unit is an amount of, for sentences: "of one core"
}

// metrics are the costs for which laws are fitted, energies aside.
var metrics = [...]metricInfo{
	{store.MetricCPUCoreSeconds, "CPU time of the model's process", "core·s", "of one core"},
	{store.MetricCPUAUCPercent, "CPU load above baseline", "%·s", "of the whole machine"},
	{store.MetricRAMAUC, "Memory above baseline", "GiB·s", "of memory"},
	{store.MetricWallSeconds, "Wall time", "s", "of wall time"},
}

// describe returns how a metric is shown. Energies are named after their channel.
func describe(metric string) metricInfo {
	for _, m := range metrics {
		if m.name == metric {
			return m
		}
	}
	if channel, ok := strings.CutPrefix(metric, store.MetricJoulesAdjusted); ok {
		return metricInfo{metric, "Energy above idle, " + channel, "J", "above idle"}
	}
	if channel, ok := strings.CutPrefix(metric, store.MetricJoules); ok {
		return metricInfo{metric, "Energy, " + channel, "J", "of energy"}
	}
	return metricInfo{metric, metric, "", ""}
}

// isMetric reports whether a name is that of a cost for which laws are fitted.
func isMetric(name string) bool {
	return isEnergy(name) || slices.ContainsFunc(metrics[:], func(m metricInfo) bool { return m.name == name })
}

// isEnergy reports whether a metric is an energy, gross or idle-adjusted.
func isEnergy(metric string) bool {
	return strings.HasPrefix(metric, store.MetricJoules) || strings.HasPrefix(metric, store.MetricJoulesAdjusted)
}

// yieldsEnergy reports whether a source is one of energy or power. A source that could not
// be opened may not have said what it would have yielded; then its name decides whether it
// is one of the others.
func (s Source) yieldsEnergy() bool {
	if s.Kind != "" {
		return s.Kind == measure.KindEnergy || s.Kind == measure.KindPower
	}
	for _, other := range [...]string{"process", "system", "pss", "memory", "cpufreq", "frequency", "thermal", "temperature"} {
		if strings.HasPrefix(s.Name, other) {
			return false
		}
	}
	return true
}

// scale is a display unit: a value in memory times factor is a number of this unit.
type scale struct {
	factor float64
	unit   string
}

// siPrefixes and their factors, largest first.
var siPrefixes = [...]struct {
	prefix string
	size   float64
}{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}, {"", 1}, {"m", 1e-3}, {"µ", 1e-6}, {"n", 1e-9}}

// scaleFor returns the display unit in which v, a value in the given unit, has one to
// three digits before the decimal point.
func scaleFor(unit string, v float64) scale {
	v = math.Abs(v)
	switch unit {
	case "GiB·s":
		switch {
		case v >= 1 || v == 0:
			return scale{1, "GiB·s"}
		case v >= 1.0/1024:
			return scale{1 << 10, "MiB·s"}
		}
		return scale{1 << 20, "KiB·s"}
	case "B":
		switch {
		case v >= 1<<30:
			return scale{1.0 / (1 << 30), "GiB"}
		case v >= 1<<20:
			return scale{1.0 / (1 << 20), "MiB"}
		}
		return scale{1.0 / (1 << 10), "KiB"}
	case "s", "J", "W", "Hz", "core·s":
		base, symbol := "", unit
		if unit == "core·s" {
			base, symbol = "core·", "s"
		}
		for _, p := range siPrefixes {
			big := p.size > 1 && symbol == "s" // nobody reads kiloseconds
			if !big && (v >= p.size || (v == 0 && p.size == 1)) {
				return scale{1 / p.size, base + p.prefix + symbol}
			}
		}
		return scale{1e9, base + "n" + symbol}
	}
	return scale{1, unit}
}

// decimals returns how many digits after the point make step visible and no more.
func decimals(step float64) int {
	if !(step > 0) || math.IsInf(step, 0) {
		return 2
	}
	return max(0, min(6, -int(math.Floor(math.Log10(step)))))
}

// number writes v with the given decimals, a true minus sign, and "–" when absent.
func number(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Trim(text, "-0.") == "" {
		return strings.TrimPrefix(text, "-") // no minus zero
	}
	return strings.Replace(text, "-", "−", 1)
}

// significant writes v with three significant digits.
func significant(v float64) string {
	if v == 0 {
		return "0"
	}
	return number(v, max(0, min(9, 2-int(math.Floor(math.Log10(math.Abs(v)))))))
}

// amount writes a value with its display unit, e.g. "4.10 core·ms".
func amount(unit string, v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	s := scaleFor(unit, v)
	return strings.TrimSpace(significant(v*s.factor) + " " + s.unit)
}

// estimated is a value and its interval in one display unit, with as many digits as the
// interval's width supports: "4.10" and "4.05 … 4.15" of "core·ms".
type estimated struct{ value, interval, unit string }

func (e estimated) withUnit() string { return strings.TrimSpace(e.value + " " + e.unit) }

// inWords is withUnit for sentences, which name the core themselves.
func (e estimated) inWords() string { return e.value + " " + strings.TrimPrefix(e.unit, "core·") }

// estimateOf writes one coefficient of a law.
func estimateOf(l *LawResult, name string) estimated {
	v, ci := l.Coef[name], l.CI[name]
	s := scaleFor(l.Unit, v)
	if ci == nil || !(ci.Hi > ci.Lo) {
		return estimated{significant(v * s.factor), "interval unknown", s.unit}
	}
	digits := decimals((ci.Hi - ci.Lo) * s.factor / 2)
	return estimated{number(v*s.factor, digits), number(ci.Lo*s.factor, digits) + " … " + number(ci.Hi*s.factor, digits), s.unit}
}

// percent writes a fraction as a percentage with two significant digits, all when there
// are more before the point.
func percent(fraction float64) string {
	v := 100 * fraction
	if v == 0 || present(v) == nil {
		return number(v, 0) + " %"
	}
	return number(v, max(0, min(9, 1-int(math.Floor(math.Log10(math.Abs(v))))))) + " %"
}

// shortTitle names a metric where space is short.
func shortTitle(metric string) string {
	switch metric {
	case store.MetricCPUCoreSeconds:
		return "CPU time"
	case store.MetricCPUAUCPercent:
		return "CPU load"
	case store.MetricRAMAUC:
		return "memory"
	case store.MetricWallSeconds:
		return "wall time"
	}
	if channel, ok := strings.CutPrefix(metric, store.MetricJoulesAdjusted); ok {
		return "energy above idle, " + channel
	}
	if channel, ok := strings.CutPrefix(metric, store.MetricJoules); ok {
		return "energy, " + channel
	}
	return metric
}

// figure returns the trial's value of the metric of a law, of the law's quality.
func (t *TrialResult) figure(l *LawResult) *float64 {
	gross, idle := t.Joules, t.JoulesIdle
	if l.Quality == measure.Estimated {
		gross, idle = t.JoulesEst, t.JoulesEstIdl
	}
	if channel, ok := strings.CutPrefix(l.Metric, store.MetricJoulesAdjusted); ok {
		return idle[channel]
	}
	if channel, ok := strings.CutPrefix(l.Metric, store.MetricJoules); ok {
		return gross[channel]
	}
	switch l.Metric {
	case store.MetricCPUCoreSeconds:
		return t.CPUCoreS
	case store.MetricCPUAUCPercent:
		return t.CPUAUCPctS
	case store.MetricRAMAUC:
		return t.RAMAUCGiBS
	case store.MetricWallSeconds:
		return t.WallS
	}
	return nil
}
