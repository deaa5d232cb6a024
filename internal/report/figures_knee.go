package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/wattlaw/wattlaw/internal/law"
	"github.com/wattlaw/wattlaw/internal/measure"
)

// writeKneeFigures writes, for every cost, its knee over nominal pixels and the same trials
// over effective ones.
func writeKneeFigures(dir, prefix string, s *sweepView) error {
	for i := range s.knees {
		k := &s.knees[i]
		name := prefix + fileName(k.metric)
		if k.quality == measure.Estimated {
			name += "-estimated"
		}
		if err := saveFigure(dir, "knee-"+name, kneeFigure(s, k)); err != nil {
			return err
		}
		if err := saveFigure(dir, "effective-"+name, effectiveFigure(s, k)); err != nil {
			return err
		}
	}
	return nil
}

// writeClampFigures writes the comparisons of a model's limits on pixels.
func writeClampFigures(dir string, r *Result) error {
	for i, c := range comparisonsOf(r) {
		suffix := ""
		if i > 0 {
			suffix = fmt.Sprintf("-%d", i+1)
		}
		if err := saveFigure(dir, "limits"+suffix, clampFigure(c)); err != nil {
			return err
		}
		if err := saveFigure(dir, "limits-effective"+suffix, clampEffectiveFigure(c)); err != nil {
			return err
		}
	}
	return nil
}

// axisTicks labels an axis of a figure as that of the page.
type axisTicks struct{ axis }

// Ticks implements plot.Ticker.
func (t axisTicks) Ticks(_, _ float64) []plot.Tick {
	var ticks []plot.Tick
	for _, v := range t.ticks {
		ticks = append(ticks, plot.Tick{Value: v, Label: t.tickText(v)})
	}
	return ticks
}

// spanScale makes the horizontal axis one that spanAxis made.
func spanScale(p *plot.Plot, a axis) {
	p.X.Min, p.X.Max, p.X.Tick.Marker = a.lo, a.hi, axisTicks{a}
	if a.log {
		p.X.Scale = plot.LogScale{}
	}
}

// upright is a stretch of the horizontal axis, filled over the whole height of the plot.
type upright struct {
	lo, hi float64
	colour color.Color
}

// Plot implements plot.Plotter.
func (u upright) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	lo, hi := max(c.Min.X, x(max(u.lo, p.X.Min))), min(c.Max.X, x(min(u.hi, p.X.Max)))
	if hi-lo < 1 {
		hi = lo + 1
	}
	c.FillPolygon(u.colour, []vg.Point{{X: lo, Y: c.Min.Y}, {X: hi, Y: c.Min.Y}, {X: hi, Y: c.Max.Y}, {X: lo, Y: c.Max.Y}})
}

// Thumbnail implements plot.Thumbnailer.
func (u upright) Thumbnail(c *draw.Canvas) { swatch{u.colour}.Thumbnail(c) }

// kneeTitleOf heads a figure of one cost.
func kneeTitleOf(s *sweepView, k *kneeView) string {
	title := s.name + " – " + describe(k.metric).title
	if k.quality == measure.Estimated {
		title += " (estimate)"
	}
	return title
}

func kneeFigure(s *sweepView, k *kneeView) *plot.Plot {
	unit, span := k.scale(), k.span()
	p := newPlot(kneeTitleOf(s, k), "nominal pixels of the image", describe(k.metric).title+" in "+unit.unit)
	x := pixelAxis(span.Lo, span.Hi, 9, "")
	if k.fit.Found {
		band := upright{max(k.fit.At.CI.Lo, x.lo), k.fit.At.CI.Hi, withAlpha(hues[3], 0x30)}
		e := k.at()
		p.Add(band)
		p.Legend.Add("knee "+e.withUnit()+" ("+e.interval+")", band)
	}
	top := k.reach(unit.factor)
	if k.fitted() {
		addBand(p, k.band, x, unit.factor, top, hues[0])
		if line := addCurve(p, k, x, unit.factor, ink); line != nil {
			p.Legend.Add("curve, R² "+fixedOr(present(k.fit.R2), 4), line)
		}
	}
	if v := k.fit.Predicted; v >= x.lo && v <= x.hi {
		if line := addLine(p, plotter.XYs{{X: v, Y: 0}, {X: v, Y: newAxis(k.foot(unit.factor), 1.3*top, 6, "").hi}}, hues[4], 1, vg.Points(4), vg.Points(3)); line != nil {
			p.Legend.Add("predicted "+pixelsText(v), line)
		}
	}
	addFates(p, k, unit.factor, func(t imageTrial) float64 { return t.nominal })
	spanScale(p, x)
	fit(&p.Y, k.foot(unit.factor), 1.3*top) // room for the legend
	return p
}

