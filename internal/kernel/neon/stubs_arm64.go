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
func gemmF64(out *float64, ldo int, panel, x *float64, ks, k int, accumulate bool)

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

//go:noescape
func quantizeQ8(q *int8, d *float32, sums *int32, x *float32, groups int)

//go:noescape
func roundQ8K(q *int8, sums *int32, x *float32, n int, scale float32)

//go:noescape
func extremes(x *float32, n int) (low, high float32)

//go:noescape
func toF16(dst *uint16, x *float32, n int)

//go:noescape
func roundF16(dst, x *float32, n int)

//go:noescape
func roundBF16(dst, x *float32, n int)

//go:noescape
func sumSquares(x *float32, n int) float32

//go:noescape
func scaleMul(dst, x, weight *float32, n int, scale float32)

//go:noescape
func addTo(dst, x *float32, n int)

//go:noescape
func scaleLanes(x, c *float32, n int)

//go:noescape
func ropeHalves(x, y, cos, sin *float32, n int)

//go:noescape
func ropePairs(x, cos, sin *float32, n int)

//go:noescape
func swiGLU(dst, gate, up *float32, n int)

//go:noescape
func softmax(s, top, sum, shrink *float32, n int)

//go:noescape
func softmaxRow(s *float32, n int) float32

//go:noescape
func accumulateF16(out, p *float32, v *uint16, ldv, rows, n int)

//go:noescape
func sum(x *float32, n int) float32

//go:noescape
func sumCentered(x *float32, n int, mean float32) float32

//go:noescape
func centerMul(dst, x, weight *float32, n int, mean, scale float32)

//go:noescape
func sigmoidGate(x *float32, n int, linear, cubic, bound float32)
