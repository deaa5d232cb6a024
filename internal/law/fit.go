package law

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// Limits of what Fit accepts.
const (
	minPoints    = 3
	maxPoints    = 1_000_000
	maxDraws     = 100_000
	minResamples = 100
	// maxMagnitude and its inverse bound every number, so that no power or product of them
	// overflows: beyond them the unit is wrong.
	maxMagnitude = 1e30
	// minSpread is the least range of x relative to its size.
	minSpread = 1e-6
)

// ErrPoints is wrapped by every error that says the points cannot carry a law.
var ErrPoints = errors.New("law: cannot fit these points")

// Fit fits cost = a + b·x by weighted least squares, with bootstrap intervals for a and b
// (see draws), a Theil–Sen check of the slope, and its rivals a + b·x + c·x² and k·x^p,
// all three judged by weighted squared error in the cost itself so that their AICc compare.
// Points are trials: repeated measurements at one x stay separate points.
//
// It fails for fewer than three different x, equal costs, weights that are not positive,
// and numbers that are not finite or beyond 1e±30; everything softer is a doubt in the
// result.
func Fit(points []Point, opt Options) (Law, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return Law{}, err
	}
	d, err := newData(points, opt.Noise)
	if err != nil {
		return Law{}, err
	}
	line, err := newWLS(d.columns(1), d.w)
	if err != nil {
		return Law{}, fmt.Errorf("%w: %w", ErrPoints, err)
	}
	coef, residual := line.solve(d.y)
	law := Law{
		R2: d.r2(rss(d.w, residual)), N: len(points), X: Interval{Lo: d.xs[0], Hi: d.xs[len(d.xs)-1]},
		Noise: opt.Noise, Level: opt.Level,
	}
	draws := line.draws(coef, residual, opt.Resamples, opt.Seed)
	if len(draws) == 0 {
		return Law{}, fmt.Errorf("%w: all scatter sits in too few of %d trials for an interval; add repeats", ErrPoints, len(points))
	}
	law.Bootstrap = make([][2]float64, len(draws))
	for i, v := range draws {
		law.Bootstrap[i] = [2]float64{v[0] * d.yScale, v[1] * d.yScale / d.xScale}
	}
	law.Coef = []Coef{
		drawnCoef("a", coef[0]*d.yScale, draws, 0, d.yScale, opt.Level),
		drawnCoef("b", coef[1]*d.yScale/d.xScale, draws, 1, d.yScale/d.xScale, opt.Level),
	}
	robust, err := theilSen(points, opt.Level)
	if err != nil {
		return Law{}, fmt.Errorf("%w: %w", ErrPoints, err)
	}
	law.TheilSen = robust
	law.Rivals = d.rivals()
	law.Best = best(law.Rivals).Kind
	law.LinearFrom, law.LinearTo = linearRange(law, best(law.Rivals))
	law.Beyond = []Prediction{law.Predict(2 * law.X.Hi), law.Predict(4 * law.X.Hi)}
	law.Doubts = d.doubts(law, line, residual)
	return law, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Level == 0 {
		o.Level = stat.DefaultLevel
	}
	if !(o.Level > 0 && o.Level < 1) {
		return o, fmt.Errorf("law: confidence level %v: want a fraction between 0 and 1, such as 0.95", o.Level)
	}
	if o.Resamples == 0 {
		o.Resamples = 2000
	}
	if o.Resamples < minResamples || o.Resamples > maxDraws {
		return o, fmt.Errorf("law: %d resamples: want %d to %d", o.Resamples, minResamples, maxDraws)
	}
	if o.Noise != NoiseGiven && o.Noise != NoiseProportional {
		return o, fmt.Errorf("law: noise %q: want %q, or nothing to take the weights as given", o.Noise, NoiseProportional)
	}
	return o, nil
}

// drawnCoef names a coefficient and takes its interval from the scaled draws.
func drawnCoef(name string, value float64, draws []vector, j int, scale, level float64) Coef {
	v := make([]float64, len(draws))
	for i, d := range draws {
		v[i] = d[j] * scale
	}
	return Coef{Name: name, Value: value, CI: stat.PercentileInterval(v, level)}
}

// theilSen is the robust slope of the points, whatever their weights.
func theilSen(points []Point, level float64) (Coef, error) {
	x, y := make([]float64, len(points)), make([]float64, len(points))
	for i, p := range points {
		x[i], y[i] = p.X, p.Y
	}
	s, err := stat.TheilSen(x, y, level)
	return Coef{Name: "b", Value: s.Value, CI: s.CI}, err
}

