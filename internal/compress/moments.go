package compress

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Multiplier64 is what cuts are computed with.
type Multiplier64 = linalg.MultiplierOf[float64]

// Moments sums up the inputs x of a linear layer and the outputs y that are wanted of it:
// Σ x·xᵀ, Σ y·xᵀ and Σ y² of each output, in float64. It is all that cuts know of a model.
type Moments struct {
	rows    int64
	c       linalg.Matrix64 // inputs × inputs, its lower triangle
	r       linalg.Matrix64 // outputs × inputs
	squares []float64       // of each output
	product []float32       // one strip
}

const (
	groupRows = 2048 // that are summed up in float32
	stripRows = 256  // of a matrix of moments that are computed at once

	// largest bounds inputs and outputs, so that the sum of a group's products stays finite in float32.
	largest = 0x1p56
)

// NewMoments returns the moments of no rows yet; with outputs = 0 those of inputs alone. It panics
// when there are no inputs.
func NewMoments(inputs, outputs int) *Moments {
	if inputs < 1 || outputs < 0 {
		panic(fmt.Sprintf("compress: moments of %d inputs and %d outputs", inputs, outputs))
	}
	return &Moments{c: newMatrix(inputs, inputs), r: newMatrix(outputs, inputs), squares: make([]float64, outputs)}
}

// Rows is the number of rows that were added.
func (m *Moments) Rows() int64 { return m.rows }

// Add adds the rows of x, rows × inputs, and of y, rows × outputs: the zero matrix where there are
// no outputs. Products of up to 2048 rows are summed in float32. It errs, and adds nothing, when a
// shape does not fit or a value is not finite or beyond 2⁵⁶.
func (m *Moments) Add(g *linalg.Multiplier, x, y linalg.Matrix) error {
	if x.Cols != m.c.Cols || y.Cols != m.r.Rows || m.r.Rows > 0 && y.Rows != x.Rows {
		return fmt.Errorf("add to the moments of %d inputs and %d outputs: rows of %d×%d and %d×%d",
			m.c.Cols, m.r.Rows, x.Rows, x.Cols, y.Rows, y.Cols)
	}
	if err := errors.Join(bounded("input", x), bounded("output", y)); err != nil {
		return err
	}
	for lo := 0; lo < x.Rows; lo += groupRows {
		hi := min(lo+groupRows, x.Rows)
		group := part(x, lo, hi, 0, x.Cols)
		m.sum(g, m.c, group, group, true)
		if m.r.Rows > 0 {
			m.sum(g, m.r, part(y, lo, hi, 0, y.Cols), group, false)
		}
	}
	spans(y.Cols, func(lo, hi int) { // of columns, so that their number changes no bit
		for i := range y.Rows {
			for j, v := range y.Data[i*y.Stride+lo : i*y.Stride+hi] {
				m.squares[lo+j] += float64(v) * float64(v)
			}
		}
	})
	m.rows += int64(x.Rows)
	return nil
}

// spans calls f for spans [lo, hi) of n, on all cores.
func spans(n int, f func(lo, hi int)) {
	const step = 64
	linalg.Parallel(runtime.GOMAXPROCS(0), (n+step-1)/step, func(_, k int) { f(k*step, min((k+1)*step, n)) })
}

// bounded errs for values that must not enter the moments.
func bounded(name string, x linalg.Matrix) error {
	errs := make([]error, x.Rows)
	spans(x.Rows, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			for j, v := range x.Data[i*x.Stride : i*x.Stride+x.Cols] {
				if !(v <= largest && v >= -largest) {
					errs[i] = fmt.Errorf("add to moments: %s %d of row %d is %v: the model overflows, or its weights are broken", name, j, i, v)
					break
				}
			}
		}
	})
	return cmp.Or(errs...)
}

// sum adds aᵀ·x to c, strip after strip, of a symmetric c the lower triangle.
func (m *Moments) sum(g *linalg.Multiplier, c linalg.Matrix64, a, x linalg.Matrix, lower bool) {
	for lo := 0; lo < c.Rows; lo += stripRows {
		hi := min(lo+stripRows, c.Rows)
		width := c.Cols
		if lower {
			width = hi
		}
		if need := (hi - lo) * width; len(m.product) < need {
			m.product = make([]float32, min(stripRows, c.Rows)*c.Cols)
		}
		p := linalg.Dense(hi-lo, width, m.product[:(hi-lo)*width])
		g.Gemm(linalg.Transposed, linalg.Plain, 1, part(a, 0, a.Rows, lo, hi), part(x, 0, x.Rows, 0, width), 0, p)
		linalg.Parallel(runtime.GOMAXPROCS(0), p.Rows, func(_, i int) {
			sums := c.Data[(lo+i)*c.Stride : (lo+i)*c.Stride+width]
			for j, v := range p.Data[i*width : (i+1)*width] {
				sums[j] += float64(v)
			}
		})
	}
}

// Gram returns E[x·xᵀ], whole: zeros while there are no rows.
func (m *Moments) Gram() linalg.Matrix64 {
	c := lower(m.c, m.mean())
	mirror(c)
	return c
}

// mean is what makes a sum an expectation.
func (m *Moments) mean() float64 { return 1 / float64(max(m.rows, 1)) }

