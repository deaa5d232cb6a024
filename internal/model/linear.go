package model

import (
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Linear is a linear layer, y = W·x: the seam behind which a layer may be one dense
// quantized matrix or a factorization of it. Graphs know only this.
type Linear interface {
	// Rows is the number of output features, Cols that of input features.
	Rows() int
	Cols() int
	// Bytes is the memory that the weights take.
	Bytes() int64
	// MulAdds is the number of multiply-adds for one token.
	MulAdds() int64
	// Input is the element type whose companion form the layer reads its input in.
	Input() tensor.DType
	// Apply computes y[t*ldy+r] for r in [r0, r1) and every token t of in, which must be
	// prepared for Input() and, behind that, entered for the layer. Workers take ranges that
	// do not overlap; it needs no barrier.
	Apply(w *Worker, y []float32, ldy, r0, r1 int, in *Input)
}

// Dense is a linear layer held as one matrix.
type Dense struct{ Matrix kernel.Matrix }

// Rows is the number of output features.
func (d *Dense) Rows() int { return d.Matrix.Rows }

// Cols is the number of input features.
func (d *Dense) Cols() int { return d.Matrix.Cols }

// Bytes is the memory that the weights take.
func (d *Dense) Bytes() int64 { return int64(len(d.Matrix.Data)) }

// MulAdds is Rows·Cols.
func (d *Dense) MulAdds() int64 { return int64(d.Matrix.Rows) * int64(d.Matrix.Cols) }

// Input is the element type of the weights.
func (d *Dense) Input() tensor.DType { return d.Matrix.DType }

// Apply computes rows [r0, r1) of the product for all tokens of in; it needs no barrier.
func (d *Dense) Apply(w *Worker, y []float32, ldy, r0, r1 int, in *Input) {
	if r0 < r1 {
		w.Kernels.MatMul(y, ldy, d.Matrix, r0, r1, in.acts(d.Matrix.DType), &w.Scratch)
	}
}

// Input is a batch of activation vectors that linear layers read: float32 values, and the
// same values in the forms that the layers' kernels want.
type Input struct {
	X     []float32 // token t, feature k at X[t*Width+k]
	Width int
	n     int // tokens
	// own says that every worker prepares an Input of its own over values that all share.
	own    bool
	forms  []inputForm
	middle [places]*middle // of factorized layers
}

type inputForm struct {
	dtype tensor.DType
	acts  *kernel.Acts
}

// NewInput makes room for batches of up to tokens of the vectors x in the forms that those
// of the layers want that read vectors of this width.
func NewInput(x []float32, width, tokens int, layers []Linear) *Input {
	in := &Input{X: x, Width: width, n: tokens}
	for _, l := range layers {
		if l.Cols() == width {
			in.reserve(l, tokens)
		}
	}
	in.reserveMiddles(tokens, layers)
	return in
}

// reserve makes room for the form that a layer reads.
func (in *Input) reserve(l Linear, tokens int) {
	a := in.acts(l.Input())
	if a == nil {
		a = new(kernel.Acts)
		in.forms = append(in.forms, inputForm{l.Input(), a})
	}
	a.Reset(l.Input(), tokens, l.Cols())
}

// Reset sizes every form for the next batch. It must not run beside Prepare, Enter or Apply.
func (in *Input) Reset(tokens int) {
	in.n = tokens
	for _, f := range in.forms {
		f.acts.Reset(f.dtype, tokens, in.Width)
	}
}

// Prepare brings tokens [t0, t1) of X into the forms that the given layers read.
func (in *Input) Prepare(w *Worker, t0, t1 int, layers ...Linear) {
	for i, l := range layers {
		a := in.acts(l.Input())
		if t0 < t1 && !in.preparedFor(layers[:i], a) {
			w.Kernels.Prepare(a, in.X, in.Width, t0, t1, &w.Scratch)
		}
	}
}

func (in *Input) preparedFor(layers []Linear, a *kernel.Acts) bool {
	for _, l := range layers {
		if in.acts(l.Input()) == a {
			return true
		}
	}
	return false
}

// acts returns the form that serves weights of type dtype, nil when no layer asked for it.
func (in *Input) acts(dtype tensor.DType) *kernel.Acts {
	for _, f := range in.forms {
		if f.dtype == dtype || f.acts.Fits(dtype) {
			return f.acts
		}
	}
	return nil
}

// Ready brings the first n vectors of X into the forms that the layers read: Reset, Prepare
// and Enter in one, for a worker alone.
func (in *Input) Ready(w *Worker, n int, layers ...Linear) {
	in.Reset(n)
	in.Prepare(w, 0, n, layers...)
	in.Enter(w, layers...)
}

// ApplyAll computes y = layer(in) + bias for the first n vectors of in, one after the other,
// with a worker alone. They must be Ready for the layer; bias may be nil.
func ApplyAll(w *Worker, y []float32, in *Input, n int, layer Linear, bias []float32) {
	rows := layer.Rows()
	layer.Apply(w, y, rows, 0, rows, in)
	for t := 0; t < n && bias != nil; t++ {
		w.Kernels.Add(y[t*rows:(t+1)*rows], bias)
	}
}

// Sized returns a slice of length n in the memory of s where that suffices; its contents are
// unspecified.
func Sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
