package ref

// CheckTile panics when a tile of rows outputs by Tokens does not lie in its slices. It returns the
// words of a row; for none the output is complete.
func CheckTile[T float32 | float64](rows int, out []T, ldo int, panel, x []T, ts, ks int, accumulate bool) int {
	n := len(panel) / rows
	if n == 0 {
		if !accumulate {
			ClearTile(rows, out, ldo)
		}
		return 0
	}
	_, _ = out[(Tokens-1)*ldo+rows-1], x[(Tokens-1)*ts+(n-1)*ks]
	return n
}

// CheckTiles is CheckTile for three panels, whose outputs are os apart.
func CheckTiles[T float32 | float64](rows int, out []T, ldo, os int, panel, x []T, ts, ks int, accumulate bool) int {
	n := len(panel) / 3
	for i := range 3 {
		CheckTile(rows, out[i*os:], ldo, panel[i*n:(i+1)*n], x, ts, ks, accumulate)
	}
	return n / rows
}

// ClearTile clears a tile, the product over no features.
func ClearTile[T float32 | float64](rows int, out []T, ldo int) {
	for t := range Tokens {
		clear(out[t*ldo : t*ldo+rows])
	}
}

// CheckRows panics unless rows of n elements, ld apart, lie within size elements. It reports whether
// there are any rows.
func CheckRows(rows, n, size, ld int) bool {
	if rows > 0 && n > 0 && (ld < 0 || (rows-1)*ld+n > size) {
		panic("kernel: the rows do not lie in the matrix")
	}
	return rows > 0
}
