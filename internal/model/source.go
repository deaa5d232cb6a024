// Package model turns a stored model into computation: the shared layers, the seam behind
// which linear layers may be factorized, the key–value cache, the team of workers that
// computes a batch, and a decoder assembled from them. Each architecture has a folder that
// reads its hyperparameters and names its tensors.
package model

import (
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// Source is a model as it is stored: metadata and tensors under their GGUF names, be they
// mapped from a file or made in memory.
type Source struct {
	// Name says where the model comes from, for messages: a path or a shape specification.
	Name string
	// Quant names the format of the weights as its users do, e.g. "Q4_K_M".
	Quant string
	// Meaningless says that the weights are random.
	Meaningless bool
	Meta        []Entry
	Tensors     []Tensor
	// Vocab is the tokenizer's vocabulary.
	Vocab tokenizer.Vocab

	used map[string]bool // tensors that a graph has asked for
}

// Entry is one piece of metadata.
type Entry struct {
	Key   string
	Value gguf.Value
}

// Tensor is one stored tensor.
type Tensor struct {
	Name  string
	DType tensor.DType
	Shape []int // innermost dimension first, as GGUF writes it: {cols, rows}
	Data  []byte
}

// Values returns the number of elements.
func (t *Tensor) Values() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= int64(d)
	}
	return n
}

// Bytes returns the size that type and shape imply.
func (t *Tensor) Bytes() int64 {
	if t.DType.BlockValues() == 0 {
		return 0
	}
	return t.Values() / int64(t.DType.BlockValues()) * int64(t.DType.BlockBytes())
}

// Decode returns all values as float32, whatever type they are stored in.
func (t *Tensor) Decode() ([]float32, error) {
	values := make([]float32, t.Values())
	if err := tensor.Dequantize(values, t.DType, t.Data); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return values, nil
}

// HashTensors writes to h whatever tells one model's weights from another's.
func (s *Source) HashTensors(h hash.Hash) {
	for i := range s.Tensors {
		t := &s.Tensors[i]
		fmt.Fprintln(h, t.Name, t.DType, t.Shape)
		h.Write(t.Data) // a hash never errs
	}
}

// F32Tensor stores values as a tensor of type F32; its data is a copy.
func F32Tensor(name string, shape []int, values []float32) Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return Tensor{Name: name, DType: tensor.F32, Shape: shape, Data: data}
}

// Tensor returns the tensor of the given name, nil when the model has none.
func (s *Source) Tensor(name string) *Tensor {
	for i := range s.Tensors {
		if s.Tensors[i].Name == name {
			return &s.Tensors[i]
		}
	}
	return nil
}

// Value returns the metadata under key.
func (s *Source) Value(key string) (gguf.Value, bool) {
	for i := range s.Meta {
		if s.Meta[i].Key == key {
			return s.Meta[i].Value, true
		}
	}
	return gguf.Value{}, false
}

// Text returns a string value, or "" when the key is absent or no string.
func (s *Source) Text(key string) string {
	v, _ := s.Value(key)
	text, _ := v.Text()
	return text
}

// Count returns a whole number that must lie in [lo, hi].
func (s *Source) Count(key string, lo, hi int) (int, error) {
	v, ok := s.Value(key)
	if !ok {
		return 0, fmt.Errorf("%s: metadata %q is missing", s.Name, key)
	}
	n, ok := v.Int()
	if !ok || n < int64(lo) || n > int64(hi) {
		return 0, fmt.Errorf("%s: metadata %q is %v, want a whole number from %d to %d", s.Name, key, v, lo, hi)
	}
	return int(n), nil
}

// CountOr is Count with a value for an absent key.
func (s *Source) CountOr(key string, lo, hi, absent int) (int, error) {
	if _, ok := s.Value(key); !ok {
		return absent, nil
	}
	return s.Count(key, lo, hi)
}

// RealOr returns a number in [lo, hi], or absent when the key is not there.
func (s *Source) RealOr(key string, lo, hi, absent float64) (float64, error) {
	v, ok := s.Value(key)
	if !ok {
		return absent, nil
	}
	x, ok := v.Float()
	if !ok || !(x >= lo && x <= hi) {
		return 0, fmt.Errorf("%s: metadata %q is %v, want a number from %g to %g", s.Name, key, v, lo, hi)
	}
	return x, nil
}

