package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/law"
)

// logFrom is the ratio of the largest to the smallest size from which an axis of pixels is
// logarithmic: on a plain one, the small images would lie on top of each other.
const logFrom = 8

// pixelAxis is an axis of pixels: logarithmic where the sizes span much.
func pixelAxis(lo, hi float64, n int, label string) axis {
	return spanAxis(lo, hi, n, label, pixelTick)
}

// spanAxis is an axis from zero, or a logarithmic one where the values span much.
func spanAxis(lo, hi float64, n int, label string, text func(float64) string) axis {
	if !(lo > 0) || hi/lo < logFrom {
		a := newAxis(0, hi, n, label)
		a.end(hi)
		a.text = text
		return a
	}
	a := axis{lo: lo / math.Pow(hi/lo, 0.04), hi: hi * math.Pow(hi/lo, 0.04), label: label, log: true, text: text}
	for _, steps := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		a.ticks = nil
		for power := math.Pow(10, math.Floor(math.Log10(a.lo))); power <= a.hi; power *= 10 {
			for _, m := range steps {
				if v := m * power; v >= a.lo && v <= a.hi {
					a.ticks = append(a.ticks, v)
				}
			}
		}
		if len(a.ticks) <= n {
			break
		}
	}
	return a
}

// clip keeps a value within an axis.
func (a axis) clip(v float64) float64 { return max(a.lo, min(a.hi, v)) }

// samples are n positions between two values, evenly spaced on the axis.
func (a axis) samples(lo, hi float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		part := float64(i) / float64(n-1)
		if a.log {
			out[i] = lo * math.Pow(hi/lo, part)
		} else {
			out[i] = lo + (hi-lo)*part
		}
	}
	return out
}

// curveAt returns positions at which to draw a knee's curve, the knee itself among them.
func (k *kneeView) curveAt(a axis) []float64 {
	x := k.span()
	at := a.samples(max(a.lo, x.Lo), x.Hi, 80)
	if v := k.fit.At.Value; v > x.Lo && v < x.Hi {
		at = append(at, v)
		slices.Sort(at)
	}
	return at
}

// foot is where the axis of costs begins: at zero, or below where costs above an idle level are
// negative.
func (k *kneeView) foot(factor float64) float64 {
	foot := 0.0
	for _, t := range k.trials {
		foot = min(foot, t.cost*factor)
	}
	return foot
}

// reach is the largest value to show of costs and their band.
func (k *kneeView) reach(factor float64) float64 {
	top := k.top() * factor
	for _, b := range k.band {
		top = max(top, min(b.Hi*factor, 1.2*k.top()*factor))
	}
	return top
}

// kneeChart draws cost against nominal pixels: trials, the curve with its band, and the
// knee as it was measured and predicted.
func kneeChart(w, h float64, k *kneeView) template.HTML {
	s, x := k.scale(), k.span()
	what := describe(k.metric)
	d := newDrawing(w, h, what.title+" against the nominal pixels of the image, with the knee")
	ax := pixelAxis(x.Lo, x.Hi, 9, "nominal pixels of the image")
	ay := newAxis(k.foot(s.factor), k.reach(s.factor), 6, what.title+" in "+s.unit)
	d.frame(&ax, &ay)
	d.kneeBand(k, ax, ay)
	if k.fitted() {
		d.outline("band main", k.band, ax, ay, s.factor)
		d.curve("law main", k, ax, ay, s.factor)
	}
	for _, t := range k.trials {
		d.mark(t.fate, ax.at(ax.clip(t.nominal)), ay.at(t.cost*s.factor), t.tip)
	}
	d.kneeLabels(k, ax, ay)
	return d.done()
}

// kneeBand marks the interval of the knee and the predicted knee behind everything else.
func (d *drawing) kneeBand(k *kneeView, x, y axis) {
	if ci := k.fit.At.CI; k.fit.Found && present(ci.Hi) != nil {
		lo, hi := x.at(x.clip(max(ci.Lo, x.lo))), x.at(x.clip(ci.Hi))
		d.rect("knee-band", lo, y.to, max(1.5, hi-lo), y.from-y.to, "")
		d.line("knee-line", x.at(x.clip(k.fit.At.Value)), y.to, x.at(x.clip(k.fit.At.Value)), y.from)
	}
	if p := k.fit.Predicted; p >= x.lo && p <= x.hi {
		if r := k.fit.PredictedRange; r.Hi > r.Lo {
			d.rect("predicted-band", x.at(x.clip(r.Lo)), y.to, x.at(x.clip(r.Hi))-x.at(x.clip(r.Lo)), y.from-y.to, "")
		}
		d.line("predicted", x.at(p), y.to, x.at(p), y.from)
	}
}

