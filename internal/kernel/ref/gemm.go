package ref

import "math"

// Tokens is the number of activations that a panel kernel multiplies at once.
const Tokens = 8

// Panel holds the panel kernels for tiles of Rows outputs by Tokens activations.
type Panel struct{ Rows int }

// Interleave transposes 32-bit words: dst[j*rows+r] = src[r*n+j] for r < rows, j < n, so that
// word j of all rows lies together. len(dst) = len(src) = rows·n.
func Interleave(dst, src []uint32, rows, n int) {
	for r := range rows {
		for j, v := range src[r*n : r*n+n] {
			dst[j*rows+r] = v
		}
	}
}

// GemmQ8 multiplies a panel of codes with activations in groups of 32:
//
//	out[t*ldo+r] = Σ_g scales[g][r]·d[g][t]·(init[g][t] + Σ_{k in g} codes[k][r]·q[k][t])
//
// codes is [K/4][Rows][4], q is [K/4][Tokens][4]. The codes are offset by 128 and init =
// −128·Σq, so an implementation may as well multiply signed codes and leave init out.
func (p Panel) GemmQ8(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32) {
	for t := range Tokens {
		for r := range p.Rows {
			var sum float32
			for g := range len(scales) / p.Rows {
				n := init[g*Tokens+t] + p.dot(codes[32*p.Rows*g:], q[32*Tokens*g:], r, t, 8)
				sum += scales[g*p.Rows+r] * d[g*Tokens+t] * float32(n)
			}
			out[t*ldo+r] = sum
		}
	}
}

// GemmQ4 is GemmQ8 for codes below 16, which some instruction sets multiply faster.
func (p Panel) GemmQ4(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32) {
	p.GemmQ8(out, ldo, codes, scales, q, d, init)
}

// GemmQ4K multiplies a panel of codes below 32 with minimums, in superblocks of 8 groups of 32:
//
//	out[t*ldo+r] = Σ_b d[b][t]·Σ_{g in b} (scales[g][r]·Σ codes·q + mins[g][r]·sums[g][t])
//
// where sums[g][t] = Σ_{k in g} q[k][t] as a float.
func (p Panel) GemmQ4K(out []float32, ldo int, codes []uint8, scales, mins []float32, q []int8, d, sums []float32) {
	for t := range Tokens {
		for r := range p.Rows {
			var sum float32
			for b := range len(scales) / (8 * p.Rows) {
				var block float32
				for g := 8 * b; g < 8*b+8; g++ {
					n := p.dot(codes[32*p.Rows*g:], q[32*Tokens*g:], r, t, 8)
					block += scales[g*p.Rows+r]*float32(n) + mins[g*p.Rows+r]*sums[g*Tokens+t]
				}
				sum += d[b*Tokens+t] * block
			}
			out[t*ldo+r] = sum
		}
	}
}

// GemmQ6K multiplies a panel of codes below 64 in superblocks of 16 groups of 16:
//
//	out[t*ldo+r] = Σ_b d[b][t]·Σ_{g in b} scales[g][r]·(init[g][t] + Σ_{k in g} codes[k][r]·q[k][t])
func (p Panel) GemmQ6K(out []float32, ldo int, codes []uint8, scales []float32, q []int8, d []float32, init []int32) {
	for t := range Tokens {
		for r := range p.Rows {
			var sum float32
			for b := range len(scales) / (16 * p.Rows) {
				var block float32
				for g := 16 * b; g < 16*b+16; g++ {
					n := init[g*Tokens+t] + p.dot(codes[16*p.Rows*g:], q[16*Tokens*g:], r, t, 4)
					block += scales[g*p.Rows+r] * float32(n)
				}
				sum += d[b*Tokens+t] * block
			}
			out[t*ldo+r] = sum
		}
	}
}

// dot is the integer dot of row r and token t over words words of a panel.
func (p Panel) dot(codes []uint8, q []int8, r, t, words int) (n int32) {
	for w := range words {
		c, x := codes[4*(w*p.Rows+r):], q[4*(w*Tokens+t):]
		for i := range 4 {
			n += int32(c[i]) * int32(x[i])
		}
	}
	return n
}

// GemmBF16 is GemmF32 for words of two bfloat16, the first in the lower half: it adds the
// products of both. Subnormal numbers may count as zero.
func (p Panel) GemmBF16(out []float32, ldo int, panel, x []float32, ts, ks int, accumulate bool) {
	low := func(f float32) float32 { return math.Float32frombits(math.Float32bits(f) << 16) }
	high := func(f float32) float32 { return math.Float32frombits(math.Float32bits(f) &^ 0xffff) }
	for t := range Tokens {
		for r := range p.Rows {
			var sum float32
			if accumulate {
				sum = out[t*ldo+r]
			}
			for j := range len(panel) / p.Rows {
				a, b := panel[j*p.Rows+r], x[t*ts+j*ks]
				sum += low(a) * low(b)
				sum += high(a) * high(b)
			}
			out[t*ldo+r] = sum
		}
	}
}

// GemmF32 multiplies a float panel [k][Rows] with 8 strided columns:
//
//	out[t*ldo+r] = [out[t*ldo+r] if accumulate] + Σ_j panel[j*Rows+r]·x[t*ts+j*ks]
func (p Panel) GemmF32(out []float32, ldo int, panel, x []float32, ts, ks int, accumulate bool) {
	gemm(p.Rows, out, ldo, panel, x, ts, ks, accumulate)
}

// GemmF64 is GemmF32 in float64.
func (p Panel) GemmF64(out []float64, ldo int, panel, x []float64, ts, ks int, accumulate bool) {
	gemm(p.Rows, out, ldo, panel, x, ts, ks, accumulate)
}

// GemmF32x3 multiplies three float panels, one behind the other, as GemmF32 does each; the
// products of panel i go to out[i*os:].
func (p Panel) GemmF32x3(out []float32, ldo, os int, panel, x []float32, ts, ks int, accumulate bool) {
	gemmx3(p.Rows, out, ldo, os, panel, x, ts, ks, accumulate)
}

// GemmF64x3 is GemmF32x3 in float64.
func (p Panel) GemmF64x3(out []float64, ldo, os int, panel, x []float64, ts, ks int, accumulate bool) {
	gemmx3(p.Rows, out, ldo, os, panel, x, ts, ks, accumulate)
}

func gemmx3[T float32 | float64](rows int, out []T, ldo, os int, panel, x []T, ts, ks int, accumulate bool) {
	n := len(panel) / 3
	for i := range 3 {
		gemm(rows, out[i*os:], ldo, panel[i*n:(i+1)*n], x, ts, ks, accumulate)
	}
}

func gemm[T float32 | float64](rows int, out []T, ldo int, panel, x []T, ts, ks int, accumulate bool) {
	for t := range Tokens {
		for r := range rows {
			var sum T
			if accumulate {
				sum = out[t*ldo+r]
			}
			for j := range len(panel) / rows {
				sum += panel[j*rows+r] * x[t*ts+j*ks]
			}
			out[t*ldo+r] = sum
		}
	}
}
