package avx512

import (
	"unsafe"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// RowDotsF32 multiplies rows of a matrix with a vector; see ref.RowDots.
func RowDotsF32(d, a []float32, ld int, x []float32) {
	if ref.CheckRows(len(d), len(x), len(a), ld) {
		rowDotsF32(unsafe.SliceData(d), unsafe.SliceData(a), unsafe.SliceData(x), ld, len(d), len(x))
	}
}

// RowDotsF64 does so in float64.
func RowDotsF64(d, a []float64, ld int, x []float64) {
	if ref.CheckRows(len(d), len(x), len(a), ld) {
		rowDotsF64(unsafe.SliceData(d), unsafe.SliceData(a), unsafe.SliceData(x), ld, len(d), len(x))
	}
}

// AddRowsF32 adds multiples of rows to a vector; see ref.AddRows.
func AddRowsF32(y, a []float32, ld int, c []float32) {
	if ref.CheckRows(len(c), len(y), len(a), ld) {
		addRowsF32(unsafe.SliceData(y), unsafe.SliceData(a), unsafe.SliceData(c), ld, len(c), len(y))
	}
}

// AddRowsF64 does so in float64.
func AddRowsF64(y, a []float64, ld int, c []float64) {
	if ref.CheckRows(len(c), len(y), len(a), ld) {
		addRowsF64(unsafe.SliceData(y), unsafe.SliceData(a), unsafe.SliceData(c), ld, len(c), len(y))
	}
}

// SymRowsF32 does both in one pass; see ref.SymRows.
func SymRowsF32(y, d, a []float32, ld int, x, c []float32) {
	if y, c = y[:len(x)], c[:len(d)]; ref.CheckRows(len(d), len(x), len(a), ld) {
		symRowsF32(unsafe.SliceData(y), unsafe.SliceData(d), unsafe.SliceData(a), unsafe.SliceData(x), unsafe.SliceData(c), ld, len(d), len(x))
	}
}

// SymRowsF64 does so in float64.
func SymRowsF64(y, d, a []float64, ld int, x, c []float64) {
	if y, c = y[:len(x)], c[:len(d)]; ref.CheckRows(len(d), len(x), len(a), ld) {
		symRowsF64(unsafe.SliceData(y), unsafe.SliceData(d), unsafe.SliceData(a), unsafe.SliceData(x), unsafe.SliceData(c), ld, len(d), len(x))
	}
}
