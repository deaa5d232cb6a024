// Package linalg multiplies and factorizes matrices of float32 and float64 on all cores. Products
// of float32 may be rounded to bfloat16.
package linalg

import (
	"errors"
	"fmt"

	"github.com/wattlaw/wattlaw/internal/kernel"
)

// MultiplierOf multiplies and factorizes matrices with the primitives of one instruction set on a
// number of threads. It keeps its packing memory between calls and is not safe for concurrent use.
type MultiplierOf[T Float] struct {
	kernels *kernel.Set
	micro   micro[T]
	threads int
	a, b    []T // packed blocks, shared by the threads of a call
	scaled  []T // alpha·A
	workers []scratch[T]
	loners  []*MultiplierOf[T] // by worker, for tasks that multiply on their own
}

// Multiplier multiplies matrices of float32.
type Multiplier = MultiplierOf[float32]

// scratch belongs to one thread.
type scratch[T Float] struct {
	rows []T      // rows on their way to a transposed panel
	half []uint16 // the same in bfloat16
	out  [maxRows * tileRows]T
}

// Precision is what the elements of A and B, float32, are rounded to before they are multiplied.
// Products are summed in float32 in either.
type Precision uint8

// The two precisions.
const (
	Float32  Precision = iota // as they are
	BFloat16                  // to the nearest of 8 significant bits, ties to even; subnormal numbers may count as zero
)

const (
	maxRows  = 16 // outputs of the widest panel of any instruction set
	tileRows = 8  // rows of op(A) that one call of a primitive multiplies

	blockCols  = 240     // of op(B) per task: half of a second-level cache, a multiple of three panels
	blockRows  = 64      // of op(A) per task
	packed     = 4096    // rows of op(A) and columns of op(B) that are packed at once
	serialWork = 1 << 21 // products below which other threads would wake up too late
)

// NewMultiplier returns a multiplier of float32 on threads threads, at least one.
func NewMultiplier(kernels *kernel.Set, threads int) *Multiplier {
	return NewMultiplierOf[float32](kernels, threads)
}

// NewMultiplierOf returns a multiplier of any type on threads threads, at least one.
func NewMultiplierOf[T Float](kernels *kernel.Set, threads int) *MultiplierOf[T] {
	threads = max(threads, 1)
	p := kernels.Primitives()
	return &MultiplierOf[T]{kernels: kernels, micro: microOf[T](&p), threads: threads, workers: make([]scratch[T], threads),
		loners: make([]*MultiplierOf[T], threads)}
}

// WithPrecision returns a multiplier like g, but with memory of its own, that rounds to p. It errs
// when g's instruction set does not multiply such numbers, or g's are not float32.
func (g *MultiplierOf[T]) WithPrecision(p Precision) (*MultiplierOf[T], error) {
	h := NewMultiplierOf[T](g.kernels, g.threads)
	if p == Float32 {
		return h, nil
	}
	if p > BFloat16 {
		return nil, fmt.Errorf("multiply matrices: there is no precision %d", uint8(p))
	}
	if !g.kernels.BFloat16() {
		return nil, fmt.Errorf("multiply matrices in bfloat16: kernel set %q has no such products on this CPU (on amd64 they need AVX512_BF16): use float32",
			g.kernels.Name())
	}
	primitives := g.kernels.Primitives()
	m, ok := any(microBF16(&primitives)).(micro[T])
	if !ok {
		return nil, errors.New("multiply matrices of float64 in bfloat16: only float32 are rounded: use a multiplier of float32")
	}
	h.micro = m
	return h, nil
}

// Gemm computes
//
//	C[i][j] = beta·C[i][j] + Σ_l alpha·op(A)[i][l]·op(B)[l][j]
//
// C must not overlap A or B. With beta = 0, what C held does not matter; with alpha = 0, what A
// and B hold does not. Every sum runs in one order, which depends on the shapes alone and not on
// the threads. In bfloat16 it is alpha·op(A) that is rounded. It panics when the shapes do not fit.
func (g *MultiplierOf[T]) Gemm(opA, opB Op, alpha T, a, b MatrixOf[T], beta T, c MatrixOf[T]) {
	g.gemm(opA, opB, alpha, a, b, beta, c, false)
}

