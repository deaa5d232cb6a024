package linalg

import (
	"fmt"
	"math"
	"unsafe"
)

// unit returns the rounding unit of T, and the sum of squares below which a vector counts as zero
// beside elements of order one: smaller squares would have lost their accuracy to underflow.
func unit[T Float]() (eps, tiny float64) {
	var t T
	if unsafe.Sizeof(t) == 4 {
		return 0x1p-24, 1e-30
	}
	return 0x1p-53, 1e-280
}

// scaled returns a copy of a, or of its lower triangle alone, times the power of two that brings the
// largest element to order one, so that nothing overflows, and the inverse of that power. It errs
// when an element is not finite.
func scaled[T Float](what string, a MatrixOf[T], lower bool) (MatrixOf[T], T, error) {
	c := newMatrix[T](a.Rows, a.Cols)
	var top float64
	for i := range a.Rows {
		row := a.row(i)
		if lower {
			row = row[:i+1]
		}
		copy(c.row(i), row)
		for j, v := range row {
			f := math.Abs(float64(v))
			if math.IsNaN(f) || math.IsInf(f, 0) {
				return c, 0, fmt.Errorf("%s of a %d×%d matrix: element (%d, %d) is %v: it must be finite", what, a.Rows, a.Cols, i, j, v)
			}
			top = max(top, f)
		}
	}
	_, exp := math.Frexp(top)
	exp = max(exp, -1000) // whose inverse is finite
	f := math.Ldexp(1, -exp)
	for i, v := range c.Data {
		c.Data[i] = T(float64(v) * f)
	}
	return c, T(math.Ldexp(1, exp)), nil
}

// householder overwrites x with v of the reflector H = I − tau·v·vᵀ that maps x to beta at place at
// and zeros elsewhere, v[at] = 1 (Golub & Van Loan, Matrix Computations, §5.1). tau is zero, and v
// too, when x is zero but at that place.
func (g *MultiplierOf[T]) householder(x []T, at int) (beta, tau T) {
	_, tiny := unit[T]()
	alpha := x[at]
	x[at] = 0
	var d [1]T
	g.micro.dots(d[:], x, len(x), x)
	if float64(d[0]) < tiny {
		clear(x)
		return alpha, 0
	}
	beta = T(math.Sqrt(float64(alpha)*float64(alpha) + float64(d[0])))
	if alpha > 0 {
		beta = -beta
	}
	tau = (beta - alpha) / beta
	f := 1 / (alpha - beta)
	for i := range x {
		x[i] *= f
	}
	x[at] = 1
	return beta, tau
}

// reflectors is the product H₀·H₁⋯ of the reflectors I − tau_i·v_i·v_iᵀ as I + Vᵀ·T·V, the v_i the
// rows of V and T, here with its sign changed, upper triangular (Schreiber & Van Loan, A storage-efficient WY representation for
// products of Householder transformations, 1989).
type reflectors[T Float] struct{ v, t MatrixOf[T] }

// reflectors returns the product of reflectors with the rows of v.
func (g *MultiplierOf[T]) reflectors(v MatrixOf[T], tau []T) reflectors[T] {
	n := v.Rows
	gram, t := newMatrix[T](n, n), newMatrix[T](n, n)
	g.Gemm(Plain, Transposed, 1, v, v, 0, gram)
	for j, f := range tau {
		for i := range j {
			var sum T
			for k := i; k < j; k++ {
				sum += t.Data[i*n+k] * gram.Data[k*n+j]
			}
			t.Data[i*n+j] = -f * sum
		}
		t.Data[j*n+j] = -f
	}
	return reflectors[T]{v, t}
}

// apply overwrites C with C·op(H).
func (g *MultiplierOf[T]) apply(h reflectors[T], op Op, c MatrixOf[T]) {
	if c.Rows == 0 {
		return
	}
	n := h.v.Rows
	w, wt := newMatrix[T](c.Rows, n), newMatrix[T](c.Rows, n)
	g.Gemm(Plain, Transposed, 1, c, h.v, 0, w)
	g.Gemm(Plain, op, 1, w, h.t, 0, wt)
	g.Gemm(Plain, Plain, 1, wt, h.v, 1, c)
}
