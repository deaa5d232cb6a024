package law

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/stat"
)

// maxCoef is the largest number of coefficients that draws handles.
const maxCoef = 3

type vec = [maxCoef]float64
type mat = [maxCoef][maxCoef]float64

// webb holds the six equally likely weights of Webb (2014): mean 0, variance 1.
var webb = [6]float64{-math.Sqrt(1.5), -1, -math.Sqrt(.5), math.Sqrt(.5), 1, math.Sqrt(1.5)}

// draws returns count draws of the coefficients from their bootstrap confidence
// distribution: the percentiles of any function of a draw are its interval.
//
// A resample keeps every trial at its own x and multiplies its residual, inflated for its
// leverage by 1/√(1−h), by a random Webb weight (wild bootstrap; Wu, 1986; Webb, 2014). Each
// resample is studentized with its own heteroscedasticity-consistent covariance (HC2;
// MacKinnon and White, 1985), jointly for all coefficients: with L·Lᵀ the covariance of the
// fit and L*·L*ᵀ that of the resample, a draw is coef − L·L*⁻¹·(coef* − coef). So the draws
// have tails as heavy as few trials require.
//
// Why not resample the trials of each length with replacement: five repeats hold only four
// fifths of the variance, and the longest length alone decides most of the slope. In
// simulation (5 and 8 lengths × 5 repeats) such 95 % intervals cover 89–94 % of the time,
// also when studentized; these cover 94–96 % whether noise is constant or grows with cost
// and even when the weights are wrong.
func (p *wls) draws(coef, residual []float64, count int, seed uint64) []vec {
	n, k := len(residual), len(coef)
	scaled := make([]float64, n)
	spread := make([]float64, n) // 1/(1−h)
	for i, r := range residual {
		spread[i] = 1 / max(1-p.h[i], minFreedom)
		scaled[i] = r * math.Sqrt(spread[i])
	}
	var theta vec
	copy(theta[:], coef)
	base, ok := p.factor(residual, spread)
	out := make([]vec, 0, count)
	if !ok {
		for range count {
			out = append(out, theta) // no scatter at all: every resample repeats the fit
		}
		return out
	}
	rng := stat.Rand(seed)
	resampled := make([]float64, n)
	// A resample without scatter has no covariance and is drawn again; the limit only
	// guards against data where nearly all of them are like that.
	for tries := 0; len(out) < count && tries < 4*count; tries++ {
		var delta vec
		for i := range resampled {
			resampled[i] = webb[rng.Uint32N(6)] * scaled[i]
			for j := range k {
				delta[j] += p.c[j][i] * resampled[i]
			}
		}
		for i := range resampled {
			for j := range k {
				resampled[i] -= p.cols[j][i] * delta[j]
			}
		}
		star, ok := p.factor(resampled, spread)
		if !ok {
			continue
		}
		z := solveLower(star, delta, k)
		d := theta
		for j := range k {
			for l := range j + 1 {
				d[j] -= base[j][l] * z[l]
			}
		}
		out = append(out, d)
	}
	return out
}

// minFreedom bounds 1−h from below: a trial that alone decides a coefficient has no
// residual of its own to inflate.
const minFreedom = 1e-6

// factor returns the Cholesky factor of the HC2 covariance Σ c·cᵀ·r²/(1−h) of the
// coefficients; false when it is not positive definite.
func (p *wls) factor(residual, spread []float64) (mat, bool) {
	var v mat
	k := len(p.cols)
	switch k {
	case 2: // the hot case: cost = a + b·x
		ca, cb := p.c[0], p.c[1]
		var aa, ab, bb float64
		for i, r := range residual {
			q := r * r * spread[i]
			aq := ca[i] * q
			aa += ca[i] * aq
			ab += cb[i] * aq
			bb += cb[i] * cb[i] * q
		}
		v[0][0], v[1][0], v[1][1] = aa, ab, bb
	default:
		for i, r := range residual {
			q := r * r * spread[i]
			for j := range k {
				for l := range j + 1 {
					v[j][l] += p.c[j][i] * p.c[l][i] * q
				}
			}
		}
	}
	return cholesky(v, k)
}

// cholesky factors the leading k×k block, given by its lower triangle.
func cholesky(v mat, k int) (mat, bool) {
	var l mat
	for j := range k {
		for i := j; i < k; i++ {
			s := v[i][j]
			for m := range j {
				s -= l[i][m] * l[j][m]
			}
			if i > j {
				l[i][j] = s / l[j][j]
				continue
			}
			if !(s > 1e-12*v[j][j]) {
				return l, false
			}
			l[j][j] = math.Sqrt(s)
		}
	}
	return l, true
}

// solveLower returns z with l·z = b.
func solveLower(l mat, b vec, k int) vec {
	var z vec
	for j := range k {
		s := b[j]
		for m := range j {
			s -= l[j][m] * z[m]
		}
		z[j] = s / l[j][j]
	}
	return z
}
