package compress

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Objective is what a cut of a linear layer keeps small: the expected square of the change of its
// outputs, E‖y − W·x‖² + λ‖W − W₀‖², up to what no W can reach. It is tr((W − W*)·C·(W − W*)ᵀ), C
// regularized, around the best of all matrices, W*. It is not safe for concurrent use.
type Objective struct {
	// Ridge tells how C was regularized.
	Ridge Ridge
	// Floor is what no W can reach: more than 0 where inputs have shifted away from those that the
	// targets were computed from. Not a number for some outputs of several, which do not tell it apart.
	Floor float64

	g     *Multiplier64
	root  linalg.Matrix64 // C = root·rootᵀ, lower triangular; the zero matrix where C = I
	best  linalg.Matrix64 // W*, outputs × inputs
	white linalg.Matrix64 // W*·root
}

// Plain returns the objective of plain truncation, ‖W − w‖²: all directions of inputs count the same.
func Plain(w linalg.Matrix) *Objective {
	best := converted[float64](w)
	return &Objective{g: multiplier(), best: best, white: best}
}

// Whitened returns the objective of a known matrix on these inputs: targets are w·x, W* = w.
// Ridge is a share of C's mean diagonal, 0 for DefaultRidge.
func (m *Moments) Whitened(w linalg.Matrix, ridge float64) (*Objective, error) {
	o, err := m.whiten(ridge)
	if err != nil {
		return nil, err
	}
	if w.Cols != m.c.Cols {
		return nil, fmt.Errorf("whiten a matrix of %d×%d: its inputs are %d", w.Rows, w.Cols, m.c.Cols)
	}
	o.best = converted[float64](w)
	o.white = product(o.g, linalg.Plain, linalg.Plain, o.best, o.root)
	return o, nil
}

// Objective returns the objective of the targets that were added. W₀ = 0: W* is smaller in
// directions that occur little. Ridge is a share of C's mean diagonal, 0 for DefaultRidge; where C is
// not positive definite even so, it is raised tenfold until it is.
func (m *Moments) Objective(ridge float64) (*Objective, error) {
	return m.toward(linalg.Dense[float32](m.r.Rows, m.c.Cols, nil), ridge)
}

// Toward returns the objective of the targets that were added with W₀ = w: W* is as w in directions
// that do not occur. With targets w·x it equals Whitened.
func (m *Moments) Toward(w linalg.Matrix, ridge float64) (*Objective, error) {
	if w.Rows != m.r.Rows || w.Cols != m.c.Cols {
		return nil, fmt.Errorf("regularize toward a matrix of %d×%d: want %d×%d", w.Rows, w.Cols, m.r.Rows, m.c.Cols)
	}
	return m.toward(w, ridge)
}

// toward takes a w without elements for zeros.
func (m *Moments) toward(w linalg.Matrix, ridge float64) (*Objective, error) {
	if m.r.Rows == 0 {
		return nil, fmt.Errorf("objective of moments without outputs: add targets, or give the matrix to Whitened")
	}
	o, err := m.whiten(ridge)
	if err != nil {
		return nil, err
	}
	o.white = clone(m.r)
	for i := range o.white.Data {
		o.white.Data[i] *= m.mean()
	}
	for _, v := range m.squares {
		o.Floor += v * m.mean()
	}
	if w.Data != nil {
		w0 := converted[float64](w)
		o.Floor += o.Ridge.Lambda * squares(w0)
		for i, v := range w0.Data {
			o.white.Data[i] += o.Ridge.Lambda * v
		}
	}
	// R·C⁻¹ = (R·root⁻ᵀ)·root⁻¹
	if err := o.g.SolveTriangular(linalg.Right, linalg.Lower, linalg.Transposed, o.root, o.white); err != nil {
		return nil, err
	}
	o.best = clone(o.white)
	if err := o.g.SolveTriangular(linalg.Right, linalg.Lower, linalg.Plain, o.root, o.best); err != nil {
		return nil, err
	}
	o.Floor = max(0, o.Floor-squares(o.white))
	return o, nil
}

// whiten returns an objective that knows C alone.
func (m *Moments) whiten(ridge float64) (*Objective, error) {
	if m.rows == 0 {
		return nil, fmt.Errorf("objective of moments of %d inputs without a row: calibrate on more text", m.c.Cols)
	}
	o := &Objective{g: multiplier()}
	var err error
	o.root, o.Ridge, err = regularized(o.g, m.c, m.mean(), ridge)
	return o, err
}

