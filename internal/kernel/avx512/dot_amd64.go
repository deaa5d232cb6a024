package avx512

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
func DotQ6_K(y []float32, w []byte, stride int, q []int8, d []float32, sums []int32) {
	if checkDot(y, w, stride, 210, len(d), 256, q) {
		_ = sums[16*len(d)-1]
		dotQ6_K(&y[0], &w[0], stride, len(y), &q[0], &d[0], &sums[0], len(d))
	}
}

// DotF32 multiplies float32 rows.
func DotF32(y []float32, w []byte, stride int, x []float32) {
	if checkDot(y, w, stride, 4, len(x), 1, x) {
		dotF32(&y[0], &w[0], stride, len(y), &x[0], len(x))
	}
}

// DotF16 multiplies binary16 rows.
func DotF16(y []float32, w []byte, stride int, x []float32) {
	if checkDot(y, w, stride, 2, len(x), 1, x) {
		dotF16(&y[0], &w[0], stride, len(y), &x[0], len(x))
	}
}

// DotBF16 multiplies bfloat16 rows.
func DotBF16(y []float32, w []byte, stride int, x []float32) {
	if checkDot(y, w, stride, 2, len(x), 1, x) {
		dotBF16(&y[0], &w[0], stride, len(y), &x[0], len(x))
	}
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
