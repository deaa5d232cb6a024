package law

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// KneeOptions of a fit. The zero value is a sound default.
type KneeOptions struct {
	Options
	// Predicted is the knee that is expected on other grounds, such as the limit of a model's
	// preprocessing; 0 when none is known. It does not touch the fit.
	Predicted float64
	// PredictedRange is where the knee may lie by the same rules, when they leave it open: sizes
	// rounded to whole patches put it between two values. The zero value is Predicted alone.
	PredictedRange Interval
	// Floor is the x below which cost is known not to fall any more, such as the size to which
	// smaller images are enlarged: smaller x count as it. 0 when there is none.
	Floor float64
}

// Knee is the law cost = g(min(x, k)): growing up to the knee k, flat above it. In JSON a
// number that does not exist or has no bound is null.
type Knee struct {
	// Found says that the test prefers a knee over the same curve without one at the level, that
	// the interval of the knee ends inside the data, and that no smooth curve fits better.
	Found bool `json:"found"`
	// At is the knee. An end of its interval is infinite when the data do not bound it: then
	// growth all over, or no growth at all, fits as well.
	At    Coef     `json:"at"`
	Flat  Coef     `json:"flat"`  // cost above the knee
	Shape string   `json:"shape"` // Linear or Quadratic below the knee
	Coef  []Coef   `json:"coef"`  // a, b[, c] below the knee
	R2    float64  `json:"r2"`
	N     int      `json:"n"`
	X     Interval `json:"x"` // range of x as given
	F     float64  `json:"f"` // of the knee against the same shape without one
	P     float64  `json:"p"` // p value of "no knee", from a bootstrap (see kneeTest)
	// FlatSlope is the change of cost along a line through the trials above the knee, relative to
	// the flat level; FlatVerdict compares its interval with ±5 % (stat.Equivalent: flat).
	FlatSlope   Coef    `json:"flat_slope"`
	FlatVerdict string  `json:"flat_verdict"`
	Predicted   float64 `json:"predicted"` // as given; 0 for none
	// PredictedRange is as given, and holds Predicted.
	PredictedRange Interval `json:"predicted_range"`
	// Agrees says that a knee was found whose interval meets the predicted range.
	Agrees bool     `json:"agrees"`
	Gap    Interval `json:"gap"` // the neighbouring x between which the knee lies
	// TooCoarse says that the x around the knee, predicted or found, lie too far apart or are
	// too few to tell it; Add lists x that would mend that.
	TooCoarse bool      `json:"too_coarse"`
	Add       []float64 `json:"add"`
	// Unit is what the intervals take as one independent value: UnitTrial, or UnitX when the
	// costs at single x lie off the curve by more than their repeats scatter.
	Unit   string   `json:"unit"`
	Noise  Noise    `json:"noise"`
	Level  float64  `json:"level"`
	Doubts []string `json:"doubts"`
	// Bootstrap holds draws of (knee, a, b, c), as Law.Bootstrap does, with curvature
	// allowed as for the interval of the knee.
	Bootstrap [][4]float64 `json:"-"`

	floor float64
}

// Units of the intervals.
const (
	UnitTrial = "trial"
	UnitX     = "x"
)

// FitKnee fits cost = a + b·u or a + b·u + c·u² with u = min(x, k), of which AICc chooses, by
// weighted least squares over k and the coefficients together (see segments). It needs what
// Fit needs, and more trials than parameters. That there is no knee is a result and no error.
//
// The interval of the knee holds every k at which the curve fits hardly worse than at the
// best, by the F distribution (profile likelihood). It allows curvature below the knee even
// when AICc does not ask for it. The test against no knee has no tabulated distribution, as the
// knee means nothing without it (Davies, 1987): its p value is from wild bootstrap resamples
// of the curve without a knee. Intervals of the coefficients and the band are percentiles of wild
// bootstrap refits. docs/design/003-knee-intervals.md has the evidence.
func FitKnee(points []Point, opt KneeOptions) (Knee, error) {
	var err error
	if opt.Options, err = opt.Options.withDefaults(); err != nil {
		return Knee{}, err
	}
	if err := opt.check(); err != nil {
		return Knee{}, err
	}
	raised := make([]Point, len(points))
	k := Knee{Predicted: opt.Predicted, PredictedRange: opt.predictedRange(), N: len(points), Noise: opt.Noise, Level: opt.Level, Unit: UnitTrial, floor: opt.Floor}
	for i, p := range points {
		raised[i] = p
		if opt.Floor > 0 {
			raised[i].X = math.Max(p.X, opt.Floor) // keeps NaN, which newData refuses
		}
	}
	trials, err := newData(raised, opt.Noise)
	if err != nil {
		return Knee{}, err
	}
	k.X = span(xOf(points))
	if len(trials.xs) > maxKneeX {
		return Knee{}, fmt.Errorf("%w: %d different x; a knee is searched among at most %d: round x to fewer values", ErrPoints, len(trials.xs), maxKneeX)
	}
	if len(raised) < 4 {
		return Knee{}, fmt.Errorf("%w: %d trials for the 3 parameters of a knee; add repeats", ErrPoints, len(raised))
	}
	d, fits := trials, trials.kneeShapes()
	if means, ok := trials.byX(fits); ok {
		d, fits, k.Unit = means, means.kneeShapes(), UnitX
	}
	if len(fits) == 0 {
		return k.without(trials), nil
	}
	k.fill(trials, d, fits, opt)
	return k, nil
}

