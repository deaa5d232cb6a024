package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// lawFigure plots one law with its band, points and the best rival when it is not linear.
func lawFigure(r *Result, c *ConfigResult, l *LawResult) *plot.Plot {
	points := lawPoints(r, c.ID, l, byComplexity)
	s := scaleFor(l.Unit, l.Coef["b"]*l.X.Hi)
	title := describe(l.Metric).title
	if l.Quality == measure.Estimated {
		title += " (estimate)"
	}
	p := newPlot(c.ID+" – "+title, "prompt tokens", title+" in "+s.unit)
	yLo, yHi := 0.0, 0.0
	for _, pt := range points {
		yLo, yHi = min(yLo, pt.y), max(yHi, pt.y)
	}
	n := len(l.Band)
	outline := xys(2*n, func(i int) (float64, float64) {
		if i < n {
			return l.Band[i].X, l.Band[i].Hi * s.factor
		}
		return l.Band[2*n-1-i].X, l.Band[2*n-1-i].Lo * s.factor
	})
	for _, xy := range outline {
		yLo, yHi = min(yLo, xy.Y), max(yHi, xy.Y)
	}
	if polygon, err := plotter.NewPolygon(outline); err == nil && n > 0 {
		polygon.Color, polygon.LineStyle.Width = withAlpha(hues[0], 0x38), 0
		p.Add(polygon)
	}
	line := addLine(p, xys(2, func(i int) (float64, float64) { x := l.X.Hi * float64(i); return x, l.at(x) * s.factor }), ink, 1.1)
	if rival, ok := l.betterRival(); ok {
		curve := addLine(p, xys(81, func(i int) (float64, float64) {
			x := l.X.Lo + (l.X.Hi-l.X.Lo)*float64(i)/80
			return x, rival.at(x) * s.factor
		}), hues[3], 1, vg.Points(4), vg.Points(3))
		if curve != nil {
			p.Legend.Add(rival.Kind+", fits better", curve)
		}
	}
	addMarks(p, points, apart(l, points), func(i int) float64 { return points[i].y })
	if line != nil {
		b, a := estimateOf(l, "b"), estimateOf(l, "a")
		p.Legend.Add(fmt.Sprintf("%s + %s per token, R² %s", a.withUnit(), b.withUnit(), fixedOr(l.R2, 4)), line)
	}
	p.X.Min, p.X.Max = 0, 1.03*l.X.Hi // the plotters have widened it
	fit(&p.Y, yLo, yHi)
	return p
}

// apart is the length of each point, with groups at the same length set a little apart.
func apart(l *LawResult, points []point) func(i int) float64 {
	return func(i int) float64 { return points[i].x + 0.008*l.X.Hi*float64(points[i].group%3-1) }
}

// residualFigure plots how far each trial lies from the line, in percent of the line, by
// prompt length or in the order of the trials.
func residualFigure(r *Result, c *ConfigResult, l *LawResult, byOrder bool) *plot.Plot {
	points := lawPoints(r, c.ID, l, byComplexity)
	s := scaleFor(l.Unit, l.Coef["b"]*l.X.Hi)
	label, end, at := "prompt tokens", 1.03*l.X.Hi, apart(l, points)
	if byOrder {
		label, end, at = "order of the trials", 1.03*float64(len(points)), func(i int) float64 { return float64(i + 1) }
	}
	p := newPlot(c.ID+" – residuals of "+describe(l.Metric).title, label, "distance from the line in %")
	off := func(i int) float64 {
		line := l.at(points[i].x) * s.factor
		return 100 * (points[i].y - line) / math.Abs(line)
	}
	reach := 1.0
	for i := range points {
		if v := present(off(i)); v != nil {
			reach = max(reach, math.Abs(*v))
		}
	}
	p.X.Min, p.X.Max = 0, end
	addLine(p, plotter.XYs{{X: 0, Y: 0}, {X: p.X.Max, Y: 0}}, muted, 0.8)
	addMarks(p, points, at, off)
	p.X.Min, p.X.Max = 0, end    // the plotters have widened it
	fit(&p.Y, -reach, reach*1.5) // room for the legend
	return p
}

// contrastFigure plots the cost ratios of the complexities with their intervals.
func contrastFigure(c *ConfigResult, swept sweptBy) *plot.Plot {
	contrasts := slices.Concat(c.Kinds, c.Complexity)
	n := len(contrasts)
	if n == 0 {
		return nil
	}
	p := newPlot(c.ID+" – cost by complexity at equal "+swept.equal, "difference in cost, in %", "")
	reach := 140 * margin
	var ticks plot.ConstantTicks
	for i, k := range contrasts {
		y := float64(n - i)
		lo, hi := 100*(k.CI.Lo-1), 100*(k.CI.Hi-1)
		reach = max(reach, math.Abs(lo), math.Abs(hi))
		ticks = append(ticks, plot.Tick{Value: y, Label: k.Group + " / " + k.Against + ", " + shortTitle(k.Metric)})
		addLine(p, plotter.XYs{{X: lo, Y: y}, {X: hi, Y: y}}, hues[0], 1.6)
		if dot, err := plotter.NewScatter(plotter.XYs{{X: 100 * (k.Ratio - 1), Y: y}}); err == nil {
			dot.GlyphStyle = draw.GlyphStyle{Color: hues[0], Radius: 2.6, Shape: draw.CircleGlyph{}}
			p.Add(dot)
		}
	}
	addLine(p, plotter.XYs{{X: 0, Y: 0.4}, {X: 0, Y: float64(n) + 0.6}}, muted, 0.8)
	for _, edge := range [...]float64{-100 * margin, 100 * margin} {
		addLine(p, plotter.XYs{{X: edge, Y: 0.4}, {X: edge, Y: float64(n) + 0.6}}, hues[2], 0.8, vg.Points(3), vg.Points(2))
	}
	p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = ticks, 0, 0
	p.Y.Min, p.Y.Max = 0.4, float64(n)+0.6
	fit(&p.X, -reach, reach)
	return p
}