// kneeLabels names the lines of kneeBand at the foot of the flat part, where there is room.
func (d *drawing) kneeLabels(k *kneeView, x, y axis) {
	room, interval := 190.0, d.w >= 500
	if !interval {
		room = 110
	}
	put := func(at, row float64, class, text string) {
		anchor, shift := "start", 9.0
		if at+room > x.to {
			anchor, shift = "end", -9
		}
		d.text(class, anchor, at+shift, y.from-12-18*row, text)
	}
	if k.fit.Found {
		e := pixelEstimate(k.fit.At)
		text := "knee " + kneeValue(e)
		if interval {
			text += " (" + e.interval + ")"
		}
		put(x.at(x.clip(max(k.fit.At.Value, min(k.fit.At.CI.Hi, x.hi)))), 1, "knee-text", text)
	}
	if p := k.fit.Predicted; p >= x.lo && p <= x.hi {
		at := x.at(p)
		if k.fit.Found {
			at = max(at, x.at(x.clip(min(k.fit.At.CI.Hi, x.hi))))
		}
		put(at, 0, "predicted-text", "predicted "+pixelsText(p))
	}
}

func (d *drawing) outline(class string, band []BandPoint, x, y axis, factor float64) {
	var outline [][2]float64
	for _, b := range band {
		if b.X >= x.lo {
			outline = append(outline, [2]float64{x.at(b.X), y.at(y.clip(b.Hi * factor))})
		}
	}
	for _, b := range slices.Backward(band) {
		if b.X >= x.lo {
			outline = append(outline, [2]float64{x.at(b.X), y.at(y.clip(b.Lo * factor))})
		}
	}
	d.path(class, outline, true)
}

// curve draws the segmented curve; one that no test prefers is dashed.
func (d *drawing) curve(class string, k *kneeView, x, y axis, factor float64) {
	if !k.fit.Found {
		class += " unproven"
	}
	var points [][2]float64
	for _, v := range k.curveAt(x) {
		points = append(points, [2]float64{x.at(v), y.at(y.clip(k.fit.Cost(v) * factor))})
	}
	d.path(class, points, false)
}

// effectiveChart draws the same trials against the pixels that the model works on, with the
// line through them where there is one.
func effectiveChart(w, h float64, k *kneeView) template.HTML {
	hi := largestEffective([]clampGroup{{knee: k}})
	if hi == 0 {
		return ""
	}
	s := k.scale()
	what := describe(k.metric)
	d := newDrawing(w, h, what.title+" against the effective pixels of the image")
	x := newAxis(0, hi, 7, "effective pixels")
	x.end(hi)
	x.text = pixelTick
	y := newAxis(k.foot(s.factor), k.reach(s.factor), 6, what.title+" in "+s.unit)
	d.frame(&x, &y)
	if k.line != nil {
		o := overlay{law: k.line, class: "main"}
		d.band(o, x, y, s.factor)
		d.curves(o, x, y, s.factor)
	}
	for _, t := range k.trials {
		if present(t.effective) != nil {
			d.mark(t.fate, x.at(t.effective), y.at(t.cost*s.factor), t.tip)
		}
	}
	return d.done()
}

// clampGroup is one configuration in a comparison of limits.
type clampGroup struct {
	sweep *sweepView
	knee  *kneeView
	name  string
}

