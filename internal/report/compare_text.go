package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"

	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/store"
)

// inSummary reports whether an effect stands in the summary for the terminal: laws of processor time
// and energy, means of the rest.
func (e *Effect) inSummary() bool {
	switch e.About {
	case AboutFixed, AboutSlope:
		return e.Metric == store.MetricCPUCoreSeconds || isEnergy(e.Metric)
	case AboutMean:
		return e.Metric != store.MetricPeakRSS
	}
	return e.shown()
}

var effectColumns = [...]textColumn[*Effect]{
	{"", 0, func(e *Effect) string { return printable(e.title()) }},
	{"before", 2, func(e *Effect) string { base, _ := e.amounts(); return base }},
	{"after", 2, func(e *Effect) string { _, value := e.amounts(); return value }},
	{"change", 0, func(e *Effect) string { text, _ := e.change(); return text }},
	{"95 % interval", 0, func(e *Effect) string {
		if _, interval := e.change(); interval != "" {
			return interval
		}
		return "–"
	}},
}

// comparisons writes what became of the costs, the speed and the accuracy of the first model with
// each of the others, and which are worth their cost.
func (s *summary) comparisons(r *Result) {
	for i := range r.Comparisons {
		c := &r.Comparisons[i]
		if c.Control {
			s.pair("fewer bits?", c.controlSentence(r))
			continue
		}
		s.line(strong, fmt.Sprintf("%s in place of %s", configTitle(r, c.Config), configTitle(r, c.Against)))
		s.line("", "")
		var rows []*Effect
		for j := range c.Effects {
			if c.Effects[j].inSummary() {
				rows = append(rows, &c.Effects[j])
			}
		}
		textTable(s, effectColumns[:], rows)
		s.line("", "")
	}
	for i := range r.Pareto {
		p := &r.Pareto[i]
		text := ""
		for _, q := range p.frontier() {
			if text != "" {
				text += "; "
			}
			text += configTitle(r, q.Config)
			if q.Resolution != "" {
				text += " at " + q.Resolution
			}
		}
		s.pair("frontier", p.title()+": "+text)
	}
	if len(r.Pareto) > 0 {
		s.line("", "")
	}
}

// WriteComparisonsCSV writes one row per effect of every comparison. An absent figure is an empty cell.
func WriteComparisonsCSV(w io.Writer, r *Result) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{
		"config", "against", "control", "about", "metric", "unit", "quality", "resolution", "base", "value", "ratio", "ratio_lo", "ratio_hi",
		"difference", "difference_lo", "difference_hi", "n", "absent",
	})
	if err != nil {
		return err
	}
	for _, c := range r.Comparisons {
		for _, e := range c.Effects {
			ratio, difference := ends(e.RatioCI), ends(e.DifferenceCI)
			err := out.Write([]string{
				c.Config, c.Against, strconv.FormatBool(c.Control), e.About, e.Metric, e.Unit, e.Quality.String(), e.Resolution,
				cell(e.Base), cell(e.Value), cell(e.Ratio), ratio[0], ratio[1], cell(e.Difference), difference[0], difference[1], strconv.Itoa(e.N), e.Absent,
			})
			if err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// WriteParetoCSV writes one row per point of every Pareto picture.
func WriteParetoCSV(w io.Writer, r *Result) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{"config", "resolution", "x_axis", "y_axis", "x_unit", "y_unit", "quality", "x", "x_lo", "x_hi", "y", "y_lo", "y_hi", "frontier"})
	if err != nil {
		return err
	}
	for _, p := range r.Pareto {
		for _, q := range p.Points {
			x, y := ends(q.XCI), ends(q.YCI)
			err := out.Write([]string{
				q.Config, q.Resolution, p.X, p.Y, p.XUnit, p.YUnit, p.Quality.String(), cell(&q.X), x[0], x[1], cell(&q.Y), y[0], y[1], strconv.FormatBool(q.Frontier),
			})
			if err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// ends are the cells of an interval.
func ends(ci *law.Interval) [2]string {
	if ci == nil {
		return [2]string{}
	}
	return [2]string{cell(&ci.Lo), cell(&ci.Hi)}
}
