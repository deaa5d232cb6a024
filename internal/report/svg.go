package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
)

// drawing builds an inline SVG whose colours come from the page's style sheet, so that it
// follows light and dark. All text and all attributes go through escaping.
type drawing struct {
	strings.Builder
	w, h float64
}

func newDrawing(w, h float64, label string) *drawing {
	d := &drawing{w: w, h: h}
	fmt.Fprintf(d, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, w, h, html.EscapeString(label))
	return d
}

func (d *drawing) done() template.HTML { return template.HTML(d.String() + "</svg>") }

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(d, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, px(x1), px(y1), px(x2), px(y2))
}

func (d *drawing) rect(class string, x, y, w, h float64, tip string) {
	fmt.Fprintf(d, `<rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="2"%s/>`, class, px(x), px(y), px(max(0, w)), px(max(0, h)), tipAttr(tip))
}

// text writes at (x, y); anchor is "start", "middle" or "end".
func (d *drawing) text(class, anchor string, x, y float64, text string) {
	fmt.Fprintf(d, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, anchor, px(x), px(y), html.EscapeString(text))
}

// path draws straight lines through points, closed when class asks for a filled area.
func (d *drawing) path(class string, points [][2]float64, closed bool) {
	if len(points) == 0 {
		return
	}
	fmt.Fprintf(d, `<path class="%s" d="`, class)
	for i, p := range points {
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(d, "%s%s %s", op, px(p[0]), px(p[1]))
	}
	if closed {
		d.WriteString("Z")
	}
	d.WriteString(`"/>`)
}

// dodge sets groups at the same x apart sideways, in coordinates.
func dodge(group int) float64 { return 6 * float64(group%3-1) }

// mark draws a point as circle, triangle or square, so that groups differ in more than
// their colour.
func (d *drawing) mark(group int, x, y float64, tip string) {
	const r = 4.2
	fmt.Fprintf(d, `<g class="pt c%d"%s>`, group%palette, tipAttr(tip))
	switch group % 3 {
	case 0:
		fmt.Fprintf(d, `<circle cx="%s" cy="%s" r="%g"/>`, px(x), px(y), r)
	case 1:
		fmt.Fprintf(d, `<path d="M%s %sl%g %gh%gz"/>`, px(x), px(y-r-0.8), r+0.6, 2*r, -2*(r+0.6))
	default:
		fmt.Fprintf(d, `<rect x="%s" y="%s" width="%g" height="%g"/>`, px(x-r+0.4), px(y-r+0.4), 2*r-0.8, 2*r-0.8)
	}
	d.WriteString("</g>")
}

func tipAttr(tip string) string {
	if tip == "" {
		return ""
	}
	return ` data-tip="` + html.EscapeString(tip) + `"`
}

// px writes a coordinate with a tenth of a unit.
func px(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0" // callers draw finite values only; never write an invalid document
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
}

// palette is the number of colour classes c0, c1, … in the style sheet.
const palette = 6

// axis maps values to coordinates and knows its ticks.
type axis struct {
	lo, hi   float64 // values at the ends
	from, to float64 // coordinates of the ends
	ticks    []float64
	digits   int
	label    string
	log      bool                 // equal ratios lie equally far apart
	text     func(float64) string // writes the ticks; nil for plain numbers
}

// newAxis covers lo … hi with round ticks, at most n of them, and begins and ends on one.
func newAxis(lo, hi float64, n int, label string) axis {
	if !(hi > lo) {
		lo, hi = lo-math.Max(1, math.Abs(lo))*0.5, hi+math.Max(1, math.Abs(hi))*0.5
	}
	step := niceStep((hi - lo) / float64(n))
	first, last := math.Floor(lo/step+1e-9)*step, math.Ceil(hi/step-1e-9)*step
	a := axis{lo: first, hi: last, digits: max(0, -int(math.Floor(math.Log10(step)+1e-9))), label: label}
	for i := 0; first+float64(i)*step <= last+step/2 && i < 64; i++ {
		a.ticks = append(a.ticks, first+float64(i)*step)
	}
	return a
}

// niceStep is the smallest of 1, 2, 2.5, 5 times a power of ten that is at least raw.
func niceStep(raw float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range [...]float64{1, 2, 5} {
		if m*power >= raw*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

func (a axis) at(v float64) float64 {
	if a.log {
		return a.from + math.Log(v/a.lo)/math.Log(a.hi/a.lo)*(a.to-a.from)
	}
	return a.from + (v-a.lo)/(a.hi-a.lo)*(a.to-a.from)
}

// end makes the axis stop a little beyond v instead of at the next tick.
func (a *axis) end(v float64) {
	a.hi = min(a.hi, v+(v-a.lo)*0.03)
	a.ticks = slices.DeleteFunc(a.ticks, func(t float64) bool { return t > a.hi })
}

func (a axis) tickText(v float64) string {
	if a.text != nil {
		return a.text(v)
	}
	return number(v, a.digits)
}

// Margins of a chart around its axes.
const (
	marginLeft, marginRight = 58, 14
	marginTop, marginBottom = 30, 44
	panelGap                = 40 // between two panels, for the lower one's label
)

// frame places both axes in a drawing and draws grid, ticks and labels.
func (d *drawing) frame(x, y *axis) { d.framed(x, y, marginTop) }

// framed is frame for the part of a drawing below top.
func (d *drawing) framed(x, y *axis, top float64) {
	d.panel(x, y, top, d.h-marginBottom)
	for _, v := range x.ticks {
		d.text("tick", "middle", x.at(v), d.h-marginBottom+18, x.tickText(v))
	}
	d.text("axis-label", "middle", (x.from+x.to)/2, d.h-6, x.label)
}

// panel places both axes in a part of a drawing from top to bottom, and leaves out what stands
// below the horizontal one.
func (d *drawing) panel(x, y *axis, top, bottom float64) {
	x.from, x.to = marginLeft, d.w-marginRight
	y.from, y.to = bottom, top
	for _, v := range y.ticks {
		d.line("grid", x.from, y.at(v), x.to, y.at(v))
		d.text("tick", "end", x.from-8, y.at(v)+4, y.tickText(v))
	}
	for _, v := range x.ticks {
		d.line("ticks", x.at(v), bottom, x.at(v), bottom+4)
	}
	d.line("axis", x.from, bottom, x.to, bottom)
	d.text("axis-label", "start", 4, top-16, y.label)
}
