package kernel

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// kind is how activations are rounded before they meet weights of a format. It follows
// llama.cpp, so that logits agree with it.
type kind uint8

const (
	kindF32  kind = iota // float32
	kindF16              // rounded to binary16
	kindBF16             // rounded to bfloat16
	kindQ8               // int8 in groups of 32
	kindQ8K              // int8 in groups of 256
)

// format is what the drivers need to know of a weight format; see ref.Unpack… for the
// meaning of group, offset and mins.
type format struct {
	kind   kind
	group  int
	offset int32
	mins   bool
}

// formats lists the formats that are multiplied from their blocks. Every other format that
// tensor can decode is decoded row by row to float32.
var formats = map[tensor.DType]format{
	tensor.F32:   {kind: kindF32},
	tensor.F16:   {kind: kindF16},
	tensor.BF16:  {kind: kindBF16},
	tensor.Q8_0:  {kind: kindQ8, group: 32, offset: 128},
	tensor.Q4_0:  {kind: kindQ8, group: 32, offset: 8},
	tensor.IQ4NL: {kind: kindQ8, group: 32, offset: 128},
	tensor.Q4_K:  {kind: kindQ8K, group: 32, mins: true},
	tensor.Q5_K:  {kind: kindQ8K, group: 32, mins: true},
	tensor.Q6_K:  {kind: kindQ8K, group: 16, offset: 32},
}

// Supported reports whether a Set can multiply matrices of this type.
func Supported(d tensor.DType) bool {
	if _, ok := formats[d]; ok {
		return true
	}
	switch d {
	case tensor.Q4_1, tensor.Q5_0, tensor.Q5_1, tensor.Q2_K, tensor.Q3_K, tensor.IQ4XS, tensor.F64:
		return true
	}
	return false
}

// Row dequantizes one row of w: len(dst) = w.Cols. It panics when w does not pass Check.
func (s *Set) Row(dst []float32, w Matrix, row int) {
	n := w.rowBytes()
	s.rowReader(w.DType)(dst[:w.Cols], w.Data[row*n:(row+1)*n])
}

// rowReader returns the conversion of one row to float32.
func (s *Set) rowReader(d tensor.DType) func(dst []float32, row []byte) {
	if f, ok := s.p.Floats[d]; ok {
		return f.Row
	}
	return func(dst []float32, row []byte) {
		if err := tensor.Dequantize(dst, d, row); err != nil {
			panic(fmt.Sprintf("kernel: matrix was not checked: %v", err))
		}
	}
}

// dotter returns the product of rows with one float vector.
func (s *Set) dotter(d tensor.DType) func(y []float32, w []byte, stride int, x []float32) {
	if f, ok := s.p.Floats[d]; ok {
		return f.Dot
	}
	read := s.rowReader(d)
	return func(y []float32, w []byte, stride int, x []float32) {
		row := make([]float32, len(x))
		for r := range y {
			read(row, w[r*stride:(r+1)*stride])
			y[r] = ref.DotVec(row, x)
		}
	}
}