// clampChart draws one curve per limit against nominal pixels, with the knees marked.
func clampChart(w, h float64, groups []clampGroup) template.HTML {
	x, foot, top := groupsRange(groups)
	s, what := scaleFor(groups[0].knee.unit, top), describe(groups[0].knee.metric)
	d := newDrawing(w, h, what.title+" against nominal pixels under several limits")
	ax := pixelAxis(x.Lo, x.Hi, 8, "nominal pixels of the image")
	ay := newAxis(foot*s.factor, top*s.factor, 6, what.title+" in "+s.unit)
	d.frame(&ax, &ay)
	for i, g := range groups {
		class := fmt.Sprintf("c%d", i%palette)
		d.outline("band "+class, g.knee.band, ax, ay, s.factor)
		if g.knee.fitted() {
			d.curve("law "+class, g.knee, ax, ay, s.factor)
		}
		for _, t := range g.knee.trials {
			d.smallMark(i, ax.at(ax.clip(t.nominal)), ay.at(t.cost*s.factor), g.name+"\n"+t.tip)
		}
	}
	for i, g := range groups {
		d.kneeMark(i, g, ax, ay, s.factor)
	}
	return d.done()
}

// kneeMark shows a knee on its curve: a diamond, its interval along the curve, and where it
// was predicted as a dashed line down to the axis.
func (d *drawing) kneeMark(i int, g clampGroup, x, y axis, factor float64) {
	fit, class := g.knee.fit, fmt.Sprintf("c%d", i%palette)
	if p := fit.Predicted; p >= x.lo && p <= x.hi {
		top := y.from
		if g.knee.fitted() {
			top = y.at(y.clip(fit.Cost(p) * factor))
		}
		d.line("predicted "+class, x.at(p), top, x.at(p), y.from)
	}
	if !fit.Found {
		return
	}
	at, level := x.at(x.clip(fit.At.Value)), y.at(y.clip(fit.Flat.Value*factor))
	d.line("whisker "+class, x.at(x.clip(max(fit.At.CI.Lo, x.lo))), level, x.at(x.clip(fit.At.CI.Hi)), level)
	e := pixelEstimate(fit.At)
	fmt.Fprintf(d, `<g class="pt knee-mark %s"%s><path d="M%s %sl6.5 6.5l-6.5 6.5l-6.5 -6.5z"/></g>`, class,
		tipAttr(fmt.Sprintf("%s\nknee %s %s\n%s", g.name, e.value, e.unit, e.interval)), px(at), px(level-6.5))
}

// clampEffectiveChart draws the trials of all limits against effective pixels, with the one
// curve through them.
func clampEffectiveChart(w, h float64, groups []clampGroup, c *law.Curve) template.HTML {
	hi := largestEffective(groups)
	if hi == 0 {
		return ""
	}
	_, foot, top := groupsRange(groups)
	s, what := scaleFor(groups[0].knee.unit, top), describe(groups[0].knee.metric)
	d := newDrawing(w, h, what.title+" against effective pixels under several limits")
	x, y := newAxis(0, hi, 7, "effective pixels"), newAxis(foot*s.factor, top*s.factor, 6, what.title+" in "+s.unit)
	x.end(hi)
	x.text = pixelTick
	d.frame(&x, &y)
	if c != nil && len(c.Coef) > 1 {
		var points [][2]float64
		for _, v := range x.samples(c.X.Lo, c.X.Hi, 81) {
			points = append(points, [2]float64{x.at(v), y.at(y.clip(curveCost(c, v) * s.factor))})
		}
		d.path("law main", points, false)
	}
	for i, g := range groups {
		for _, t := range g.knee.trials {
			if present(t.effective) != nil {
				d.mark(i, x.at(t.effective)+dodge(i), y.at(t.cost*s.factor), g.name+"\n"+t.tip)
			}
		}
	}
	return d.done()
}

// largestEffective is the largest number of pixels that a model works on; 0 when none is told.
func largestEffective(groups []clampGroup) float64 {
	hi := 0.0
	for _, g := range groups {
		for _, t := range g.knee.trials {
			if present(t.effective) != nil {
				hi = max(hi, t.effective)
			}
		}
	}
	return hi
}

// curveCost is the cost on a common curve.
func curveCost(c *law.Curve, x float64) float64 {
	v := 0.0
	for _, coef := range slices.Backward(c.Coef) {
		v = v*x + coef.Value
	}
	return v
}

// smallMark is mark where there are many points.
func (d *drawing) smallMark(group int, x, y float64, tip string) {
	fmt.Fprintf(d, `<g class="pt c%d"%s><circle cx="%s" cy="%s" r="3.2"/></g>`, group%palette, tipAttr(tip), px(x), px(y))
}
