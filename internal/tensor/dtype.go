// Package tensor knows element types: their names and numbers in GGUF files, the layout
// of quantized blocks, and exact conversion from and to float32.
package tensor

import "fmt"

// DType is an element type, numbered as in GGUF files (ggml_type).
type DType uint32

// Element types. The numbers are fixed by the file format.
const (
	F32   DType = 0
	F16   DType = 1
	Q4_0  DType = 2
	Q4_1  DType = 3
	Q5_0  DType = 6
	Q5_1  DType = 7
	Q8_0  DType = 8
	Q2_K  DType = 10
	Q3_K  DType = 11
	Q4_K  DType = 12
	Q5_K  DType = 13
	Q6_K  DType = 14
	IQ4NL DType = 20
	I8    DType = 24
	I16   DType = 25
	I32   DType = 26
	I64   DType = 27
	F64   DType = 28
	IQ4XS DType = 23
	BF16  DType = 30
)

// layout is the shape of one block: Values elements in Size bytes.
type layout struct {
	name   string
	values int
	size   int
}

// Block sizes follow from the structs of the format: e.g. Q8_0 is one float16 scale and
// 32 int8, Q4_K is two float16, 12 bytes of 6-bit scales and mins, and 128 bytes of nibbles.
var layouts = map[DType]layout{
	F32: {"F32", 1, 4}, F16: {"F16", 1, 2}, BF16: {"BF16", 1, 2}, F64: {"F64", 1, 8},
	I8: {"I8", 1, 1}, I16: {"I16", 1, 2}, I32: {"I32", 1, 4}, I64: {"I64", 1, 8},
	Q4_0: {"Q4_0", 32, 2 + 16}, Q4_1: {"Q4_1", 32, 4 + 16},
	Q5_0: {"Q5_0", 32, 2 + 4 + 16}, Q5_1: {"Q5_1", 32, 4 + 4 + 16},
	Q8_0: {"Q8_0", 32, 2 + 32},
	Q2_K: {"Q2_K", 256, 16 + 64 + 4}, Q3_K: {"Q3_K", 256, 32 + 64 + 12 + 2},
	Q4_K: {"Q4_K", 256, 4 + 12 + 128}, Q5_K: {"Q5_K", 256, 4 + 12 + 32 + 128},
	Q6_K:  {"Q6_K", 256, 128 + 64 + 16 + 2},
	IQ4NL: {"IQ4_NL", 32, 2 + 16}, IQ4XS: {"IQ4_XS", 256, 2 + 2 + 4 + 128},
}

// Known reports whether the type's layout is known here.
func (d DType) Known() bool { _, ok := layouts[d]; return ok }

// String returns the name as GGUF tools write it, e.g. "Q4_K".
func (d DType) String() string {
	if l, ok := layouts[d]; ok {
		return l.name
	}
	return fmt.Sprintf("type %d", uint32(d))
}

// BlockValues returns the number of elements of one block, 0 for an unknown type.
func (d DType) BlockValues() int { return layouts[d].values }

// BlockBytes returns the size of one block in bytes, 0 for an unknown type.
func (d DType) BlockBytes() int { return layouts[d].size }

// RowBytes returns the bytes of a row of n elements. It errs when the type is unknown or
// n is negative, no multiple of the block, or so large that the product overflows.
func (d DType) RowBytes(n int) (int, error) {
	l, ok := layouts[d]
	switch {
	case !ok:
		return 0, fmt.Errorf("row of %d elements: unknown element %v", n, d)
	case n < 0 || n%l.values != 0:
		return 0, fmt.Errorf("row of %d elements: %v needs a multiple of %d", n, d, l.values)
	case n/l.values > maxInt/l.size:
		return 0, fmt.Errorf("row of %d elements: size overflows", n)
	}
	return n / l.values * l.size, nil
}

const maxInt = int(^uint(0) >> 1)
