package train

import (
	"fmt"
	"runtime"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
)

// tools are what layers are computed with.
type tools struct {
	kernels *kernel.Set
	threads int
	gemm    *linalg.Multiplier
	heads   []headScratch // per thread
	// Of norms, on the way back: the gradients of the weights over spans of rows; for layer norms
	// 1/deviation and mean of the rows.
	sums, scales, means []float32
	chain               chain // of factorized layers
	// watch, if not nil, sees what layers make, before their biases.
	watch func(l linear, y linalg.Matrix)
}

func newTools(opt Options) (*tools, error) {
	t := &tools{kernels: opt.Kernels, threads: opt.Threads}
	if t.kernels == nil {
		t.kernels = kernel.Best()
	}
	if t.threads <= 0 {
		t.threads = runtime.GOMAXPROCS(0)
	}
	var err error
	if t.gemm, err = linalg.NewMultiplier(t.kernels, t.threads).WithPrecision(opt.Precision); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	t.heads = make([]headScratch, t.threads)
	for i := range t.heads {
		if t.heads[i].gemm, err = linalg.NewMultiplier(t.kernels, 1).WithPrecision(opt.Precision); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
	}
	return t, nil
}

// linear is a linear layer, held as one matrix or as factors; bias is nil without one.
type linear struct {
	weight, bias *Param
	factors      *factors // instead of weight
}

// inputs counts the features that the layer reads.
func (l linear) inputs() int {
	if l.factors != nil {
		return l.factors.cols
	}
	return l.weight.Shape[0]
}

// outputs counts the features that the layer makes.
func (l linear) outputs() int {
	if l.factors != nil {
		return l.factors.rows
	}
	return l.weight.Shape[1]
}

// resize returns a slice of length n with unspecified contents, in s's memory if it suffices.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// grain and rowGrain are the elements and the rows of one task of elementwise work.
const (
	grain    = 16 << 10
	rowGrain = 16
)

// spread calls f for spans of [0, n) of at most step, on all threads.
func (t *tools) spread(n, step int, f func(i, j int)) {
	linalg.Parallel(t.threads, (n+step-1)/step, func(_, i int) { f(i*step, min((i+1)*step, n)) })
}

// part views columns [first, first+cols) of rows of stride floats.
func part(x []float32, rows, stride, first, cols int) linalg.Matrix {
	return linalg.Matrix{Rows: rows, Cols: cols, Stride: stride, Data: x[first:]}
}

func (t *tools) add(dst, x []float32) {
	t.spread(len(dst), grain, func(i, j int) { t.kernels.Add(dst[i:j], x[i:j]) })
}

// apply computes y = x·Wᵀ.
func (t *tools) apply(y linalg.Matrix, x []float32, w *Param) {
	t.gemm.Gemm(linalg.Plain, linalg.Transposed, 1, linalg.Dense(y.Rows, w.Shape[0], x), w.matrix(w.Value), 0, y)
}

// weigh adds the gradient dyᵀ·x of y = x·Wᵀ to W's.
func (t *tools) weigh(w *Param, dy linalg.Matrix, x []float32) {
	t.gemm.Gemm(linalg.Transposed, linalg.Plain, 1, dy, linalg.Dense(dy.Rows, w.Shape[0], x), 1, w.matrix(w.Grad))
}

// back computes dx = dy·W + beta·dx.
func (t *tools) back(dx []float32, beta float32, dy linalg.Matrix, w *Param) {
	t.gemm.Gemm(linalg.Plain, linalg.Plain, 1, dy, w.matrix(w.Value), beta, linalg.Dense(dy.Rows, w.Shape[0], dx))
}

// linear computes y = x·Wᵀ + bias.
func (t *tools) linear(y linalg.Matrix, x []float32, l linear) {
	if l.factors != nil {
		t.applyFactors(y, x, l.factors)
	} else {
		t.apply(y, x, l.weight)
	}
	if t.watch != nil {
		t.watch(l, y)
	}
	if l.bias == nil {
		return
	}
	t.spread(y.Rows, rowGrain, func(i, j int) {
		for r := i; r < j; r++ {
			t.kernels.Add(y.Data[r*y.Stride:r*y.Stride+y.Cols], l.bias.Value)
		}
	})
}

// linearBack adds the gradients of a layer that made y of x, and computes dx = dy·W + beta·dx. Dense
// weights and biases without room for gradients stay as they are.
func (t *tools) linearBack(dx []float32, beta float32, dy linalg.Matrix, x []float32, l linear) {
	if l.factors != nil {
		t.factorsBack(dx, beta, dy, x, l.factors)
	} else {
		if l.weight.Grad != nil {
			t.weigh(l.weight, dy, x)
		}
		t.back(dx, beta, dy, l.weight)
	}
	if l.bias == nil || l.bias.Grad == nil {
		return
	}
	t.spread(dy.Cols, 4*rowGrain, func(i, j int) {
		for r := range dy.Rows {
			t.kernels.Add(l.bias.Grad[i:j], dy.Data[r*dy.Stride+i:r*dy.Stride+j])
		}
	})
}

// project computes the outputs of layers side by side in rows of stride floats.
func (t *tools) project(y []float32, rows, stride int, x []float32, layers []linear) {
	first := 0
	for _, l := range layers {
		t.linear(part(y, rows, stride, first, l.outputs()), x, l)
		first += l.outputs()
	}
}

// projectBack is the way back of project; it overwrites dx.
func (t *tools) projectBack(dx, dy []float32, rows, stride int, x []float32, layers []linear) {
	var beta float32
	first := 0
	for _, l := range layers {
		t.linearBack(dx, beta, part(dy, rows, stride, first, l.outputs()), x, l)
		first, beta = first+l.outputs(), 1
	}
}
