package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// shown reports whether an effect stands in the tables for people; result.json has all.
func (e *Effect) shown() bool {
	return e.About != AboutAnswer || e.Metric == store.MetricCPUCoreSeconds || strings.HasPrefix(e.Metric, store.MetricJoules)
}

// sameAs reports whether two effects are about the same, where one may be absent.
func (e *Effect) sameAs(o *Effect) bool {
	quality := e.Quality == o.Quality || e.Quality == measure.Unavailable || o.Quality == measure.Unavailable
	return e.About == o.About && e.Metric == o.Metric && e.Resolution == o.Resolution && quality
}

// sharesMetric reports whether two effects are of one metric, apart from answers.
func (e *Effect) sharesMetric(o Effect) bool {
	return e.Metric == o.Metric && (e.About == AboutAnswer) == (o.About == AboutAnswer) && (e.Metric != "" || e.About == o.About)
}

// energyUnmeasured says why a comparison has no measured energy; "" where it has.
func energyUnmeasured(r *Result) string {
	why := ""
	for _, s := range r.Sources {
		switch {
		case !s.yieldsEnergy():
		case s.Quality == measure.Measured:
			return ""
		case s.Quality == measure.Unavailable:
			why += "; " + s.Name + ": " + s.Reason
		}
	}
	return "Energy was not measured" + why + "."
}

// pairedHeadline says what became of accuracy and cost with the second model, or of cost alone.
func pairedHeadline(r *Result) string {
	c := &r.Comparisons[0]
	name, base := configTitle(r, c.Config), configTitle(r, c.Against)
	about, what := AboutMean, "a request costs"
	var accuracy *Effect
	for i := range c.Effects {
		if c.Effects[i].About == AboutAccuracy {
			accuracy, about, what = &c.Effects[i], AboutAnswer, "an answer costs" // at the highest resolution
		}
	}
	text := "With " + name + " in place of " + base
	resolution := ""
	if accuracy != nil {
		resolution = accuracy.Resolution
	}
	if e := c.effect(about, store.MetricCPUCoreSeconds, resolution); e != nil && e.Ratio != nil {
		change, interval := e.change()
		text += fmt.Sprintf(" %s %s the CPU time", what, change)
		if interval != "" {
			text += " (" + interval + ")"
		}
	}
	if accuracy != nil && accuracy.Difference != nil {
		change, interval := accuracy.change()
		text += fmt.Sprintf(", and %s (%s) of the tasks are answered rightly", change, interval)
		if resolution != "" {
			text += " with images of up to " + resolution
		}
	}
	return text + "."
}

// paretoView is one picture, ready to be shown.
type paretoView struct {
	Title   string
	Quality measure.Quality
	Chart   template.HTML
}

// pairedView is what a run of several models has in its comparison.
type pairedView struct {
	Pareto   []paretoView
	Note     string
	Controls []string // "this or just fewer bits?"
	Tables   []pairedTable
	Energy   string
}

// pairedTable sets several configurations against one.
type pairedTable struct {
	Title string
	Table tableView
}

// comparePaired is the comparison of the models of one run; nil with one model.
func comparePaired(r *Result) *comparisonView {
	if len(r.Comparisons) == 0 {
		return nil
	}
	paired := &pairedView{Energy: energyUnmeasured(r), Note: "Up is better, left is cheaper. The line is the frontier; faint points have another that is as good in both respects and better in one. Bars are 95 % intervals: where they overlap, the order is not settled."}
	if len(r.Pareto) > 0 && r.Pareto[0].lessIsBetter() {
		paired.Note = "Down and left are cheaper: without tasks nothing is said of quality. The line is the frontier; faint points have another that is as cheap in both respects and cheaper in one."
	}
	for i := range r.Pareto {
		p := &r.Pareto[i]
		paired.Pareto = append(paired.Pareto, paretoView{p.title(), p.Quality, paretoChart(560, 380, r, p)})
	}
	v := &comparisonView{ID: "comparison", Eyebrow: "Comparison", Headline: soft(pairedHeadline(r)), Paired: paired}
	for i, name := range configNames(r) {
		v.Legend = append(v.Legend, legendItem{i % palette, i % 3, name})
	}
	var against []string
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		if c.Control {
			paired.Controls = append(paired.Controls, unbroken(c.controlSentence(r)))
		}
		if !slices.Contains(against, c.Against) {
			against = append(against, c.Against)
		}
	}
	for _, base := range against {
		paired.Tables = append(paired.Tables, pairedTableOf(r, base))
	}
	return v
}

// pairedTableOf has a row per effect and a column per configuration that is set against base.
func pairedTableOf(r *Result, base string) pairedTable {
	var list []*Comparison
	for i := range r.Comparisons {
		if r.Comparisons[i].Against == base {
			list = append(list, &r.Comparisons[i])
		}
	}
	name := configTitle(r, base)
	t := pairedTable{Title: "Against " + name}
	if list[0].Control {
		t.Title += ": this or just fewer bits?"
	}
	t.Table.Head = append(heads(""), headCell{name, true})
	var rows []*Effect
	for _, c := range list {
		t.Table.Head = append(t.Table.Head, headCell{configTitle(r, c.Config), true})
		for i := range c.Effects {
			e := &c.Effects[i]
			if e.shown() && !slices.ContainsFunc(rows, e.sameAs) {
				rows = append(rows, e)
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b *Effect) int {
		first := func(e *Effect) int { return slices.IndexFunc(list[0].Effects, e.sharesMetric) }
		return first(a) - first(b)
	})
	for _, e := range rows {
		from, _ := e.amounts()
		line := row(e.title(), from)
		for _, c := range list {
			line.Cells = append(line.Cells, c.cell(e))
		}
		t.Table.Rows = append(t.Table.Rows, line)
	}
	return t
}

// cell shows what a comparison says on what e is about.
func (c *Comparison) cell(e *Effect) cellView {
	i := slices.IndexFunc(c.Effects, func(o Effect) bool { return e.sameAs(&o) })
	if i < 0 {
		return cellView{"–", "absent"}
	}
	own := &c.Effects[i]
	_, value := own.amounts()
	text, interval := own.change()
	if own.Absent != "" {
		interval = "no ratio" // why stands in result.json
	}
	if interval == "" {
		return cellView{text, value}
	}
	return cellView{text, value + " · " + interval}
}
