package report

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/wattlaw/wattlaw/internal/recipe"
)

// WriteTraining draws the curve of a training into dir: its loss as name-loss, and the share
// of validation answers that are right as name-right, as PNG and SVG.
func WriteTraining(dir, name string, points []recipe.Point) error {
	if len(points) == 0 {
		return fmt.Errorf("draw the training of %s: its curve has no points", name)
	}
	const seen = "sequences seen"
	seenAt := func(i int) float64 { return float64(points[i].Seen) }
	loss := newPlot(name+" – loss", seen, "weighted mean loss in nats per token")
	line := xys(len(points), func(i int) (float64, float64) { return seenAt(i), points[i].Loss })
	addLine(loss, line, hues[0], 1.2)
	right := newPlot(name+" – validation answers that are right", seen, "percent")
	marks := plotter.XYs{}
	for i, p := range points {
		if p.ByKind != nil {
			marks = append(marks, plotter.XY{X: seenAt(i), Y: 100 * p.Right})
		}
	}
	addLine(right, marks, hues[0], 1.2)
	if scatter, err := plotter.NewScatter(marks); err == nil {
		scatter.GlyphStyle = draw.GlyphStyle{Color: hues[0], Radius: 2.4, Shape: draw.CircleGlyph{}}
		right.Add(scatter)
	}
	last := points[len(points)-1]
	for _, p := range []*plot.Plot{loss, right} {
		p.Add(phaseEnds(points))
		fit(&p.X, 0, float64(last.Seen))
	}
	fit(&loss.Y, 0, loss.Y.Max)
	fit(&right.Y, 0, 100)
	if err := saveFigure(dir, name+"-loss", loss); err != nil {
		return err
	}
	return saveFigure(dir, name+"-right", right)
}

// phases draws where the phases of a training end, with their names before it.
type phases []phaseEnd

type phaseEnd struct {
	name string
	at   float64
}

func phaseEnds(points []recipe.Point) (list phases) {
	for i, p := range points {
		if i+1 == len(points) || points[i+1].Phase != p.Phase {
			list = append(list, phaseEnd{p.Phase, float64(p.Seen)})
		}
	}
	return list
}

// Plot implements plot.Plotter.
func (list phases) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	style := p.X.Tick.Label
	style.Rotation, style.XAlign, style.YAlign = 0, draw.XCenter, draw.YTop
	style.Color = color.Color(muted)
	from := c.Min.X
	for _, end := range list {
		to := x(end.at)
		c.StrokeLine2(draw.LineStyle{Color: muted, Width: 0.5, Dashes: []vg.Length{2, 3}}, to, c.Min.Y, to, c.Max.Y)
		if to-from > style.Width(end.name) {
			c.FillText(style, vg.Point{X: (from + to) / 2, Y: c.Max.Y - 2}, end.name)
		}
		from = to
	}
}
