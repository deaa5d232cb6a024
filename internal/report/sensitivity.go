package report

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"github.com/wattlaw/wattlaw/internal/compress"
)

// leastKL is where a divergence is drawn that is no more than the rounding of float32.
const leastKL = 1e-7

// WriteSensitivity draws a profile into dir as name, as PNG and SVG: the divergence that each cut makes, from
// the first layers to the last, a line for each share kept.
func WriteSensitivity(dir, name string, p *compress.Profile) error {
	if len(p.Cuts) == 0 {
		return fmt.Errorf("draw the sensitivity of %s: nothing of it was cut", p.Model)
	}
	figure := newPlot("What a cut of one matrix does to "+p.Model, "matrices, from the first to the last", "log₁₀ KL, nats per token")
	lines, order, places := map[float64]plotter.XYs{}, []float64(nil), map[string]float64{}
	for _, k := range p.Cuts {
		if _, known := places[k.Layers[0]]; !known {
			places[k.Layers[0]] = float64(len(places) + 1)
		}
		if _, known := lines[k.Level]; !known {
			order = append(order, k.Level)
		}
		lines[k.Level] = append(lines[k.Level], plotter.XY{X: places[k.Layers[0]], Y: math.Log10(max(k.KL, leastKL))})
	}
	for i, level := range order {
		hue := hues[i%len(hues)]
		addLine(figure, lines[level], hue, 1.2)
		marks, err := plotter.NewScatter(lines[level])
		if err != nil {
			return err
		}
		marks.GlyphStyle = draw.GlyphStyle{Color: hue, Radius: 2.4, Shape: draw.CircleGlyph{}}
		figure.Add(marks)
		figure.Legend.Add(fmt.Sprintf("%.0f %% kept", 100*level), marks)
	}
	figure.Legend.Top = true
	fit(&figure.X, 0, float64(len(places)+1))
	return saveFigure(dir, name, figure)
}
