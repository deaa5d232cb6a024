package linalg

const (
	reflectorBlock = 64 // reflectors that are applied together
	reflectorLeaf  = 8  // that are applied one by one
)

// lq is the factorization A = L·Q of a matrix that is no higher than wide: f holds L in its lower
// triangle, and above the diagonal the reflectors whose product is Qᵀ, their leading ones implied.
type lq[T Float] struct {
	g   *MultiplierOf[T]
	f   MatrixOf[T]
	tau []T
}

// lq factorizes f in place, in blocks of rows; those of a block by halves (Elmroth & Gustavson,
// Applying recursion to serial and parallel QR factorization leads to better performance, 2000).
// Elements must be of order one.
func (g *MultiplierOf[T]) lq(f MatrixOf[T]) *lq[T] {
	q := &lq[T]{g: g, f: f, tau: make([]T, f.Rows)}
	for j := 0; j < f.Rows; j += reflectorBlock {
		end := min(j+reflectorBlock, f.Rows)
		q.panel(j, end)
		if end < f.Rows {
			g.apply(q.block(j, end), Plain, f.part(end, f.Rows, j, f.Cols))
		}
	}
	return q
}

// panel factorizes the rows [lo, hi).
func (q *lq[T]) panel(lo, hi int) {
	if hi-lo > reflectorLeaf {
		mid := lo + (hi-lo)/2
		q.panel(lo, mid)
		q.g.apply(q.block(lo, mid), Plain, q.f.part(mid, hi, lo, q.f.Cols))
		q.panel(mid, hi)
		return
	}
	var d [reflectorLeaf]T
	micro, ld := &q.g.micro, q.f.Stride
	for i := lo; i < hi; i++ {
		x := q.f.row(i)[i:]
		beta, tau := q.g.householder(x, 0)
		if below := d[:hi-i-1]; tau != 0 && len(below) > 0 {
			micro.dots(below, q.f.Data[(i+1)*ld+i:], ld, x)
			for r, v := range below {
				c := [1]T{-tau * v}
				micro.adds(q.f.row(i + 1 + r)[i:], x, ld, c[:])
			}
		}
		x[0], q.tau[i] = beta, tau
	}
}

// block returns the reflectors [lo, hi), of columns from lo on.
func (q *lq[T]) block(lo, hi int) reflectors[T] {
	v := newMatrix[T](hi-lo, q.f.Cols-lo)
	for i := range v.Rows {
		row := v.row(i)
		copy(row[i:], q.f.row(lo + i)[lo+i:])
		row[i] = 1
	}
	return q.g.reflectors(v, q.tau[lo:hi])
}

// lower returns L.
func (q *lq[T]) lower() MatrixOf[T] {
	n := q.f.Rows
	l := newMatrix[T](n, n)
	for i := range n {
		copy(l.row(i), q.f.row(i)[:i+1])
	}
	return l
}

// rows returns Q, as many orthonormal rows as A has.
func (q *lq[T]) rows() MatrixOf[T] {
	c := newMatrix[T](q.f.Rows, q.f.Cols)
	for i := range c.Rows {
		c.Data[i*c.Stride+i] = 1
	}
	q.backward(func(lo, hi int) {
		// the rows before lo are still those of the identity, which the block leaves alone
		q.g.apply(q.block(lo, hi), Transposed, c.part(lo, c.Rows, lo, c.Cols))
	})
	return c
}

// times overwrites C with C·Q̂, Q̂ the square matrix whose first rows are Q.
func (q *lq[T]) times(c MatrixOf[T]) {
	q.backward(func(lo, hi int) { q.g.apply(q.block(lo, hi), Transposed, c.part(0, c.Rows, lo, c.Cols)) })
}

// backward calls f with the blocks, the last first.
func (q *lq[T]) backward(f func(lo, hi int)) {
	n := q.f.Rows
	for lo := (n - 1) / reflectorBlock * reflectorBlock; lo >= 0 && n > 0; lo -= reflectorBlock {
		f(lo, min(lo+reflectorBlock, n))
	}
}

// QR returns the thin factorization A = Q·R: Q has the shape of A with n orthonormal columns and R is
// upper triangular, n the smaller side of A; R is n wide, or as wide as A if that is wider than high.
// Householder reflectors in blocks keep ‖A − QR‖ and ‖QᵀQ − I‖ at O(n·eps) of ‖A‖ and 1. It errs when an
// element is not finite; a is left as it is.
func (g *MultiplierOf[T]) QR(a MatrixOf[T]) (q, r MatrixOf[T], err error) {
	a.check("A")
	n := min(a.Rows, a.Cols)
	c, back, err := scaled("QR factorization", a, false)
	if err != nil {
		return q, r, err
	}
	t := newMatrix[T](a.Cols, a.Rows)
	c.transposeTo(t)
	f := g.lq(t.part(0, n, 0, a.Rows))
	rest := t.part(n, a.Cols, 0, a.Rows)
	for lo := 0; lo < n && rest.Rows > 0; lo += reflectorBlock {
		g.apply(f.block(lo, min(lo+reflectorBlock, n)), Plain, rest.part(0, rest.Rows, lo, a.Rows))
	}
	r = newMatrix[T](n, a.Cols)
	f.lower().transposeTo(r.part(0, n, 0, n))
	rest.transposeTo(r.part(0, n, n, a.Cols))
	for i := range r.Data {
		r.Data[i] *= back
	}
	q = newMatrix[T](a.Rows, n)
	f.rows().transposeTo(q)
	return q, r, nil
}
