// Package safetensors reads safetensors model files: a JSON header that names the tensors,
// then their bytes.
//
// The format is described at https://github.com/huggingface/safetensors#format. Files are
// mapped, not loaded, and nothing in them is trusted: the header's length and every
// offset are checked against the bytes that are there before anything is allocated.
package safetensors

import (
	"maps"
	"slices"

	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tensor/tensorfile"
)

// FormatError is the error of a file that breaks the format: it names the file, the field
// and its byte offset.
type FormatError = tensorfile.FormatError

// Tensor locates one tensor of a file.
type Tensor struct {
	Name   string
	DType  tensor.DType
	Shape  []int // as in the file: the last dimension runs fastest, the reverse of GGUF
	Offset int64 // of the first byte, from the start of the file
	Size   int64 // bytes; 0 where a dimension is 0
}

// Elements returns the number of elements, 1 for a scalar.
func (t Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// File is an open safetensors file. It is safe for concurrent use, Close excepted.
// Metadata and the list of tensors stay valid after Close, slices from Data do not.
type File struct {
	name     string
	data     []byte
	mapping  *tensorfile.Mapping // nil when parsed from memory
	metadata map[string]string
	tensors  []Tensor
	index    map[string]int
}

// Open maps the file at path and parses its header.
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

// Metadata returns a copy of the file's free-form metadata.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Tensors returns all tensors in the order of their data. The slice is the caller's, the
// shapes are shared and must not be changed.
func (f *File) Tensors() []Tensor { return slices.Clone(f.tensors) }

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.index[name]
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
