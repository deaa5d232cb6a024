package law

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// Point2 is one trial with two predictors, such as tokens in and tokens out.
type Point2 struct {
	In, Out, Y float64
	Weight     float64
}

// TwoLaw is cost = a + b_in·in + b_out·out.
type TwoLaw struct {
	Coef []Coef   `json:"coef"` // a, b_in, b_out
	R2   float64  `json:"r2"`
	N    int      `json:"n"`
	In   Interval `json:"in"`
	Out  Interval `json:"out"`
	// AICc of the law, and of the same with + c·in·out: when the product wins, an output
	// token costs more the longer the prompt is. In JSON +Inf (too few points) is null.
	AICc        float64  `json:"-"`
	ProductAICc float64  `json:"-"`
	Noise       Noise    `json:"noise"`
	Level       float64  `json:"level"`
	Doubts      []string `json:"doubts"`
	// Bootstrap holds draws of (a, b_in, b_out), as Law.Bootstrap does.
	Bootstrap [][3]float64 `json:"-"`
}

// At returns the law's cost; NaN for a law that was never fitted.
func (l TwoLaw) At(in, out float64) float64 {
	if len(l.Coef) != 3 {
		return math.NaN()
	}
	return l.Coef[0].Value + l.Coef[1].Value*in + l.Coef[2].Value*out
}

// Band returns the interval of At, from the bootstrap draws as Law.Band does.
func (l TwoLaw) Band(in, out float64) Interval {
	v := make([]float64, len(l.Bootstrap))
	for i, d := range l.Bootstrap {
		v[i] = d[0] + d[1]*in + d[2]*out
	}
	return stat.PercentileInterval(v, l.Level)
}

// FitTwo fits cost = a + b_in·in + b_out·out as Fit does for one predictor, with the same
// bootstrap. Both predictors must take at least two values and vary apart from each other.
func FitTwo(points []Point2, opt Options) (TwoLaw, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return TwoLaw{}, err
	}
	d, err := newData2(points, opt.Noise)
	if err != nil {
		return TwoLaw{}, err
	}
	plane, err := newWLS([][]float64{ones(len(d.y)), d.in, d.out}, d.w)
	if err != nil {
		return TwoLaw{}, fmt.Errorf("%w: tokens in and out: %w", ErrPoints, err)
	}
	coef, residual := plane.solve(d.y)
	draws := plane.draws(coef, residual, opt.Resamples, opt.Seed)
	if len(draws) == 0 {
		return TwoLaw{}, fmt.Errorf("%w: all scatter sits in too few of %d trials for an interval; add repeats", ErrPoints, len(points))
	}
	law := TwoLaw{
		R2: 1 - rss(d.w, residual)/totalSquares(d.y, d.w), N: len(points), In: d.inRange, Out: d.outRange,
		AICc: aicc(rss(d.w, residual), len(d.y), 3), ProductAICc: d.productAICc(),
		Noise: opt.Noise, Level: opt.Level, Bootstrap: make([][3]float64, len(draws)),
	}
	scales := [3]float64{d.yScale, d.yScale / d.inScale, d.yScale / d.outScale}
	for i, v := range draws {
		law.Bootstrap[i] = [3]float64{v[0] * scales[0], v[1] * scales[1], v[2] * scales[2]}
	}
	for j, name := range []string{"a", "b_in", "b_out"} {
		law.Coef = append(law.Coef, drawnCoef(name, coef[j]*scales[j], draws, j, scales[j], opt.Level))
	}
	law.Doubts = d.doubts(law, plane)
	return law, nil
}

// data2 is the checked points of two predictors, scaled like data.
type data2 struct {
	in, out, y, w             []float64
	inScale, outScale, yScale float64
	inRange, outRange         Interval
	cells                     map[[2]float64]int // trials at each pair of predictors
}

