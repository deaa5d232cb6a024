package law

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// ownFreedom is the least number of degrees of freedom of the trials above the knee from which
// their own scatter judges whether they are flat.
const ownFreedom = 4

// flatSlope fits a line through the trials above the knee: above the whole interval of the knee
// when two different x lie there. Its interval is Student's, from the scatter of those trials
// about the line, or of their means when these miss it by more than repeats explain; from
// that of the whole fit when the trials above are too few.
func (k Knee) flatSlope(trials *data, s kneeShape) (Coef, string) {
	c := Coef{Name: "slope", Value: math.NaN(), CI: Interval{Lo: math.NaN(), Hi: math.NaN()}}
	from := s.fit.at
	if hi := k.At.CI.Hi / trials.xScale; distinctFrom(s.x, hi) >= 2 {
		from = hi
	}
	above := &data{xScale: trials.xScale, yScale: trials.yScale}
	for i, v := range trials.x {
		if v >= from {
			above.x, above.y, above.w = append(above.x, v), append(above.y, trials.y[i]), append(above.w, trials.w[i])
		}
	}
	if len(above.x) < 2 {
		return c, stat.Inconclusive
	}
	line, err := newWLS(above.columns(1), above.w)
	if err != nil {
		return c, stat.Inconclusive
	}
	coef, residual := line.solve(above.y)
	var error2 float64 // of the slope when the variance of a trial of weight 1 is 1
	for i, v := range line.c[1] {
		error2 += v * v / above.w[i]
	}
	variance, freedom := above.scatter(coef, residual, ownFreedom)
	if freedom == 0 {
		variance, freedom = s.about(trials)
	}
	relative := span(above.x).Width() / math.Abs(s.fit.value(s.fit.at))
	half := studentT(freedom, k.Level) * math.Sqrt(variance*error2) * relative
	c.Value = coef[1] * relative
	c.CI = Interval{Lo: c.Value - half, Hi: c.Value + half}
	return c, within(c.CI, practical)
}

// scatter returns the variance of a trial of weight 1 about a line that judges its slope, and
// its degrees of freedom: 0 when they are fewer than least.
func (d *data) scatter(line, residual []float64, least int) (variance, freedom float64) {
	groups, pure := d.groups()
	var about float64
	for _, g := range groups {
		r := g.y - line[0] - line[1]*g.x
		about += g.w * r * r
	}
	n, m := len(d.x), len(groups)
	switch {
	case lacksFit(about, pure, m-2, n-m):
		return about / float64(m-2), float64(m - 2)
	case n-2 < least:
		return 0, 0
	}
	return rss(d.w, residual) / float64(n-2), float64(n - 2)
}

// about returns the variance of trials about the curve, and its degrees of freedom.
func (s kneeShape) about(trials *data) (variance, freedom float64) {
	var sum float64
	for i, x := range trials.x {
		r := trials.y[i] - s.fit.value(x)
		sum += trials.w[i] * r * r
	}
	freedom = float64(len(trials.x) - s.params())
	return sum / freedom, freedom
}
