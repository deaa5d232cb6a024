package law

import (
	"fmt"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// Thresholds of doubts.
const (
	fewLengths     = 5    // fewer different x cannot tell a line from a curve
	fewRepeats     = 5    // the protocol's least number of trials at one x
	narrowRange    = 4.0  // least ratio of the longest to the shortest x
	goodR2         = 0.98 // below it the line leaves much unexplained
	clearAICc      = 2.0  // a difference of AICc from which the better model counts (Burnham and Anderson, 2002)
	outlierSigmas  = 5.0  // robust standard deviations from the line
	ownLeverage    = 0.9  // a trial that nearly decides a coefficient alone
	growingScatter = 0.01 // p value of the test for scatter that changes with cost
	listed         = 3    // outliers named one by one
)

func doubt(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// doubts says in plain words what speaks against trusting the law.
func (d *data) doubts(l Law, line *wls, residual []float64) []string {
	out := []string{}
	add := func(format string, args ...any) { out = append(out, doubt(format, args...)) }
	if len(d.xs) < fewLengths {
		add("only %d different x: %d or more are needed to tell a line from a curve", len(d.xs), fewLengths)
	}
	if x, n := d.leastRepeated(); n < fewRepeats {
		add("only %d trial(s) at x = %g: fewer than %d repeats", n, x, fewRepeats)
	}
	if lo, hi := l.X.Lo, l.X.Hi; lo > 0 && hi/lo < narrowRange {
		add("x spans only a factor of %.3g: a curve can look like a line", hi/lo)
	}
	if l.R2 < goodR2 {
		add("R² is only %.3f: the line leaves %.1f %% of the variation unexplained", l.R2, 100*(1-l.R2))
	}
	out = append(out, l.coefDoubts()...)
	out = append(out, l.rivalDoubts()...)
	out = append(out, d.residualDoubts("line", line, residual)...)
	return out
}

// leastRepeated returns the x with the fewest trials, and how many.
func (d *data) leastRepeated() (x float64, n int) {
	count := map[float64]int{}
	for _, v := range d.x {
		count[v]++
	}
	n = math.MaxInt
	for _, v := range d.xs {
		if c := count[v/d.xScale]; c < n {
			x, n = v, c
		}
	}
	return x, n
}

func (l Law) coefDoubts() []string {
	var out []string
	a, b := l.A(), l.B()
	switch {
	case b.CI.Contains(0):
		out = append(out, doubt("the slope's interval %.3g … %.3g includes zero: cost is not shown to grow with x", b.CI.Lo, b.CI.Hi))
	case b.Value < 0:
		out = append(out, "the slope is negative: cost falls with x")
	}
	switch {
	case a.CI.Contains(0):
		out = append(out, doubt("the fixed cost's interval %.3g … %.3g includes zero: it cannot be told from none", a.CI.Lo, a.CI.Hi))
	case a.Value < 0:
		out = append(out, "the fixed cost is negative: the law bends below the fitted range, do not read it as a cost")
	}
	if t := l.TheilSen; !t.CI.Contains(b.Value) && !b.CI.Contains(t.Value) {
		out = append(out, doubt("the robust slope %.3g (%.3g … %.3g) disagrees with the fitted %.3g: outliers or curvature", t.Value, t.CI.Lo, t.CI.Hi, b.Value))
	}
	return out
}

func (l Law) rivalDoubts() []string {
	var out []string
	if len(l.Rivals) < 3 {
		out = append(out, "not every rival could be fitted (a power law needs x > 0, a curve three different x)")
	}
	i := slices.IndexFunc(l.Rivals, func(r Rival) bool { return r.Kind == Linear })
	winner := best(l.Rivals)
	if i < 0 || winner.Kind == Linear {
		return out
	}
	gain := l.Rivals[i].AICc - winner.AICc
	if gain > clearAICc {
		out = append(out, doubt("the %s curve fits better than the line (AICc lower by %.1f)", winner.Kind, gain))
	}
	if l.LinearTo < l.X.Hi || l.LinearFrom > l.X.Lo {
		out = append(out, doubt("linear holds within 5 %% only for x = %.4g … %.4g", l.LinearFrom, l.LinearTo))
	}
	return out
}

// residualDoubts looks at single trials about a curve, of which line is the
// (linearized) problem: outliers, leverage, and scatter that grows.
func (d *data) residualDoubts(curve string, line *wls, residual []float64) []string {
	var out []string
	n := len(residual)
	standard := make([]float64, n) // studentized but for σ
	for i, r := range residual {
		standard[i] = r * math.Sqrt(d.w[i]/max(1-line.h[i], minFreedom))
	}
	sigma := stat.NormalMAD * stat.MAD(standard)
	center := stat.Median(standard)
	named := 0
	for i, s := range standard {
		if n < 2*minPoints || !(math.Abs(s-center) > outlierSigmas*sigma) || math.Abs(s) < rounding {
			continue
		}
		if named++; named <= listed {
			out = append(out, doubt("trial %d (x = %g, cost %.4g) lies %.1f robust σ off the %s", i+1, d.x[i]*d.xScale, d.y[i]*d.yScale, math.Abs(s-center)/sigma, curve))
		}
	}
	if named > listed {
		out = append(out, doubt("%d trials in all lie more than %g robust σ off the %s", named, outlierSigmas, curve))
	}
	if i := slices.IndexFunc(line.h, func(h float64) bool { return h > ownLeverage }); i >= 0 {
		out = append(out, doubt("trial %d (x = %g) alone decides the %s: repeat it", i+1, d.x[i]*d.xScale, curve))
	}
	if trend, err := stat.Kendall(d.x, absolute(standard)); err == nil && trend.P < growingScatter {
		out = append(out, doubt("scatter %s with x beyond what the weights say: weight by 1/variance", map[bool]string{true: "grows", false: "shrinks"}[trend.Tau > 0]))
	}
	return out
}

func absolute(v []float64) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		out[i] = math.Abs(v[i])
	}
	return out
}
