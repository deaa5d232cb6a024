package law

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// What a grid must offer around a knee.
const (
	coarseStep = 1.6  // largest ratio of neighbouring x with the knee between them or on one
	sideX      = 2    // x on each side: below for a slope, above to see that cost is flat
	nearStep   = 1.25 // ratio of the knee to the x that are to be added
)

// grid fills in the gap that holds the knee and what the grid lacks around the predicted knee and
// the found one.
func (k *Knee) grid(d *data) {
	k.Add = []float64{}
	if k.found() {
		k.Gap = gapAt(d.xs, k.At.Value)
	}
	for _, v := range k.kneesOfInterest() {
		k.Add = append(k.Add, missing(d.xs, v)...)
	}
	slices.Sort(k.Add)
	k.Add = slices.CompactFunc(k.Add, func(a, b float64) bool { return max(a, b) < 1.1*min(a, b) })
	k.TooCoarse = len(k.Add) > 0
}

// found says that a curve with a knee could be fitted, whether or not it is preferred.
func (k Knee) found() bool { return len(k.Coef) > 0 }

// kneesOfInterest are the places around which the grid must be fine.
func (k Knee) kneesOfInterest() []float64 {
	var out []float64
	if k.Predicted > 0 {
		out = append(out, k.Predicted)
	}
	if k.Found && !k.Agrees {
		out = append(out, k.At.Value)
	}
	return out
}

// onGrid says whether a knee lies on an x, but for rounding.
func onGrid(x, k float64) bool { return math.Abs(x-k) <= 1e-9*math.Abs(k) }

// gapAt returns the x on both sides of k, leaving out one that equals it; beyond the grid
// an end is infinite.
func gapAt(xs []float64, k float64) Interval {
	gap := Interval{Lo: math.Inf(-1), Hi: math.Inf(1)}
	for _, x := range xs {
		switch {
		case onGrid(x, k):
		case x < k:
			gap.Lo = x
		default:
			gap.Hi = min(gap.Hi, x)
		}
	}
	return gap
}

// missing returns the x that a grid lacks around a knee at k: nearer neighbours where those on
// both sides lie too far apart, and more x on a side with too few. Ratios need x above zero.
func missing(xs []float64, k float64) []float64 {
	if !(k > 0) {
		return nil
	}
	gap := gapAt(xs, k)
	below, on := 0, slices.ContainsFunc(xs, func(x float64) bool { return onGrid(x, k) })
	for _, x := range xs {
		if x <= gap.Lo {
			below++
		}
	}
	above := len(xs) - below
	wide := func(lo, hi float64) bool { return !(hi <= lo*coarseStep*(1+1e-9)) }
	if on { // a trial on the knee tells of both sides
		below++
	}
	var out []float64
	if on && wide(gap.Lo, k) || !on && wide(gap.Lo, gap.Hi) && gap.Lo < k/nearStep {
		out, below = append(out, k/nearStep), below+1
	}
	if on && wide(k, gap.Hi) || !on && wide(gap.Lo, gap.Hi) && gap.Hi > k*nearStep {
		out, above = append(out, k*nearStep), above+1
	}
	for i := 2.0; below < sideX; i++ {
		out, below = append(out, k*math.Pow(nearStep, -i)), below+1
	}
	for i := 2.0; above < sideX; i++ {
		out, above = append(out, k*math.Pow(nearStep, i)), above+1
	}
	return out
}

// gridDoubts says what the grid lacks.
func (k Knee) gridDoubts(d *data) []string {
	var out []string
	lo, hi := d.xs[0], d.xs[len(d.xs)-1]
	switch p := k.Predicted; {
	case p > 0 && p >= hi*(1-1e-9):
		out = append(out, doubt("the predicted knee %s is not below the largest x, %s: larger ones are needed to see it", plain(p), plain(hi)))
	case p > 0 && p <= lo*(1+1e-9):
		out = append(out, doubt("the predicted knee %s is not above the smallest x, %s: smaller ones are needed to see it", plain(p), plain(lo)))
	}
	if k.TooCoarse {
		text := ""
		for i, v := range k.Add {
			if i > 0 {
				text += ", "
			}
			text += plain(v)
		}
		out = append(out, doubt("the grid is too coarse around the knee: add x of about %s", text))
	}
	return out
}

