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
