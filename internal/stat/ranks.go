package stat

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// exactRanks is the largest sample for which rank tests use their exact distribution.
const exactRanks = 30

// null is a symmetric null distribution of an integer statistic 0 … top.
type null struct {
	top int
	cdf []float64 // exact P(S ≤ s); nil when the normal approximation is used
	sd  float64
}

// mannWhitneyNull is the distribution of U for samples of n and m values, of which the sizes
// of ties are given.
func mannWhitneyNull(n, m int, tied []int) null {
	d := null{top: n * m}
	if n > exactRanks || m > exactRanks || len(tied) > 0 {
		N, loss := float64(n+m), 0.0
		for _, t := range tied {
			t := float64(t)
			loss += t*t*t - t
		}
		d.sd = math.Sqrt(float64(n) * float64(m) / 12 * (N + 1 - loss/(N*(N-1))))
		return d
	}
	// counts[k][s]: ways to choose k of the ranks seen so far with U = s. Rank j, taken as
	// the k-th of its sample, beats the j−k values of the other sample below it.
	counts := make([][]float64, n+1)
	for k := range counts {
		counts[k] = make([]float64, d.top+1)
	}
	counts[0][0] = 1
	for j := 1; j <= n+m; j++ {
		for k := min(j, n); k >= 1; k-- {
			if beaten := j - k; beaten <= m {
				for s := d.top; s >= beaten; s-- {
					counts[k][s] += counts[k-1][s-beaten]
				}
			}
		}
	}
	d.cdf = cumulate(counts[n])
	return d
}

// signedRankNull is the distribution of Wilcoxon's W⁺ for n differences other than zero, of
// whose magnitudes the sizes of ties are given.
func signedRankNull(n int, tied []int) null {
	d := null{top: n * (n + 1) / 2}
	if n > exactRanks || len(tied) > 0 {
		N, loss := float64(n), 0.0
		for _, t := range tied {
			t := float64(t)
			loss += t*t*t - t
		}
		d.sd = math.Sqrt(N*(N+1)*(2*N+1)/24 - loss/48)
		return d
	}
	counts := make([]float64, d.top+1)
	counts[0] = 1
	for rank := 1; rank <= n; rank++ {
		for s := d.top; s >= rank; s-- {
			counts[s] += counts[s-rank]
		}
	}
	d.cdf = cumulate(counts)
	return d
}

// cumulate turns counts into cumulative probabilities.
func cumulate(counts []float64) []float64 {
	cdf := make([]float64, len(counts))
	sum := 0.0
	for i, c := range counts {
		sum += c
		cdf[i] = sum
	}
	for i := range cdf {
		cdf[i] /= sum
	}
	return cdf
}

// twoSided is the probability of a statistic at least as far from the middle as s.
func (d null) twoSided(s float64) float64 {
	s = min(s, float64(d.top)-s)
	if d.cdf != nil {
		return min(1, 2*d.cdf[int(math.Floor(s))])
	}
	if d.sd == 0 {
		return 1
	}
	z := (float64(d.top)/2 - s - 0.5) / d.sd // with continuity correction
	return min(1, 2*distuv.UnitNormal.Survival(max(z, 0)))
}

// outside returns how many of top sorted values lie outside an interval of the level on
// each side; reached is false when not even their whole range has that level.
func (d null) outside(level float64) (k int, reached bool) {
	tail := (1 - level) / 2
	if d.cdf != nil {
		for k < len(d.cdf) && d.cdf[k] <= tail {
			k++
		}
		return max(k-1, 0), k > 0
	}
	k = int(math.Floor(float64(d.top)/2 - distuv.UnitNormal.Quantile(1-tail)*d.sd))
	return max(k-1, 0), k > 0
}

// midranks returns the ranks 1 … n of values, ties sharing their mean rank.
func midranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return 0
	})
	ranks := make([]float64, len(values))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for _, at := range order[i:j] {
			ranks[at] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}