// doubts says in plain words what speaks against trusting the knee.
func (k Knee) doubts(trials, d *data, fits []kneeShape) []string {
	out := []string{}
	add := func(format string, args ...any) { out = append(out, doubt(format, args...)) }
	best := fits[0]
	if x, n := trials.leastRepeated(); n < fewRepeats {
		add("only %d trial(s) at x = %g: fewer than %d repeats", n, x, fewRepeats)
	}
	if k.P > 1-k.Level {
		add("a knee is not told from the same curve without one (p = %.2g)", k.P)
	} else if math.IsInf(k.At.CI.Hi, 1) {
		add("the trials are too few or scatter too much to bound the knee: growth over all x passes as well")
	}
	out = append(out, k.gridDoubts(trials)...)
	if k.Found && k.Predicted > 0 && !k.Agrees {
		add("the knee's interval %s leaves out the predicted %s", boundText(k.At.CI), k.predictedText())
	}
	if k.Found && k.FlatVerdict == stat.Different {
		add("cost still changes by %+.1f %% (%+.1f … %+.1f %%) above the knee: it is not flat", 100*k.FlatSlope.Value, 100*k.FlatSlope.CI.Lo, 100*k.FlatSlope.CI.Hi)
	}
	if k.Found && k.FlatVerdict == stat.Inconclusive {
		add("whether cost is flat above the knee within %g %% is not settled: add repeats or larger x", 100*practical)
	}
	if k.Unit == UnitX {
		add("costs at single x lie off the curve by up to %.1f %%, more than their repeats scatter: the intervals take an x, not a trial, as one value", 100*best.worst())
	}
	if d.hasFloor(best) {
		add("cost does not grow among the smallest x, as when small ones are raised to a floor: leave them out or give the floor")
	}
	if tangent, err := best.tangent(trials); err == nil {
		residual := make([]float64, len(trials.y))
		for i, x := range trials.x {
			residual[i] = trials.y[i] - best.fit.value(x)
		}
		out = append(out, trials.residualDoubts("curve", tangent, residual)...)
	}
	return out
}

// worst is the largest relative distance of a mean from the curve.
func (s kneeShape) worst() float64 {
	var w float64
	for g, x := range s.x {
		w = max(w, deviation(s.mean[g], s.fit.value(x)))
	}
	return w
}

// hasFloor says whether the curve fits clearly better when the smallest x count as a larger one:
// the mark of a floor that the caller did not give.
func (d *data) hasFloor(s kneeShape) bool {
	var floors []float64
	for g := 1; g < len(s.x)-s.params()-1; g++ {
		for _, share := range []float64{0.25, 0.5, 0.75, 1} {
			floors = append(floors, s.x[g-1]+share*(s.x[g]-s.x[g-1]))
		}
	}
	for _, floor := range floors {
		if floor >= s.fit.at {
			break
		}
		raised := *d
		raised.x = slices.Clone(d.x)
		for i, x := range raised.x {
			raised.x[i] = max(x, floor)
		}
		t, err := raised.newSegments(s.degree)
		if err != nil {
			continue
		}
		means := t.means(d.y, nil)
		f, ok := t.best(means)
		if ok && s.aicc-aicc(f.rss+t.within(d.y, means), s.n, s.params()+1) > clearAICc+farBetter {
			return true
		}
	}
	return false
}

// farBetter is what the search over floors may gain in AICc by chance.
const farBetter = 4

// plain formats x with three digits and without an exponent where that is readable.
func plain(v float64) string {
	if a := math.Abs(v); math.IsInf(v, 0) || math.IsNaN(v) || a != 0 && (a < 1e-3 || a >= 1e12) {
		return fmt.Sprintf("%.3g", v)
	}
	r, _ := strconv.ParseFloat(fmt.Sprintf("%.3g", v), 64)
	return strconv.FormatFloat(r, 'f', -1, 64)
}
