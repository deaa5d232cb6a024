package neon

import "github.com/wattlaw/wattlaw/internal/kernel/ref"

// The products of dense rows are Go: four rows at once are four chains of fused multiply-adds, as
// many as it takes to wait for memory rather than for each other.

// RowDots multiplies rows of a matrix with a vector; see ref.RowDots.
func RowDots[T float32 | float64](d, a []T, ld int, x []T) {
	ref.CheckRows(len(d), len(x), len(a), ld)
	r := 0
	for ; r+4 <= len(d); r += 4 {
		a0, a1, a2, a3 := four(a, r, ld, len(x))
		var d0, d1, d2, d3 T
		for j, v := range x {
			d0 += a0[j] * v
			d1 += a1[j] * v
			d2 += a2[j] * v
			d3 += a3[j] * v
		}
		d[r], d[r+1], d[r+2], d[r+3] = d0, d1, d2, d3
	}
	if r < len(d) {
		ref.RowDots(d[r:], a[r*ld:], ld, x)
	}
}

// AddRows adds multiples of rows to a vector; see ref.AddRows.
func AddRows[T float32 | float64](y, a []T, ld int, c []T) {
	ref.CheckRows(len(c), len(y), len(a), ld)
	r := 0
	for ; r+4 <= len(c); r += 4 {
		a0, a1, a2, a3 := four(a, r, ld, len(y))
		c0, c1, c2, c3 := c[r], c[r+1], c[r+2], c[r+3]
		for j, v := range y {
			y[j] = v + c0*a0[j] + c1*a1[j] + c2*a2[j] + c3*a3[j]
		}
	}
	if r < len(c) {
		ref.AddRows(y, a[r*ld:], ld, c[r:])
	}
}

// SymRows does both in one pass; see ref.SymRows.
func SymRows[T float32 | float64](y, d, a []T, ld int, x, c []T) {
	ref.CheckRows(len(d), len(x), len(a), ld)
	y, c = y[:len(x)], c[:len(d)]
	r := 0
	for ; r+4 <= len(d); r += 4 {
		a0, a1, a2, a3 := four(a, r, ld, len(x))
		c0, c1, c2, c3 := c[r], c[r+1], c[r+2], c[r+3]
		var d0, d1, d2, d3 T
		for j, v := range x {
			d0 += a0[j] * v
			d1 += a1[j] * v
			d2 += a2[j] * v
			d3 += a3[j] * v
			y[j] = y[j] + c0*a0[j] + c1*a1[j] + c2*a2[j] + c3*a3[j]
		}
		d[r], d[r+1], d[r+2], d[r+3] = d0, d1, d2, d3
	}
	if r < len(d) {
		ref.SymRows(y, d[r:], a[r*ld:], ld, x, c[r:])
	}
}

// four returns rows r to r+3, of n elements.
func four[T float32 | float64](a []T, r, ld, n int) (a0, a1, a2, a3 []T) {
	row := func(r int) []T { return a[r*ld : r*ld+n] }
	return row(r), row(r + 1), row(r + 2), row(r + 3)
}
