package ref

// RowDots multiplies the rows of a dense matrix with a vector:
//
//	d[r] = Σ_j a[r*ld+j]·x[j] for r < len(d), j < len(x)
func RowDots[T float32 | float64](d, a []T, ld int, x []T) {
	for r := range d {
		d[r] = 0
		for j, v := range x {
			d[r] += a[r*ld+j] * v
		}
	}
}

// AddRows adds multiples of the rows of a dense matrix to a vector:
//
//	y[j] += Σ_r c[r]·a[r*ld+j] for r < len(c), j < len(y)
func AddRows[T float32 | float64](y, a []T, ld int, c []T) {
	for r, v := range c {
		for j := range y {
			y[j] += v * a[r*ld+j]
		}
	}
}

// SymRows does both in one pass over the matrix, as a product with the rows of one triangle of a
// symmetric matrix needs:
//
//	d[r] = Σ_j a[r*ld+j]·x[j] and y[j] += Σ_r c[r]·a[r*ld+j] for r < len(d), j < len(x)
//
// len(c) = len(d), len(y) = len(x).
func SymRows[T float32 | float64](y, d, a []T, ld int, x, c []T) {
	RowDots(d, a, ld, x)
	AddRows(y[:len(x)], a, ld, c[:len(d)])
}
