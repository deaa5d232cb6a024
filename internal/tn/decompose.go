package tn

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Limits say how far a decomposition is truncated. The zero value truncates nothing.
type Limits struct {
	// Bonds is the largest dimension of each bond; 0 does not limit it. Nil limits none.
	Bonds []int
	// Error is the largest error allowed, ‖W − MPO‖/‖W‖ in the Frobenius norm. Each bond may use
	// an even share of its square that the bonds before have left.
	Error float64
}

// UpTo limits all bonds of so many sites to one dimension.
func UpTo(bond, sites int) Limits {
	l := Limits{Bonds: make([]int, max(sites-1, 0))}
	for k := range l.Bonds {
		l.Bonds[k] = bond
	}
	return l
}

func (l Limits) check(sites int) error {
	if l.Bonds != nil && len(l.Bonds) != sites-1 {
		return fmt.Errorf("limits of %d bonds for %d sites: want one less than sites", len(l.Bonds), sites)
	}
	for k, n := range l.Bonds {
		if n < 0 {
			return fmt.Errorf("bond %d of dimension %d: want a positive number, or 0 for no limit", k, n)
		}
	}
	if !(l.Error >= 0) || math.IsInf(l.Error, 0) {
		return fmt.Errorf("an error of %v: want a number from 0", l.Error)
	}
	return nil
}

// Truncation is what a decomposition left out.
type Truncation struct {
	// Weights holds the sum of the squares of the singular values that each bond lost.
	Weights []float64
	// Norm is that of the whole matrix.
	Norm float64
}

// Weight returns the sum over all bonds: exactly ‖W − MPO‖², as what one bond loses is
// orthogonal to what the others do.
func (t Truncation) Weight() (sum float64) {
	for _, w := range t.Weights {
		sum += w
	}
	return sum
}

// Error returns ‖W − MPO‖/‖W‖, 0 for a matrix of zeros.
func (t Truncation) Error() float64 {
	if t.Norm == 0 {
		return 0
	}
	return math.Sqrt(t.Weight()) / t.Norm
}

// Decompose writes a matrix as an operator by sequential singular value decompositions (Oseledets,
// "Tensor-train decomposition", 2011). Every bond is cut where it costs least for the sites to
// its left as they are. The cores of all sites but the last are left isometries.
func Decompose(g *Multiplier, w Matrix, sites []Site, limits Limits) (*MPO, Truncation, error) {
	if err := checkSites(sites, w.Rows, w.Cols); err != nil {
		return nil, Truncation{}, fmt.Errorf("decompose: %w", err)
	}
	if err := limits.check(len(sites)); err != nil {
		return nil, Truncation{}, fmt.Errorf("decompose: %w", err)
	}
	m := &MPO{Sites: append([]Site(nil), sites...)}
	rest := interleave(w, sites)
	cut := newCutter(g, limits, len(sites), norm(rest))
	left := 1
	for k, s := range sites[:len(sites)-1] {
		rows := left * s.Out * s.In
		u, sv, err := cut.at(k, linalg.Dense(rows, len(rest)/rows, rest))
		if err != nil {
			return nil, Truncation{}, fmt.Errorf("decompose: %w", err)
		}
		m.Cores, m.Bonds = append(m.Cores, u.Data), append(m.Bonds, u.Cols)
		left, rest = u.Cols, sv.Data
	}
	m.Cores = append(m.Cores, rest)
	return m, cut.Truncation, nil
}

// interleave brings a matrix into the order (o₁ i₁)(o₂ i₂)….
func interleave(w Matrix, sites []Site) []float64 {
	x, done, rows, cols := make([]float64, 0, w.Rows*w.Cols), 1, w.Rows, w.Cols
	for i := range rows {
		x = append(x, w.Data[i*w.Stride:i*w.Stride+cols]...)
	}
	for _, s := range sites {
		rows, cols = rows/s.Out, cols/s.In
		x = permuted(x, [5]int{done, s.Out, rows, s.In, cols}, [5]int{0, 1, 3, 2, 4})
		done *= s.Out * s.In
	}
	return x
}

// cutter cuts bond after bond within limits.
type cutter struct {
	Truncation
	g      *Multiplier
	limits Limits
	budget float64 // of squares, that is left
	left   int     // bonds to come
}

func newCutter(g *Multiplier, limits Limits, sites int, norm float64) *cutter {
	budget := limits.Error * norm
	return &cutter{Truncation: Truncation{Norm: norm}, g: g, limits: limits, budget: budget * budget, left: sites - 1}
}

// at splits x into an isometry and the rest, cut to the dimension that the limits of bond k allow.
func (c *cutter) at(k int, x Matrix) (u, rest Matrix, err error) {
	d, err := c.g.SVD(x)
	if err != nil {
		return u, rest, err
	}
	s := d.Values
	share := c.budget / float64(c.left)
	keep, lost := len(s), 0.0
	for keep > 1 {
		more := lost + s[keep-1]*s[keep-1]
		limited := c.limits.Bonds != nil && c.limits.Bonds[k] > 0 && keep > c.limits.Bonds[k]
		if !limited && more > share && !negligible(s, keep-1, x) {
			break
		}
		keep, lost = keep-1, more
	}
	c.Weights = append(c.Weights, lost)
	c.budget, c.left = max(0, c.budget-lost), c.left-1
	u, rest = newMatrix(x.Rows, keep), newMatrix(keep, x.Cols)
	for i := range keep {
		for j := range x.Rows {
			u.Data[j*keep+i] = d.Left.Data[i*d.Left.Stride+j]
		}
		for j := range x.Cols {
			rest.Data[i*x.Cols+j] = s[i] * d.Right.Data[i*d.Right.Stride+j]
		}
	}
	return u, rest, nil
}

// negligible says whether singular value i is the rounding of zero.
func negligible(s []float64, i int, x Matrix) bool {
	const epsilon = 0x1p-52
	return s[i] <= epsilon*float64(max(x.Rows, x.Cols))*s[0]
}
