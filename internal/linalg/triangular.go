package linalg

import "fmt"

// Side tells on which side of the unknowns a triangular matrix stands.
type Side bool

// The two sides.
const (
	Left  Side = false
	Right Side = true
)

// Triangle tells which half of a matrix holds a triangular one. What lies in the other half is
// neither read nor written.
type Triangle bool

// The two triangles.
const (
	Lower Triangle = false
	Upper Triangle = true
)

const (
	triangularLeaf = 32  // unknowns that are eliminated one by one
	triangularTask = 256 // unknowns, and
	rightSides     = 128 // right sides, in which one thread eliminates them alone: they fit a second-level cache
)

// SolveTriangular overwrites B with the solution X of
//
//	op(A)·X = B (Left) or X·op(A) = B (Right)
//
// where A is triangular. It errs when an element of A's diagonal is zero, before it writes anything.
// Every column (or row) is substituted backward stably: (A+E)x = b with |E| ≤ O(n·eps)·|A| (Higham,
// Accuracy and Stability of Numerical Algorithms, §8.1). It panics when the shapes do not fit.
func (g *MultiplierOf[T]) SolveTriangular(side Side, half Triangle, op Op, a, b MatrixOf[T]) error {
	a.check("A")
	b.check("B")
	n := b.Rows
	if side == Right {
		n = b.Cols
	}
	if a.Rows != n || a.Cols != n {
		panic(fmt.Sprintf("linalg: triangular %d×%d for %d unknowns", a.Rows, a.Cols, n))
	}
	for i := range n {
		if a.Data[i*a.Stride+i] == 0 {
			return fmt.Errorf("solve a triangular system of %d unknowns: element %d of the diagonal is zero: the matrix is singular", n, i)
		}
	}
	// X·M = B is Mᵀ·Xᵀ = Bᵀ: only the sides' storage differs.
	s := triangular[T]{g: g, side: side, op: op != Op(side == Right), a: a, b: b}
	s.forward = (half == Lower) == (s.op == Plain)
	if s.sides() > 0 {
		s.solve(0, n)
	}
	return nil
}

// triangular is a system op(A)·X = B, or with columns and rows of B exchanged for side Right.
type triangular[T Float] struct {
	g       *MultiplierOf[T]
	side    Side
	op      Op
	forward bool // op(A) is lower triangular: unknowns are found from the first
	a, b    MatrixOf[T]
}

// solve finds the unknowns [lo, hi), when all before them are already subtracted: by halves, so that
// almost all of the work is products of matrices, and with few of them for each thread on its own.
func (s *triangular[T]) solve(lo, hi int) {
	switch sides := s.sides(); {
	case hi-lo <= triangularLeaf && sides <= rightSides:
		s.leaf(lo, hi)
		return
	case hi-lo <= triangularTask && sides > rightSides:
		width := balanced(sides, rightSides)
		Parallel(s.g.threads, (sides+width-1)/width, func(worker, task int) {
			alone := *s
			alone.g, alone.b = s.g.alone(worker), s.part(task*width, min((task+1)*width, sides))
			alone.solve(lo, hi)
		})
		return
	}
	mid := lo + (hi-lo+2*triangularLeaf-1)/(2*triangularLeaf)*triangularLeaf
	if s.forward {
		s.solve(lo, mid)
		s.subtract(mid, hi, lo, mid)
		s.solve(mid, hi)
		return
	}
	s.solve(mid, hi)
	s.subtract(lo, mid, mid, hi)
	s.solve(lo, mid)
}

// sides returns the number of right sides.
func (s *triangular[T]) sides() int {
	if s.side == Right {
		return s.b.Rows
	}
	return s.b.Cols
}

// part returns right sides [c0, c1).
func (s *triangular[T]) part(c0, c1 int) MatrixOf[T] {
	if s.side == Right {
		return s.b.part(c0, c1, 0, s.b.Cols)
	}
	return s.b.part(0, s.b.Rows, c0, c1)
}

// subtract takes op(A)[i0:i1, j0:j1]·X[j0:j1] from B[i0:i1].
func (s *triangular[T]) subtract(i0, i1, j0, j1 int) {
	m := s.a.part(i0, i1, j0, j1)
	if s.op == Transposed {
		m = s.a.part(j0, j1, i0, i1)
	}
	b := s.b
	if s.side == Left {
		s.g.Gemm(s.op, Plain, -1, m, b.part(j0, j1, 0, b.Cols), 1, b.part(i0, i1, 0, b.Cols))
	} else {
		s.g.Gemm(Plain, !s.op, -1, b.part(0, b.Rows, j0, j1), m, 1, b.part(0, b.Rows, i0, i1))
	}
}

// leaf finds the unknowns one after the other, in columns that lie side by side.
func (s *triangular[T]) leaf(lo, hi int) {
	n := hi - lo
	m := newMatrix[T](n, n) // op(A)
	if d := s.a.part(lo, hi, lo, hi); s.op == Transposed {
		d.transposeTo(m)
	} else {
		d.copyTo(m)
	}
	if s.side == Left {
		s.substitute(m, s.b.part(lo, hi, 0, s.b.Cols))
		return
	}
	b := s.b.part(0, s.b.Rows, lo, hi)
	x := newMatrix[T](n, b.Rows)
	b.transposeTo(x)
	s.substitute(m, x)
	x.transposeTo(b)
}

// substitute overwrites the rows of x with the solution of m·X = x.
func (s *triangular[T]) substitute(m, x MatrixOf[T]) {
	n := m.Rows
	c := make([]T, n)
	for step := range n {
		i, j0, j1 := step, 0, step
		if !s.forward {
			i, j0, j1 = n-1-step, n-step, n
		}
		for j := j0; j < j1; j++ {
			c[j] = -m.Data[i*m.Stride+j]
		}
		row := x.row(i)
		if j1 > j0 {
			s.g.micro.adds(row, x.Data[j0*x.Stride:], x.Stride, c[j0:j1])
		}
		d := m.Data[i*m.Stride+i]
		for j := range row {
			row[j] /= d
		}
	}
}