// GemmLower is Gemm for a C that is symmetric, at about half the work: the elements above its
// diagonal are unspecified afterwards.
func (g *MultiplierOf[T]) GemmLower(opA, opB Op, alpha T, a, b MatrixOf[T], beta T, c MatrixOf[T]) {
	g.gemm(opA, opB, alpha, a, b, beta, c, true)
}

func (g *MultiplierOf[T]) gemm(opA, opB Op, alpha T, a, b MatrixOf[T], beta T, c MatrixOf[T], lower bool) {
	a.check("A")
	b.check("B")
	c.check("C")
	m, depth := shape(opA, a)
	inner, n := shape(opB, b)
	if depth != inner || m != c.Rows || n != c.Cols {
		panic(fmt.Sprintf("linalg: %d×%d times %d×%d into %d×%d", m, depth, inner, n, c.Rows, c.Cols))
	}
	if m == 0 || n == 0 {
		return
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
	per := g.micro.per
	kb := per * balanced((depth+per-1)/per, g.micro.depth)
	for n0 := 0; n0 < n; n0 += packed {
		for k0 := 0; k0 < depth; k0 += kb {
			blk := block[T]{g: g, threads: threads, lower: lower, n0: n0, n1: min(n0+packed, n), k0: k0, k1: min(k0+kb, depth), c: c,
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

// alone returns a multiplier like g on one thread, with memory that belongs to a worker of Parallel.
func (g *MultiplierOf[T]) alone(worker int) *MultiplierOf[T] {
	if g.loners[worker] == nil {
		g.loners[worker] = &MultiplierOf[T]{kernels: g.kernels, micro: g.micro, threads: 1, workers: make([]scratch[T], 1), loners: make([]*MultiplierOf[T], 1)}
	}
	return g.loners[worker]
}

// scale returns alpha·a in g's memory.
func (g *MultiplierOf[T]) scale(a MatrixOf[T], alpha T) MatrixOf[T] {
	lanes, n := g.micro.lanes, a.Rows*a.Cols
	g.scaled = resize(g.scaled, (n+lanes-1)/lanes*lanes+lanes)
	for i := range a.Rows {
		copy(g.scaled[i*a.Cols:(i+1)*a.Cols], a.Data[i*a.Stride:])
	}
	// behind the matrix lie what fills its last group of lanes, and one of factors
	all, factors := g.scaled[:len(g.scaled)-lanes], g.scaled[len(g.scaled)-lanes:]
	for i := range factors {
		factors[i] = alpha
	}
	g.micro.scale(all, factors)
	return Dense(a.Rows, a.Cols, g.scaled)
}

// balanced returns the length of the fewest blocks of at most top that cover n.
func balanced(n, top int) int {
	blocks := (n + top - 1) / top
	return (n + blocks - 1) / blocks
}

// scale multiplies c with beta; zero clears it, whatever it held.
func scale[T Float](c MatrixOf[T], beta T) {
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
type block[T Float] struct {
	g                      *MultiplierOf[T]
	threads                int
	m0, m1, n0, n1, k0, k1 int
	words                  int // of a packed row or column: its k1−k0 numbers
	c                      MatrixOf[T]
	accumulate             bool
	lower                  bool // what lies above C's diagonal need not be right
}

// multiply adds the products of the packed block to C, or writes them: tasks of blockRows by
// blockCols, those of the same columns one after the other.
func (b *block[T]) multiply() {
	nr := b.g.micro.lanes
	width := balanced(b.n1-b.n0, blockCols)
	width = (width + nr - 1) / nr * nr
	down := (b.m1 - b.m0 + blockRows - 1) / blockRows
	across := (b.n1 - b.n0 + width - 1) / width
	Parallel(b.threads, down*across, func(worker, task int) {
		i0 := b.m0 + task%down*blockRows
		j0 := b.n0 + task/down*width
		if b.lower && j0 >= i0+blockRows {
			return
		}
		for i := i0; i < min(i0+blockRows, b.m1); i += tileRows {
			b.tile(&b.g.workers[worker], i, j0, min(j0+width, b.n1))
		}
	})
}

// tile multiplies rows i to i+7 with the panels of columns [j0, j1).
func (b *block[T]) tile(s *scratch[T], i, j0, j1 int) {
	one, three, nr, depth := b.g.micro.one, b.g.micro.three, b.g.micro.lanes, b.words
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

// String names the precision.
func (p Precision) String() string {
	if p == BFloat16 {
		return "bfloat16"
	}
	return "float32"
}
