package report

import (
	"cmp"
	"strings"

	"github.com/wattlaw/wattlaw/internal/store"
)

// sweep writes what a configuration swept by resolution has in place of laws of length.
func (s *summary) sweep(v *sweepView, c *ConfigResult) {
	k := v.main()
	if k == nil {
		s.line("", "No law could be fitted.")
		s.line("", "")
	} else {
		s.line("", v.statement(k))
		s.line("", "")
		s.knees(v)
		s.line("", "")
	}
	absent := v.unfitted(c)
	for _, text := range absent {
		s.pair("–", text)
	}
	if len(absent) > 0 {
		s.line("", "")
	}
	if k != nil {
		s.out.WriteString(kneeTextChart(k, min(s.Width, 72), 12))
		s.line("", "")
	}
	s.phases(v, c)
	if text := complexityText(c, v.swept()); len(text) > 0 {
		s.pair("complexity", strings.Join(text, " "))
	}
	if text := kindsText(c); len(text) > 0 {
		s.pair("kinds", strings.Join(text, " "))
	}
}

var kneeColumns = [...]textColumn[*kneeView]{
	{"cost", 0, func(k *kneeView) string { return printable(kneeTitle(k)) }},
	{"full size", 0, func(k *kneeView) string { return k.flat().withUnit() }},
	{"95 % interval", 4, func(k *kneeView) string { return k.flat().interval }},
	{"knee, pixels", 0, func(k *kneeView) string { return kneeValue(k.at()) }},
	{"95 % interval", 1, func(k *kneeView) string { return k.at().interval }},
	{"per effective Mpx", 2, func(k *kneeView) string {
		if e, ok := k.perMegapixel(); ok {
			return e.withUnit()
		}
		return "–"
	}},
	{"95 % interval", 3, func(k *kneeView) string {
		if e, ok := k.perMegapixel(); ok {
			return e.interval
		}
		return "–"
	}},
	{"R²", 5, func(k *kneeView) string { return fixedOr(present(k.fit.R2), 4) }},
}

// kneeValue is a number of pixels where "pixels" stands at the head of the column.
func kneeValue(e estimated) string {
	if word, ok := strings.CutSuffix(e.unit, " pixels"); ok {
		return e.value + " " + word
	}
	return e.value
}

// knees writes the table of the laws of all costs.
func (s *summary) knees(v *sweepView) {
	rows := make([]*kneeView, len(v.knees))
	for i := range v.knees {
		rows[i] = &v.knees[i]
	}
	textTable(s, kneeColumns[:], rows)
}

// phaseRow is one phase at the smallest and at the largest size.
type phaseRow struct {
	name             string
	small, large     map[string]Median
	smallSum, bigSum map[string]float64
}

// phases writes what loading, encoding, prefill and decoding cost at the ends of the sweep.
func (s *summary) phases(v *sweepView, c *ConfigResult) {
	names := phasesOf(c)
	if len(names) == 0 || len(c.Lengths) == 0 {
		s.pair("phases", "–  the backend marked none")
		return
	}
	small, large := &c.Lengths[0], &c.Lengths[len(c.Lengths)-1]
	var rows []phaseRow
	for _, name := range names {
		rows = append(rows, phaseRow{name, small.Phases[name], large.Phases[name], phaseSums(small, names), phaseSums(large, names)})
	}
	cost, wall := store.MetricCPUCoreSeconds, store.MetricWallSeconds
	first := func(r phaseRow) (map[string]Median, map[string]float64) { return r.small, r.smallSum }
	last := func(r phaseRow) (map[string]Median, map[string]float64) { return r.large, r.bigSum }
	of := func(end func(phaseRow) (map[string]Median, map[string]float64), metric, unit string, share bool) func(phaseRow) string {
		return func(r phaseRow) string {
			figures, sums := end(r)
			m, ok := figures[metric]
			switch {
			case !ok:
				return "–"
			case share:
				return shareText(m.Value, sums[metric])
			}
			return amount(unit, m.Value)
		}
	}
	at := func(l *Length) string { return v.sizeText(l.X) + ": " }
	columns := []textColumn[phaseRow]{
		{"phase", 0, func(r phaseRow) string { return printable(r.name) }},
		{at(large) + "CPU time", 0, of(last, cost, "core·s", false)}, {"share", 0, of(last, cost, "", true)},
		{"wall time", 0, of(last, wall, "s", false)}, {"share", 2, of(last, wall, "", true)},
	}
	if small.X != large.X {
		columns = append(columns, textColumn[phaseRow]{at(small) + "CPU time", 1, of(first, cost, "core·s", false)},
			textColumn[phaseRow]{"share", 1, of(first, cost, "", true)}, textColumn[phaseRow]{"wall time", 3, of(first, wall, "s", false)})
	}
	textTable(s, columns, rows)
	if text := v.loadText(c); text != "" {
		s.line(dim, text)
	}
	s.line("", "")
}

func phaseSums(l *Length, names []string) map[string]float64 {
	sums := map[string]float64{}
	for _, metric := range [...]string{store.MetricCPUCoreSeconds, store.MetricWallSeconds} {
		sums[metric] = stackTotal(*l, metric, names)
	}
	return sums
}

// shareText writes a share in whole percent.
func shareText(part, whole float64) string {
	if !(whole > 0) {
		return "–"
	}
	return number(100*part/whole, 0) + " %"
}

// clamps compares the limits on pixels that one model was run with.
func (s *summary) clamps(r *Result) {
	for _, c := range comparisonsOf(r) {
		s.line(strong, c.title())
		s.line("", "")
		textTable(s, clampColumns[:], c.groups)
		s.line("", "")
		if text := c.verdict(); text != "" {
			s.line("", text)
			s.line("", "")
		}
	}
}

var clampColumns = [...]textColumn[clampGroup]{
	{"limit on pixels", 0, func(g clampGroup) string { return printable(g.sweep.clampText()) }},
	{"predicted knee", 1, func(g clampGroup) string { return predictedText(g.knee) }},
	{"with rounding", 4, func(g clampGroup) string { return cmp.Or(g.knee.leeway("%s … %s"), "–") }},
	{"measured", 0, func(g clampGroup) string { return kneeValue(g.knee.at()) }},
	{"95 % interval", 2, func(g clampGroup) string { return g.knee.at().interval }},
	{"agrees", 0, func(g clampGroup) string { return agreesText(g.knee) }},
	{"full size", 0, func(g clampGroup) string { return g.knee.flat().withUnit() }},
	{"slope above", 3, func(g clampGroup) string { return g.knee.slopeText() }},
}
