// Package gguf reads and writes GGUF model files: metadata, and tensors of the element
// types that package tensor knows. Versions 2 and 3 are read, version 3 is written, both
// little-endian.
//
// The format is described at https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
// Files are mapped, not loaded, and nothing in them is trusted: every count, length and
// offset is checked against the bytes that are there before anything is allocated.
package gguf

import (
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tensor/tensorfile"
)

// FormatError is the error of a file that breaks the format: it names the file, the field
// and its byte offset.
type FormatError = tensorfile.FormatError

// DefaultAlignment is the alignment of tensor data where general.alignment is absent.
const DefaultAlignment = 32

const alignmentKey = "general.alignment"

// Tensor locates one tensor of a file.
type Tensor struct {
	Name   string
	DType  tensor.DType
	Shape  []int // as in the file: the first dimension runs fastest (a row's length)
	Offset int64 // of the first byte, from the start of the file
	Size   int64 // bytes
}

// Elements returns the number of elements.
func (t Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// File is an open GGUF file. It is safe for concurrent use, Close excepted. Metadata and
// the list of tensors stay valid after Close, slices from Data do not.
type File struct {
	Version   int   // 2 or 3
	Alignment int64 // of tensor data, a power of two

	name        string
	data        []byte
	mapping     *tensorfile.Mapping // nil when parsed from memory
	keys        []string
	values      map[string]Value
	tensors     []Tensor
	tensorIndex map[string]int
}

// Open maps the file at path and parses all of it but the tensor data.
func Open(path string) (*File, error) {
	m, err := tensorfile.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := Parse(m.Bytes(), path)
	if err != nil {
		m.Close() // the parse error is the one to report
		return nil, err
	}
	f.mapping = m
	return f, nil
}

// Parse reads a file from memory; name stands for the file in errors. data is kept for
// Data and must not change. Every error is a *FormatError.
func Parse(data []byte, name string) (*File, error) {
	p := &parser{data: data, file: &File{name: name, data: data}}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return p.file, nil
}

// Close releases the mapping; further calls do nothing.
func (f *File) Close() error {
	f.data = nil
	if f.mapping == nil {
		return nil
	}
	return f.mapping.Close()
}

// Name returns the path or name that the file was opened by.
func (f *File) Name() string { return f.name }

// Size returns the length of the file in bytes, 0 after Close.
func (f *File) Size() int64 { return int64(len(f.data)) }

// Tensors returns all tensors in the order of the file. The slice is the caller's, the
// shapes are shared and must not be changed.
func (f *File) Tensors() []Tensor { return slices.Clone(f.tensors) }

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.tensorIndex[name]
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Data returns the bytes of a tensor of this file, without a copy: they must not be
// written to, nor used after Close. It returns nil for a tensor that does not lie in the
// file, and after Close.
func (f *File) Data(t Tensor) []byte {
	if t.Offset < 0 || t.Size < 0 || t.Offset > f.Size() || t.Size > f.Size()-t.Offset {
		return nil
	}
	end := t.Offset + t.Size
	return f.data[t.Offset:end:end]
}

// Keys returns the metadata keys in the order of the file.
func (f *File) Keys() []string { return slices.Clone(f.keys) }

// Value returns the metadata value of a key.
func (f *File) Value(key string) (Value, bool) {
	v, ok := f.values[key]
	return v, ok
}

// String returns a string value. Like all getters of one type it reports false both for an
// absent key and for a value of another type; Value tells them apart.
func (f *File) String(key string) (string, bool) { return f.values[key].Text() }

// Uint returns an integer value of any width that is not negative.
func (f *File) Uint(key string) (uint64, bool) { return f.values[key].Uint() }

// Int returns an integer value of any width that fits an int64.
func (f *File) Int(key string) (int64, bool) { return f.values[key].Int() }

// Float returns a floating-point or integer value.
func (f *File) Float(key string) (float64, bool) { return f.values[key].Float() }

// Bool returns a bool value.
func (f *File) Bool(key string) (value, ok bool) { return f.values[key].Bool() }

// Strings returns an array of strings.
func (f *File) Strings(key string) ([]string, bool) {
	return elements(f.values[key], Value.Text)
}

// Bools returns an array of bools.
func (f *File) Bools(key string) ([]bool, bool) {
	return elements(f.values[key], Value.Bool)
}

// Floats32 returns an array of numbers as float32, rounded if they are wider.
func (f *File) Floats32(key string) ([]float32, bool) {
	return elements(f.values[key], func(v Value) (float32, bool) {
		x, ok := v.Float()
		return float32(x), ok
	})
}

// Ints32 returns an array of integers of any width that all fit an int32.
func (f *File) Ints32(key string) ([]int32, bool) {
	return elements(f.values[key], func(v Value) (int32, bool) {
		i, ok := v.Int()
		return int32(i), ok && i >= math.MinInt32 && i <= math.MaxInt32
	})
}

// elements converts an array whose elements all convert.
func elements[T any](v Value, convert func(Value) (T, bool)) ([]T, bool) {
	if v.typ != Array {
		return nil, false
	}
	out := make([]T, 0, v.Len())
	for e := range v.All() {
		x, ok := convert(e)
		if !ok {
			return nil, false
		}
		out = append(out, x)
	}
	return out, true
}
