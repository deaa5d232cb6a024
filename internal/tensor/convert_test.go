package tensor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var floatTypes = []DType{
	F32, F16, BF16, F64, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4NL, IQ4XS,
}

var blockTypes = []DType{Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4NL}

var quantizable = append([]DType{F32, F16, BF16}, blockTypes...)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func floats(t testing.TB, b []byte) []float32 {
	t.Helper()
	f := make([]float32, len(b)/4)
	if err := Dequantize(f, F32, b); err != nil {
		t.Fatal(err)
	}
	return f
}

// Random blocks decode to the very bits of the reference decoder (testdata/README.md).
func TestDequantizeEqualsReference(t *testing.T) {
	for _, dt := range floatTypes {
		if dt == F32 || dt == F64 {
			continue // plain loads, tested by TestDequantizeF32F64
		}
		t.Run(dt.String(), func(t *testing.T) {
			blocks := fixture(t, dt.String()+".blocks")
			want := floats(t, fixture(t, dt.String()+".f32"))
			got := make([]float32, len(want))
			if err := Dequantize(got, dt, blocks); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("element %d: got %v, want %v", i, got[i], want[i])
				}
			}
		})
	}
}

func TestDequantizeF32F64(t *testing.T) {
	want := []float32{0, -1.5, math.MaxFloat32, math.SmallestNonzeroFloat32}
	var narrow, wide []byte
	for _, v := range want {
		narrow = binary.LittleEndian.AppendUint32(narrow, math.Float32bits(v))
		wide = binary.LittleEndian.AppendUint64(wide, math.Float64bits(float64(v)))
	}
	for dt, src := range map[DType][]byte{F32: narrow, F64: wide} {
		got := make([]float32, len(want))
		if err := Dequantize(got, dt, src); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%v element %d: got %v, want %v", dt, i, got[i], want[i])
			}
		}
	}
}

// Q8_0 and Q4_0 files are byte-identical to those of the reference quantizer: normal
// blocks of many sizes, zeros, exact ties, equal magnitudes of both signs, tiny values.
func TestQuantizeEqualsReference(t *testing.T) {
	x := floats(t, fixture(t, "quantize.f32"))
	for _, dt := range []DType{Q8_0, Q4_0} {
		want := fixture(t, "quantize."+dt.String())
		got := make([]byte, len(want))
		if err := Quantize(got, dt, x); err != nil {
			t.Fatal(err)
		}
		size := dt.BlockBytes()
		for i := 0; i < len(want); i += size {
			if !bytes.Equal(got[i:i+size], want[i:i+size]) {
				t.Errorf("%v block %d:\n got %v\nwant %v", dt, i/size, got[i:i+size], want[i:i+size])
			}
		}
	}
}

// The encoders give the same bytes on every architecture: fused multiply-adds would not.
func TestQuantizeSameEverywhere(t *testing.T) {
	x := floats(t, fixture(t, "quantize.f32"))[:768]
	for dt, want := range map[DType]uint32{
		Q4_0: 0x83113c3e, Q4_1: 0x8c5f2624, Q5_0: 0xf9559240, Q5_1: 0x4800c421, IQ4NL: 0x33786537,
		Q2_K: 0xde73b39a, Q3_K: 0xe1668de1, Q4_K: 0x06ad6ca3, Q5_K: 0x53b357fe, Q6_K: 0x03964933,
	} {
		b := make([]byte, len(x)/dt.BlockValues()*dt.BlockBytes())
		if err := QuantizeRows(b, dt, x, nil); err != nil {
			t.Fatal(err)
		}
		if got := crc32.ChecksumIEEE(b); got != want {
			t.Errorf("%v: CRC-32 %#08x, want %#08x", dt, got, want)
		}
	}
}

func normal(seed uint64, n int, sigma float64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * sigma)
	}
	return x
}

func roundTrip(t testing.TB, dt DType, x []float32) []float32 {
	t.Helper()
	size, err := dt.RowBytes(len(x))
	if err != nil {
		t.Fatal(err)
	}
	b, y := make([]byte, size), make([]float32, len(x))
	if err := Quantize(b, dt, x); err != nil {
		t.Fatal(err)
	}
	if err := Dequantize(y, dt, b); err != nil {
		t.Fatal(err)
	}
	return y
}

func rms(x, y []float32) float64 {
	var sum float64
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(x)))
}

