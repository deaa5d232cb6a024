package law

import "math"

// gain is F of the knee against the same curve without one.
func (s kneeShape) gain() float64 {
	var coef vector
	without := s.whole.fit(s.mean, &coef)
	return max(0, without-s.fit.rss) / max(s.variance(), rounding*rounding)
}

// preference is by how much the AICc of the best curve with a knee lies below that of the best one
// without; -Inf when no curve grows into a knee. degree is that of the curve without.
func preference(fits []kneeShape, y, means []float64) (better float64, degree int) {
	with, without := math.Inf(1), math.Inf(1)
	within := fits[0].within(y, means)
	for _, s := range fits {
		var coef vector
		if a := aicc(s.whole.fit(means, &coef)+within, s.n, s.degree+1); a < without {
			without, degree = a, s.degree
		}
		if k, ok := s.best(means); ok {
			with = min(with, aicc(k.rss+within, s.n, s.params()))
		}
	}
	return without - with, degree
}

// kneeTest returns the p value of "no knee": the share of resamples of the best curve without a
// knee, residuals with random signs, in which a knee is preferred as much as in the data. Each
// resample chooses its shapes anew, with a knee and without: with those of the data kept, a
// straight line was refused in 8 % of draws where 5 % were asked for. The residuals are the
// knee's: those of the curve without hold all that it misses when there is a knee, and hid
// knees of F = 50.
func kneeTest(d *data, fits []kneeShape, opt KneeOptions) float64 {
	s := fits[0]
	better, degree := preference(fits, d.y, s.mean)
	curve, err := newWLS(d.columns(degree), d.w)
	tangent, err2 := s.tangent(d)
	if err != nil || err2 != nil {
		return 1
	}
	_, residual := curve.solve(d.y)
	fitted, scaled := make([]float64, s.n), make([]float64, s.n)
	for i, r := range residual {
		fitted[i] = d.y[i] - r
		scaled[i] = (d.y[i] - s.fit.value(d.x[i])) / math.Sqrt(max(1-tangent.h[i], minFreedom))
	}
	above := 1
	s.resample(fitted, scaled, opt, 1, func(y, means []float64) {
		if b, _ := preference(fits, y, means); b >= better {
			above++
		}
	})
	return float64(above) / float64(opt.Resamples+1)
}