// Solution returns W*, outputs × inputs, the best of all matrices. It is the objective's own: do not write to it.
func (o *Objective) Solution() linalg.Matrix64 { return o.best }

// Loss returns tr((W − W*)·C·(W − W*)ᵀ). It panics when w has not the shape of W*.
func (o *Objective) Loss(w linalg.Matrix64) float64 {
	if w.Rows != o.best.Rows || w.Cols != o.best.Cols {
		panic(fmt.Sprintf("compress: loss of %d×%d where %d×%d is wanted", w.Rows, w.Cols, o.best.Rows, o.best.Cols))
	}
	d := clone(w)
	for i := range d.Rows {
		for j := range d.Cols {
			d.Data[i*d.Stride+j] -= o.best.Data[i*o.best.Stride+j]
		}
	}
	return squares(o.whitened(d))
}

// Outputs returns the objective of the outputs from first on, of one of several layers that read the same
// inputs. It shares o's memory.
func (o *Objective) Outputs(first, n int) *Objective {
	some := *o
	some.Floor = math.NaN()
	some.best, some.white = part(o.best, first, first+n, 0, o.best.Cols), part(o.white, first, first+n, 0, o.white.Cols)
	return &some
}

// whitened returns w·root.
func (o *Objective) whitened(w linalg.Matrix64) linalg.Matrix64 {
	if o.root.Rows == 0 {
		return w
	}
	return product(o.g, linalg.Plain, linalg.Plain, w, o.root)
}

// RefitB returns the B, outputs × rank, that makes the loss of B·A least for a given A, rank × inputs:
// R·Aᵀ·(A·C·Aᵀ)⁻¹. Rows of A that depend on each other share their part. It panics when A has not
// W*'s inputs; an A that is not finite gives not-a-numbers.
func (o *Objective) RefitB(a linalg.Matrix64) linalg.Matrix64 { return o.refitB(o.whitened(a)) }

// refitB is RefitB for a·root, which costs most of it.
func (o *Objective) refitB(w linalg.Matrix64) linalg.Matrix64 {
	b := product(o.g, linalg.Plain, linalg.Transposed, o.white, w)
	divide(o.g, b, product(o.g, linalg.Plain, linalg.Transposed, w, w))
	return b
}

// pairLoss is the loss of b·a for a·root: ‖b·a·root − W*·root‖².
func (o *Objective) pairLoss(b, w linalg.Matrix64) float64 {
	d := clone(o.white)
	o.g.Gemm(linalg.Plain, linalg.Plain, 1, b, w, -1, d)
	return squares(d)
}

// RefitA returns the A, rank × inputs, that makes the loss of B·A least for a given B, outputs ×
// rank: (BᵀB)⁻¹·Bᵀ·W*, whatever C. It panics when B has not W*'s outputs; a B that is not finite
// gives not-a-numbers.
func (o *Objective) RefitA(b linalg.Matrix64) linalg.Matrix64 {
	a := product(o.g, linalg.Transposed, linalg.Plain, o.best, b)
	divide(o.g, a, product(o.g, linalg.Transposed, linalg.Plain, b, b))
	return transposed(a)
}

// divide overwrites x with x·gram⁻¹. Gram, of factors that may depend on each other, is overwritten,
// too: it is brought to a diagonal of ones, which a trace of ridge keeps positive definite.
func divide(g *Multiplier64, x, gram linalg.Matrix64) {
	const trace = 1e-13
	n := gram.Rows
	scales := make([]float64, n)
	for i := range n {
		if scales[i] = 1; gram.Data[i*n+i] > 0 {
			scales[i] = 1 / math.Sqrt(gram.Data[i*n+i])
		}
	}
	scaleColumns(gram, scales)
	for i := range n {
		for j := range n {
			gram.Data[i*n+j] *= scales[i]
		}
	}
	scaleColumns(x, scales)
	l, _, err := regularized(g, gram, 1, trace)
	if err == nil {
		err = g.SolveCholesky(linalg.Right, l, x)
	}
	if err != nil {
		for i := range x.Data {
			x.Data[i] = math.NaN()
		}
		return
	}
	scaleColumns(x, scales)
}

