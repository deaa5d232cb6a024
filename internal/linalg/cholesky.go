package linalg

import (
	"fmt"
	"math"
)

// NotPositiveError tells that a matrix is not positive definite: after elimination of the unknowns
// before it, this pivot is zero, negative or not a number.
type NotPositiveError struct {
	Pivot, Size int
	Value       float64
}

// Error names the pivot and what can be done.
func (e *NotPositiveError) Error() string {
	return fmt.Sprintf("Cholesky factorization of a %d×%d matrix: pivot %d is %.3g, the matrix is not positive definite: add to its diagonal",
		e.Size, e.Size, e.Pivot, e.Value)
}

const choleskyLeaf = 48 // pivots that are eliminated one by one

// Cholesky overwrites the lower triangle of a symmetric positive definite A with L, A = L·Lᵀ, reading
// that triangle alone; the elements above the diagonal are unspecified afterwards. It returns a
// *NotPositiveError when A is not positive definite. L·Lᵀ = A+E with |E| ≤ O(n·eps)·|L|·|Lᵀ|
// (Golub & Van Loan, Matrix Computations, §4.2); it proceeds by halves.
func (g *MultiplierOf[T]) Cholesky(a MatrixOf[T]) error {
	a.check("A")
	if a.Rows != a.Cols {
		panic(fmt.Sprintf("linalg: Cholesky factorization of %d×%d", a.Rows, a.Cols))
	}
	return g.cholesky(a, 0, a.Rows)
}

func (g *MultiplierOf[T]) cholesky(a MatrixOf[T], lo, hi int) error {
	if hi-lo <= choleskyLeaf {
		return choleskyRows(a, lo, hi)
	}
	mid := lo + (hi-lo+2*triangularLeaf-1)/(2*triangularLeaf)*triangularLeaf
	if err := g.cholesky(a, lo, mid); err != nil {
		return err
	}
	below := a.part(mid, hi, lo, mid)
	if err := g.SolveTriangular(Right, Lower, Transposed, a.part(lo, mid, lo, mid), below); err != nil {
		return err // cannot be: the pivots are positive
	}
	g.GemmLower(Plain, Transposed, -1, below, below, 1, a.part(mid, hi, mid, hi))
	return g.cholesky(a, mid, hi)
}

// choleskyRows factorizes the block [lo, hi) of the diagonal, row after row.
func choleskyRows[T Float](a MatrixOf[T], lo, hi int) error {
	for i := lo; i < hi; i++ {
		x := a.Data[i*a.Stride+lo : i*a.Stride+i+1]
		for j := lo; j <= i; j++ {
			y := a.Data[j*a.Stride+lo : j*a.Stride+j+1]
			sum := x[j-lo]
			for k := range j - lo {
				sum -= x[k] * y[k]
			}
			if j < i {
				x[j-lo] = sum / y[j-lo]
				continue
			}
			if !(sum > 0) || math.IsInf(float64(sum), 1) {
				return &NotPositiveError{Pivot: i, Size: a.Rows, Value: float64(sum)}
			}
			x[j-lo] = T(math.Sqrt(float64(sum)))
		}
	}
	return nil
}

// SolveCholesky overwrites B with the solution X of A·X = B (Left) or X·A = B (Right), where the
// lower triangle of l is the Cholesky factor of A.
func (g *MultiplierOf[T]) SolveCholesky(side Side, l, b MatrixOf[T]) error {
	first, second := Plain, Transposed // L·(Lᵀ·X) = B
	if side == Right {
		first, second = Transposed, Plain // (X·L)·Lᵀ = B
	}
	if err := g.SolveTriangular(side, Lower, first, l, b); err != nil {
		return err
	}
	return g.SolveTriangular(side, Lower, second, l, b)
}
