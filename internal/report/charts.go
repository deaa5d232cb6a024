package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
)

// point is one trial in a chart of a law.
type point struct {
	x, y  float64
	group int    // colour and shape
	tip   string // what a pointer over it shows
}

// lawPoints returns the trials of a configuration that have the law's metric.
func lawPoints(r *Result, config string, l *LawResult, group func(*TrialResult) int) []point {
	s := scaleFor(l.Unit, l.Coef["b"]*l.X.Hi)
	var points []point
	for i := range r.Trials {
		t := &r.Trials[i]
		v := t.figure(l)
		if t.Config != config || v == nil {
			continue
		}
		x := cmp.Or(t.TokensIn, t.X)
		points = append(points, point{float64(x), *v * s.factor, group(t), fmt.Sprintf("trial %d · %d tokens · %s\n%s · line %s",
			t.Seq, x, t.Complexity, amount(l.Unit, *v), amount(l.Unit, l.at(float64(x))))})
	}
	return points
}

func (l *LawResult) at(x float64) float64 { return l.Coef["a"] + l.Coef["b"]*x }

// clearlyBetter is the advantage in AICc from which a rival is said to fit better: below
// two, the models are about equally good (Burnham and Anderson, 2002, chapter 2).
const clearlyBetter = 2

// betterRival returns the rival that fits clearly better than the line, if there is one.
func (l *LawResult) betterRival() (RivalResult, bool) {
	var best, line RivalResult
	for _, r := range l.Rivals {
		if r.Kind == l.Best {
			best = r
		}
		if r.Kind == l.Kind {
			line = r
		}
	}
	if best.AICc == nil || line.AICc == nil || !(*line.AICc-*best.AICc >= clearlyBetter) {
		return RivalResult{}, false
	}
	return best, true
}

// at returns a rival's value at x, NaN when its coefficients are absent.
func (r RivalResult) at(x float64) float64 {
	c := func(name string) float64 {
		if v := r.Coef[name]; v != nil {
			return *v
		}
		return math.NaN()
	}
	switch r.Kind {
	case "linear":
		return c("a") + c("b")*x
	case "quadratic":
		return c("a") + x*(c("b")+x*c("c"))
	case "power":
		return c("k") * math.Pow(x, c("p"))
	}
	return math.NaN()
}

// groupNames name the groups of byComplexity.
var groupNames = [...]string{"low complexity", "medium complexity", "high complexity", "other complexity"}

func byComplexity(t *TrialResult) int {
	if i := slices.Index(complexityLevels[:], t.Complexity); i >= 0 {
		return i
	}
	return len(complexityLevels)
}

// overlay is one law with its points in a chart that may show several.
type overlay struct {
	law    *LawResult
	points []point
	class  string // colour class of line and band
}

// lawChart draws laws of one metric with bands and points. A curve that fits better than
// the line is drawn dashed next to it.
func lawChart(w, h float64, overlays []overlay) template.HTML {
	first := overlays[0].law
	s := scaleFor(first.Unit, first.Coef["b"]*first.X.Hi)
	var xHi, yLo, yHi float64
	for _, o := range overlays {
		xHi = max(xHi, o.law.X.Hi)
		for _, p := range o.points {
			yLo, yHi = min(yLo, p.y), max(yHi, p.y)
		}
		for _, b := range o.law.Band {
			yLo, yHi = min(yLo, b.Lo*s.factor), max(yHi, b.Hi*s.factor)
		}
	}
	what := describe(first.Metric)
	d := newDrawing(w, h, what.title+" against prompt tokens, with the fitted line and its interval")
	x, y := newAxis(0, xHi, 8, "prompt tokens"), newAxis(yLo, yHi, 6, what.title+" in "+s.unit)
	x.end(xHi)
	d.frame(&x, &y)
	for _, o := range overlays {
		d.band(o, x, y, s.factor)
		d.curves(o, x, y, s.factor)
	}
	for _, o := range overlays {
		for _, p := range o.points {
			d.mark(p.group, x.at(p.x)+dodge(p.group), y.at(p.y), p.tip)
		}
	}
	return d.done()
}

func (d *drawing) band(o overlay, x, y axis, factor float64) {
	var outline [][2]float64
	for _, b := range o.law.Band {
		outline = append(outline, [2]float64{x.at(b.X), y.at(b.Hi * factor)})
	}
	for _, b := range slices.Backward(o.law.Band) {
		outline = append(outline, [2]float64{x.at(b.X), y.at(b.Lo * factor)})
	}
	d.path("band "+o.class, outline, true)
}

func (d *drawing) curves(o overlay, x, y axis, factor float64) {
	hi := o.law.X.Hi
	d.path("law "+o.class, [][2]float64{{x.at(0), y.at(o.law.at(0) * factor)}, {x.at(hi), y.at(o.law.at(hi) * factor)}}, false)
	r, ok := o.law.betterRival()
	if !ok {
		return
	}
	var curve [][2]float64
	for i := range 81 {
		at := o.law.X.Lo + (hi-o.law.X.Lo)*float64(i)/80
		if v := r.at(at) * factor; present(v) != nil {
			curve = append(curve, [2]float64{x.at(at), y.at(v)})
		}
	}
	d.path("rival "+o.class, curve, false)
}

