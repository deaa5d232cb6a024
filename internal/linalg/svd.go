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
	left, right = g.bidiagonalVectors(values, rows)
	q.times(left)
	p.times(right.part(0, n, 1, n))
	return values, left, right, nil
}

// bidiagonalVectors returns the singular vectors of B from its singular values and the eigenvectors
// (v₁, u₁, v₂, u₂, …)/√2 of the larger half of the tridiagonal matrix's. A vector of σ and one of −σ', found
// orthogonal to eps, are mixed by eps·‖B‖/(σ+σ'): by as much the u of σ and σ', or their v, may fall short of
// orthogonality, which is nothing where one of the values is large. The others are made orthonormal among
// themselves, the largest first: as they are orthogonal to the rest, that moves B·v and σ·u by
// O(eps)·‖B‖. Where values are noise, u or v may even vanish: then all are made orthonormal together, so that
// what noise decides is a complement of the others.
func (g *MultiplierOf[T]) bidiagonalVectors(values []float64, rows MatrixOf[T]) (left, right MatrixOf[T]) {
	n := len(values)
	left, right = newMatrix[T](n, n), newMatrix[T](n, n)
	for i := range n {
		from, u, v := rows.row(i), left.row(i), right.row(i)
		for j := range n {
			v[j], u[j] = from[2*j]*math.Sqrt2, from[2*j+1]*math.Sqrt2
		}
	}
	eps, _ := unit[T]()
	from := 0
	if values[n-1] > float64(n)*eps*values[0] {
		for from < n && values[from]*float64(n) > largeValue*values[0] {
			from++
		}
	}
	g.orthonormalize(left.part(from, n, 0, n))
	g.orthonormalize(right.part(from, n, 0, n))
	return left, right
}

const largeValue = 16 // times 1/n of the largest value, above which vectors are orthogonal as they are found

// orthonormalize overwrites almost orthonormal rows with orthonormal ones.
func (g *MultiplierOf[T]) orthonormalize(x MatrixOf[T]) {
	if x.Rows == 0 {
		return
	}
	f := g.lq(x)
	q := f.rows()
	for i := range x.Rows {
		row := q.row(i)
		if x.Data[i*x.Stride+i] < 0 { // the reflectors have turned the row around
			for j := range row {
				row[j] = -row[j]
			}
		}
	}
	q.copyTo(x)
}
