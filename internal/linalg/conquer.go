package linalg

import (
	"errors"
	"math"
	"slices"
)

// conquer finds the eigenvalues of a symmetric tridiagonal matrix with diagonal d and off-diagonal e,
// both overwritten, and the vectors of the keep largest. It returns them, largest first, as values and
// rows (Cuppen, A divide and conquer method for the symmetric tridiagonal eigenproblem, 1981; deflation
// as in LAPACK working note 69).
func (g *MultiplierOf[T]) conquer(d, e []float64, keep int) ([]float64, MatrixOf[T], error) {
	n := len(d)
	c := conqueror[T]{g: g, d: d, e: e, z: make([]float64, n), q: newMatrix[T](n, n), old: newMatrix[T](n, n), s: newMatrix[T](n, n)}
	order, err := c.solve(0, n, keep)
	if err != nil {
		return nil, c.q, err
	}
	slices.Reverse(order)
	values, rows := make([]float64, keep), c.old.part(0, keep, 0, n)
	for i, r := range order[:keep] {
		values[i] = d[r]
		copy(rows.row(i), c.q.row(r))
	}
	return values, rows, nil
}

const conquerLeaf = 32 // unknowns that are not divided

// conqueror holds the state of a division: row i of q is the vector of d[i].
type conqueror[T Float] struct {
	g       *MultiplierOf[T]
	d, e, z []float64
	q       MatrixOf[T]
	old, s  MatrixOf[T] // vectors before a merger, and those of the secular equation
}

// solve solves the part [lo, hi) and returns its rows in rising order of their values; vectors but of
// the keep largest may be wrong.
func (c *conqueror[T]) solve(lo, hi, keep int) ([]int, error) {
	if hi-lo <= conquerLeaf {
		return c.leaf(lo, hi)
	}
	mid := lo + (hi-lo)/2
	coupling := c.e[mid-1]
	c.d[mid-1] -= math.Abs(coupling)
	c.d[mid] -= math.Abs(coupling)
	left, err := c.solve(lo, mid, mid-lo)
	if err != nil {
		return nil, err
	}
	right, err := c.solve(mid, hi, hi-mid)
	if err != nil {
		return nil, err
	}
	m := merger[T]{conqueror: c, lo: lo, mid: mid, hi: hi, keep: keep, order: append(left, right...)}
	if coupling != 0 {
		m.merge(coupling)
	}
	return c.sorted(m.order), nil
}

// sorted sorts rows by their values.
func (c *conqueror[T]) sorted(rows []int) []int {
	slices.SortStableFunc(rows, func(a, b int) int {
		switch {
		case c.d[a] < c.d[b]:
			return -1
		case c.d[a] > c.d[b]:
			return 1
		}
		return 0
	})
	return rows
}

// leaf solves a small part by QL iterations with implicit shifts (Bowdler, Martin, Reinsch &
// Wilkinson, 1968).
func (c *conqueror[T]) leaf(lo, hi int) ([]int, error) {
	var top float64
	rows := make([]int, 0, hi-lo)
	for i := lo; i < hi; i++ {
		rows = append(rows, i)
		c.q.Data[i*c.q.Stride+i] = 1
		top = max(top, math.Abs(c.d[i]))
		if i+1 < hi {
			top = max(top, math.Abs(c.e[i]))
		}
	}
	small := 0x1p-54 * top
	for l := lo; l < hi; l++ {
		for iterations := 0; ; iterations++ {
			m := l
			for m+1 < hi && math.Abs(c.e[m]) > small {
				m++
			}
			if m == l {
				break
			}
			if iterations == 80 {
				return nil, errors.New("symmetric eigendecomposition: QL iterations do not converge")
			}
			c.sweep(l, m, lo, hi)
		}
	}
	return c.sorted(rows), nil
}

// sweep is one QL iteration over the unreduced rows l to m of a leaf [lo, hi).
func (c *conqueror[T]) sweep(l, m, lo, hi int) {
	d, e := c.d, c.e
	g := (d[l+1] - d[l]) / (2 * e[l])
	g = d[m] - d[l] + e[l]/(g+math.Copysign(math.Hypot(g, 1), g))
	sin, cos, p := 1.0, 1.0, 0.0
	for i := m - 1; i >= l; i-- {
		f, b := sin*e[i], cos*e[i]
		r := math.Hypot(f, g)
		if i+1 < m {
			e[i+1] = r
		}
		if r == 0 { // the matrix has split
			d[i+1] -= p
			return
		}
		sin, cos = f/r, g/r
		g = d[i+1] - p
		r = (d[i]-g)*sin + 2*cos*b
		p = sin * r
		d[i+1] = g + p
		g = cos*r - b
		rotate(c.q.row(i)[lo:hi], c.q.row(i + 1)[lo:hi], cos, -sin)
	}
	d[l] -= p
	e[l] = g
}

// rotate replaces x by cos·x + sin·y and y by cos·y − sin·x.
func rotate[T Float](x, y []T, cos, sin float64) {
	c, s := T(cos), T(sin)
	y = y[:len(x)]
	for i, v := range x {
		w := y[i]
		x[i], y[i] = c*v+s*w, c*w-s*v
	}
}