// shaped returns the tensor of that name after checking its shape, innermost dimension
// first, and that its data has the size that shape and type imply.
func (s *Source) shaped(name string, shape ...int) (*Tensor, error) {
	t := s.Tensor(name)
	if t == nil {
		return nil, fmt.Errorf("%s: tensor %q is missing, want shape %v", s.Name, name, shape)
	}
	if !sameShape(t.Shape, shape) {
		return nil, fmt.Errorf("%s: tensor %q has shape %v, want %v", s.Name, name, t.Shape, shape)
	}
	if _, err := t.DType.RowBytes(shape[0]); err != nil {
		return nil, s.wrong(name, err)
	}
	if int64(len(t.Data)) != t.Bytes() {
		return nil, fmt.Errorf("%s: tensor %q has %d bytes of data, want %d", s.Name, name, len(t.Data), t.Bytes())
	}
	if s.used == nil {
		s.used = map[string]bool{}
	}
	s.used[name] = true
	return t, nil
}

// wrong says which tensor an error is about.
func (s *Source) wrong(tensor string, err error) error {
	return fmt.Errorf("%s: tensor %q: %w", s.Name, tensor, err)
}

// AllUsed errs when the model has tensors that its graph did not ask for: leaving them
// out would compute something else than the model.
func (s *Source) AllUsed() error {
	for i := range s.Tensors {
		if name := s.Tensors[i].Name; !s.used[name] {
			return fmt.Errorf("%s: tensor %q has no place in architecture %q as implemented here",
				s.Name, name, s.Text("general.architecture"))
		}
	}
	return nil
}

// sameShape compares shapes; trailing dimensions of one do not count.
func sameShape(a, b []int) bool {
	for i := range max(len(a), len(b)) {
		da, db := 1, 1
		if i < len(a) {
			da = a[i]
		}
		if i < len(b) {
			db = b[i]
		}
		if da != db {
			return false
		}
	}
	return true
}

// Linear loads the layer of rows by cols whose weights are the tensor of that name, or
// factors that stand in its place.
func (s *Source) Linear(name string, rows, cols int) (Linear, error) {
	f, err := s.Factors(name, rows, cols)
	if err != nil {
		return nil, err
	}
	if f != nil {
		return s.factorized(f)
	}
	m, err := s.Matrix(name, rows, cols)
	if err != nil {
		return nil, err
	}
	return &Dense{Matrix: m}, nil
}

// Matrix loads a matrix of rows by cols that a kernel can multiply.
func (s *Source) Matrix(name string, rows, cols int) (kernel.Matrix, error) {
	t, err := s.shaped(name, cols, rows)
	if err != nil {
		return kernel.Matrix{}, err
	}
	if !kernel.Supported(t.DType) {
		return kernel.Matrix{}, fmt.Errorf("%s: tensor %q is %v, which has no kernel", s.Name, name, t.DType)
	}
	return kernel.Matrix{DType: t.DType, Rows: rows, Cols: cols, Data: t.Data}, nil
}

// Flattened loads a tensor of shape inner × rows as a matrix: the weights of a convolution
// over whole patches, one row of their values per output.
func (s *Source) Flattened(name string, rows int, inner ...int) (Linear, error) {
	t, err := s.shaped(name, append(slices.Clone(inner), rows)...)
	if err != nil {
		return nil, err
	}
	cols := 1
	for _, n := range inner {
		cols *= n
	}
	m := kernel.Matrix{DType: t.DType, Rows: rows, Cols: cols, Data: t.Data}
	if err := m.Check(); err != nil {
		return nil, s.wrong(name, err)
	}
	return &Dense{Matrix: m}, nil
}

// Vector loads n values as float32, whatever type they are stored in.
func (s *Source) Vector(name string, n int) ([]float32, error) { return s.Values(name, n) }

// Values loads a whole tensor of the given shape, innermost dimension first, as float32.
func (s *Source) Values(name string, shape ...int) ([]float32, error) {
	t, err := s.shaped(name, shape...)
	if err != nil {
		return nil, err
	}
	v, err := t.Decode()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	return v, nil
}
