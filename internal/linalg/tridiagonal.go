package linalg

import "math"

// tridiagonalize reduces the symmetric matrix in the lower triangle of a to T = Qᵀ·A·Q with diagonal
// d and off-diagonal e, by reflectors from the last row up, so that all that is read lies in rows:
// H_i maps row i to its element i−1. Row i of a then holds v_i, tau[i] its factor, and Q is
// H_{n−1}⋯H_1. Half of the work is products of the remaining matrix with a vector, the other half
// updates by reflectorPanel reflectors at once (Dongarra, Hammarling & Sorensen, Block reduction of
// matrices to condensed forms, 1989). Elements must be of order one.
func (g *MultiplierOf[T]) tridiagonalize(a MatrixOf[T]) (d, e []float64, tau []T) {
	n := a.Rows
	d, e, tau = make([]float64, n), make([]float64, max(n-1, 0)), make([]T, n)
	r := tridiagonal[T]{g: g, a: a, d: d, e: e, tau: tau, y: newSymmetric(g, n)}
	for s := n; s > 0; s -= reflectorPanel {
		r.panel(max(s-reflectorPanel, 0), s)
	}
	return d, e, tau
}

const reflectorPanel = 32 // reflectors that a reduction to condensed form gathers

// tridiagonal is a reduction under way.
type tridiagonal[T Float] struct {
	g    *MultiplierOf[T]
	a    MatrixOf[T]
	d, e []float64
	tau  []T
	y    *symmetric[T]
}

// panel reduces the rows [lo, hi). With the reflectors v_k and vectors w_k so far, the matrix is
// A − Σ v_k·w_kᵀ + w_k·v_kᵀ; it is brought up to date at the end, for the rows before lo.
func (r *tridiagonal[T]) panel(lo, hi int) {
	nb := hi - lo
	vw := newMatrix[T](2*nb, hi) // the v_k, then the w_k
	v, w := vw.part(0, nb, 0, hi), vw.part(nb, 2*nb, 0, hi)
	micro, c := &r.g.micro, make([]T, 2*nb)
	for i := hi - 1; i >= lo; i-- {
		k := hi - 1 - i
		x, cv, cw := r.a.row(i)[:i+1], c[:k], c[k:2*k]
		for t := range k {
			cv[t], cw[t] = -v.Data[t*hi+i], -w.Data[t*hi+i]
		}
		micro.adds(x, w.Data, hi, cv)
		micro.adds(x, v.Data, hi, cw)
		r.d[i] = float64(x[i])
		if i == 0 {
			return
		}
		x = x[:i]
		beta, tau := r.g.householder(x, i-1)
		r.e[i-1], r.tau[i] = float64(beta), tau
		copy(v.row(k), x)
		p := w.row(k)[:i]
		if tau == 0 {
			continue
		}
		r.y.times(p, r.a, x)
		micro.dots(cv, v.Data, hi, x)
		micro.dots(cw, w.Data, hi, x)
		for t := range k {
			cv[t], cw[t] = -cv[t], -cw[t]
		}
		micro.adds(p, v.Data, hi, cw)
		micro.adds(p, w.Data, hi, cv)
		for j := range p {
			p[j] *= tau
		}
		var dot [1]T
		micro.dots(dot[:], p, i, x)
		dot[0] *= -tau / 2
		micro.adds(p, x, i, dot[:])
	}
	if lo == 0 {
		return
	}
	wv := newMatrix[T](2*nb, lo)
	w.part(0, nb, 0, lo).copyTo(wv.part(0, nb, 0, lo))
	v.part(0, nb, 0, lo).copyTo(wv.part(nb, 2*nb, 0, lo))
	r.g.GemmLower(Transposed, Plain, -1, vw.part(0, 2*nb, 0, lo), wv, 1, r.a.part(0, lo, 0, lo))
}

// fromTridiagonal overwrites rows y, eigenvectors of the T that tridiagonalize made of a, with A's: with Y·Qᵀ.
func (g *MultiplierOf[T]) fromTridiagonal(a MatrixOf[T], tau []T, y MatrixOf[T]) {
	n := a.Rows
	for lo := 1; lo < n; lo += reflectorBlock {
		hi := min(lo+reflectorBlock, n)
		v := newMatrix[T](hi-lo, hi-1)
		for i := lo; i < hi; i++ {
			copy(v.row(i-lo), a.row(i)[:i])
		}
		g.apply(g.reflectors(v, tau[lo:hi]), Plain, y.part(0, y.Rows, 0, hi-1))
	}
}

// symmetric multiplies leading parts of a symmetric matrix with vectors. Tasks own ranges of rows of
// equal area and sums of their own, which are added in order: the result does not depend on the
// threads, the tasks on the size alone.
type symmetric[T Float] struct {
	g    *MultiplierOf[T]
	sums MatrixOf[T]
}

const (
	symmetricTask = 256 // unknowns per task of a product, about
	maxTasks      = 16
	rowGroup      = 4 // rows that the primitives take together
)

func newSymmetric[T Float](g *MultiplierOf[T], n int) *symmetric[T] {
	return &symmetric[T]{g: g, sums: newMatrix[T](maxTasks, n)}
}

// times writes y = A·x for the leading part of A of y's size, given by its lower triangle.
func (s *symmetric[T]) times(y []T, a MatrixOf[T], x []T) {
	n := len(y)
	tasks := min(max(n/symmetricTask, 1), maxTasks)
	bound := func(task int) int {
		if task == tasks {
			return n
		}
		return int(float64(n)*math.Sqrt(float64(task)/float64(tasks))) / rowGroup * rowGroup
	}
	Parallel(s.g.threads, tasks, func(_, task int) {
		lo, hi := bound(task), bound(task+1)
		sum := s.sums.row(task)[:hi]
		clear(sum)
		s.rows(sum, a, x, lo, hi)
	})
	clear(y)
	for task := range tasks {
		one := [1]T{1}
		s.g.micro.adds(y[:bound(task+1)], s.sums.row(task), n, one[:])
	}
}

// rows adds the products with the elements of rows [lo, hi) up to the diagonal, and with their mirror
// images, to sum.
func (s *symmetric[T]) rows(sum []T, a MatrixOf[T], x []T, lo, hi int) {
	var d [rowGroup]T
	for i := lo; i < hi; i += rowGroup {
		end := min(i+rowGroup, hi)
		if i > 0 {
			s.g.micro.both(sum[:i], d[:end-i], a.Data[i*a.Stride:], a.Stride, x[:i], x[i:end])
		}
		for r := i; r < end; r++ {
			row := a.row(r)
			dot := d[r-i] + row[r]*x[r]
			for j := i; j < r; j++ {
				dot += row[j] * x[j]
				sum[j] += row[j] * x[r]
			}
			sum[r] += dot
		}
	}
}