// residualChart draws how far each trial lies from the line, in percent of the line.
// Along x it has the prompt length, or the order of the trials.
func residualChart(w, h float64, law func(float64) float64, points []point, factor float64, byOrder bool) template.HTML {
	type residual struct {
		x, y float64
		p    point
	}
	var residuals []residual
	reach := 1.0
	xHi := 0.0
	for i, p := range points {
		line := law(p.x) * factor
		if line == 0 {
			continue
		}
		r := residual{p.x, 100 * (p.y - line) / math.Abs(line), p}
		if byOrder {
			r.x = float64(i + 1)
		}
		xHi, reach = max(xHi, r.x), max(reach, math.Abs(r.y))
		residuals = append(residuals, r)
	}
	label := "prompt tokens"
	if byOrder {
		label = "order of the trials"
	}
	d := newDrawing(w, h, "Residuals of the law against "+label)
	x, y := newAxis(0, xHi, 8, label), newAxis(-reach, reach, 4, "distance from the line in %")
	x.end(xHi)
	d.frame(&x, &y)
	d.line("zero", x.from, y.at(0), x.to, y.at(0))
	for _, r := range residuals {
		shift := dodge(r.p.group)
		if byOrder {
			shift = 0
		}
		d.mark(r.p.group, x.at(r.x)+shift, y.at(r.y), r.p.tip+fmt.Sprintf("\n%s %% off the line", signed(r.y)))
	}
	return d.done()
}

// phaseChart draws, for every swept value, the median cost of each phase as a stacked bar.
func phaseChart(w float64, c *ConfigResult, metric string, names []string, swept sweptBy) template.HTML {
	const rowHeight, right, top = 34, 76, 30
	left := swept.margin
	h := top + rowHeight*float64(len(c.Lengths)) + 40
	most := 0.0
	for _, l := range c.Lengths {
		most = max(most, stackTotal(l, metric, names))
	}
	info := describe(metric)
	if most == 0 {
		return ""
	}
	s := scaleFor(info.unit, most)
	d := newDrawing(w, h, info.title+" per phase and "+swept.value)
	x := newAxis(0, most*s.factor, 6, info.title+" in "+s.unit)
	x.from, x.to = left, w-right
	bottom := h - 40
	for _, v := range x.ticks {
		d.line("grid", x.at(v), top-6, x.at(v), bottom)
		d.text("tick", "middle", x.at(v), bottom+16, x.tickText(v))
	}
	d.text("axis-label", "middle", (x.from+x.to)/2, h-4, x.label)
	d.text("axis-label", "start", 4, 14, swept.label)
	for i, l := range c.Lengths {
		y := top + rowHeight*float64(i)
		d.text("tick", "end", left-8, y+18, swept.short(l.X))
		at := x.from
		for j, name := range names {
			m, ok := l.Phases[name][metric]
			if !ok {
				continue
			}
			width := x.at(m.Value*s.factor) - x.from
			d.rect(fmt.Sprintf("bar c%d", phaseColour(name, j)), at, y+3, width-1, rowHeight-12, fmt.Sprintf("%s · %s\nmedian %s", swept.long(l.X), name, amount(info.unit, m.Value)))
			at += width
		}
		d.text("value", "start", at+6, y+18, amount(info.unit, stackTotal(l, metric, names)))
	}
	return d.done()
}

func stackTotal(l Length, metric string, names []string) float64 {
	total := 0.0
	for _, name := range names {
		total += max(0, l.Phases[name][metric].Value)
	}
	return total
}

// phaseColour keeps the colour of the known phases the same in every chart.
func phaseColour(name string, otherwise int) int {
	switch name {
	case "prefill":
		return 4
	case "decode":
		return 3
	case "encode":
		return 2
	case "load":
		return 5
	}
	return otherwise % palette
}

// contrastChart draws ratios with their intervals against the ±5 % within which costs
// count as the same.
func contrastChart(w float64, contrasts []Contrast, swept sweptBy) template.HTML {
	const rowHeight, left, right, top = 30, 196, 16, 12
	h := top + rowHeight*float64(len(contrasts)) + 44
	reach := 100 * margin * 1.4
	for _, c := range contrasts {
		reach = max(reach, 100*math.Abs(c.CI.Lo-1), 100*math.Abs(c.CI.Hi-1))
	}
	d := newDrawing(w, h, "Cost ratios with intervals")
	x := newAxis(-reach, reach, 6, "difference in cost at equal "+swept.equal+", in %")
	x.from, x.to = left, w-right
	bottom := h - 44
	d.rect("margin", x.at(-100*margin), top-6, x.at(100*margin)-x.at(-100*margin), bottom-top+6, "")
	for _, v := range x.ticks {
		d.line("ticks", x.at(v), bottom, x.at(v), bottom+4)
		d.text("tick", "middle", x.at(v), bottom+18, signedTick(v, x.digits))
	}
	d.line("zero", x.at(0), top-6, x.at(0), bottom)
	d.text("axis-label", "middle", (x.from+x.to)/2, h-4, x.label)
	for i, c := range contrasts {
		y := top + rowHeight*float64(i) + 12
		d.text("tick", "end", left-12, y+4, c.Group+" / "+c.Against+", "+shortTitle(c.Metric))
		d.line("whisker", x.at(100*(c.CI.Lo-1)), y, x.at(100*(c.CI.Hi-1)), y)
		d.mark(0, x.at(100*(c.Ratio-1)), y, describe(c.Metric).title+": "+c.sentence())
	}
	return d.done()
}

func signedTick(v float64, digits int) string {
	text := number(v, digits)
	if v > 0 {
		return "+" + text
	}
	return text
}
