package law

import (
	"errors"
	"math"
)

// wls is a weighted least-squares problem min Σ w·(y − Σⱼ coefⱼ·colsⱼ)² with the parts that
// do not depend on y worked out once, so that one resample costs a few passes over n.
type wls struct {
	cols [][]float64 // k columns of n values
	w    []float64
	c    [][]float64 // coefⱼ = Σᵢ c[j][i]·y[i]
	h    []float64   // leverages, 0 … 1, summing to k
}

var errRank = errors.New("the predictors do not vary enough to tell their coefficients apart")

// rankTolerance is the share of a column that must remain when the columns before it are
// taken out of it. Rounding leaves about 1e-16.
const rankTolerance = 1e-9

// newWLS factors diag(√w)·cols = Q·R by modified Gram–Schmidt, each column
// orthogonalized twice, and forms the coefficient map R⁻¹·Qᵀ·diag(√w).
func newWLS(cols [][]float64, w []float64) (*wls, error) {
	n, k := len(w), len(cols)
	q := make([][]float64, k)
	r := make([][]float64, k)
	for j, col := range cols {
		q[j], r[j] = make([]float64, n), make([]float64, k)
		for i, v := range col {
			q[j][i] = v * math.Sqrt(w[i])
		}
		size := norm(q[j])
		for range 2 {
			for l := range j {
				s := dot(q[l], q[j])
				r[l][j] += s
				for i := range q[j] {
					q[j][i] -= s * q[l][i]
				}
			}
		}
		rest := norm(q[j])
		if !(rest > rankTolerance*size) {
			return nil, errRank
		}
		r[j][j] = rest
		for i := range q[j] {
			q[j][i] /= rest
		}
	}
	p := &wls{cols: cols, w: w, c: make([][]float64, k), h: make([]float64, n)}
	for j := k - 1; j >= 0; j-- {
		p.c[j] = make([]float64, n)
		for i := range p.c[j] {
			v := q[j][i] * math.Sqrt(w[i])
			for l := j + 1; l < k; l++ {
				v -= r[j][l] * p.c[l][i]
			}
			p.c[j][i] = v / r[j][j]
			p.h[i] += q[j][i] * q[j][i]
		}
	}
	return p, nil
}

// solve returns the coefficients and the residuals y − fit.
func (p *wls) solve(y []float64) (coef, residual []float64) {
	coef = make([]float64, len(p.cols))
	for j := range coef {
		coef[j] = dot(p.c[j], y)
	}
	residual = make([]float64, len(y))
	for i := range y {
		fit := 0.0
		for j := range coef {
			fit += coef[j] * p.cols[j][i]
		}
		residual[i] = y[i] - fit
	}
	return coef, residual
}

// rss is the weighted residual sum of squares Σ w·r².
func rss(w, residual []float64) float64 {
	var s float64
	for i, r := range residual {
		s += w[i] * r * r
	}
	return s
}

func dot(a, b []float64) float64 {
	var s float64
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func norm(a []float64) float64 { return math.Sqrt(dot(a, a)) }
