// Package avx2 holds the primitives for CPUs with AVX2, FMA and F16C; each is
// defined by the function of the same name in ref. The wrappers check lengths, the assembly
// trusts them.
package avx2

import "github.com/wattlaw/wattlaw/internal/kernel/ref"

// Rows is the number of outputs of a panel tile, one per 32-bit lane.
const Rows = 8

// RowsF64 is the number of outputs of a panel tile of float64.
const RowsF64 = 4

// tokens is the number of activations of a panel tile.
const tokens = ref.Tokens

// Interleave transposes words; see ref.Interleave. rows is 8.
func Interleave(dst, src []uint32, rows, n int) {
	if rows != Rows || n < 8 {
		ref.Interleave(dst, src, rows, n)
		return
	}
	_, _ = dst[rows*n-1], src[rows*n-1]
	whole := n &^ 7
	interleave8(&dst[0], &src[0], n, whole)
	for r := range rows {
		for j := whole; j < n; j++ {
			dst[j*rows+r] = src[r*n+j]
		}
	}
}

// GemmQ4 multiplies one tile of codes below 16 in groups of 32; see ref.Panel.
func GemmQ4(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32) {
	n := len(scales) / Rows
	if n == 0 {
		zero(out, ldo)
		return
	}
	_, _, _, _, _ = out[(tokens-1)*ldo+Rows-1], codes[32*Rows*n-1], q[32*tokens*n-1], d[tokens*n-1], init[tokens*n-1]
	gemmQ4(&out[0], ldo, &codes[0], &scales[0], &q[0], &d[0], &init[0], n)
}

// GemmQ8 multiplies one tile in groups of 32; see ref.Panel.
func GemmQ8(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, _ []int32) {
	n := len(scales) / Rows
	if n == 0 {
		zero(out, ldo)
		return
	}
	_, _, _, _ = out[(tokens-1)*ldo+Rows-1], codes[32*Rows*n-1], q[32*tokens*n-1], d[tokens*n-1]
	gemmQ8(&out[0], ldo, &codes[0], &scales[0], &q[0], &d[0], n)
}

// GemmQ4K multiplies one tile with minimums in superblocks of 256; see ref.Panel.
func GemmQ4K(out []float32, ldo int, codes []uint8, scales, mins []float32, q []int8, d, sums []float32) {
	n := len(scales) / (8 * Rows)
	if n == 0 {
		zero(out, ldo)
		return
	}
	_, _, _ = out[(tokens-1)*ldo+Rows-1], codes[256*Rows*n-1], mins[8*Rows*n-1]
	_, _, _ = q[256*tokens*n-1], d[tokens*n-1], sums[8*tokens*n-1]
	gemmQ4K(&out[0], ldo, &codes[0], &scales[0], &mins[0], &q[0], &d[0], &sums[0], n)
}

// GemmQ6K multiplies one tile in superblocks of 16 groups of 16; see ref.Panel.
func GemmQ6K(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32) {
	n := len(scales) / (16 * Rows)
	if n == 0 {
		zero(out, ldo)
		return
	}
	_, _, _, _, _ = out[(tokens-1)*ldo+Rows-1], codes[256*Rows*n-1], q[256*tokens*n-1], d[tokens*n-1], init[16*tokens*n-1]
	gemmQ6K(&out[0], ldo, &codes[0], &scales[0], &q[0], &d[0], &init[0], n)
}

// GemmF32 multiplies one tile of floats; see ref.Panel.
func GemmF32(out []float32, ldo int, panel, x []float32, ts, ks int, accumulate bool) {
	if n := ref.CheckTile(Rows, out, ldo, panel, x, ts, ks, accumulate); n > 0 {
		gemmF32(&out[0], ldo, &panel[0], &x[0], ts, ks, n, accumulate)
	}
}

// GemmF32x3 multiplies three panels, one behind the other; see ref.Panel.
func GemmF32x3(out []float32, ldo, os int, panel, x []float32, ts, ks int, accumulate bool) {
	if n := ref.CheckTiles(Rows, out, ldo, os, panel, x, ts, ks, accumulate); n > 0 {
		gemmF32x3(&out[0], ldo, os, &panel[0], n*Rows, &x[0], ts, ks, n, accumulate)
	}
}

// GemmF64 multiplies one tile of float64; see ref.Panel.
func GemmF64(out []float64, ldo int, panel, x []float64, ts, ks int, accumulate bool) {
	if n := ref.CheckTile(RowsF64, out, ldo, panel, x, ts, ks, accumulate); n > 0 {
		gemmF64(&out[0], ldo, &panel[0], &x[0], ts, ks, n, accumulate)
	}
}

// GemmF64x3 multiplies three panels of them, one behind the other; see ref.Panel.
func GemmF64x3(out []float64, ldo, os int, panel, x []float64, ts, ks int, accumulate bool) {
	if n := ref.CheckTiles(RowsF64, out, ldo, os, panel, x, ts, ks, accumulate); n > 0 {
		gemmF64x3(&out[0], ldo, os, &panel[0], n*RowsF64, &x[0], ts, ks, n, accumulate)
	}
}

// zero clears a tile of floats, the product over no features.
func zero(out []float32, ldo int) { ref.ClearTile(Rows, out, ldo) }
