// Package kernel holds the inner loops of inference behind one table per instruction set.
//
// A Set is chosen once (Best or ByName) and handed down; there is no global choice. The
// folders ref, avx2, avx512 and neon hold the primitives; the drivers that tile, pack and
// walk matrices are written once, here, over those primitives.
package kernel

import "github.com/wattlaw/wattlaw/internal/tensor"

// Matrix is a weight matrix of Rows output features by Cols input features, row-major,
// each row Cols values in blocks of DType. Data is not modified and may be mapped memory.
type Matrix struct {
	DType      tensor.DType
	Rows, Cols int
	Data       []byte
}