// maxKneeX bounds the different x, as the work of a resample grows with their square.
const maxKneeX = 200

func (o KneeOptions) check() error {
	for _, f := range []struct {
		name string
		v    float64
	}{{"predicted knee", o.Predicted}, {"floor", o.Floor}, {"predicted range's lower end", o.PredictedRange.Lo}, {"predicted range's upper end", o.PredictedRange.Hi}} {
		if !(f.v >= 0 && f.v <= maxMagnitude) {
			return fmt.Errorf("law: %s %v: want a number above zero, or 0 for none", f.name, f.v)
		}
	}
	return nil
}

// predictedRange is the range that was given, wide enough for the prediction itself.
func (o KneeOptions) predictedRange() Interval {
	r := o.PredictedRange
	if r == (Interval{}) {
		r = Interval{Lo: o.Predicted, Hi: o.Predicted}
	}
	return Interval{Lo: min(r.Lo, o.Predicted), Hi: max(r.Hi, o.Predicted)}
}

func xOf(points []Point) []float64 {
	x := make([]float64, len(points))
	for i, p := range points {
		x[i] = p.X
	}
	return x
}

// kneeShape is a segmented curve of one degree fitted to data.
type kneeShape struct {
	*segments
	fit  kneeFit
	mean []float64
	rss  float64 // with the scatter about the means
	aicc float64
	n    int
}

// kneeShapes fits the linear and the quadratic shape, the preferred one first. A shape that the
// points cannot carry or that does not grow is left out.
func (d *data) kneeShapes() []kneeShape {
	var out []kneeShape
	for degree := 1; degree <= 2; degree++ {
		s, err := d.newSegments(degree)
		if err != nil || len(d.y) < degree+3 {
			continue
		}
		f := kneeShape{segments: s, mean: s.means(d.y, nil), n: len(d.y)}
		var ok bool
		if f.fit, ok = s.best(f.mean); !ok {
			continue
		}
		f.rss = f.fit.rss + s.within(d.y, f.mean)
		f.aicc = aicc(f.rss, f.n, f.params())
		out = append(out, f)
	}
	if len(out) == 2 && out[1].aicc < out[0].aicc {
		out[0], out[1] = out[1], out[0]
	}
	return out
}

// params counts the coefficients and the knee, freedom what is left of the data for the scatter.
func (s kneeShape) params() int      { return s.degree + 2 }
func (s kneeShape) freedom() float64 { return float64(s.n - s.params()) }

// variance is the residual variance of a trial of weight 1.
func (s kneeShape) variance() float64 { return s.rss / s.freedom() }

// fill takes the result from the fitted shapes, of which the first is preferred.
func (k *Knee) fill(trials, d *data, fits []kneeShape, opt KneeOptions) {
	best := fits[0]
	f := best.fit
	k.Shape = map[int]string{1: Linear, 2: Quadratic}[best.degree]
	k.R2 = d.r2(best.rss)
	bounds := profiled(fits)
	k.coefficients(d, best, bounds, opt)
	ci := bounds.interval(f.at, opt.Level)
	k.At = Coef{Name: "knee", Value: f.at * d.xScale, CI: Interval{Lo: ci.Lo * d.xScale, Hi: ci.Hi * d.xScale}}
	k.Flat = Coef{Name: "flat", Value: f.value(f.at) * d.yScale, CI: bounds.flat(d, opt.Level)}
	k.Flat.CI = Interval{Lo: min(k.Flat.CI.Lo, k.Flat.Value), Hi: max(k.Flat.CI.Hi, k.Flat.Value)}
	k.F, k.P = best.gain(), kneeTest(d, fits, opt)
	k.FlatSlope, k.FlatVerdict = k.flatSlope(trials, best)
	rival, smooth := smoothRival(d, best)
	k.Found = k.P <= 1-k.Level && !math.IsInf(k.At.CI.Hi, 1) && !smooth
	k.Agrees = k.Found && k.Predicted > 0 && k.At.CI.Lo <= k.PredictedRange.Hi && k.At.CI.Hi >= k.PredictedRange.Lo
	k.grid(trials)
	k.Doubts = k.doubts(trials, d, fits)
	if smooth {
		k.Doubts = append(k.Doubts, doubt("a %s curve without a knee fits better (AICc lower by %.1f)", rival.Kind, best.aicc-rival.AICc))
	}
}

