package linalg

import "fmt"

// Eigen is a symmetric eigendecomposition A = Vectorsᵀ·diag(Values)·Vectors: row i of Vectors is the
// unit eigenvector of Values[i], and the values fall. The vectors of the r largest values are the
// first r rows.
type Eigen[T Float] struct {
	Values  []T
	Vectors MatrixOf[T]
}

// SymEigen returns all eigenvalues and vectors of the symmetric matrix whose lower triangle is that of
// a; the elements above the diagonal are not read, and none is written. Reduction to tridiagonal form,
// then divide and conquer, then the reflectors applied in blocks: ‖A − VᵀΛV‖ and ‖VVᵀ − I‖ are
// O(n·eps) of ‖A‖ and 1, so a value's error is relative to the largest. It errs when an element is not
// finite, and takes memory for four matrices of A's size.
func (g *MultiplierOf[T]) SymEigen(a MatrixOf[T]) (Eigen[T], error) {
	a.check("A")
	if a.Rows != a.Cols {
		panic(fmt.Sprintf("linalg: symmetric eigendecomposition of %d×%d", a.Rows, a.Cols))
	}
	c, back, err := scaled("symmetric eigendecomposition", a, true)
	if err != nil {
		return Eigen[T]{}, err
	}
	d, e, tau := g.tridiagonalize(c)
	values, vectors, err := g.conquer(d, e, len(d))
	if err != nil {
		return Eigen[T]{}, err
	}
	g.fromTridiagonal(c, tau, vectors)
	return Eigen[T]{scaledBack(values, back), vectors}, nil
}

// scaledBack returns the values times f.
func scaledBack[T Float](values []float64, f T) []T {
	out := make([]T, len(values))
	for i, v := range values {
		out[i] = T(v * float64(f))
	}
	return out
}
