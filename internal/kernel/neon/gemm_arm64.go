// Package neon holds the primitives for arm64 CPUs with the dot product instructions
// (FEAT_DotProd); each is defined by the function of the same name in ref. Codes are centered:
// unpacking leaves signed bytes with the format's offset subtracted, so the panel kernels need
// no start sums. The wrappers check lengths, the assembly trusts them.
//
// The assembly is written by hand. Instructions that Go's assembler lacks stand as words with
// their text as the comment; a test encodes the text and compares, and
// go test ./internal/kernel/neon -update writes the words of new ones.
package neon

import "github.com/wattlaw/wattlaw/internal/kernel/ref"

// Rows is the number of outputs of a panel tile: two vectors of four.
const Rows = 8

// RowsF64 is the number of outputs of a panel tile of float64: two vectors of two.
const RowsF64 = 4

// tokens is the number of activations of a panel tile.
const tokens = ref.Tokens

// Interleave transposes words; see ref.Interleave. rows is 8.
func Interleave(dst, src []uint32, rows, n int) {
	if rows != Rows || n < 4 {
		ref.Interleave(dst, src, rows, n)
		return
	}
	_, _ = dst[rows*n-1], src[rows*n-1]
	whole := n &^ 3
	interleave8(&dst[0], &src[0], n, whole)
	for r := range rows {
		for j := whole; j < n; j++ {
			dst[j*rows+r] = src[r*n+j]
		}
	}
}

// GemmQ8 multiplies one tile of centered codes in groups of 32; see ref.Panel.
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

// GemmQ6K multiplies one tile of centered codes in superblocks of 16 groups of 16; see ref.Panel.
func GemmQ6K(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, _ []int32) {
	n := len(scales) / (16 * Rows)
	if n == 0 {
		zero(out, ldo)
		return
	}
	_, _, _, _ = out[(tokens-1)*ldo+Rows-1], codes[256*Rows*n-1], q[256*tokens*n-1], d[tokens*n-1]
	gemmQ6K(&out[0], ldo, &codes[0], &scales[0], &q[0], &d[0], n)
}

// GemmF32 multiplies one tile of floats; see ref.Panel. It is fast for the two layouts that
// occur: features side by side (ks = 1) or tokens side by side (ts = 1).
func GemmF32(out []float32, ldo int, panel, x []float32, ts, ks int, accumulate bool) {
	n := len(panel) / Rows
	if n == 0 {
		if !accumulate {
			zero(out, ldo)
		}
		return
	}
	_, _ = out[(tokens-1)*ldo+Rows-1], x[(tokens-1)*ts+(n-1)*ks]
	switch {
	case ks == 1:
		gemmRows(&out[0], ldo, &panel[0], &x[0], ts, n, accumulate)
	case ts == 1:
		gemmColumns(&out[0], ldo, &panel[0], &x[0], ks, n, accumulate)
	default:
		ref.Panel{Rows: Rows}.GemmF32(out, ldo, panel, x, ts, ks, accumulate)
	}
}

// GemmF32x3 multiplies three panels, one behind the other; one alone fills the registers.
func GemmF32x3(out []float32, ldo, os int, panel, x []float32, ts, ks int, accumulate bool) {
	n := len(panel) / 3
	for i := range 3 {
		GemmF32(out[i*os:], ldo, panel[i*n:(i+1)*n], x, ts, ks, accumulate)
	}
}

// GemmF64 multiplies one tile of float64; see ref.Panel. It is fast for tokens side by side (ts = 1).
func GemmF64(out []float64, ldo int, panel, x []float64, ts, ks int, accumulate bool) {
	n := len(panel) / RowsF64
	if n == 0 || ts != 1 {
		ref.Panel{Rows: RowsF64}.GemmF64(out, ldo, panel, x, ts, ks, accumulate)
		return
	}
	_, _ = out[(tokens-1)*ldo+RowsF64-1], x[(tokens-1)*ts+(n-1)*ks]
	gemmF64(&out[0], ldo, &panel[0], &x[0], ks, n, accumulate)
}

// GemmF64x3 multiplies three panels of them, one behind the other.
func GemmF64x3(out []float64, ldo, os int, panel, x []float64, ts, ks int, accumulate bool) {
	n := len(panel) / 3
	for i := range 3 {
		GemmF64(out[i*os:], ldo, panel[i*n:(i+1)*n], x, ts, ks, accumulate)
	}
}

// zero clears a tile of floats, the product over no features.
func zero(out []float32, ldo int) { ref.ClearTile(Rows, out, ldo) }