// coefficients fills in those of the best shape, with intervals from refits, and the draws of
// the shape that bounds the knee.
func (k *Knee) coefficients(d *data, best, bounds kneeShape, opt KneeOptions) {
	same := best.refits(d, opt)
	free := same
	if bounds.degree != best.degree {
		free = bounds.refits(d, opt)
	}
	scale := func(f kneeFit) [4]float64 {
		return [4]float64{f.at * d.xScale, f.coef[0] * d.yScale, f.coef[1] * d.yScale / d.xScale, f.coef[2] * d.yScale / (d.xScale * d.xScale)}
	}
	for _, v := range free {
		k.Bootstrap = append(k.Bootstrap, scale(v))
	}
	value := scale(best.fit)
	for j, name := range []string{"a", "b", "c"}[:best.degree+1] {
		v := make([]float64, len(same))
		for i, f := range same {
			v[i] = scale(f)[j+1]
		}
		k.Coef = append(k.Coef, Coef{Name: name, Value: value[j+1], CI: stat.PercentileInterval(v, opt.Level)})
	}
}

// without is the result when no curve that grows into a knee can be fitted.
func (k Knee) without(d *data) Knee {
	none := func(name string) Coef {
		return Coef{Name: name, Value: math.NaN(), CI: Interval{Lo: math.NaN(), Hi: math.NaN()}}
	}
	k.At, k.Flat, k.FlatSlope = none("knee"), none("flat"), none("slope")
	k.At.CI = Interval{Lo: math.Inf(-1), Hi: math.Inf(1)}
	k.Coef, k.P, k.R2, k.FlatVerdict = []Coef{}, 1, math.NaN(), stat.Inconclusive
	k.Gap = Interval{Lo: math.NaN(), Hi: math.NaN()}
	k.grid(d)
	k.Doubts = append(k.Doubts, "cost does not grow towards a knee anywhere: there is none to be found in these data")
	k.Doubts = append(k.Doubts, k.gridDoubts(d)...)
	return k
}

// smoothRival returns the best curve without a knee, and whether it beats the knee.
func smoothRival(d *data, s kneeShape) (Rival, bool) {
	if s.rss < rounding*rounding*float64(s.n) {
		return Rival{}, false // the knee fits exactly
	}
	r := best(d.rivals())
	return r, r.Kind != "" && r.AICc < s.aicc
}

// Cost returns the law's cost at x; NaN for a law that was never fitted.
func (k Knee) Cost(x float64) float64 {
	if len(k.Coef) < 2 {
		return math.NaN()
	}
	draw := [4]float64{k.At.Value}
	for j, c := range k.Coef {
		draw[j+1] = c.Value
	}
	return k.drawn(draw, x)
}

func (k Knee) drawn(d [4]float64, x float64) float64 {
	u := min(max(x, k.floor), d[0])
	return d[1] + u*(d[2]+u*d[3])
}

// Band returns the interval of the law's cost at x; it allows curvature below the knee even when
// the law is straight there, so that the cost need not lie in its middle. It needs the bootstrap
// draws: for a law read back from a record both ends are NaN.
func (k Knee) Band(x float64) Interval {
	v := make([]float64, len(k.Bootstrap))
	for i, d := range k.Bootstrap {
		v[i] = k.drawn(d, x)
	}
	return stat.PercentileInterval(v, k.Level)
}

// practical is the relative difference up to which two costs count as equal.
const practical = 0.05

// within judges the interval of a relative difference against ±margin.
func within(ci Interval, margin float64) string {
	switch {
	case ci.Lo >= -margin && ci.Hi <= margin:
		return stat.Equivalent
	case ci.Lo > 0 || ci.Hi < 0:
		return stat.Different
	}
	return stat.Inconclusive
}

func distinctFrom(sorted []float64, from float64) int {
	n := 0
	for _, x := range sorted {
		if x >= from {
			n++
		}
	}
	return n
}

// studentT is the two-sided critical value of Student's t.
func studentT(freedom, level float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: freedom}.Quantile((1 + level) / 2)
}
