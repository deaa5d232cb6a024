package linalg

import "math"

// SVD is a thin singular value decomposition A = Leftᵀ·diag(Values)·Right: row i of Left and of Right
// are the unit singular vectors of Values[i], and the values, as many as A's smaller side, fall. The best
// approximation of rank r is that by the first r rows.
type SVD[T Float] struct {
	Values      []T
	Left, Right MatrixOf[T]
}

// SVD decomposes a, which is left as it is. A matrix that is not square is first reduced to a triangular
// one, this to bidiagonal form B, whose singular values are the positive eigenvalues of the tridiagonal
// matrix with zero diagonal and the elements of B beside it (Golub & Kahan, Calculating the singular
// values and pseudo-inverse of a matrix, 1965); those are found by divide and conquer. The residual and
// the loss of orthogonality are O(n·eps) of ‖A‖ and 1. Every singular value has an error of O(n·eps)
// of the largest one: values below that are noise, though their vectors are orthonormal all the same.
// SVD errs when an element is not finite; it takes memory for about 15 squares of A's smaller side.
func (g *MultiplierOf[T]) SVD(a MatrixOf[T]) (SVD[T], error) {
	a.check("A")
	c, back, err := scaled("singular value decomposition", a, false)
	if err != nil {
		return SVD[T]{}, err
	}
	if a.Rows > a.Cols {
		t := newMatrix[T](a.Cols, a.Rows)
		c.transposeTo(t)
		c = t
	}
	k, wide := c.Rows, c.Cols > c.Rows
	if k == 0 {
		return SVD[T]{Left: newMatrix[T](0, a.Rows), Right: newMatrix[T](0, a.Cols)}, nil
	}
	var outer *lq[T]
	if wide {
		outer = g.lq(c)
		c = outer.lower()
	}
	values, left, right, err := g.squareSVD(c)
	if err != nil {
		return SVD[T]{}, err
	}
	if wide {
		r := newMatrix[T](k, outer.f.Cols)
		right.copyTo(r.part(0, k, 0, k))
		outer.times(r)
		right = r
	}
	if a.Rows > a.Cols {
		left, right = right, left
	}
	return SVD[T]{scaledBack(values, back), left, right}, nil
}

// squareSVD decomposes a square matrix, which it overwrites.
func (g *MultiplierOf[T]) squareSVD(a MatrixOf[T]) (values []float64, left, right MatrixOf[T], err error) {
	n := a.Rows
	d, e, q, p := g.bidiagonalize(a)
	off := make([]float64, 0, 2*n-1)
	for i, v := range d {
		off = append(off, v)
		if i < n-1 {
			off = append(off, e[i])
		}
	}
	values, rows, err := g.conquer(make([]float64, 2*n), off, n)
	if err != nil {
		return nil, left, right, err
	}
	for i, v := range values {
		values[i] = math.Max(v, 0) // of a singular matrix half of the noise is negative
	}
	left, right = g.bidiagonalVectors(d, e, rows)
	q.times(left)
	p.times(right.part(0, n, 1, n))
	return values, left, right, nil
}

// bidiagonalVectors returns the singular vectors of B from the eigenvectors (v₁, u₁, v₂, u₂, …)/√2 of
// the largest half of the tridiagonal matrix's values. Where a value σ is small, the vectors of σ and −σ
// mix, so that the parts u and v, though right in direction, lose orthogonality by eps·‖B‖/σ. So the v,
// the largest first, are made orthonormal by reflectors, and so are the B·v, which are the u: what
// orthogonality cost, the triangular factor of the latter holds above the diagonal, O(eps)·‖B‖, while
// any orthonormal complement serves the values of zero.
func (g *MultiplierOf[T]) bidiagonalVectors(d, e []float64, rows MatrixOf[T]) (left, right MatrixOf[T]) {
	n := len(d)
	v := newMatrix[T](n, n)
	for i := range n {
		from, to := rows.row(i), v.row(i)
		for j := range to {
			to[j] = from[2*j] * math.Sqrt2
		}
	}
	right = g.lq(v).rows()
	w := newMatrix[T](n, n)
	for i := range n {
		x, y := right.row(i), w.row(i)
		for j := range n - 1 {
			y[j] = T(d[j]*float64(x[j]) + e[j]*float64(x[j+1]))
		}
		y[n-1] = T(d[n-1] * float64(x[n-1]))
	}
	f := g.lq(w)
	left = f.rows()
	for i := range n {
		if w.Data[i*n+i] < 0 { // on the diagonal of the factor: minus the value
			for j, v := range left.row(i) {
				left.Data[i*n+j] = -v
			}
		}
	}
	return left, right
}