// scaleColumns multiplies every column of x with its scale.
func scaleColumns(x linalg.Matrix64, scales []float64) {
	for i := range x.Rows {
		row := x.Data[i*x.Stride : i*x.Stride+x.Cols]
		for j := range row {
			row[j] *= scales[j]
		}
	}
}

// squares returns Σ x².
func squares(m linalg.Matrix64) (sum float64) {
	for i := range m.Rows {
		for _, v := range m.Data[i*m.Stride : i*m.Stride+m.Cols] {
			sum += v * v
		}
	}
	return sum
}

// transposed returns mᵀ.
func transposed(m linalg.Matrix64) linalg.Matrix64 {
	t := newMatrix(m.Cols, m.Rows)
	for i := range m.Rows {
		for j, v := range m.Data[i*m.Stride : i*m.Stride+m.Cols] {
			t.Data[j*t.Stride+i] = v
		}
	}
	return t
}

// Spectrum holds the best cuts of an objective to every rank.
type Spectrum struct {
	g       *Multiplier64
	o       *Objective
	values  []float64       // eigenvalues of white·whiteᵀ, falling
	vectors linalg.Matrix64 // of that matrix, or of whiteᵀ·white where that is smaller
	losses  []float64
}

// Spectrum solves the reduced-rank regression (Izenman, "Reduced-rank regression for the
// multivariate linear model", 1975): the matrices of each rank with the least loss. With
// C = root·rootᵀ they are those that are nearest to W*·root, so that one eigendecomposition of the
// smaller of its two squares, one of them R·C⁻¹·Rᵀ, serves every rank.
func (o *Objective) Spectrum(g *Multiplier64) (*Spectrum, error) {
	square := newMatrix(min(o.white.Rows, o.white.Cols), min(o.white.Rows, o.white.Cols))
	if o.white.Rows <= o.white.Cols {
		g.GemmLower(linalg.Plain, linalg.Transposed, 1, o.white, o.white, 0, square)
	} else {
		g.GemmLower(linalg.Transposed, linalg.Plain, 1, o.white, o.white, 0, square)
	}
	e, err := g.SymEigen(square)
	if err != nil {
		return nil, fmt.Errorf("spectrum of a matrix of %d×%d: %w", o.white.Rows, o.white.Cols, err)
	}
	s := &Spectrum{g: g, o: o, values: e.Values, vectors: e.Vectors, losses: make([]float64, len(e.Values)+1)}
	for i := len(e.Values) - 1; i >= 0; i-- {
		s.losses[i] = s.losses[i+1] + max(0, e.Values[i])
	}
	return s, nil
}

// Losses returns the least loss of each rank, from 0 to the smaller side of the matrix: exact up to
// rounding, 1e-16 of the first times that side. They fall, to 0.
func (s *Spectrum) Losses() []float64 { return s.losses }

// Pair returns the best factors of a rank: b, outputs × rank, with orthonormal columns, and a, rank ×
// inputs. Those of a smaller rank are their first columns and rows. It panics when there is no such rank.
func (s *Spectrum) Pair(rank int) (b, a linalg.Matrix64) {
	if rank < 0 || rank >= len(s.losses) {
		panic(fmt.Sprintf("compress: rank %d of a matrix of %d×%d", rank, s.o.white.Rows, s.o.white.Cols))
	}
	v := part(s.vectors, 0, rank, 0, s.vectors.Cols)
	if s.o.white.Rows <= s.o.white.Cols {
		return transposed(v), product(s.g, linalg.Plain, linalg.Plain, v, s.o.best)
	}
	// W*·root = B·diag(σ)·V
	b = product(s.g, linalg.Plain, linalg.Transposed, s.o.white, v)
	a = clone(v)
	if s.o.root.Rows > 0 {
		if err := s.g.SolveTriangular(linalg.Right, linalg.Lower, linalg.Plain, s.o.root, a); err != nil {
			panic(err) // cannot be: the root's diagonal is positive
		}
	}
	for i := range rank {
		sigma := math.Sqrt(max(0, s.values[i]))
		if sigma <= 0x1p-26*math.Sqrt(max(0, s.values[0])) {
			continue // rounding of zero has no direction
		}
		for j := range b.Rows {
			b.Data[j*b.Stride+i] /= sigma
		}
		for j := range a.Cols {
			a.Data[i*a.Stride+j] *= sigma
		}
	}
	return b, a
}