// phaseFigure stacks the median CPU time of the phases of every length.
func phaseFigure(c *ConfigResult, swept sweptBy) *plot.Plot {
	const metric = "cpu_core_s"
	names := phasesOf(c)
	most := 0.0
	for _, l := range c.Lengths {
		most = max(most, stackTotal(l, metric, names))
	}
	if most == 0 {
		return nil
	}
	info := describe(metric)
	s := scaleFor(info.unit, most)
	p := newPlot(c.ID+" – "+info.title+" per phase", swept.label, info.title+" in "+s.unit)
	labels := make([]string, len(c.Lengths))
	var below *plotter.BarChart
	for j, name := range names {
		values := make(plotter.Values, len(c.Lengths))
		for i, l := range c.Lengths {
			labels[i] = swept.short(l.X)
			values[i] = max(0, l.Phases[name][metric].Value) * s.factor
		}
		bars, err := plotter.NewBarChart(values, min(34, 270/vg.Length(len(values))))
		if err != nil {
			return nil
		}
		bars.Color, bars.LineStyle.Width = hues[phaseColour(name, j)], 0
		if below != nil {
			bars.StackOn(below)
		}
		below = bars
		p.Add(bars)
		p.Legend.Add(name, bars)
	}
	p.NominalX(labels...)
	if len(labels) > 8 { // long ones would run into each other
		p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = math.Pi/4, text.XRight, text.YCenter
	}
	p.X.Min, p.X.Max = -0.6, float64(len(labels))-0.4
	fit(&p.Y, 0, most*s.factor)
	return p
}

// writeTimeFigure plots the CPU load over the longest trial of the run, with its phases
// and the idle baseline shaded.
func writeTimeFigure(dir string, r *Result, samples SamplesFunc) error {
	if len(r.Trials) == 0 {
		return nil
	}
	longest := slices.MaxFunc(r.Trials, func(a, b TrialResult) int { return a.X - b.X })
	s, err := samples(longest.Seq)
	if err != nil {
		return fmt.Errorf("samples of trial %d: %w", longest.Seq, err)
	}
	drawn := drawTrial(&longest, s, maxPoints)
	p := newPlot("CPU load – "+drawn.Label, "seconds since the start of the request", "busy cores")
	p.Add(shading{longest.Phases})
	for i, name := range phaseNames([]TrialResult{longest}) {
		p.Legend.Add(name, swatch{withAlpha(hues[phaseColour(name, i)], 0x50)})
	}
	var most, from, last float64
	for i, c := range slices.DeleteFunc(slices.Clone(drawn.Curves), func(c curve) bool { return c.Panel != "CPU" }) {
		times := drawn.Times[c.Times]
		line := addLine(p, xys(len(times), func(i int) (float64, float64) { return times[i], c.Values[i] }), hues[i%palette], 1)
		if line == nil {
			continue
		}
		line.StepStyle = plotter.PreStep
		p.Legend.Add(c.Name, line)
		for _, v := range c.Values {
			most = max(most, v)
		}
		from, last = min(from, times[0]), max(last, times[len(times)-1])
		if c.Baseline != nil {
			addLine(p, plotter.XYs{{X: from, Y: *c.Baseline}, {X: last, Y: *c.Baseline}}, muted, 0.8, vg.Points(3), vg.Points(2))
		}
	}
	if most == 0 {
		return nil
	}
	p.X.Min, p.X.Max = from, last
	fit(&p.Y, 0, most*1.3)
	return saveFigure(dir, "timeseries-longest", p)
}

// shading marks the phases behind the curves.
type shading struct{ phases []PhaseResult }

// swatch is a phase's colour in a legend.
type swatch struct{ colour color.Color }

// Thumbnail implements plot.Thumbnailer.
func (s swatch) Thumbnail(c *draw.Canvas) {
	c.FillPolygon(s.colour, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
}

// Plot implements plot.Plotter.
func (s shading) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for i, phase := range s.phases {
		lo, hi := max(c.Min.X, x(phase.StartS)), min(c.Max.X, x(phase.EndS))
		if hi <= lo {
			continue
		}
		colour := hues[phaseColour(phase.Name, i)]
		c.FillPolygon(withAlpha(colour, 0x20), []vg.Point{{X: lo, Y: c.Min.Y}, {X: hi, Y: c.Min.Y}, {X: hi, Y: c.Max.Y}, {X: lo, Y: c.Max.Y}})
	}
}
