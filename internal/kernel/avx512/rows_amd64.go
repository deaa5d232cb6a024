package avx512

// RowDotsF32 multiplies rows of a matrix with a vector; see ref.RowDots.
func RowDotsF32(d, a []float32, ld int, x []float32) {
	if rowsLie(len(d), len(x), len(a), ld) {
		rowDotsF32(first(d), first(a), first(x), ld, len(d), len(x))
	}
}

// RowDotsF64 does so in float64.
func RowDotsF64(d, a []float64, ld int, x []float64) {
	if rowsLie(len(d), len(x), len(a), ld) {
		rowDotsF64(first(d), first(a), first(x), ld, len(d), len(x))
	}
}

// AddRowsF32 adds multiples of rows to a vector; see ref.AddRows.
func AddRowsF32(y, a []float32, ld int, c []float32) {
	if rowsLie(len(c), len(y), len(a), ld) {
		addRowsF32(first(y), first(a), first(c), ld, len(c), len(y))
	}
}

// AddRowsF64 does so in float64.
func AddRowsF64(y, a []float64, ld int, c []float64) {
	if rowsLie(len(c), len(y), len(a), ld) {
		addRowsF64(first(y), first(a), first(c), ld, len(c), len(y))
	}
}

// SymRowsF32 does both in one pass; see ref.SymRows.
func SymRowsF32(y, d, a []float32, ld int, x, c []float32) {
	if y, c = y[:len(x)], c[:len(d)]; rowsLie(len(d), len(x), len(a), ld) {
		symRowsF32(first(y), first(d), first(a), first(x), first(c), ld, len(d), len(x))
	}
}

// SymRowsF64 does so in float64.
func SymRowsF64(y, d, a []float64, ld int, x, c []float64) {
	if y, c = y[:len(x)], c[:len(d)]; rowsLie(len(d), len(x), len(a), ld) {
		symRowsF64(first(y), first(d), first(a), first(x), first(c), ld, len(d), len(x))
	}
}

// rowsLie panics unless rows of n elements, ld apart, lie within size elements. It reports whether
// there are any rows.
func rowsLie(rows, n, size, ld int) bool {
	if rows > 0 && n > 0 && (ld < 0 || (rows-1)*ld+n > size) {
		panic("kernel: the rows do not lie in the matrix")
	}
	return rows > 0
}

// first returns the address of the first element, or nil.
func first[T any](x []T) *T {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}
