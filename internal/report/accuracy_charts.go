package report

import (
	"fmt"
	"html/template"
	"math"
	"strconv"

	"github.com/wattlaw/wattlaw/internal/store"
)

// plainTick writes a number of an axis whose ticks lie at 1, 2 and 5 times a power of ten.
func plainTick(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// accuracyAxis covers all intervals, in percent.
func accuracyAxis(cells []accuracyCell) axis {
	lo, hi := 1.0, 0.0
	for _, c := range cells {
		lo, hi = min(lo, c.CI.Lo), max(hi, c.CI.Hi)
	}
	a := newAxis(100*lo, 100*hi, 6, "tasks answered rightly, in %")
	a.lo, a.hi = max(a.lo, 0), min(a.hi, 100)
	return a
}

// costSpan is the range of a cost with its intervals, zero to zero for none.
func costSpan(cells []accuracyCell, of func(*Accuracy) *AnswerCost) (lo, hi float64) {
	for _, c := range cells {
		cost := of(c.Accuracy)
		if cost == nil {
			continue
		}
		from, to := cost.ends()
		if lo == 0 || from < lo {
			lo = from
		}
		hi = max(hi, to)
	}
	return lo, hi
}

// ends are those of the mean's interval, or the mean where there is none.
func (c *AnswerCost) ends() (lo, hi float64) {
	if c.CI == nil {
		return c.Mean, c.Mean
	}
	return c.CI.Lo, c.CI.Hi
}

// tip is what a pointer over a point shows.
func (c accuracyCell) tip(cost *AnswerCost) string {
	text := c.name
	if c.Resolution != "" {
		text += " · images up to " + c.Resolution
	}
	text += fmt.Sprintf("\n%s right of %d (%s)", c.text(), c.N, c.interval())
	if cost != nil {
		text += "\n" + costText(cost) + " per answer"
		if cost.RightPerUnit != nil {
			text += fmt.Sprintf(", %s right per %s", perText(cost), cost.Unit)
		}
	}
	return text
}

// accuracyCostChart draws one point per configuration and resolution: how many tasks are
// answered rightly against what an answer costs. Lines join the resolutions of a configuration.
func accuracyCostChart(w, h float64, cells []accuracyCell, of func(*Accuracy) *AnswerCost) template.HTML {
	lo, hi := costSpan(cells, of)
	if !(hi > 0) {
		return ""
	}
	info := describe(firstCost(cells, of).Metric)
	s := scaleFor(info.unit, hi)
	d := newDrawing(w, h, "Accuracy against "+info.title+" of an answer")
	x := spanAxis(lo*s.factor, hi*s.factor, 7, info.title+", per answer, in "+s.unit, plainTick)
	y := accuracyAxis(cells)
	d.frame(&x, &y)
	var line [][2]float64
	for i, c := range cells {
		if i > 0 && cells[i-1].group != c.group {
			line = nil
		}
		if cost := of(c.Accuracy); cost != nil {
			line = append(line, [2]float64{x.at(x.clip(cost.Mean * s.factor)), y.at(100 * c.Value)})
		}
		if last := i+1 == len(cells) || cells[i+1].group != c.group; last && len(line) > 1 {
			d.path(fmt.Sprintf("law thin c%d", c.group%palette), line, false)
		}
	}
	for _, c := range cells {
		cost := of(c.Accuracy)
		if cost == nil {
			continue
		}
		from, to := cost.ends()
		at := [2]float64{x.at(x.clip(cost.Mean * s.factor)), y.at(100 * c.Value)}
		d.cross(c.group, x.at(x.clip(from*s.factor)), at[1], x.at(x.clip(to*s.factor)), at[1])
		d.cross(c.group, at[0], y.at(100*c.CI.Lo), at[0], y.at(100*c.CI.Hi))
		d.mark(c.group, at[0], at[1], c.tip(cost))
		if c.Resolution != "" {
			d.text("tick", "start", at[0]+7, at[1]+14, shortResolution(c.Resolution))
		}
	}
	return d.done()
}

// cross draws one arm of an interval around a point.
func (d *drawing) cross(group int, x1, y1, x2, y2 float64) {
	d.line(fmt.Sprintf("whisker thin c%d", group%palette), x1, y1, x2, y2)
}

// accuracyPanels draws what an answer costs and how many are right, one above the other, against
// the pixels of the images.
func accuracyPanels(w, h float64, cells []accuracyCell) template.HTML {
	cost := func(a *Accuracy) *AnswerCost { return a.cost(store.MetricCPUCoreSeconds) }
	lo, hi := math.Inf(1), 0.0
	var sized []accuracyCell
	for _, c := range cells {
		if c.NominalPixels != nil && cost(c.Accuracy) != nil {
			sized = append(sized, c)
			lo, hi = min(lo, float64(*c.NominalPixels)), max(hi, float64(*c.NominalPixels))
		}
	}
	if len(sized) == 0 {
		return ""
	}
	_, top := costSpan(sized, cost)
	info := describe(store.MetricCPUCoreSeconds)
	s := scaleFor(info.unit, top)
	d := newDrawing(w, h, "Cost and accuracy against the resolution of the images")
	x := pixelAxis(lo, hi, 10, "nominal pixels of the image")
	y := newAxis(0, top*s.factor, 5, info.title+", per answer, in "+s.unit)
	half := (h - marginTop - marginBottom - panelGap) / 2
	d.panel(&x, &y, marginTop, marginTop+half)
	d.accuracyCurve(sized, x, y, func(c accuracyCell) (v, lo, hi float64) {
		lo, hi = cost(c.Accuracy).ends()
		return cost(c.Accuracy).Mean * s.factor, lo * s.factor, hi * s.factor
	})
	y = accuracyAxis(sized)
	// The lower panel ends where a chart of its own would, with what stands below it.
	d.framed(&x, &y, marginTop+half+panelGap)
	d.accuracyCurve(sized, x, y, func(c accuracyCell) (v, lo, hi float64) { return 100 * c.Value, 100 * c.CI.Lo, 100 * c.CI.Hi })
	return d.done()
}

// accuracyCurve draws points with intervals over pixels, joined by configuration.
func (d *drawing) accuracyCurve(cells []accuracyCell, x, y axis, of func(accuracyCell) (v, lo, hi float64)) {
	var line [][2]float64
	for i, c := range cells {
		v, _, _ := of(c)
		at := [2]float64{x.at(float64(*c.NominalPixels)), y.at(v)}
		if i == 0 || cells[i-1].group != c.group {
			line = nil
		}
		if line = append(line, at); i+1 == len(cells) || cells[i+1].group != c.group {
			d.path(fmt.Sprintf("law thin c%d", c.group%palette), line, false)
		}
	}
	for _, c := range cells {
		v, lo, hi := of(c)
		at := x.at(float64(*c.NominalPixels))
		d.cross(c.group, at, y.at(lo), at, y.at(hi))
		d.mark(c.group, at, y.at(v), c.tip(c.cost(store.MetricCPUCoreSeconds)))
	}
}