// DefaultRidge is what stabilizes the inverse of a Gram matrix, as a share of its mean diagonal.
const DefaultRidge = 1e-2

// Ridge tells how a Gram matrix C was regularized: by λ on its diagonal.
type Ridge struct {
	Lambda float64
	// Raised says that more than what was asked for was needed to make C + λ positive definite.
	Raised bool
}

// regularized returns the lower Cholesky factor of scale·C + λI, with zeros above its diagonal, for the
// symmetric C whose lower triangle is that of c. λ = ridge·scale·tr(C)/n, tenfold until it succeeds.
func regularized(g *Multiplier64, c linalg.Matrix64, scale, ridge float64) (linalg.Matrix64, Ridge, error) {
	if ridge == 0 {
		ridge = DefaultRidge
	}
	if !(ridge > 0) || math.IsInf(ridge, 0) {
		return linalg.Matrix64{}, Ridge{}, fmt.Errorf("regularize a Gram matrix by %v of its diagonal: want a positive number, or 0 for %v", ridge, DefaultRidge)
	}
	mean := 0.0
	for i := range c.Rows {
		mean += scale * c.Data[i*c.Stride+i] / float64(c.Rows)
	}
	var used Ridge
	if mean == 0 { // inputs that are always zero: all directions count the same
		mean, used.Raised = 1, true
	}
	l := newMatrix(c.Rows, c.Cols)
	for ; ridge <= 1e3 || !used.Raised; ridge *= 10 {
		copyLower(l, c, scale)
		used.Lambda = ridge * mean
		for i := range l.Rows {
			l.Data[i*l.Stride+i] += used.Lambda
		}
		err := g.Cholesky(l)
		if err == nil {
			clearUpper(l)
			return l, used, nil
		}
		var not *linalg.NotPositiveError
		if !errors.As(err, &not) {
			return linalg.Matrix64{}, Ridge{}, err
		}
		used.Raised = true
	}
	return linalg.Matrix64{}, Ridge{}, errors.New("regularize a Gram matrix: it is not positive definite whatever is added: its elements are not finite, or it is no Gram matrix")
}

// multiplier returns what an objective computes with where it is given nothing else.
func multiplier() *Multiplier64 {
	return linalg.NewMultiplierOf[float64](kernel.Best(), runtime.GOMAXPROCS(0))
}

// newMatrix returns a matrix of zeros.
func newMatrix(rows, cols int) linalg.Matrix64 {
	return linalg.Dense(rows, cols, make([]float64, rows*cols))
}

// part returns the rows [i0, i1) of columns [j0, j1), which share m's elements.
func part[T linalg.Float](m linalg.MatrixOf[T], i0, i1, j0, j1 int) linalg.MatrixOf[T] {
	p := linalg.MatrixOf[T]{Rows: i1 - i0, Cols: j1 - j0, Stride: m.Stride}
	if p.Rows > 0 && p.Cols > 0 {
		p.Data = m.Data[i0*m.Stride+j0 : (i1-1)*m.Stride+j1]
	}
	return p
}

// clone returns a copy without gaps.
func clone(m linalg.Matrix64) linalg.Matrix64 { return converted[float64](m) }

// converted returns a copy without gaps in another type.
func converted[T, F linalg.Float](m linalg.MatrixOf[F]) linalg.MatrixOf[T] {
	c := linalg.Dense(m.Rows, m.Cols, make([]T, m.Rows*m.Cols))
	for i := range m.Rows {
		for j, v := range m.Data[i*m.Stride : i*m.Stride+m.Cols] {
			c.Data[i*c.Stride+j] = T(v)
		}
	}
	return c
}

// lower returns scale times a square matrix's lower triangle, with zeros above.
func lower(m linalg.Matrix64, scale float64) linalg.Matrix64 {
	l := newMatrix(m.Rows, m.Cols)
	copyLower(l, m, scale)
	return l
}

// copyLower copies scale times the lower triangle of m to that of l.
func copyLower(l, m linalg.Matrix64, scale float64) {
	for i := range m.Rows {
		to := l.Data[i*l.Stride : i*l.Stride+i+1]
		for j, v := range m.Data[i*m.Stride : i*m.Stride+i+1] {
			to[j] = scale * v
		}
	}
}

// clearUpper writes zeros above the diagonal.
func clearUpper(m linalg.Matrix64) {
	for i := range m.Rows {
		clear(m.Data[i*m.Stride+i+1 : i*m.Stride+m.Cols])
	}
}

// mirror copies a matrix's lower triangle to its upper one.
func mirror(m linalg.Matrix64) {
	for i := range m.Rows {
		for j := range i {
			m.Data[j*m.Stride+i] = m.Data[i*m.Stride+j]
		}
	}
}

// product computes op(a)·op(b).
func product(g *Multiplier64, opA, opB linalg.Op, a, b linalg.Matrix64) linalg.Matrix64 {
	rows, cols := a.Rows, b.Cols
	if opA == linalg.Transposed {
		rows = a.Cols
	}
	if opB == linalg.Transposed {
		cols = b.Rows
	}
	c := newMatrix(rows, cols)
	g.Gemm(opA, opB, 1, a, b, 0, c)
	return c
}
