// Package kernel holds the inner loops of inference behind one table per instruction set.
//
// A Set is chosen once (Best or ByName) and handed down; there is no global choice. The
// folders ref, avx2, avx512 and neon hold the primitives; the drivers that tile, pack and
// walk matrices are written once, here, over those primitives.
//
// To add an instruction set: write its folder with primitives of the signatures in
// Primitives, each defined by the function of the same name in ref (which also serves as
// fallback), add a table to native in set_GOARCH.go, and pass kerneltest.Suite, which
// TestPrimitives runs for every available set.
package kernel

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Matrix is a weight matrix of Rows output features by Cols input features, row-major,
// each row Cols values in blocks of DType. Data is not modified and may be mapped memory.
type Matrix struct {
	DType      tensor.DType
	Rows, Cols int
	Data       []byte
}

// Check reports whether Data holds the rows that the shape promises. A matrix that comes
// from a file is checked once, on loading; the multiplications then trust it.
func (w Matrix) Check() error {
	n, err := w.DType.RowBytes(w.Cols)
	if err != nil {
		return fmt.Errorf("matrix %d×%d: %w", w.Rows, w.Cols, err)
	}
	if w.Rows < 0 || (n > 0 && w.Rows > len(w.Data)/n) {
		return fmt.Errorf("matrix %d×%d of %v: needs %d rows of %d bytes, has %d bytes",
			w.Rows, w.Cols, w.DType, w.Rows, n, len(w.Data))
	}
	if !Supported(w.DType) {
		return fmt.Errorf("matrix %d×%d: no kernel multiplies %v", w.Rows, w.Cols, w.DType)
	}
	return nil
}

// rowBytes is the stride of a checked matrix.
func (w Matrix) rowBytes() int { return w.Cols / w.DType.BlockValues() * w.DType.BlockBytes() }
