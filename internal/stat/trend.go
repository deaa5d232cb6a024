package stat

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Slope is a robust straight-line fit.
type Slope struct {
	Value     float64  `json:"value"`
	Intercept float64  `json:"intercept"` // median of y − slope·x
	CI        Interval `json:"ci"`
	Level     float64  `json:"level"`
	N         int      `json:"n"`
	Warnings  []string `json:"warnings,omitempty"`
}

// maxPairs bounds the work of TheilSen; larger samples use this many random pairs.
const maxPairs = 1 << 20

// TheilSen returns the median of the slopes of all pairs of points with different x, and
// its interval by Sen's method (1968), with Kendall's variance corrected for ties in x
// and no assumption on the noise but that it is independent and alike for all points.
// Beyond about 1,400 points a seeded random subset of the pairs is used.
func TheilSen(x, y []float64, level float64) (Slope, error) {
	level, err := checkLevel(level)
	if err != nil {
		return Slope{}, err
	}
	if len(x) != len(y) {
		return Slope{}, fmt.Errorf("stat: Theil–Sen: %d x values but %d y values", len(x), len(y))
	}
	if err := cmp.Or(check("Theil–Sen x", x), check("Theil–Sen y", y)); err != nil {
		return Slope{}, err
	}
	slopes := pairSlopes(x, y)
	if len(slopes) == 0 {
		return Slope{}, fmt.Errorf("stat: Theil–Sen: needs at least two different x values, got %d points at x = %v", len(x), x[0])
	}
	slices.Sort(slopes)
	n := len(x)
	out := Slope{Value: SortedQuantile(slopes, 0.5), Level: level, N: n}
	// Kendall's score of the residuals on x has this standard deviation, in pairs; the
	// interval spans as many pair slopes, half of them on each side of the median.
	spread := distuv.UnitNormal.Quantile((1+level)/2) * math.Sqrt(kendallVariance(n, ties(x), nil))
	share := spread / float64(distinctPairs(x)) / 2
	lo := int(math.Floor((0.5-share)*float64(len(slopes)))) - 1
	hi := int(math.Ceil((0.5 + share) * float64(len(slopes))))
	if lo < 0 || hi >= len(slopes) {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d points are too few for a %g %% interval of the robust slope: it spans all pairs of points", n, 100*level))
	}
	out.CI = Interval{Lo: slopes[max(lo, 0)], Hi: slopes[min(hi, len(slopes)-1)]}
	rest := make([]float64, n)
	for i := range x {
		rest[i] = y[i] - out.Value*x[i]
	}
	out.Intercept = Median(rest)
	return out, nil
}

// pairSlopes returns the slopes of all pairs with different x, or of maxPairs random ones.
func pairSlopes(x, y []float64) []float64 {
	n := len(x)
	if n <= 1<<15 && n*(n-1)/2 <= maxPairs {
		slopes := make([]float64, 0, n*(n-1)/2)
		for i := range x {
			for j := range i {
				if x[i] != x[j] {
					slopes = append(slopes, (y[i]-y[j])/(x[i]-x[j]))
				}
			}
		}
		return slopes
	}
	rng := Rand(uint64(n))
	slopes := make([]float64, 0, maxPairs)
	for range maxPairs {
		i, j := rng.IntN(n), rng.IntN(n)
		if x[i] != x[j] {
			slopes = append(slopes, (y[i]-y[j])/(x[i]-x[j]))
		}
	}
	return slopes
}

// distinctPairs counts the pairs of points whose x differ.
func distinctPairs(x []float64) int64 {
	n := int64(len(x))
	pairs := n * (n - 1) / 2
	for _, t := range ties(x) {
		pairs -= int64(t) * int64(t-1) / 2
	}
	return pairs
}

// ties returns the sizes of the groups of equal values that hold more than one.
func ties(v []float64) []int {
	var sizes []int
	s := slices.Sorted(slices.Values(v))
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] == s[i] {
			j++
		}
		if j-i > 1 {
			sizes = append(sizes, j-i)
		}
		i = j
	}
	return sizes
}

// kendallVariance is the variance of Kendall's score S under independence with ties in
// one or both variables (Kendall, Rank Correlation Methods, 1970, chapter 4).
func kendallVariance(n int, tx, ty []int) float64 {
	N := float64(n)
	v0 := N * (N - 1) * (2*N + 5)
	var vx, vy, x2, y2, x3, y3 float64
	for _, t := range tx {
		t := float64(t)
		vx, x2, x3 = vx+t*(t-1)*(2*t+5), x2+t*(t-1), x3+t*(t-1)*(t-2)
	}
	for _, t := range ty {
		t := float64(t)
		vy, y2, y3 = vy+t*(t-1)*(2*t+5), y2+t*(t-1), y3+t*(t-1)*(t-2)
	}
	v := (v0 - vx - vy) / 18
	if n > 1 {
		v += x2 * y2 / (2 * N * (N - 1))
	}
	if n > 2 {
		v += x3 * y3 / (9 * N * (N - 1) * (N - 2))
	}
	return v
}

// Trend is the result of a test against "no monotonic relation".
type Trend struct {
	Tau  float64 `json:"tau"` // Kendall's τ-b, −1 … 1
	P    float64 `json:"p"`   // two-sided, by the normal approximation with continuity correction
	N    int     `json:"n"`
	Note string  `json:"note,omitempty"` // why the test says nothing, when it does
}

// maxKendall bounds the quadratic work of Kendall.
const maxKendall = 4000

// Kendall tests whether y tends to rise or fall with x (Mann–Kendall when x is time). It
// assumes only that the values are independent. Samples beyond 4,000 points are thinned
// evenly.
func Kendall(x, y []float64) (Trend, error) {
	if len(x) != len(y) {
		return Trend{}, fmt.Errorf("stat: Kendall: %d x values but %d y values", len(x), len(y))
	}
	if err := cmp.Or(check("Kendall x", x), check("Kendall y", y)); err != nil {
		return Trend{}, err
	}
	if len(x) > maxKendall {
		x, y = thin(x, maxKendall), thin(y, maxKendall)
	}
	var s, nx, ny float64
	for i := range x {
		for j := range i {
			dx, dy := cmp.Compare(x[i], x[j]), cmp.Compare(y[i], y[j])
			s += float64(dx * dy)
			nx += float64(dx * dx)
			ny += float64(dy * dy)
		}
	}
	out := Trend{N: len(x), P: 1}
	variance := kendallVariance(len(x), ties(x), ties(y))
	if nx == 0 || ny == 0 || variance <= 0 {
		out.Note = "all values are tied: no trend can be seen"
		return out, nil
	}
	out.Tau = s / math.Sqrt(nx*ny)
	if z := (math.Abs(s) - 1) / math.Sqrt(variance); z > 0 {
		out.P = 2 * distuv.UnitNormal.Survival(z)
	}
	return out, nil
}

// thin keeps n values at even distances.
func thin(v []float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v[i*len(v)/n]
	}
	return out
}
