package law

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// enoughToBend is the number of different x up to the knee from which its interval allows for
// curvature that AICc does not ask for. With fewer, curvature explains anything.
const enoughToBend = 4

// profiled returns the shape whose profile bounds the knee: the quadratic one where there are
// enough x for it, since choosing the shape by the same data and then trusting the choice
// covers too seldom.
func profiled(fits []kneeShape) kneeShape {
	best := fits[0]
	for _, s := range fits[1:] {
		if s.degree > best.degree && len(s.x)-distinctFrom(s.x, best.fit.at*(1+rounding)) >= enoughToBend {
			return s
		}
	}
	return best
}

// profileSteps is how finely the profile is looked at between two neighbouring x.
const profileSteps = 16

// interval returns the hull of all knees that the F test does not refuse at the level, together
// with at. An end is infinite when a curve without a knee, or without growth, passes too.
func (s kneeShape) interval(at, level float64) Interval {
	limit := distuv.F{D1: 1, D2: s.freedom()}.Quantile(level)
	allowed := s.fit.rss + max(limit*s.variance(), rounding*rounding*float64(s.n))
	passes := func(k float64) bool { return s.profile(s.mean, k) <= allowed }
	nodes := []float64{s.fit.at, at}
	for g, x := range s.x[:len(s.x)-1] {
		for i := range profileSteps {
			nodes = append(nodes, x+(s.x[g+1]-x)*float64(i)/profileSteps)
		}
	}
	last := s.x[len(s.x)-1]
	nodes = append(nodes, last)
	slices.Sort(nodes)
	ok := make([]bool, len(nodes))
	for i, v := range nodes {
		ok[i] = v == at || v == s.fit.at || passes(v)
	}
	lo, hi := slices.Index(ok, true), len(ok)-1
	for !ok[hi] {
		hi--
	}
	ci := Interval{Lo: math.Inf(-1), Hi: math.Inf(1)}
	if lo > 0 {
		ci.Lo = bisect(nodes[lo], nodes[lo-1], passes)
	}
	if hi < len(ok)-1 {
		ci.Hi = bisect(nodes[hi], nodes[hi+1], passes)
	}
	return ci
}

// bisect returns the last value from in towards out that passes.
func bisect(in, out float64, passes func(float64) bool) float64 {
	for range 40 {
		if mid := (in + out) / 2; passes(mid) {
			in = mid
		} else {
			out = mid
		}
	}
	return in
}

// tangent is the fit linearized at its knee: its leverages say how much each residual shrinks.
func (s kneeShape) tangent(d *data) (*wls, error) {
	cols := powers(clamped(d.x, s.fit.at), s.degree)
	moves := make([]float64, len(d.x)) // by the knee
	for i, x := range d.x {
		if x > s.fit.at {
			moves[i] = 1
		}
	}
	return newWLS(append(cols, moves), d.w)
}

// refits returns fits of the shape to wild bootstrap resamples of its own fit: residuals,
// inflated for leverage as in draws and by the ratio of Student's t to the normal quantile for the few
// of them, with random signs.
func (s kneeShape) refits(d *data, opt KneeOptions) []kneeFit {
	tangent, err := s.tangent(d)
	if err != nil {
		return nil
	}
	heavy := studentT(s.freedom(), opt.Level) / distuv.UnitNormal.Quantile((1+opt.Level)/2)
	fitted, scaled := make([]float64, s.n), make([]float64, s.n)
	for i, x := range d.x {
		fitted[i] = s.fit.value(x)
		scaled[i] = heavy * (d.y[i] - fitted[i]) / max(1-tangent.h[i], minFreedom)
	}
	out := make([]kneeFit, 0, opt.Resamples)
	s.resample(fitted, scaled, opt, 0, func(_, means []float64) {
		if f, ok := s.best(means); ok {
			out = append(out, f)
		}
	})
	return out
}

// flat returns the interval of the level above the knee: Student's, from the linearized fit and
// the scatter of all trials. With two x above the knee, intervals from draws, which know only
// the scatter there, covered in 88–90 %.
func (s kneeShape) flat(d *data, level float64) Interval {
	tangent, err := s.tangent(d)
	if err != nil {
		return Interval{Lo: math.NaN(), Hi: math.NaN()}
	}
	var variance float64
	for i, w := range d.w {
		c := tangent.c[s.degree+1][i] // of the part that the knee moves
		for j, u := 0, 1.0; j <= s.degree; j, u = j+1, u*s.fit.at {
			c += u * tangent.c[j][i]
		}
		variance += c * c / w
	}
	half := studentT(s.freedom(), level) * math.Sqrt(s.variance()*variance)
	v := s.fit.value(s.fit.at)
	return Interval{Lo: (v - half) * d.yScale, Hi: (v + half) * d.yScale}
}

// resample calls visit with opt.Resamples resamples fitted ± scaled and their means by x.
func (s kneeShape) resample(fitted, scaled []float64, opt KneeOptions, stream uint64, visit func(y, means []float64)) {
	rng := rand.New(rand.NewPCG(opt.Seed, stream))
	y := make([]float64, len(fitted))
	var means []float64
	for range opt.Resamples {
		var signs uint64
		for i := range y {
			if i%64 == 0 {
				signs = rng.Uint64()
			}
			if y[i] = fitted[i] + scaled[i]; signs&1 == 0 {
				y[i] = fitted[i] - scaled[i]
			}
			signs >>= 1
		}
		means = s.means(y, means)
		visit(y, means)
	}
}

// misfit is the p value of the F test for lack of fit from which the curve counts as missing
// the means by more than their repeats scatter.
const misfit = 0.05

// byX returns the means by x as the data, when the curve misses them by more than the scatter of
// repeats explains: then a trial is no independent value, and only the misses tell how
// far the curve can be trusted. It needs two more x than parameters.
func (d *data) byX(fits []kneeShape) (*data, bool) {
	if len(fits) == 0 {
		return nil, false
	}
	s := fits[0]
	if !lacksFit(s.fit.rss, s.rss-s.fit.rss, len(s.x)-s.params(), s.n-len(s.x)) {
		return nil, false
	}
	out := &data{x: s.x, y: s.mean, w: slices.Clone(s.w), xScale: d.xScale, yScale: d.yScale, xs: d.xs}
	if normalizeWeights(out.w) != nil {
		return nil, false
	}
	out.tss = totalSquares(out.y, out.w)
	return out, len(out.kneeShapes()) > 0
}

// lacksFit is the classical F test of means about a curve against trials about their means.
func lacksFit(about, scatter float64, freedom, pure int) bool {
	if freedom < 2 || pure < 1 || !(about > rounding*rounding) {
		return false
	}
	return fTail(about/float64(freedom)/(scatter/float64(pure)), freedom, pure) < misfit
}

// fTail is the chance of a larger F.
func fTail(f float64, freedom, pure int) float64 {
	if math.IsInf(f, 1) {
		return 0
	}
	if !(f > 0) {
		return 1
	}
	return distuv.F{D1: float64(freedom), D2: float64(pure)}.Survival(f)
}