func newData2(points []Point2, noise Noise) (*data2, error) {
	if len(points) <= minPoints || len(points) > maxPoints {
		return nil, fmt.Errorf("%w: %d points; want %d to %d", ErrPoints, len(points), minPoints+1, maxPoints)
	}
	d := &data2{cells: map[[2]float64]int{}}
	sum := map[[2]float64]float64{}
	for i, p := range points {
		for _, x := range []float64{p.In, p.Out} {
			if err := checkPoint(i+1, Point{X: x, Y: p.Y, Weight: p.Weight}); err != nil {
				return nil, err
			}
		}
		cell := [2]float64{p.In, p.Out}
		sum[cell] += p.Y
		d.cells[cell]++
		d.in, d.out, d.y = append(d.in, p.In), append(d.out, p.Out), append(d.y, p.Y)
	}
	d.inRange, d.outRange = span(d.in), span(d.out)
	yRange := span(d.y)
	if yRange.Width() == 0 {
		return nil, fmt.Errorf("%w: every cost is %g: nothing grows, or the source cannot resolve it", ErrPoints, yRange.Lo)
	}
	for i, r := range []Interval{d.inRange, d.outRange} {
		if r.Width() <= minSpread*max(math.Abs(r.Lo), math.Abs(r.Hi)) {
			return nil, fmt.Errorf("%w: predictor %d does not vary (%g … %g); fit the other one alone", ErrPoints, i+1, r.Lo, r.Hi)
		}
	}
	for _, p := range points {
		w, cell := p.Weight, [2]float64{p.In, p.Out}
		if noise == NoiseProportional {
			mean := sum[cell] / float64(d.cells[cell]) / max(math.Abs(yRange.Lo), math.Abs(yRange.Hi))
			if !(mean > 0) {
				return nil, fmt.Errorf("%w: mean cost at (%g, %g) is not above zero, as noise in proportion to cost needs", ErrPoints, p.In, p.Out)
			}
			w /= mean * mean
		}
		d.w = append(d.w, w)
	}
	d.inScale, d.outScale, d.yScale = scaleToOne(d.in), scaleToOne(d.out), scaleToOne(d.y)
	return d, normalizeWeights(d.w)
}

// span returns the range of values.
func span(v []float64) Interval { return Interval{Lo: slices.Min(v), Hi: slices.Max(v)} }

// scaleToOne divides v by its largest magnitude, which must not be 0, and returns that.
func scaleToOne(v []float64) float64 {
	r := span(v)
	scale := max(math.Abs(r.Lo), math.Abs(r.Hi))
	for i := range v {
		v[i] /= scale
	}
	return scale
}

func ones(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

// productAICc is the criterion of a + b_in·in + b_out·out + c·in·out; +Inf when the points
// cannot tell c.
func (d *data2) productAICc() float64 {
	product := make([]float64, len(d.in))
	for i := range product {
		product[i] = d.in[i] * d.out[i]
	}
	p, err := newWLS([][]float64{ones(len(d.y)), d.in, d.out, product}, d.w)
	if err != nil {
		return math.Inf(1)
	}
	_, residual := p.solve(d.y)
	return aicc(rss(d.w, residual), len(d.y), 4)
}

// entangled is the correlation of the predictors from which their slopes trade off.
const entangled = 0.95

func (d *data2) doubts(l TwoLaw, plane *wls) []string {
	out := []string{}
	if least := slices.Min(slices.Collect(maps.Values(d.cells))); least < fewRepeats {
		out = append(out, doubt("only %d trial(s) at some pair of lengths: fewer than %d repeats", least, fewRepeats))
	}
	if l.R2 < goodR2 {
		out = append(out, doubt("R² is only %.3f: the law leaves %.1f %% of the variation unexplained", l.R2, 100*(1-l.R2)))
	}
	if r := stat.Correlation(d.in, d.out); math.Abs(r) > entangled {
		out = append(out, doubt("the two predictors vary together (correlation %.2f): their slopes cannot be told apart well", r))
	}
	if gain := l.AICc - l.ProductAICc; gain > clearAICc {
		out = append(out, doubt("adding c·in·out fits better (AICc lower by %.1f): the cost of an output token depends on the prompt's length", gain))
	}
	for _, c := range l.Coef {
		if c.CI.Contains(0) {
			out = append(out, doubt("the interval of %s, %.3g … %.3g, includes zero", c.Name, c.CI.Lo, c.CI.Hi))
		}
	}
	if i := slices.IndexFunc(plane.h, func(h float64) bool { return h > ownLeverage }); i >= 0 {
		out = append(out, doubt("trial %d alone decides a coefficient: repeat it", i+1))
	}
	return out
}