// data is the checked points, scaled so that max |x| = max |y| = 1 and mean weight = 1.
type data struct {
	x, y, w        []float64
	xScale, yScale float64
	xs             []float64 // distinct x as given, increasing
	tss            float64   // weighted sum of squares of y about its weighted mean
}

func newData(points []Point, noise Noise) (*data, error) {
	if len(points) < minPoints || len(points) > maxPoints {
		return nil, fmt.Errorf("%w: %d points; want %d to %d", ErrPoints, len(points), minPoints, maxPoints)
	}
	d := &data{}
	sum := map[float64]float64{}
	count := map[float64]float64{}
	for i, p := range points {
		if err := checkPoint(i+1, p); err != nil {
			return nil, err
		}
		x := p.X + 0 // −0 and 0 are one length
		sum[x] += p.Y
		count[x]++
		d.xScale, d.yScale = max(d.xScale, math.Abs(x)), max(d.yScale, math.Abs(p.Y))
	}
	d.xs = slices.Sorted(maps.Keys(count))
	if err := d.checkSpread(points); err != nil {
		return nil, err
	}
	for _, p := range points {
		w := p.Weight
		if noise == NoiseProportional {
			mean := sum[p.X+0] / count[p.X+0] / d.yScale
			if !(mean > 0) {
				return nil, fmt.Errorf("%w: mean cost %g at x = %g: noise in proportion to cost needs costs above zero", ErrPoints, mean*d.yScale, p.X)
			}
			w /= mean * mean
		}
		d.x, d.y, d.w = append(d.x, (p.X+0)/d.xScale), append(d.y, p.Y/d.yScale), append(d.w, w)
	}
	if err := normalizeWeights(d.w); err != nil {
		return nil, err
	}
	d.tss = totalSquares(d.y, d.w)
	return d, nil
}

func checkPoint(i int, p Point) error {
	for _, f := range []struct {
		name string
		v    float64
	}{{"x", p.X}, {"y", p.Y}, {"weight", p.Weight}} {
		a := math.Abs(f.v)
		if !(a <= maxMagnitude) || a != 0 && a < 1/maxMagnitude {
			return fmt.Errorf("%w: point %d: %s = %v; want a finite number of magnitude 1e-30 to 1e30 (or another unit)", ErrPoints, i, f.name, f.v)
		}
	}
	if p.Weight <= 0 {
		return fmt.Errorf("%w: point %d: weight %v; want a weight above zero (1 for all when scatter is the same everywhere)", ErrPoints, i, p.Weight)
	}
	return nil
}

func (d *data) checkSpread(points []Point) error {
	if len(d.xs) < 3 {
		return fmt.Errorf("%w: %d different x among %d points; a line with a check needs at least 3", ErrPoints, len(d.xs), len(points))
	}
	if span := d.xs[len(d.xs)-1] - d.xs[0]; span < minSpread*d.xScale {
		return fmt.Errorf("%w: x spans only %g of its size; subtract a common offset first", ErrPoints, span/d.xScale)
	}
	for _, p := range points {
		if p.Y != points[0].Y {
			return nil
		}
	}
	return fmt.Errorf("%w: every cost is %g: nothing grows, or the source cannot resolve it", ErrPoints, points[0].Y)
}

// maxWeightRatio bounds how unequal weights may be before rounding decides the fit.
const maxWeightRatio = 1e12

// normalizeWeights scales w to mean 1.
func normalizeWeights(w []float64) error {
	lo, hi := slices.Min(w), slices.Max(w)
	if !(hi <= maxWeightRatio*lo) {
		return fmt.Errorf("%w: weights from %g to %g; want a ratio of at most %g", ErrPoints, lo, hi, maxWeightRatio)
	}
	mean := stat.Mean(w)
	for i := range w {
		w[i] /= mean
	}
	return nil
}

// totalSquares is Σ w·(y − ȳ)² about the weighted mean.
func totalSquares(y, w []float64) float64 {
	var sw, swy float64
	for i := range y {
		sw, swy = sw+w[i], swy+w[i]*y[i]
	}
	var s float64
	for i := range y {
		r := y[i] - swy/sw
		s += w[i] * r * r
	}
	return s
}

// r2 is the weighted coefficient of determination, 1 − RSS/TSS.
func (d *data) r2(rss float64) float64 {
	if d.tss == 0 {
		return math.NaN()
	}
	return 1 - rss/d.tss
}

// columns returns 1, x, … x^degree of the scaled x.
func (d *data) columns(degree int) [][]float64 {
	cols := make([][]float64, degree+1)
	for j := range cols {
		cols[j] = make([]float64, len(d.x))
		for i, x := range d.x {
			cols[j][i] = math.Pow(x, float64(j))
		}
	}
	return cols
}
