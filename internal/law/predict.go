package law

import "math"

// Prediction is a law's value at one x, next to what its rivals say there.
type Prediction struct {
	X  float64  `json:"x"`
	Y  float64  `json:"y"`  // the line
	CI Interval `json:"ci"` // of the line, at the law's level
	// Rivals holds the value of every rival at x: their spread is what the choice of model
	// costs.
	Rivals map[string]float64 `json:"rivals"`
	// Apart is the relative difference |best − line| / |line| at x; 0 when linear is best.
	Apart float64 `json:"apart"`
	// Times says how far x lies beyond the fitted range as a ratio to its near end; 1 inside.
	Times  float64  `json:"times"`
	Doubts []string `json:"doubts"`
}

// withinLinear is the relative deviation up to which the line counts as holding.
const withinLinear = 0.05

// farBeyond is the ratio to the fitted range from which an extrapolation is doubted.
const farBeyond = 2.0

// Predict returns the law's cost at x with the interval of the line and the rivals' values.
// The interval holds if the linear law does; doubts say when x lies beyond what was fitted.
func (l Law) Predict(x float64) Prediction {
	p := Prediction{X: x, Y: l.At(x), CI: l.Band(x), Rivals: map[string]float64{}, Times: 1, Doubts: []string{}}
	for _, r := range l.Rivals {
		if v := r.At(x); !math.IsNaN(v) && !math.IsInf(v, 0) {
			p.Rivals[r.Kind] = v
		}
	}
	if v, ok := p.Rivals[l.Best]; ok && l.Best != Linear {
		p.Apart = deviation(v, p.Y)
	}
	switch {
	case x > l.X.Hi && l.X.Hi > 0:
		p.Times = x / l.X.Hi
	case x < l.X.Lo && x > 0:
		p.Times = l.X.Lo / x
	}
	if x < l.X.Lo || x > l.X.Hi {
		p.Doubts = append(p.Doubts, doubt("outside the fitted range %g … %g", l.X.Lo, l.X.Hi))
	}
	if p.Times > farBeyond {
		p.Doubts = append(p.Doubts, doubt("extrapolated %.3g times beyond the range: the interval does not cover a change of law out there", p.Times))
	}
	if p.Apart > withinLinear {
		p.Doubts = append(p.Doubts, doubt("the %s curve, which fits better, differs by %.0f %% here", l.Best, 100*p.Apart))
	}
	if p.CI.Lo <= 0 && p.Y > 0 {
		p.Doubts = append(p.Doubts, "the interval reaches zero or below: this cost is not resolved")
	}
	return p
}

// deviation is |v − line| / |line|, bounded so that it stays a number.
func deviation(v, line float64) float64 {
	d := math.Abs(v - line)
	if d == 0 {
		return 0
	}
	return min(d/math.Abs(line), math.MaxFloat64)
}

// linearRange returns the ends of the longest stretch of the fitted range in which the best
// curve stays within 5 % of the line; the upper one on a tie. When there is none, both are
// the lower end of the range.
func linearRange(l Law, best Rival) (from, to float64) {
	if best.Kind == Linear {
		return l.X.Lo, l.X.Hi
	}
	const steps = 4096
	at := func(i int) float64 { return l.X.Lo + (l.X.Hi-l.X.Lo)*float64(i)/steps }
	from, to = l.X.Lo, l.X.Lo
	start := -1
	for i := range steps + 1 {
		if x := at(i); deviation(best.At(x), l.At(x)) > withinLinear {
			start = -1
			continue
		}
		if start < 0 {
			start = i
		}
		if at(i)-at(start) >= to-from {
			from, to = at(start), at(i)
		}
	}
	return from, to
}
