// Package law fits the laws by which cost grows: from rows (x, cost) to a fitted law with
// intervals and doubts. It knows nothing of models, tokens or joules.
package law

// Point is one trial: a predictor, a cost, and the weight of its residual (1 when the
// noise is the same everywhere; 0 is refused).
type Point struct {
	X, Y   float64
	Weight float64
}

// Interval is a confidence interval.
type Interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// Coef is one fitted coefficient with its bootstrap interval.
type Coef struct {
	Name  string   `json:"name"` // "a" (fixed cost), "b" (slope), "c" (curvature), "p" (exponent)
	Value float64  `json:"value"`
	CI    Interval `json:"ci"`
}

// Rival is one candidate model with what it achieved on the same points.
type Rival struct {
	Kind         string             `json:"kind"` // "linear", "quadratic" or "power"
	Coef         map[string]float64 `json:"coef"`
	AICc         float64            `json:"aicc"`
	R2           float64            `json:"r2"`
	HeldOutError float64            `json:"held_out_error"` // relative error on the longest length, fitted without it
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
	LinearTo float64  `json:"linear_to"`
	Level    float64  `json:"level"` // confidence level of all intervals
	Doubts   []string `json:"doubts"`
	// Bootstrap holds the resampled (a, b), for bands and paired ratios.
	Bootstrap [][2]float64 `json:"-"`
}

// Options of a fit. The zero value is a sound default.
type Options struct {
	Level     float64 // confidence level; 0 means 0.95
	Resamples int     // bootstrap resamples; 0 means 2000
	Seed      uint64
}
