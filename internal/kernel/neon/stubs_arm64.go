package neon

//go:noescape
func gemmQ8(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, groups int)

//go:noescape
func gemmQ4K(out *float32, ldo int, codes *uint8, scales, mins *float32, q *int8, d, sums *float32, blocks int)

//go:noescape
func gemmQ6K(out *float32, ldo int, codes *uint8, scales *float32, q *int8, d *float32, blocks int)

//go:noescape
func gemmRows(out *float32, ldo int, panel, x *float32, ts, k int, accumulate bool)

//go:noescape
func gemmColumns(out *float32, ldo int, panel, x *float32, ks, k int, accumulate bool)

//go:noescape
func interleave8(dst, src *uint32, stride, n int)

//go:noescape
func unpackQ8_0(codes *uint8, scales *float32, row *uint8, blocks int)

//go:noescape
func unpackQ4_0(codes *uint8, scales *float32, row *uint8, blocks int)

//go:noescape
func unpackIQ4NL(codes *uint8, scales *float32, row *uint8, blocks int)

//go:noescape
func unpackQ4_K(codes *uint8, scales, mins *float32, row *uint8, blocks int)

//go:noescape
func unpackQ5_K(codes *uint8, scales, mins *float32, row *uint8, blocks int)

//go:noescape
func unpackQ6_K(codes *uint8, scales *float32, row *uint8, blocks int)

//go:noescape
func fromF16(dst *float32, x *uint16, n int)

//go:noescape
func fromBF16(dst *float32, x *uint16, n int)

//go:noescape
func dotQ8_0(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)

//go:noescape
func dotQ4_0(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)

//go:noescape
func dotIQ4NL(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)

//go:noescape
func dotQ6_K(y *float32, w *uint8, stride, rows int, q *int8, d *float32, blocks int)

//go:noescape
func dotQ4_K(y *float32, w *uint8, stride, rows int, q *int8, d *float32, sums *int32, blocks int)

//go:noescape
func dotQ5_K(y *float32, w *uint8, stride, rows int, q *int8, d *float32, sums *int32, blocks int)

//go:noescape
func dotF32(y *float32, w *uint8, stride, rows int, x *float32, n int)

//go:noescape
func dotF16(y *float32, w *uint8, stride, rows int, x *float32, n int)

//go:noescape
func dotBF16(y *float32, w *uint8, stride, rows int, x *float32, n int)
