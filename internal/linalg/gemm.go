// Package linalg multiplies matrices of float32 on all cores, rounded to bfloat16 if wanted.
package linalg

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/kernel"
)

// Matrix is a row-major matrix: element (i, j) is Data[i*Stride+j], j < Cols ≤ Stride. What
// lies between the rows is neither read nor written.
type Matrix struct {
	Rows, Cols, Stride int
	Data               []float32
}

// Dense returns the matrix whose rows lie one behind the other in data.
func Dense(rows, cols int, data []float32) Matrix {
	return Matrix{Rows: rows, Cols: cols, Stride: cols, Data: data}
}

// check panics when the elements do not lie within Data: shapes are the caller's code, not input.
func (m Matrix) check(what string) {
	if m.Rows < 0 || m.Cols < 0 || m.Stride < m.Cols ||
		m.Rows > 0 && m.Cols > 0 && len(m.Data) < (m.Rows-1)*m.Stride+m.Cols {
		panic(fmt.Sprintf("linalg: matrix %s of %d×%d, stride %d, in %d floats", what, m.Rows, m.Cols, m.Stride, len(m.Data)))
	}
}

// Op is what is done to a matrix before it is multiplied.
type Op bool

// The two operations.
const (
	Plain      Op = false
	Transposed Op = true
)

// shape returns the rows and columns of op(m).
func (op Op) shape(m Matrix) (rows, cols int) {
	if op == Transposed {
		return m.Cols, m.Rows
	}
	return m.Rows, m.Cols
}

// Multiplier multiplies matrices with the primitives of one instruction set on a number of
// threads. It keeps its packing memory between calls and is not safe for concurrent use.
type Multiplier struct {
	kernels *kernel.Set
	p       kernel.Primitives
	threads int
	round   Precision
	a, b    []float32 // packed blocks, shared by the threads of a call
	scaled  []float32 // alpha·A
	workers []scratch
}

// scratch belongs to one thread.
type scratch struct {
	rows []float32 // rows on their way to a transposed panel
	half []uint16  // the same in bfloat16
	out  [maxRows * tileRows]float32
}

// Precision is what the elements of A and B are rounded to before they are multiplied. Products
// are summed in float32 in either.
type Precision uint8

// The two precisions.
const (
	Float32  Precision = iota // as they are
	BFloat16                  // to the nearest of 8 significant bits, ties to even; subnormal numbers may count as zero
)

const (
	maxRows  = 16 // outputs of the widest panel of any instruction set
	tileRows = 8  // rows of op(A) that one call of a primitive multiplies

	blockDepth = 512  // words of the sums: a tile of op(A) then fills half of a first-level cache
	blockCols  = 240  // of op(B) per task: half of a second-level cache, a multiple of three panels
	blockRows  = 64   // of op(A) per task
	packed     = 4096 // rows of op(A) and columns of op(B) that are packed at once
	serialWork = 1 << 16
)

// NewMultiplier returns a multiplier on threads threads, at least one.
func NewMultiplier(kernels *kernel.Set, threads int) *Multiplier {
	threads = max(threads, 1)
	return &Multiplier{kernels: kernels, p: kernels.Primitives(), threads: threads, workers: make([]scratch, threads)}
}

// WithPrecision returns a multiplier like g, but with memory of its own, that rounds to p. It errs
// when g's instruction set does not multiply such numbers.
func (g *Multiplier) WithPrecision(p Precision) (*Multiplier, error) {
	switch {
	case p > BFloat16:
		return nil, fmt.Errorf("multiply matrices: there is no precision %d", uint8(p))
	case p == BFloat16 && !g.kernels.BFloat16():
		return nil, fmt.Errorf("multiply matrices in bfloat16: kernel set %q has no such products on this CPU (on amd64 they need AVX512_BF16): use float32",
			g.kernels.Name())
	}
	h := NewMultiplier(g.kernels, g.threads)
	h.round = p
	return h, nil
}

// per returns the numbers that one packed word holds.
func (p Precision) per() int {
	if p == BFloat16 {
		return 2
	}
	return 1
}

// Gemm computes
//
//	C[i][j] = beta·C[i][j] + Σ_l alpha·op(A)[i][l]·op(B)[l][j]
//
// C must not overlap A or B. With beta = 0, what C held does not matter; with alpha = 0, what A
// and B hold does not. Every sum runs in one order, which depends on the shapes alone and not on
// the threads. In bfloat16 it is alpha·op(A) that is rounded. It panics when the shapes do not fit.
func (g *Multiplier) Gemm(opA, opB Op, alpha float32, a, b Matrix, beta float32, c Matrix) {
	a.check("A")
	b.check("B")
	c.check("C")
	m, depth := opA.shape(a)
	inner, n := opB.shape(b)
	if depth != inner || m != c.Rows || n != c.Cols {
		panic(fmt.Sprintf("linalg: %d×%d times %d×%d into %d×%d", m, depth, inner, n, c.Rows, c.Cols))
	}
	if alpha == 0 || depth == 0 {
		scale(c, beta)
		return
	}
	if beta != 0 {
		scale(c, beta)
	}
	threads := g.threads
	if m*n*depth < serialWork {
		threads = 1
	}
	if alpha != 1 {
		a = g.scale(a, alpha)
	}
	per := g.round.per()
	kb := per * balanced((depth+per-1)/per, blockDepth)
	for n0 := 0; n0 < n; n0 += packed {
		for k0 := 0; k0 < depth; k0 += kb {
			blk := block{g: g, threads: threads, n0: n0, n1: min(n0+packed, n), k0: k0, k1: min(k0+kb, depth), c: c,
				accumulate: beta != 0 || k0 > 0}
			blk.words = (blk.k1 - blk.k0 + per - 1) / per
			blk.packB(opB, b)
			for m0 := 0; m0 < m; m0 += packed {
				blk.m0, blk.m1 = m0, min(m0+packed, m)
				blk.packA(opA, a)
				blk.multiply()
			}
		}
	}
}

