// Package law fits the laws by which cost grows: from rows (x, cost) to a fitted law with
// intervals and doubts. It knows nothing of models, tokens or joules.
package law

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// Point is one trial: a predictor, a cost, and the weight of its residual (1 when the
// noise is the same everywhere; 0 is refused).
type Point struct {
	X, Y   float64
	Weight float64
}

// Interval is a confidence interval.
type Interval = stat.Interval

// Coef is one fitted coefficient with its bootstrap interval.
type Coef struct {
	Name  string   `json:"name"` // "a" (fixed cost), "b" (slope), "c" (curvature), "p" (exponent)
	Value float64  `json:"value"`
	CI    Interval `json:"ci"`
}

// Kinds of curves.
const (
	Linear    = "linear"    // a + b·x
	Quadratic = "quadratic" // a + b·x + c·x²
	Power     = "power"     // k·x^p
)

// Rival is one candidate model with what it achieved on the same points. In JSON a number
// that does not exist is null.
type Rival struct {
	Kind string             `json:"kind"` // "linear", "quadratic" or "power"
	Coef map[string]float64 `json:"coef"`
	AICc float64            `json:"aicc"` // +Inf when there are too few points for the coefficients
	R2   float64            `json:"r2"`
	// HeldOutError is the relative error at the longest length of the curve fitted without
	// it, |predicted − mean| / |mean|; NaN when too few lengths remain.
	HeldOutError float64 `json:"held_out_error"`
}

// At returns the curve's value at x; NaN for an unknown kind.
func (r Rival) At(x float64) float64 {
	switch r.Kind {
	case Linear, Quadratic:
		return r.Coef["a"] + x*(r.Coef["b"]+x*r.Coef["c"])
	case Power:
		return r.Coef["k"] * math.Pow(x, r.Coef["p"])
	}
	return math.NaN()
}

// Law is the linear law cost = a + b·x next to its rivals.
type Law struct {
	Coef     []Coef   `json:"coef"` // a, b
	R2       float64  `json:"r2"`
	N        int      `json:"n"`
	X        Interval `json:"x"`         // range of x that was fitted
	TheilSen Coef     `json:"theil_sen"` // robust slope: must agree with b
	Rivals   []Rival  `json:"rivals"`    // linear, quadratic, power
	Best     string   `json:"best"`      // the rival with the lowest AICc
	// LinearTo is the largest fitted-range x at which the best curve stays within 5 % of the
	// line; it equals X.Hi when linear holds over the whole range.
	LinearTo float64 `json:"linear_to"`
	// LinearFrom is where that stretch begins; it equals X.Lo unless the line also fails at
	// small x.
	LinearFrom float64 `json:"linear_from"`
	// Beyond is what it costs to extrapolate: predictions at two and four times the longest
	// length.
	Beyond []Prediction `json:"beyond"`
	Noise  Noise        `json:"noise"` // the assumption that set the weights
	Level  float64      `json:"level"` // confidence level of all intervals
	Doubts []string     `json:"doubts"`
	// Bootstrap holds draws of (a, b) from their confidence distribution: percentiles of any
	// function of a draw are its interval, so bands and ratios of laws come from here.
	Bootstrap [][2]float64 `json:"-"`
}

// Noise is what the caller assumes of the scatter of repeated trials.
type Noise string

const (
	// NoiseGiven takes the points' weights as they are: weight ∝ 1/variance.
	NoiseGiven Noise = ""
	// NoiseProportional multiplies them by 1/(mean cost at that x)²: scatter grows in
	// proportion to cost, as timings and energies mostly do.
	NoiseProportional Noise = "proportional"
)

// Options of a fit. The zero value is a sound default.
type Options struct {
	Level     float64 // confidence level; 0 means 0.95
	Resamples int     // bootstrap resamples; 0 means 2000
	Seed      uint64
	Noise     Noise // how scatter depends on cost; the zero value takes the weights as given
}

// A returns the fixed cost, B the slope.
func (l Law) A() Coef { return l.coef(0) }

// B returns the slope: cost per unit of x.
func (l Law) B() Coef { return l.coef(1) }

func (l Law) coef(i int) Coef {
	if i >= len(l.Coef) {
		nan := math.NaN()
		return Coef{Value: nan, CI: Interval{Lo: nan, Hi: nan}}
	}
	return l.Coef[i]
}

// At returns the line's value at x; NaN for a law that was never fitted.
func (l Law) At(x float64) float64 { return l.A().Value + l.B().Value*x }

// Band returns the interval of the line's value at x at the law's level. It needs the
// bootstrap draws: for a law read back from a record both ends are NaN.
func (l Law) Band(x float64) Interval {
	v := make([]float64, len(l.Bootstrap))
	for i, d := range l.Bootstrap {
		v[i] = d[0] + d[1]*x
	}
	return stat.PercentileInterval(v, l.Level)
}
