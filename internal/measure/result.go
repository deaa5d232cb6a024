package measure

import (
	"fmt"
	"math"
)

// Result is a number computed from samples, with what it rests on. Absent is never zero:
// a result that could not be computed has quality Unavailable, a reason, and the value NaN.
type Result struct {
	Value   float64
	Quality Quality
	Reason  string // why there is no value, or why it is only estimated
	N       int    // samples inside the window
	// Coverage is the fraction of the window between valid neighbouring samples.
	Coverage float64
	// Uncertainty bounds the error of Value that comes from sampling (interpolated edges,
	// uncovered stretches), in the unit of Value; 0 when there is none.
	Uncertainty float64
}

// OK reports whether the result has a value.
func (r Result) OK() bool { return r.Quality != Unavailable }

// unavailable is a result without a value.
func unavailable(format string, args ...any) Result {
	return Result{Value: math.NaN(), Reason: fmt.Sprintf(format, args...)}
}

// inherit is a result of the quality of the channel it was computed from.
func inherit(c Channel, value float64) Result {
	return Result{Value: value, Quality: c.Quality, Reason: c.Reason, Coverage: 1}
}
