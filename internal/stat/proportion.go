package stat

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Wilson is the interval of a proportion (1927): it has a width even where all n values agree.
// right may be between whole numbers, as of weighted counts.
func Wilson(right, n, level float64) Interval {
	if !(n > 0) {
		return Interval{Lo: 0, Hi: 1}
	}
	p, z := right/n, distuv.UnitNormal.Quantile((1+level)/2)
	center, half := (p+z*z/(2*n))/(1+z*z/n), z/(1+z*z/n)*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Interval{Lo: max(0, min(center-half, p)), Hi: min(1, max(center+half, p))}
}

// Quotient is the interval of a/b that follows from those of a and of b, which must lie above
// zero, if their errors are independent (Donner and Zou, "Closed-form confidence intervals for
// functions of the normal mean and standard deviation", 2012). It is false where b is not known
// to lie clear of zero.
func Quotient(a float64, ofA Interval, b float64, ofB Interval) (Interval, bool) {
	if !(ofB.Lo > 0) || !(b >= ofB.Lo) || !(2*b > ofB.Hi) || !(ofA.Lo >= 0) || !(2*a >= ofA.Lo) {
		return Interval{}, false
	}
	root := func(endA, endB float64) float64 {
		return math.Sqrt(max(0, a*b*a*b-endA*endB*(2*a-endA)*(2*b-endB)))
	}
	lo := (a*b - root(ofA.Lo, ofB.Hi)) / (ofB.Hi * (2*b - ofB.Hi))
	hi := (a*b + root(ofA.Hi, ofB.Lo)) / (ofB.Lo * (2*b - ofB.Lo))
	return Interval{Lo: max(0, lo), Hi: hi}, true
}

// PairedShares compares the shares of the same items that are right in two ways, as of tasks at
// two resolutions.
type PairedShares struct {
	// Difference is other − base, with the adjusted Wald interval of Bonett and Price (2012), which
	// has a width even where no item changes.
	Difference float64  `json:"difference"`
	CI         Interval `json:"ci"`
	Level      float64  `json:"level"`
	// P is the exact p value of McNemar's test of "no difference": of the items that changed.
	P      float64 `json:"p"`
	N      int     `json:"n"`
	Lost   int     `json:"lost"`   // items that only base has right
	Gained int     `json:"gained"` // items that only other has right
}

// ComparePaired compares base[i] with other[i].
func ComparePaired(base, other []bool) (PairedShares, error) {
	if len(base) != len(other) || len(base) == 0 {
		return PairedShares{}, fmt.Errorf("stat: paired shares of %d and %d items", len(base), len(other))
	}
	c := PairedShares{N: len(base), Level: DefaultLevel}
	for i := range base {
		switch {
		case base[i] && !other[i]:
			c.Lost++
		case !base[i] && other[i]:
			c.Gained++
		}
	}
	n := float64(c.N)
	c.Difference = float64(c.Gained-c.Lost) / n
	lost, gained := float64(c.Lost+1)/(n+2), float64(c.Gained+1)/(n+2)
	z := distuv.UnitNormal.Quantile((1 + c.Level) / 2)
	half := z * math.Sqrt((lost+gained-(gained-lost)*(gained-lost))/(n+2))
	c.CI = Interval{Lo: max(-1, gained-lost-half), Hi: min(1, gained-lost+half)}
	c.P = signTest(c.Lost, c.Gained)
	return c, nil
}

// Needed is about how many items it would take for the interval to reach no further than margin
// from the difference.
func (c PairedShares) Needed(margin float64) int {
	n := float64(c.N)
	changed, d := float64(c.Lost+c.Gained+2)/(n+2), float64(c.Gained-c.Lost)/(n+2)
	z := distuv.UnitNormal.Quantile((1 + c.Level) / 2)
	return int(math.Ceil(z * z * (changed - d*d) / (margin * margin)))
}

// signTest is the two-sided exact p value of a and b, if each of the a+b is either as likely.
func signTest(a, b int) float64 {
	n := a + b
	if n == 0 {
		return 1
	}
	half := distuv.Binomial{N: float64(n), P: 0.5}
	return min(1, 2*half.CDF(float64(min(a, b))))
}
