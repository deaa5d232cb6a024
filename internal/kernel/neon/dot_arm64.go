package neon

import "github.com/wattlaw/wattlaw/internal/kernel/ref"

// The Dot primitives multiply rows with one vector of activations; see ref for each.

// DotQ8_0 multiplies Q8_0 rows.
func DotQ8_0(y []float32, w []byte, stride int, q []int8, d []float32, _ []int32) {
	if checkDot(y, w, stride, 34, len(d), 32, q) {
		dotQ8_0(&y[0], &w[0], stride, len(y), &q[0], &d[0], len(d))
	}
}

// DotQ4_0 multiplies Q4_0 rows.
func DotQ4_0(y []float32, w []byte, stride int, q []int8, d []float32, _ []int32) {
	if checkDot(y, w, stride, 18, len(d), 32, q) {
		dotQ4_0(&y[0], &w[0], stride, len(y), &q[0], &d[0], len(d))
	}
}

// DotIQ4NL multiplies IQ4_NL rows.
func DotIQ4NL(y []float32, w []byte, stride int, q []int8, d []float32, _ []int32) {
	if checkDot(y, w, stride, 18, len(d), 32, q) {
		dotIQ4NL(&y[0], &w[0], stride, len(y), &q[0], &d[0], len(d))
	}
}

// DotQ4_K multiplies Q4_K rows.
func DotQ4_K(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	if checkDot(y, w, stride, 144, len(d), 256, q) {
		_ = sums[16*len(d)-1]
		dotQ4_K(&y[0], &w[0], stride, len(y), &q[0], &d[0], &sums[0], len(d))
	}
}

// DotQ5_K multiplies Q5_K rows.
func DotQ5_K(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	if checkDot(y, w, stride, 176, len(d), 256, q) {
		_ = sums[16*len(d)-1]
		dotQ5_K(&y[0], &w[0], stride, len(y), &q[0], &d[0], &sums[0], len(d))
	}
}

// DotQ6_K multiplies Q6_K rows.
func DotQ6_K(y []float32, w []byte, stride int, q []int8, d []float32, _ []int32) {
	if checkDot(y, w, stride, 210, len(d), 256, q) {
		dotQ6_K(&y[0], &w[0], stride, len(y), &q[0], &d[0], len(d))
	}
}

// DotF32 multiplies float32 rows.
func DotF32(y []float32, w []byte, stride int, x []float32) {
	if n := checkFloats(y, w, stride, 4, x); n > 0 {
		dotF32(&y[0], &w[0], stride, len(y), &x[0], n)
	}
	ref.AddTail(y, w, stride, 4, x, len(x)&^15, ref.ValueF32)
}

// DotF16 multiplies binary16 rows.
func DotF16(y []float32, w []byte, stride int, x []float32) {
	if n := checkFloats(y, w, stride, 2, x); n > 0 {
		dotF16(&y[0], &w[0], stride, len(y), &x[0], n)
	}
	ref.AddTail(y, w, stride, 2, x, len(x)&^15, ref.ValueF16)
}

// DotBF16 multiplies bfloat16 rows.
func DotBF16(y []float32, w []byte, stride int, x []float32) {
	if n := checkFloats(y, w, stride, 2, x); n > 0 {
		dotBF16(&y[0], &w[0], stride, len(y), &x[0], n)
	}
	ref.AddTail(y, w, stride, 2, x, len(x)&^15, ref.ValueBF16)
}

// checkDot panics when the rows of blocks blocks do not lie in w or the activations are too
// short. It returns false when there is nothing to multiply, having cleared y.
func checkDot[T any](y []float32, w []byte, stride, blockBytes, blocks, values int, x []T) bool {
	if len(y) == 0 || blocks == 0 {
		clear(y)
		return false
	}
	_, _ = w[(len(y)-1)*stride+blocks*blockBytes-1], x[blocks*values-1]
	return true
}

// checkFloats panics when the rows do not lie in w. It returns the number of values that the
// assembly multiplies, a multiple of 16; y is cleared when that is none.
func checkFloats(y []float32, w []byte, stride, size int, x []float32) int {
	n := len(x) &^ 15
	if len(y) == 0 || n == 0 {
		clear(y)
		return 0
	}
	_ = w[(len(y)-1)*stride+len(x)*size-1]
	return n
}
