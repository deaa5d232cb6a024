package neon

import (
	"testing"

	"golang.org/x/sys/cpu"

	"github.com/wattlaw/wattlaw/internal/kernel/ref"
)

// TestExtremeSums multiplies the largest codes and activations of either sign: the integer
// sums must stay within the range that the conversion by a bias is exact for.
func TestExtremeSums(t *testing.T) {
	if !cpu.ARM64.HasASIMDDP {
		t.Skip("this CPU has no dot product instructions")
	}
	const k = 512
	panel := ref.Panel{Rows: Rows}
	for _, c := range []struct {
		name          string
		low, high     uint8
		groups, spans int
		offset        uint8
		run           func(out []float32, codes []uint8, scales []float32, q []int8, d []float32)
		oracle        func(out []float32, codes []uint8, scales []float32, q []int8, d []float32, init []int32)
	}{
		{"Q8", 0, 255, k / 32, k / 32, 128,
			func(out []float32, codes []uint8, scales []float32, q []int8, d []float32) {
				GemmQ8(out, Rows, codes, scales, q, d, nil)
			},
			func(out []float32, codes []uint8, scales []float32, q []int8, d []float32, init []int32) {
				panel.GemmQ8(out, Rows, codes, scales, q, d, init)
			}},
		{"Q6K", 0, 63, k / 16, k / 256, 32,
			func(out []float32, codes []uint8, scales []float32, q []int8, d []float32) {
				GemmQ6K(out, Rows, codes, scales, q, d, nil)
			},
			func(out []float32, codes []uint8, scales []float32, q []int8, d []float32, init []int32) {
				panel.GemmQ6K(out, Rows, codes, scales, q, d, init)
			}},
		{"Q5K", 31, 31, k / 32, k / 256, 0,
			func(out []float32, codes []uint8, scales []float32, q []int8, d []float32) {
				none := make([]float32, len(scales))
				GemmQ4K(out, Rows, codes, scales, none, q, d, none)
			},
			func(out []float32, codes []uint8, scales []float32, q []int8, d []float32, _ []int32) {
				none := make([]float32, len(scales))
				panel.GemmQ4K(out, Rows, codes, scales, none, q, d, none)
			}},
	} {
		for _, code := range []uint8{c.low, c.high} {
			for _, x := range []int8{-128, -127, 127} {
				codes, centered, q := make([]uint8, k*Rows), make([]uint8, k*Rows), make([]int8, k*tokens)
				for i := range codes {
					codes[i], centered[i] = code, code-c.offset
				}
				for i := range q {
					q[i] = x
				}
				scales, d, init := make([]float32, c.groups*Rows), make([]float32, c.spans*tokens), make([]int32, c.groups*tokens)
				for i := range scales {
					scales[i] = 1
				}
				for i := range d {
					d[i] = 1
				}
				for i := range init {
					init[i] = -int32(c.offset) * int32(x) * int32(k/c.groups)
				}
				got, want := make([]float32, tokens*Rows), make([]float32, tokens*Rows)
				c.run(got, centered, scales, q, d)
				c.oracle(want, codes, scales, q, d, init)
				for i := range want {
					if got[i] != want[i] {
						t.Fatalf("%s: codes %d times %d: out[%d] = %v, want %v", c.name, code, x, i, got[i], want[i])
					}
				}
			}
		}
	}
}
