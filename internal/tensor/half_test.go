package tensor

import (
	"math"
	"math/big"
	"testing"
)

// f16Value decodes a finite half by its definition, independently of the bit tricks.
func f16Value(h uint16) float64 {
	mantissa, exponent := float64(h&0x3ff), int(h>>10&31)
	v := math.Ldexp(mantissa, -24)
	if exponent > 0 {
		v = math.Ldexp(1024+mantissa, exponent-25)
	}
	if h&0x8000 != 0 {
		v = math.Copysign(v, -1)
	}
	return v
}

func TestF16AllValues(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := F32FromF16(h)
		switch {
		case h&0x7fff == 0x7c00:
			if !math.IsInf(float64(f), 1-2*int(h>>15)) {
				t.Fatalf("half %#04x: got %v, want infinity", h, f)
			}
		case h&0x7c00 == 0x7c00:
			if f == f || F16FromF32(f) != h|0x200 {
				t.Fatalf("half %#04x: NaN became %v, back %#04x", h, f, F16FromF32(f))
			}
			continue
		default:
			want := f16Value(h)
			if math.Float64bits(float64(f)) != math.Float64bits(want) {
				t.Fatalf("half %#04x: got %v, want %v", h, f, want)
			}
		}
		if back := F16FromF32(f); back != h {
			t.Fatalf("half %#04x = %v: back %#04x", h, f, back)
		}
	}
}

// Around the middle of each pair of neighbors: below rounds down, above up, the middle
// itself to the even one.
func TestF16RoundsToNearestEven(t *testing.T) {
	for i := range 0x7bff {
		h := uint16(i)
		mid := float32((f16Value(h) + f16Value(h+1)) / 2) // exact: 12 significant bits
		even := h + h&1
		for _, c := range []struct {
			f    float32
			want uint16
		}{
			{mid, even},
			{math.Nextafter32(mid, 0), h},
			{math.Nextafter32(mid, math.MaxFloat32), h + 1},
		} {
			if got := F16FromF32(c.f); got != c.want {
				t.Fatalf("%v: got %#04x, want %#04x", c.f, got, c.want)
			}
			if got := F16FromF32(-c.f); got != c.want|0x8000 {
				t.Fatalf("%v: got %#04x, want %#04x", -c.f, got, c.want|0x8000)
			}
		}
	}
	for f, want := range map[float32]uint16{
		65504: 0x7bff, 65519.996: 0x7bff, 65520: 0x7c00, math.MaxFloat32: 0x7c00,
		math.SmallestNonzeroFloat32: 0, float32(math.Inf(-1)): 0xfc00,
	} {
		if got := F16FromF32(f); got != want {
			t.Errorf("%v: got %#04x, want %#04x", f, got, want)
		}
	}
	signaling := math.Float32frombits(0x7f800001)
	if got := F16FromF32(signaling); got != 0x7e00 {
		t.Errorf("NaN with a low payload: got %#04x, want the quiet NaN 0x7e00", got)
	}
}

func TestBF16AllValues(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := F32FromBF16(h)
		if h&0x7fff > 0x7f80 {
			if f == f || BF16FromF32(f) != h|0x40 {
				t.Fatalf("bfloat16 %#04x: NaN became %v, back %#04x", h, f, BF16FromF32(f))
			}
			continue
		}
		if math.Float32bits(f) != uint32(h)<<16 || BF16FromF32(f) != h {
			t.Fatalf("bfloat16 %#04x: got %v, back %#04x", h, f, BF16FromF32(f))
		}
	}
}

// math/big rounds to a chosen precision, which is bfloat16 for normal numbers.
func TestBF16RoundsToNearestEven(t *testing.T) {
	for i := uint32(0x00800000); i < 0x7f7f0000; i += 0x7fff {
		for _, bits := range []uint32{i, i&^0xffff | 0x8000, i&^0xffff | 0x7fff, i&^0xffff | 0x8001} {
			f := math.Float32frombits(bits)
			want, _ := new(big.Float).SetPrec(8).SetMode(big.ToNearestEven).SetFloat64(float64(f)).Float32()
			if got := F32FromBF16(BF16FromF32(f)); got != want {
				t.Fatalf("%v: got %v, want %v", f, got, want)
			}
		}
	}
	if got := BF16FromF32(math.MaxFloat32); got != 0x7f80 {
		t.Errorf("largest float32: got %#04x, want infinity", got)
	}
}
