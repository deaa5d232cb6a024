package report

import (
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"github.com/wattlaw/wattlaw/internal/store"
)

// writeAccuracyFigures writes accuracy against cost, and both against the resolution of images.
func writeAccuracyFigures(dir string, r *Result) error {
	cells := accuracyCells(r)
	cpu := func(a *Accuracy) *AnswerCost { return a.cost(store.MetricCPUCoreSeconds) }
	if err := saveFigure(dir, "accuracy-cost", accuracyFigure(cells, cpu)); err != nil {
		return err
	}
	if err := saveFigure(dir, "accuracy-energy", accuracyFigure(cells, (*Accuracy).energy)); err != nil {
		return err
	}
	top, bottom := resolutionFigures(cells, cpu)
	if top == nil {
		return nil
	}
	return saveDrawing(filepath.Join(dir, "accuracy-resolution"), figureHeight*1.25, func(c draw.Canvas) {
		tiles := draw.Tiles{Rows: 2, Cols: 1, PadY: 8}
		canvases := plot.Align([][]*plot.Plot{{top}, {bottom}}, tiles, c)
		top.Draw(canvases[0][0])
		bottom.Draw(canvases[1][0])
	})
}

// accuracyFigure has one point per configuration and resolution; nil without any cost.
func accuracyFigure(cells []accuracyCell, of func(*Accuracy) *AnswerCost) *plot.Plot {
	lo, hi := costSpan(cells, of)
	if !(hi > 0) {
		return nil
	}
	var info metricInfo
	estimate := ""
	for _, c := range cells {
		if cost := of(c.Accuracy); cost != nil {
			info = describe(cost.Metric)
			if cost.Quality.String() == "estimated" {
				estimate = " (estimate)"
			}
		}
	}
	s := scaleFor(info.unit, hi)
	p := newPlot("Accuracy against cost", info.title+estimate+", per answer, in "+s.unit, "tasks answered rightly, in %")
	x := spanAxis(lo*s.factor, hi*s.factor, 7, "", plainTick)
	addAccuracy(p, cells, func(c accuracyCell) (pt accuracyPoint, ok bool) {
		cost := of(c.Accuracy)
		if cost == nil {
			return pt, false
		}
		pt.x, pt.y = cost.Mean*s.factor, 100*c.Value
		from, to := cost.ends()
		pt.xLo, pt.xHi = x.clip(from*s.factor), x.clip(to*s.factor)
		pt.yLo, pt.yHi = 100*c.CI.Lo, 100*c.CI.Hi
		return pt, true
	}, true)
	spanScale(p, x)
	y := accuracyAxis(cells)
	p.Y.Min, p.Y.Max = y.lo, y.hi
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs, p.Legend.YOffs = false, false, -6, 6 // few points are dear and wrong
	return p
}

// resolutionFigures are cost and accuracy against the pixels of the images; nil where the images
// have one resolution.
func resolutionFigures(cells []accuracyCell, of func(*Accuracy) *AnswerCost) (top, bottom *plot.Plot) {
	_, hi := costSpan(cells, of)
	if !byResolution(cells) || !(hi > 0) {
		return nil, nil
	}
	s := scaleFor("core·s", hi)
	var pixels []float64
	for _, c := range cells {
		if c.NominalPixels != nil {
			pixels = append(pixels, float64(*c.NominalPixels))
		}
	}
	x := pixelAxis(slices.Min(pixels), slices.Max(pixels), 9, "")
	top = newPlot("Cost and accuracy against resolution", "", "CPU time per answer, in "+s.unit)
	bottom = newPlot("", "nominal pixels of the image", "tasks answered rightly, in %")
	point := func(c accuracyCell) (pt accuracyPoint, ok bool) {
		if c.NominalPixels == nil || of(c.Accuracy) == nil {
			return pt, false
		}
		pt.x = float64(*c.NominalPixels)
		pt.xLo, pt.xHi = pt.x, pt.x
		return pt, true
	}
	addAccuracy(top, cells, func(c accuracyCell) (accuracyPoint, bool) {
		pt, ok := point(c)
		if ok {
			from, to := of(c.Accuracy).ends()
			pt.y, pt.yLo, pt.yHi = of(c.Accuracy).Mean*s.factor, from*s.factor, to*s.factor
		}
		return pt, ok
	}, true)
	addAccuracy(bottom, cells, func(c accuracyCell) (accuracyPoint, bool) {
		pt, ok := point(c)
		pt.y, pt.yLo, pt.yHi = 100*c.Value, 100*c.CI.Lo, 100*c.CI.Hi
		return pt, ok
	}, false)
	spanScale(top, x)
	spanScale(bottom, x)
	fit(&top.Y, 0, hi*s.factor)
	y := accuracyAxis(cells)
	bottom.Y.Min, bottom.Y.Max = y.lo, y.hi
	return top, bottom
}

// accuracyPoint is a point with its intervals.
type accuracyPoint struct{ x, xLo, xHi, y, yLo, yHi float64 }

// addAccuracy adds the points of each configuration with their intervals and a line through them.
func addAccuracy(p *plot.Plot, cells []accuracyCell, of func(accuracyCell) (accuracyPoint, bool), legend bool) {
	lines := map[int]plotter.XYs{}
	names := map[int]string{}
	var order []int
	for _, c := range cells {
		pt, ok := of(c)
		if !ok {
			continue
		}
		colour := hues[c.group%palette]
		addLine(p, plotter.XYs{{X: pt.x, Y: pt.yLo}, {X: pt.x, Y: pt.yHi}}, withAlpha(colour, 0xb0), 1)
		if pt.xHi > pt.xLo {
			addLine(p, plotter.XYs{{X: pt.xLo, Y: pt.y}, {X: pt.xHi, Y: pt.y}}, withAlpha(colour, 0xb0), 1)
		}
		if _, known := lines[c.group]; !known {
			order = append(order, c.group)
		}
		lines[c.group], names[c.group] = append(lines[c.group], plotter.XY{X: pt.x, Y: pt.y}), c.name
	}
	for _, group := range order {
		colour := hues[group%palette]
		if len(lines[group]) > 1 {
			addLine(p, lines[group], withAlpha(colour, 0x80), 0.9)
		}
		scatter, err := plotter.NewScatter(lines[group])
		if err != nil {
			continue
		}
		shapes := [...]draw.GlyphDrawer{draw.CircleGlyph{}, draw.PyramidGlyph{}, draw.BoxGlyph{}}
		scatter.GlyphStyle = draw.GlyphStyle{Color: colour, Radius: 2.8, Shape: shapes[group%len(shapes)]}
		p.Add(scatter)
		if legend && len(order) > 1 {
			p.Legend.Add(names[group], scatter)
		}
	}
}