// The step of q bits over a normal block bounds the error that a sound quantizer makes.
func TestQuantizeError(t *testing.T) {
	bound := map[DType]float64{ // RMS error over the standard deviation
		F32: 0, F16: 3e-4, BF16: 2.5e-3, Q8_0: 6e-3, Q4_0: 0.093, Q4_K: 0.074, Q6_K: 0.019,
		Q4_1: 0.075, Q5_0: 0.045, Q5_1: 0.037, Q2_K: 0.3, Q3_K: 0.16, Q5_K: 0.037, IQ4NL: 0.08,
	}
	for _, sigma := range []float64{1e-3, 0.02, 1, 300} {
		x := normal(7, 64*256, sigma)
		for _, dt := range quantizable {
			if got := rms(x, roundTrip(t, dt, x)) / sigma; got > bound[dt] {
				t.Errorf("%v at sigma %g: relative RMS %.4g > %g", dt, sigma, got, bound[dt])
			}
		}
	}
}

// What a type can hold exactly comes back exactly.
func TestQuantizeExactGrids(t *testing.T) {
	for _, dt := range quantizable {
		for name, value := range map[string]func(i int) float32{
			"zeros":     func(int) float32 { return 0 },
			"one value": func(int) float32 { return -2 },
			"levels": func(i int) float32 {
				return 0.5 * float32(i*7%16-8) // 16 levels, extreme negative
			},
		} {
			if name == "levels" && dt != F32 && dt != F16 && dt != BF16 && dt != Q4_0 && dt != Q4_1 && dt != Q5_0 && dt != Q5_1 {
				continue // no such levels, or no power of two as scale: their error is bounded above
			}
			x := make([]float32, 512)
			for i := range x {
				x[i] = value(i)
			}
			y := roundTrip(t, dt, x)
			for i := range x {
				if diff := math.Abs(float64(x[i] - y[i])); diff > 1e-3*math.Abs(float64(x[i])) {
					t.Errorf("%v %s: element %d: got %v, want %v", dt, name, i, y[i], x[i])
					break
				}
			}
		}
	}
}

func TestQuantizeRefuses(t *testing.T) {
	for _, dt := range blockTypes {
		for _, bad := range []float32{
			float32(math.NaN()), float32(-math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)),
			math.MaxFloat32, -math.MaxFloat32, 1e10,
		} {
			x := normal(1, 768, 1)
			x[300] = bad
			b := make([]byte, 768/dt.BlockValues()*dt.BlockBytes())
			err := Quantize(b, dt, x)
			n := dt.BlockValues()
			if want := fmt.Sprintf("elements %d to", 300/n*n); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v of %v: got error %v, want one that names %q", dt, bad, err, want)
			}
		}
	}
}

func TestConvertRefusesWrongLengths(t *testing.T) {
	for _, dt := range append(floatTypes, I32, DType(31), DType(1<<31)) {
		x := make([]float32, 256)
		size, err := dt.RowBytes(256)
		for _, n := range []int{0, size - 1, size + 1, 2 * size} {
			if err := Dequantize(x, dt, make([]byte, max(n, 0))); err == nil {
				t.Errorf("Dequantize of %v: no error for %d bytes", dt, n)
			}
			if err := Quantize(make([]byte, max(n, 0)), dt, x); err == nil {
				t.Errorf("Quantize to %v: no error for %d bytes", dt, n)
			}
		}
		if decodes := Dequantize(x, dt, make([]byte, size)) == nil; decodes != (err == nil && dt != I32) {
			t.Errorf("Dequantize of %v: succeeds %v", dt, decodes)
		}
	}
	if err := Dequantize(make([]float32, 33), Q8_0, make([]byte, 34)); err == nil {
		t.Error("33 elements of Q8_0: no error")
	}
}

// Arbitrary finite values never panic and never decode to something that is not a number.
func TestQuantizeExtremes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	x := make([]float32, 256)
	for range 300 {
		for i := range x {
			exponent := r.IntN(180) - 149
			x[i] = float32(math.Ldexp(r.Float64()*2-1, exponent))
		}
		for _, dt := range blockTypes {
			b := make([]byte, 256/dt.BlockValues()*dt.BlockBytes())
			if Quantize(b, dt, x) != nil {
				continue
			}
			y := make([]float32, 256)
			if err := Dequantize(y, dt, b); err != nil {
				t.Fatal(err)
			}
			for i, v := range y {
				if v-v != 0 {
					t.Fatalf("%v: element %d of %v decodes to %v", dt, i, x[i], v)
				}
			}
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	x := normal(1, 1<<18, 0.02)
	for _, dt := range quantizable {
		b.Run(dt.String(), func(b *testing.B) {
			dst := make([]byte, len(x)/dt.BlockValues()*dt.BlockBytes())
			b.SetBytes(int64(4 * len(x)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Quantize(dst, dt, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDequantize(b *testing.B) {
	for _, dt := range floatTypes {
		b.Run(dt.String(), func(b *testing.B) {
			dst := make([]float32, 1<<18)
			src := make([]byte, len(dst)/dt.BlockValues()*dt.BlockBytes())
			b.SetBytes(int64(4 * len(dst)))
			for b.Loop() {
				if err := Dequantize(dst, dt, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
