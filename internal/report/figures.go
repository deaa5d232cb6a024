package report

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// Size and resolution of the figures.
const (
	figureWidth  = 16 * vg.Centimeter
	figureHeight = 10.5 * vg.Centimeter
	figureDPI    = 200
	maxTitle     = 80 // characters
)

var (
	ink   = color.RGBA{0x1f, 0x29, 0x33, 0xff}
	faint = color.RGBA{0xe3, 0xe7, 0xeb, 0xff}
	muted = color.RGBA{0x5f, 0x6b, 0x76, 0xff}
	// hues are those of the page in light mode.
	hues = [palette]color.RGBA{
		{0x1d, 0x6f, 0xb8, 0xff}, {0xd9, 0x82, 0x1b, 0xff}, {0x2a, 0x9d, 0x78, 0xff},
		{0xb5, 0x3d, 0x6b, 0xff}, {0x7a, 0x5c, 0xc4, 0xff}, {0x6b, 0x72, 0x80, 0xff},
	}
)

// writeFigures writes every figure as PNG and SVG into dir.
func writeFigures(dir string, r *Result, samples SamplesFunc) error {
	for i := range r.Configs {
		c := &r.Configs[i]
		prefix := ""
		if len(r.Configs) > 1 {
			prefix = fmt.Sprintf("config-%d-", i+1)
		}
		sweep := newSweep(r, c)
		for j := range c.Laws {
			l := &c.Laws[j]
			if sweep != nil {
				break // its laws in effective pixels stand beside the knees
			}
			name := prefix + fileName(l.Metric)
			if l.Quality == measure.Estimated {
				name += "-estimated"
			}
			if err := saveFigure(dir, "law-"+name, lawFigure(r, c, l)); err != nil {
				return err
			}
			if err := saveFigure(dir, "residuals-"+name, residualFigure(r, c, l, false)); err != nil {
				return err
			}
			if err := saveFigure(dir, "order-"+name, residualFigure(r, c, l, true)); err != nil {
				return err
			}
		}
		if sweep != nil {
			if err := writeKneeFigures(dir, prefix, sweep); err != nil {
				return err
			}
		}
		if err := saveFigure(dir, prefix+"complexity", contrastFigure(c, sweep.swept())); err != nil {
			return err
		}
		if err := saveFigure(dir, prefix+"phases", phaseFigure(c, sweep.swept())); err != nil {
			return err
		}
	}
	if err := writeClampFigures(dir, r); err != nil {
		return err
	}
	if err := writeAccuracyFigures(dir, r); err != nil {
		return err
	}
	if err := writeParetoFigures(dir, r); err != nil {
		return err
	}
	return writeTimeFigure(dir, r, samples)
}

// fileName keeps letters, digits, dots, dashes and underscores of a metric's name, which
// may hold whatever a channel is called.
func fileName(metric string) string {
	const longest = 100
	out := []rune(metric)
	out = out[:min(len(out), longest)]
	for i, c := range out {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			out[i] = '-'
		}
	}
	return string(out)
}

// saveFigure writes a plot as name.png and name.svg; nil is a figure without data.
func saveFigure(dir, name string, p *plot.Plot) error {
	if p == nil {
		return nil
	}
	return saveDrawing(filepath.Join(dir, name), figureHeight, p.Draw)
}

// saveDrawing writes what paint draws as path.png and path.svg.
func saveDrawing(path string, height vg.Length, paint func(draw.Canvas)) error {
	err := WriteFile(path+".png", func(w io.Writer) error {
		c := vgimg.NewWith(vgimg.UseWH(figureWidth, height), vgimg.UseDPI(figureDPI))
		paint(padded(draw.New(c)))
		_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
		return err
	})
	if err != nil {
		return err
	}
	return WriteFile(path+".svg", func(w io.Writer) error {
		c := vgsvg.New(figureWidth, height)
		paint(padded(draw.New(c)))
		_, err := c.WriteTo(w)
		return err
	})
}