// scale returns alpha·a in g's memory.
func (g *Multiplier) scale(a Matrix, alpha float32) Matrix {
	lanes, n := g.p.Rows, a.Rows*a.Cols
	g.scaled = resize(g.scaled, (n+lanes-1)/lanes*lanes+lanes)
	for i := range a.Rows {
		copy(g.scaled[i*a.Cols:(i+1)*a.Cols], a.Data[i*a.Stride:])
	}
	// behind the matrix lie what fills its last group of lanes, and one of factors
	all, factors := g.scaled[:len(g.scaled)-lanes], g.scaled[len(g.scaled)-lanes:]
	for i := range factors {
		factors[i] = alpha
	}
	g.p.ScaleLanes(all, factors)
	return Dense(a.Rows, a.Cols, g.scaled)
}

// balanced returns the length of the fewest blocks of at most top that cover n.
func balanced(n, top int) int {
	blocks := (n + top - 1) / top
	return (n + blocks - 1) / blocks
}

// scale multiplies c with beta; zero clears it, whatever it held.
func scale(c Matrix, beta float32) {
	if beta == 1 {
		return
	}
	for i := range c.Rows {
		row := c.Data[i*c.Stride : i*c.Stride+c.Cols]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

// block is one packed block of rows [m0, m1), columns [n0, n1) and products [k0, k1).
type block struct {
	g                      *Multiplier
	threads                int
	m0, m1, n0, n1, k0, k1 int
	words                  int // of a packed row or column: its k1−k0 numbers
	c                      Matrix
	accumulate             bool
}

// multiply adds the products of the packed block to C, or writes them: tasks of blockRows by
// blockCols, those of the same columns one after the other.
func (b *block) multiply() {
	nr := b.g.p.Rows
	width := balanced(b.n1-b.n0, blockCols)
	width = (width + nr - 1) / nr * nr
	down := (b.m1 - b.m0 + blockRows - 1) / blockRows
	across := (b.n1 - b.n0 + width - 1) / width
	Parallel(b.threads, down*across, func(worker, task int) {
		i0 := b.m0 + task%down*blockRows
		j0 := b.n0 + task/down*width
		for i := i0; i < min(i0+blockRows, b.m1); i += tileRows {
			b.tile(&b.g.workers[worker], i, j0, min(j0+width, b.n1))
		}
	})
}

// tile multiplies rows i to i+7 with the panels of columns [j0, j1).
func (b *block) tile(s *scratch, i, j0, j1 int) {
	p, depth := &b.g.p, b.words
	one, three := p.GemmF32, p.GemmF32x3
	if b.g.round == BFloat16 {
		one, three = p.GemmBF16, p.GemmBF16x3
	}
	nr := p.Rows
	x := b.g.a[(i-b.m0)*depth : (i-b.m0+tileRows)*depth]
	panels := b.g.b[(j0-b.n0)*depth:]
	rows, ldc := min(tileRows, b.m1-i), b.c.Stride
	out := b.c.Data[i*ldc:]
	j := j0
	if rows == tileRows {
		for ; j+3*nr <= j1; j += 3 * nr {
			three(out[j:], ldc, nr, panels[(j-j0)*depth:(j-j0+3*nr)*depth], x, 1, tileRows, b.accumulate)
		}
		for ; j+nr <= j1; j += nr {
			one(out[j:], ldc, panels[(j-j0)*depth:(j-j0+nr)*depth], x, 1, tileRows, b.accumulate)
		}
	}
	for ; j < j1; j += nr { // what does not fill a tile goes through one
		cols := min(nr, j1-j)
		if b.accumulate {
			for t := range rows {
				copy(s.out[t*nr:t*nr+cols], out[t*ldc+j:])
			}
		}
		one(s.out[:], nr, panels[(j-j0)*depth:(j-j0+nr)*depth], x, 1, tileRows, b.accumulate)
		for t := range rows {
			copy(out[t*ldc+j:t*ldc+j+cols], s.out[t*nr:])
		}
	}
}

// String names the operation.
func (op Op) String() string {
	if op == Transposed {
		return "transposed"
	}
	return "plain"
}

// String names the precision.
func (p Precision) String() string {
	if p == BFloat16 {
		return "bfloat16"
	}
	return "float32"
}
