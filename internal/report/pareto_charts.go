package report

import (
	"fmt"
	"html/template"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// paretoScale is how a picture's axes are shown: factors to display units, and the axes.
type paretoScale struct {
	x, y   axis
	fx, fy float64
}

// scales covers all points with their intervals.
func (p *Pareto) scales() paretoScale {
	lo, hi := p.Points[0].X, p.Points[0].X
	bottom, top := p.Points[0].Y, p.Points[0].Y
	for _, q := range p.Points {
		left, right, low, high := q.ends()
		lo, hi, bottom, top = min(lo, left), max(hi, right), min(bottom, low), max(top, high)
	}
	sx := scaleFor(p.XUnit, hi)
	s := paretoScale{fx: sx.factor, fy: 100}
	title := "bytes of the weights, in " + sx.unit
	if p.X != AxisBytes {
		title = describe(p.X).title + ", per answer, in " + sx.unit
	}
	if p.Quality == measure.Estimated {
		title += " (estimate)"
	}
	s.x = spanAxis(lo*sx.factor, hi*sx.factor, 7, title, plainTick)
	if p.lessIsBetter() {
		sy := scaleFor(p.YUnit, top)
		s.fy, s.y = sy.factor, newAxis(0, top*sy.factor, 6, describe(p.Y).title+", per request, in "+sy.unit)
		return s
	}
	s.y = newAxis(100*bottom, 100*top, 6, "tasks answered rightly, in %")
	s.y.lo, s.y.hi = max(s.y.lo, 0), min(s.y.hi, 100)
	return s
}

// ends are those of the intervals, or the point where there is none.
func (q *ParetoPoint) ends() (left, right, low, high float64) {
	left, right, low, high = q.X, q.X, q.Y, q.Y
	if q.XCI != nil {
		left, right = q.XCI.Lo, q.XCI.Hi
	}
	if q.YCI != nil {
		low, high = q.YCI.Lo, q.YCI.Hi
	}
	return left, right, low, high
}

// frontier are the points of the frontier from the cheapest on.
func (p *Pareto) frontier() (out []ParetoPoint) {
	for _, q := range p.Points {
		if q.Frontier {
			out = append(out, q)
		}
	}
	slices.SortFunc(out, func(a, b ParetoPoint) int {
		if a.X < b.X {
			return -1
		}
		return 1
	})
	return out
}

// stairs are the corners of the line below which nothing better was measured.
func (p *Pareto) stairs(s paretoScale) (corners [][2]float64) {
	edge := p.frontier()
	for i, q := range edge {
		if i > 0 {
			corners = append(corners, [2]float64{q.X * s.fx, edge[i-1].Y * s.fy})
		}
		corners = append(corners, [2]float64{q.X * s.fx, q.Y * s.fy})
	}
	return corners
}

// title heads a picture.
func (p *Pareto) title() string {
	worth, cost := "Accuracy", "the bytes of the weights"
	if p.lessIsBetter() {
		worth = shortTitle(p.Y)
	}
	if p.X != AxisBytes {
		cost = shortTitle(p.X) + " of an answer"
	}
	return worth + " against " + cost
}

// order is the place of a configuration in a result, by which it is coloured.
func (r *Result) order(config string) int {
	return slices.IndexFunc(r.Configs, func(c ConfigResult) bool { return c.ID == config })
}

// paretoChart draws the points, faint where others are as good in both respects and better in one,
// and the frontier through the rest.
func paretoChart(w, h float64, r *Result, p *Pareto) template.HTML {
	d, s, names := newDrawing(w, h, p.title()), p.scales(), configNames(r)
	d.frame(&s.x, &s.y)
	var line [][2]float64
	for _, c := range p.stairs(s) {
		line = append(line, [2]float64{s.x.at(s.x.clip(c[0])), s.y.at(c[1])})
	}
	d.path("frontier", line, false)
	draw := func(q ParetoPoint) {
		left, right, low, high := q.ends()
		group := r.order(q.Config)
		x, y := s.x.at(s.x.clip(q.X*s.fx)), s.y.at(s.y.clip(q.Y*s.fy))
		d.cross(group, s.x.at(s.x.clip(left*s.fx)), y, s.x.at(s.x.clip(right*s.fx)), y)
		d.cross(group, x, s.y.at(s.y.clip(low*s.fy)), x, s.y.at(s.y.clip(high*s.fy)))
		d.mark(group, x, y, p.tip(names[group], &q))
		if q.Resolution != "" {
			d.text("tick", "start", x+7, y+14, shortResolution(q.Resolution))
		}
	}
	d.WriteString(`<g class="dominated">`)
	for _, q := range p.Points {
		if !q.Frontier {
			draw(q)
		}
	}
	d.WriteString(`</g>`)
	for _, q := range p.Points {
		if q.Frontier {
			draw(q)
		}
	}
	return d.done()
}

// tip is what a pointer over a point shows.
func (p *Pareto) tip(name string, q *ParetoPoint) string {
	text := name
	if q.Resolution != "" {
		text += " · images up to " + q.Resolution
	}
	worth := amount(p.YUnit, q.Y) + " per request"
	if !p.lessIsBetter() {
		worth = number(100*q.Y, 1) + " % right"
	}
	text += fmt.Sprintf("\n%s, %s", worth, amount(p.XUnit, q.X))
	if !q.Frontier {
		text += "\nnot on the frontier: another is as good in both and better in one"
	}
	return text
}

// writeParetoFigures writes the pictures of a run of several models.
func writeParetoFigures(dir string, r *Result) error {
	for i := range r.Pareto {
		p := &r.Pareto[i]
		figure := paretoFigure(r, p)
		err := saveDrawing(filepath.Join(dir, fileName("pareto-"+p.Y+"-"+p.X)), figureHeight, figure.Draw)
		if err != nil {
			return err
		}
	}
	return nil
}

func paretoFigure(r *Result, p *Pareto) *plot.Plot {
	s, names := p.scales(), configNames(r)
	f := newPlot(p.title(), s.x.label, s.y.label)
	corners := p.stairs(s)
	addLine(f, xys(len(corners), func(i int) (float64, float64) { return s.x.clip(corners[i][0]), corners[i][1] }), muted, 0.9)
	shapes := [...]draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}}
	labels := pointLabels{paretoScale: s}
	named, crowded := map[int]bool{}, len(p.Points) > palette // more than colours tell apart, or a legend leaves room for
	for _, q := range p.Points {
		group, alpha := r.order(q.Config), uint8(0xff)
		if !q.Frontier {
			alpha = 0x58
		}
		colour := withAlpha(hues[group%palette], alpha)
		left, right, low, high := q.ends()
		x, y := s.x.clip(q.X*s.fx), q.Y*s.fy
		addLine(f, plotter.XYs{{X: x, Y: low * s.fy}, {X: x, Y: high * s.fy}}, colour, 0.9)
		addLine(f, plotter.XYs{{X: s.x.clip(left * s.fx), Y: y}, {X: s.x.clip(right * s.fx), Y: y}}, colour, 0.9)
		scatter, err := plotter.NewScatter(plotter.XYs{{X: x, Y: y}})
		if err != nil {
			continue // no finite number
		}
		scatter.GlyphStyle = draw.GlyphStyle{Color: colour, Radius: 3, Shape: shapes[group%len(shapes)]}
		f.Add(scatter)
		if crowded {
			labels.add(f, x, y, names[group])
		} else if !named[group] {
			named[group] = true
			f.Legend.Add(names[group], scatter)
		}
	}
	spanScale(f, s.x)
	f.Y.Min, f.Y.Max = s.y.lo, s.y.hi
	// The corner of those that are good and cheap is the last to be filled.
	f.Legend.Left, f.Legend.Top, f.Legend.XOffs, f.Legend.YOffs = true, !p.lessIsBetter(), 6, -4
	if p.lessIsBetter() {
		f.Legend.YOffs = 6
	}
	return f
}