// padded leaves a white margin around a figure.
func padded(c draw.Canvas) draw.Canvas {
	const margin = 10
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	return draw.Crop(c, margin, -margin, margin, -margin)
}

// sans styles text.
func sans(style *text.Style, size vg.Length, c color.Color) {
	style.Font.Variant, style.Font.Size, style.Color = "Sans", size, c
}

// newPlot is an empty plot in the style of the report.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	if long := []rune(title); len(long) > maxTitle {
		title = string(long[:maxTitle-1]) + "…"
	}
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.Padding, p.X.Padding, p.Y.Padding = 8, 4, 4
	sans(&p.Title.TextStyle, 11, ink)
	for _, a := range [...]*plot.Axis{&p.X, &p.Y} {
		sans(&a.Label.TextStyle, 9.5, muted)
		sans(&a.Tick.Label, 9, muted)
		a.Color, a.Tick.Color, a.Tick.Length, a.Width, a.Tick.Width = muted, muted, 3, 0.6, 0.6
		a.Tick.Marker = roundTicks{}
	}
	sans(&p.Legend.TextStyle, 9, ink)
	p.Legend.Top, p.Legend.Left, p.Legend.Padding, p.Legend.XOffs, p.Legend.YOffs = true, true, 3, 6, -4
	p.Add(horizontals{})
	return p
}

// roundTicks labels an axis as the page does.
type roundTicks struct{}

// Ticks implements plot.Ticker.
func (roundTicks) Ticks(lo, hi float64) []plot.Tick {
	a := newAxis(lo, hi, 6, "")
	var ticks []plot.Tick
	for _, v := range a.ticks {
		if v >= lo-1e-9*math.Abs(lo) && v <= hi+1e-9*math.Abs(hi) {
			ticks = append(ticks, plot.Tick{Value: v, Label: a.tickText(v)})
		}
	}
	return ticks
}

// horizontals draws faint lines at the ticks of the vertical axis.
type horizontals struct{}

// Plot implements plot.Plotter.
func (horizontals) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if !t.IsMinor() {
			c.StrokeLine2(draw.LineStyle{Color: faint, Width: 0.6}, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}

// fit makes an axis begin and end on round ticks.
func fit(a *plot.Axis, lo, hi float64) {
	round := newAxis(lo, hi, 6, "")
	a.Min, a.Max = round.lo, round.hi
}

func withAlpha(c color.RGBA, alpha uint8) color.NRGBA { return color.NRGBA{c.R, c.G, c.B, alpha} }

// xys copies finite points; the plotting library refuses others.
func xys(n int, at func(i int) (x, y float64)) plotter.XYs {
	var out plotter.XYs
	for i := range n {
		if x, y := at(i); present(x) != nil && present(y) != nil {
			out = append(out, plotter.XY{X: x, Y: y})
		}
	}
	return out
}

// addLine adds a line unless it has no points.
func addLine(p *plot.Plot, points plotter.XYs, c color.Color, width vg.Length, dashes ...vg.Length) *plotter.Line {
	line, err := plotter.NewLine(points)
	if err != nil { // no points
		return nil
	}
	line.LineStyle = draw.LineStyle{Color: c, Width: width, Dashes: dashes}
	p.Add(line)
	return line
}

// addMarks adds the points of each group in its colour and shape, with a legend.
func addMarks(p *plot.Plot, points []point, x, y func(i int) float64) {
	shapes := [...]draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}}
	for group, name := range groupNames {
		marks := xys(len(points), func(i int) (float64, float64) {
			if points[i].group != group {
				return math.NaN(), 0
			}
			return x(i), y(i)
		})
		scatter, err := plotter.NewScatter(marks)
		if err != nil || len(marks) == 0 {
			continue
		}
		scatter.GlyphStyle = draw.GlyphStyle{Color: withAlpha(hues[group], 0xd0), Radius: 2.4, Shape: shapes[group%len(shapes)]}
		p.Add(scatter)
		p.Legend.Add(name, scatter)
	}
}
