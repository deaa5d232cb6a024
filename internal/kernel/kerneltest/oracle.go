// Package kerneltest holds what the tests of all instruction sets share: random weights of
// every format, float64 oracles with their error bounds, and guarded memory.
package kerneltest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// DTypes are the formats that a Set multiplies.
var DTypes = []tensor.DType{
	tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0, tensor.Q4_0, tensor.IQ4NL, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K,
	tensor.Q4_1, tensor.Q5_0, tensor.Q5_1, tensor.Q2_K, tensor.Q3_K, tensor.IQ4XS,
}

// scaleFields are the byte offsets of the binary16 fields of a block; the other bytes of a
// quantized block may hold anything.
var scaleFields = map[tensor.DType][]int{
	tensor.Q8_0: {0}, tensor.Q4_0: {0}, tensor.Q4_1: {0, 2}, tensor.Q5_0: {0}, tensor.Q5_1: {0, 2}, tensor.IQ4NL: {0},
	tensor.Q2_K: {80, 82}, tensor.Q3_K: {108}, tensor.Q4_K: {0, 2}, tensor.Q5_K: {0, 2}, tensor.Q6_K: {208}, tensor.IQ4XS: {0},
}

// RandomRow fills a row with random blocks: every code, scale and bit pattern occurs, the
// binary16 fields are finite and of moderate size.
func RandomRow(rng *rand.Rand, d tensor.DType, row []byte) {
	for i := range row {
		row[i] = byte(rng.Uint32())
	}
	put := func(b []byte) { binary.LittleEndian.PutUint16(b, tensor.F16FromF32(float32(rng.NormFloat64()*0.01))) }
	for b := 0; b < len(row); b += d.BlockBytes() {
		switch d {
		case tensor.F32:
			binary.LittleEndian.PutUint32(row[b:], math.Float32bits(float32(rng.NormFloat64())))
		case tensor.BF16:
			binary.LittleEndian.PutUint16(row[b:], tensor.BF16FromF32(float32(rng.NormFloat64())))
		case tensor.F16:
			put(row[b:])
		default:
			for _, at := range scaleFields[d] {
				put(row[b+at:])
			}
		}
	}
}

// RandomMatrix returns a matrix of random blocks.
func RandomMatrix(rng *rand.Rand, d tensor.DType, rows, cols int) kernel.Matrix {
	n, err := d.RowBytes(cols)
	if err != nil {
		panic(err)
	}
	w := kernel.Matrix{DType: d, Rows: rows, Cols: cols, Data: make([]byte, rows*n)}
	RandomRow(rng, d, w.Data)
	return w
}

// Dense returns the weights as tensor decodes them.
func Dense(t testing.TB, w kernel.Matrix) []float32 {
	t.Helper()
	dst := make([]float32, w.Rows*w.Cols)
	if err := tensor.Dequantize(dst, w.DType, w.Data); err != nil {
		t.Fatal(err)
	}
	return dst
}

// Normal returns n standard normal values.
func Normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// Traps returns n NaNs: memory that nobody may read, and whose writes are visible.
func Traps(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.NaN())
	}
	return x
}

// Product returns Σ w·x in float64 and the bound for a kernel of format d: the rounding of
// the activations (half a step per value: 1/254 of the largest for int8, 2⁻¹² relative for
// binary16 and 2⁻⁹ for bfloat16), taken as independent errors with a margin of 8, and
// float32 summation, n·2⁻²⁴ of the sum of magnitudes (Higham, Accuracy and Stability, §4.2).
func Product(w, x []float32, d tensor.DType) (value, bound float64) {
	var top, squares, magnitude, rounded float64
	for i, v := range x {
		p := float64(w[i]) * float64(v)
		value += p
		magnitude += math.Abs(p)
		rounded += p * p
		squares += float64(w[i]) * float64(w[i])
		top = max(top, math.Abs(float64(v)))
	}
	switch d {
	case tensor.F16:
		bound = 8 * 0x1p-12 * math.Sqrt(rounded)
	case tensor.BF16:
		bound = 8 * 0x1p-9 * math.Sqrt(rounded)
	case tensor.Q8_0, tensor.Q4_0, tensor.IQ4NL, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K:
		bound = 8 * top / 254 * math.Sqrt(squares)
	}
	return value, bound + float64(len(x)+8)*0x1p-24*magnitude*4
}

// Attention computes kernel.Attention in float64 for all heads of n queries.
func Attention(a kernel.Attention, kvHeads, n int) []float64 {
	out := make([]float64, len(a.Out))
	at := func(c []uint16, floats []float32, p, h, d int) float64 {
		i := p*a.LDKV + h*a.HeadDim + d
		if floats != nil {
			return float64(floats[i])
		}
		return float64(tensor.F32FromF16(c[i]))
	}
	for i := range n {
		for h := range kvHeads * a.Group {
			ctx, kv := a.Start+i+1, h/a.Group
			if a.Visible > 0 {
				ctx = a.Visible
			}
			weights := make([]float64, ctx)
			var sum float64
			for p := range ctx {
				var dot float64
				for d := range a.HeadDim {
					dot += float64(a.Q[i*a.LDQ+h*a.HeadDim+d]) * at(a.K, a.K32, p, kv, d)
				}
				weights[p] = math.Exp(dot * float64(a.Scale))
				sum += weights[p]
			}
			for p, w := range weights {
				for d := range a.HeadDim {
					out[i*a.LDO+h*a.HeadDim+d] += w / sum * at(a.V, a.V32, p, kv, d)
				}
			}
		}
	}
	return out
}