// pointLabels are names beside points, in shares of the axes' spans.
type pointLabels struct {
	paretoScale
	taken [][2]float64
}

// A label's room, in shares of the spans, within which no other begins.
const (
	labelWidth  = 0.3
	labelHeight = 0.035
)

// add writes a model's name beside its point, above or below where another is in its way, without what is
// known or said elsewhere.
func (l *pointLabels) add(f *plot.Plot, x, y float64, name string) {
	name, _, _ = strings.Cut(name, " (")
	name = strings.TrimPrefix(name, "builtin:")
	span := l.y.hi - l.y.lo
	at, step := [2]float64{(x - l.x.lo) / (l.x.hi - l.x.lo), (y - l.y.lo) / span}, labelHeight
	if at[1] > 0.5 {
		step = -labelHeight
	}
	for slices.ContainsFunc(l.taken, func(t [2]float64) bool {
		return math.Abs(t[0]-at[0]) < labelWidth && math.Abs(t[1]-at[1]) < labelHeight*0.99
	}) {
		at[1] += step
	}
	l.taken = append(l.taken, at)
	labels, err := plotter.NewLabels(plotter.XYLabels{XYs: plotter.XYs{{X: x, Y: l.y.lo + at[1]*span}}, Labels: []string{name}})
	if err != nil {
		return // no finite number
	}
	sans(&labels.TextStyle[0], 7, ink)
	labels.TextStyle[0].YAlign, labels.Offset = draw.YCenter, vg.Point{X: 5}
	f.Add(labels)
}