// addBand adds the pointwise interval of a curve, cut off at top.
func addBand(p *plot.Plot, band []BandPoint, x axis, factor, top float64, c color.RGBA) {
	n := len(band)
	outline := xys(2*n, func(i int) (float64, float64) {
		b := band[min(i, 2*n-1-i)]
		switch {
		case b.X < x.lo || x.log && b.X <= 0:
			return math.NaN(), 0
		case i < n:
			return b.X, min(top, b.Hi*factor)
		}
		return b.X, max(0, b.Lo*factor)
	})
	if polygon, err := plotter.NewPolygon(outline); err == nil && len(outline) > 0 {
		polygon.Color, polygon.LineStyle.Width = withAlpha(c, 0x38), 0
		p.Add(polygon)
	}
}

// addCurve adds the segmented curve, dashed where the trials do not bear it out.
func addCurve(p *plot.Plot, k *kneeView, x axis, factor float64, c color.Color) *plotter.Line {
	at := k.curveAt(x)
	points := xys(len(at), func(i int) (float64, float64) { return at[i], k.fit.Cost(at[i]) * factor })
	if !k.fit.Found {
		return addLine(p, points, c, 1.1, vg.Points(2), vg.Points(3))
	}
	return addLine(p, points, c, 1.1)
}

// addFates adds the trials by what became of their images.
func addFates(p *plot.Plot, k *kneeView, factor float64, x func(imageTrial) float64) {
	shapes := [...]draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}}
	for fate, name := range fateNames {
		marks := xys(len(k.trials), func(i int) (float64, float64) {
			if k.trials[i].fate != fate {
				return math.NaN(), 0
			}
			return x(k.trials[i]), k.trials[i].cost * factor
		})
		scatter, err := plotter.NewScatter(marks)
		if err != nil || len(marks) == 0 {
			continue
		}
		scatter.GlyphStyle = draw.GlyphStyle{Color: withAlpha(hues[fate], 0xd0), Radius: 2.4, Shape: shapes[fate]}
		p.Add(scatter)
		p.Legend.Add(name, scatter)
	}
}

func effectiveFigure(s *sweepView, k *kneeView) *plot.Plot {
	if k.line == nil {
		return nil
	}
	unit, hi := k.scale(), k.line.X.Hi
	p := newPlot(kneeTitleOf(s, k), "effective pixels", describe(k.metric).title+" in "+unit.unit)
	x := newAxis(0, hi, 7, "")
	x.end(hi)
	addBand(p, k.line.Band, x, unit.factor, k.reach(unit.factor), hues[0])
	if line := addLine(p, xys(2, func(i int) (float64, float64) { v := hi * float64(i); return v, k.line.at(v) * unit.factor }), ink, 1.1); line != nil {
		per, _ := k.perMegapixel()
		p.Legend.Add(fmt.Sprintf("%s + %s per megapixel, R² %s", estimateOf(k.line, "a").withUnit(), per.withUnit(), fixedOr(k.line.R2, 4)), line)
	}
	if rival, ok := k.line.betterRival(); ok {
		curve := addLine(p, xys(81, func(i int) (float64, float64) {
			v := k.line.X.Lo + (hi-k.line.X.Lo)*float64(i)/80
			return v, rival.at(v) * unit.factor
		}), hues[3], 1, vg.Points(4), vg.Points(3))
		if curve != nil {
			p.Legend.Add(rival.Kind+", fits better", curve)
		}
	}
	addFates(p, k, unit.factor, func(t imageTrial) float64 { return t.effective })
	spanScale(p, x)
	fit(&p.Y, k.foot(unit.factor), 1.2*k.reach(unit.factor))
	return p
}

