package huggingface

import (
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// plan is a model without the values of its tensors, and how each gets them.
type plan struct {
	source *model.Source
	// data returns the values of tensor i: those of the file as they are, or a changed copy.
	data []func() ([]byte, error)
}

// materialize returns the source with all values.
func (p *plan) materialize() (*model.Source, error) {
	for i := range p.source.Tensors {
		data, err := p.data[i]()
		if err != nil {
			return nil, err
		}
		p.source.Tensors[i].Data = data
	}
	return p.source, nil
}

// builder plans the tensors of a model one after the other and keeps the first error.
type builder struct {
	plan
	folder *Folder
	prefix string // of the model's names in the folder
	used   map[string]bool
	err    error
}

func (f *Folder) builder(prefix string, meta []model.Entry) *builder {
	source := &model.Source{Name: f.dir, Meta: meta}
	return &builder{folder: f, prefix: prefix, used: map[string]bool{}, plan: plan{source: source}}
}

func (b *builder) keep(err error) {
	if b.err == nil {
		b.err = err
	}
}

// take looks a tensor up and checks its shape, outermost dimension first, and its type.
func (b *builder) take(name string, shape ...int) (s stored, ok bool) {
	if b.err != nil {
		return s, false
	}
	if s, ok = b.folder.tensors[name]; !ok {
		b.err = fmt.Errorf("%s: tensor %q is missing, want shape %v: %s", b.folder.dir, name, shape, downloadAgain)
		return s, false
	}
	b.used[name] = true
	switch s.DType {
	case tensor.F32, tensor.F16, tensor.BF16, tensor.F64:
	default:
		b.err = fmt.Errorf("%s: tensor %q is %v, want F32, F16 or BF16: take the model's original, not a quantized one", s.file.Name(), name, s.DType)
	}
	if !slices.Equal(s.Shape, shape) {
		b.err = fmt.Errorf("%s: tensor %q has shape %v, %s implies %v", s.file.Name(), name, s.Shape, configFile, shape)
	}
	return s, b.err == nil
}

// add plans a tensor in type dt from values of type from.
func (b *builder) add(name string, dt, from tensor.DType, data func() []byte, shape ...int) {
	b.source.Tensors = append(b.source.Tensors, model.Tensor{Name: name, DType: dt, Shape: shape})
	b.data = append(b.data, func() ([]byte, error) {
		converted, err := convert(dt, from, data())
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		return converted, nil
	})
}

// floatType is the type that a matrix has here: its own, but that no runtime multiplies F64.
func floatType(dt tensor.DType) tensor.DType {
	if dt == tensor.F64 {
		return tensor.F32
	}
	return dt
}

// convert returns values of one float type in another, and data itself where the types are one.
func convert(to, from tensor.DType, data []byte) ([]byte, error) {
	if to == from {
		return data, nil
	}
	values := make([]float32, len(data)/from.BlockBytes())
	if err := tensor.Dequantize(values, from, data); err != nil {
		return nil, err
	}
	out := make([]byte, len(values)*to.BlockBytes())
	return out, tensor.Quantize(out, to, values)
}

// matrix plans a matrix as it is stored.
func (b *builder) matrix(name, from string, rows, cols int) {
	if s, ok := b.take(from, rows, cols); ok {
		b.add(name, floatType(s.DType), s.DType, s.data, cols, rows)
	}
}

// vector plans n values in F32.
func (b *builder) vector(name, from string, n int) {
	if s, ok := b.take(from, n); ok {
		b.add(name, tensor.F32, s.DType, s.data, n)
	}
}

// rotated plans a matrix of queries or keys for rotary pairs that lie side by side: of each head,
// the folder has the first features of all pairs and then the second ones.
func (b *builder) rotated(name, from string, heads, rows, cols int) {
	if s, ok := b.take(from, rows, cols); ok {
		b.add(name, floatType(s.DType), s.DType, func() []byte { return interleave(s.data(), heads, rows) }, cols, rows)
	}
}

// interleave returns rows with row i of a head's first half before row i of its second half.
func interleave(data []byte, heads, rows int) []byte {
	out := make([]byte, 0, len(data))
	size, half := len(data)/rows, rows/heads/2
	for head := range heads {
		for i := range half {
			first := (2*head*half + i) * size
			second := first + half*size
			out = append(out, data[first:first+size]...)
			out = append(out, data[second:second+size]...)
		}
	}
	return out
}

// thirds plans three layers of rows each that are stored as one above the other, with their biases.
func (b *builder) thirds(names [3]string, from string, rows, cols int) {
	weights, ok := b.take(from+".weight", 3*rows, cols)
	biases, ok2 := b.take(from+".bias", 3*rows)
	if !ok || !ok2 {
		return
	}
	for i, name := range names {
		third := func(s stored) func() []byte {
			return func() []byte {
				n := len(s.data()) / 3
				return s.data()[i*n : (i+1)*n]
			}
		}
		b.add(name+".weight", floatType(weights.DType), weights.DType, third(weights), cols, rows)
		b.add(name+".bias", tensor.F32, biases.DType, third(biases), rows)
	}
}

// frames plans one tensor per frame of a convolution over two of them: what is stored as
// [out][channel][frame][row][column] becomes [out][channel][row][column] twice. It stays F16 and
// is F32 otherwise, since runtimes take no other types for convolutions.
func (b *builder) frames(names [2]string, from string, out, channels, side int) {
	s, ok := b.take(from, out, channels, len(names), side, side)
	if !ok {
		return
	}
	dt := tensor.F32
	if s.DType == tensor.F16 {
		dt = tensor.F16
	}
	for frame, name := range names {
		b.add(name, dt, s.DType, func() []byte {
			data := s.data()
			size := len(data) / (out * channels * len(names))
			part := make([]byte, 0, len(data)/len(names))
			for i := frame; i < out*channels*len(names); i += len(names) {
				part = append(part, data[i*size:(i+1)*size]...)
			}
			return part
		}, side, side, channels, out)
	}
}

// values plans a tensor that the folder does not have.
func (b *builder) values(name string, values []float32) {
	t := model.F32Tensor(name, []int{len(values)}, values)
	b.add(name, tensor.F32, tensor.F32, func() []byte { return t.Data }, t.Shape...)
}

func (s stored) data() []byte { return s.file.Data(s.Tensor) }
