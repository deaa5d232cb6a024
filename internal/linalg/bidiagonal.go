package linalg

// bidiagonalize reduces a square matrix to B = Qᵀ·A·P, upper bidiagonal with diagonal d and superdiagonal
// e. It overwrites a; q and p hold the reflectors of Q and P as the rows of lq do. A product with the
// matrix and one with its transpose per reflector are half of the work, the other half are updates by
// panels (Dongarra, Hammarling & Sorensen, 1989). Elements must be of order one.
func (g *MultiplierOf[T]) bidiagonalize(a MatrixOf[T]) (d, e []float64, q, p *lq[T]) {
	n := a.Rows
	q = &lq[T]{g: g, f: newMatrix[T](n, n), tau: make([]T, n)}
	p = &lq[T]{g: g, f: a.part(0, n-1, 1, n), tau: make([]T, n-1)}
	b := bidiagonal[T]{g: g, a: a, d: make([]float64, n), e: make([]float64, n-1), q: q, p: p}
	for lo := 0; lo < n; lo += reflectorPanel {
		b.panel(lo, min(lo+reflectorPanel, n))
	}
	return b.d, b.e, q, p
}

// bidiagonal is a reduction under way. With the reflectors v_k and u_k of columns and rows so far, the
// matrix is A − Σ v_k·y_kᵀ + x_k·u_kᵀ; vx holds the v_k, then the x_k, yu the y_k, then the u_k.
type bidiagonal[T Float] struct {
	g      *MultiplierOf[T]
	a      MatrixOf[T]
	d, e   []float64
	q, p   *lq[T]
	nb     int // reflectors of the panel
	vx, yu MatrixOf[T]
	c      []T
}

// panel reduces the columns and rows [lo, hi) and brings what follows up to date.
func (b *bidiagonal[T]) panel(lo, hi int) {
	n := b.a.Rows
	b.nb = hi - lo
	b.vx, b.yu, b.c = newMatrix[T](2*b.nb, n), newMatrix[T](2*b.nb, n), make([]T, b.nb)
	for i := lo; i < hi; i++ {
		b.column(i, i-lo)
		if i+1 < n {
			b.row(i, i-lo)
		}
	}
	b.g.Gemm(Transposed, Plain, -1, b.vx.part(0, 2*b.nb, hi, n), b.yu.part(0, 2*b.nb, hi, n), 1, b.a.part(hi, n, hi, n))
}

// column makes reflector k of the panel, of column i, and its y.
func (b *bidiagonal[T]) column(i, k int) {
	n := b.a.Rows
	x := b.q.f.row(i)[i:]
	for r := range x {
		x[r] = b.a.Data[(i+r)*b.a.Stride+i]
	}
	b.less(x, b.vx, 0, i, b.elements(b.yu, 0, k, i))
	b.less(x, b.vx, b.nb, i, b.elements(b.yu, b.nb, k, i))
	beta, tau := b.g.householder(x, 0)
	b.d[i], b.q.tau[i] = float64(beta), tau
	copy(b.vx.row(k)[i:], x)
	if i+1 == n || tau == 0 {
		return
	}
	y := b.yu.row(k)[i+1:]
	b.transposedTimes(y, x, i)
	b.less(y, b.yu, 0, i+1, b.dots(b.vx, 0, k, i, x))
	b.less(y, b.yu, b.nb, i+1, b.dots(b.vx, b.nb, k, i, x))
	for j := range y {
		y[j] *= tau
	}
}

// row makes reflector k of the panel, of row i, and its x.
func (b *bidiagonal[T]) row(i, k int) {
	u := b.a.row(i)[i+1:]
	b.less(u, b.yu, 0, i+1, b.elements(b.vx, 0, k+1, i))
	b.less(u, b.yu, b.nb, i+1, b.elements(b.vx, b.nb, k, i))
	beta, tau := b.g.householder(u, 0)
	b.e[i], b.p.tau[i] = float64(beta), tau
	copy(b.yu.row(b.nb + k)[i+1:], u)
	if tau == 0 {
		return
	}
	x := b.vx.row(b.nb + k)[i+1:]
	b.times(x, u, i+1)
	b.less(x, b.vx, 0, i+1, b.dots(b.yu, 0, k+1, i+1, u))
	b.less(x, b.vx, b.nb, i+1, b.dots(b.yu, b.nb, k, i+1, u))
	for j := range x {
		x[j] *= tau
	}
}

// elements returns element j of k rows of m from row first on.
func (b *bidiagonal[T]) elements(m MatrixOf[T], first, k, j int) []T {
	for t := range k {
		b.c[t] = m.Data[(first+t)*m.Stride+j]
	}
	return b.c[:k]
}

// dots returns the products with x of the same rows, from column j on.
func (b *bidiagonal[T]) dots(m MatrixOf[T], first, k, j int, x []T) []T {
	b.g.micro.dots(b.c[:k], m.Data[first*m.Stride+j:], m.Stride, x)
	return b.c[:k]
}

// less takes c[t] times the same rows from y. It overwrites c.
func (b *bidiagonal[T]) less(y []T, m MatrixOf[T], first, j int, c []T) {
	for t := range c {
		c[t] = -c[t]
	}
	b.g.micro.adds(y, m.Data[first*m.Stride+j:], m.Stride, c)
}

const (
	vectorColumns = 256 // that one task of a product with a vector owns
	vectorRows    = 64
)

// transposedTimes writes y = Aᵀ·x for the rows of A from i and its columns from i+1 on.
func (b *bidiagonal[T]) transposedTimes(y, x []T, i int) {
	Parallel(b.g.threads, (len(y)+vectorColumns-1)/vectorColumns, func(_, task int) {
		lo := task * vectorColumns
		part := y[lo:min(lo+vectorColumns, len(y))]
		clear(part)
		b.g.micro.adds(part, b.a.Data[i*b.a.Stride+i+1+lo:], b.a.Stride, x)
	})
}

// times writes x = A·u for the rows and columns of A from i on.
func (b *bidiagonal[T]) times(x, u []T, i int) {
	Parallel(b.g.threads, (len(x)+vectorRows-1)/vectorRows, func(_, task int) {
		lo := task * vectorRows
		b.g.micro.dots(x[lo:min(lo+vectorRows, len(x))], b.a.Data[(i+lo)*b.a.Stride+i:], b.a.Stride, u)
	})
}