// groupsRange is the range of nominal pixels and of costs in a comparison.
func groupsRange(groups []clampGroup) (x law.Interval, foot, top float64) {
	x.Lo = math.Inf(1)
	for _, g := range groups {
		x.Lo, x.Hi = min(x.Lo, g.knee.span().Lo), max(x.Hi, g.knee.span().Hi)
		foot, top = min(foot, g.knee.foot(1)), max(top, g.knee.top())
	}
	return x, foot, top
}

func clampFigure(c clampComparison) *plot.Plot {
	span, foot, top := groupsRange(c.groups)
	metric := describe(c.groups[0].knee.metric)
	unit := scaleFor(metric.unit, top)
	p := newPlot(c.title(), "nominal pixels of the image", metric.title+" in "+unit.unit)
	x := pixelAxis(span.Lo, span.Hi, 9, "")
	for i, g := range c.groups {
		colour := hues[i%palette]
		fit := g.knee.fit
		addDots(p, g.knee, unit.factor, colour, func(t imageTrial) float64 { return t.nominal })
		if g.knee.fitted() {
			addBand(p, g.knee.band, x, unit.factor, top*unit.factor, colour)
			if line := addCurve(p, g.knee, x, unit.factor, colour); line != nil {
				p.Legend.Add(g.name, line)
			}
		}
		if v := fit.Predicted; g.knee.fitted() && v >= x.lo && v <= x.hi {
			addLine(p, plotter.XYs{{X: v, Y: 0}, {X: v, Y: fit.Cost(v) * unit.factor}}, colour, 0.9, vg.Points(4), vg.Points(3))
		}
		if fit.Found {
			level := fit.Flat.Value * unit.factor
			addLine(p, plotter.XYs{{X: max(fit.At.CI.Lo, x.lo), Y: level}, {X: min(fit.At.CI.Hi, x.hi), Y: level}}, colour, 3)
			if mark, err := plotter.NewScatter(plotter.XYs{{X: x.clip(fit.At.Value), Y: level}}); err == nil {
				mark.GlyphStyle = draw.GlyphStyle{Color: colour, Radius: 4, Shape: draw.SquareGlyph{}}
				p.Add(mark)
			}
		}
	}
	spanScale(p, x)
	fit(&p.Y, foot*unit.factor, 1.15*top*unit.factor)
	return p
}

// addDots adds all trials of a configuration in its colour.
func addDots(p *plot.Plot, k *kneeView, factor float64, c color.RGBA, x func(imageTrial) float64) *plotter.Scatter {
	scatter, err := plotter.NewScatter(xys(len(k.trials), func(i int) (float64, float64) { return x(k.trials[i]), k.trials[i].cost * factor }))
	if err != nil {
		return nil
	}
	scatter.GlyphStyle = draw.GlyphStyle{Color: withAlpha(c, 0xb0), Radius: 1.8, Shape: draw.CircleGlyph{}}
	p.Add(scatter)
	return scatter
}

func clampEffectiveFigure(c clampComparison) *plot.Plot {
	hi := largestEffective(c.groups)
	if hi == 0 {
		return nil
	}
	_, foot, top := groupsRange(c.groups)
	metric := describe(c.groups[0].knee.metric)
	unit := scaleFor(metric.unit, top)
	p := newPlot(c.title(), "effective pixels", metric.title+" in "+unit.unit)
	x := newAxis(0, hi, 7, "")
	x.end(hi)
	if c.curve != nil && len(c.curve.Coef) > 1 {
		at := x.samples(c.curve.X.Lo, c.curve.X.Hi, 81)
		if line := addLine(p, xys(len(at), func(i int) (float64, float64) { return at[i], curveCost(c.curve, at[i]) * unit.factor }), ink, 1.1); line != nil {
			p.Legend.Add("one curve through all", line)
		}
	}
	for i, g := range c.groups {
		if dots := addDots(p, g.knee, unit.factor, hues[i%palette], func(t imageTrial) float64 { return t.effective }); dots != nil {
			p.Legend.Add(g.name, dots)
		}
	}
	spanScale(p, x)
	fit(&p.Y, foot*unit.factor, 1.15*top*unit.factor)
	return p
}
