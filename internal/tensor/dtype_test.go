package tensor

import (
	"math"
	"testing"
)

// Bits per weight as published for each type pin the block layouts.
func TestBitsPerWeight(t *testing.T) {
	for dt, want := range map[DType]float64{
		F32: 32, F16: 16, BF16: 16, F64: 64, I8: 8, I16: 16, I32: 32, I64: 64,
		Q8_0: 8.5, Q4_0: 4.5, Q4_1: 5, Q5_0: 5.5, Q5_1: 6,
		Q2_K: 2.625, Q3_K: 3.4375, Q4_K: 4.5, Q5_K: 5.5, Q6_K: 6.5625, IQ4NL: 4.5, IQ4XS: 4.25,
	} {
		if got := 8 * float64(dt.BlockBytes()) / float64(dt.BlockValues()); got != want || !dt.Known() {
			t.Errorf("%v: %v bits per weight, want %v", dt, got, want)
		}
	}
	if unknown := DType(4); unknown.Known() || unknown.BlockBytes() != 0 || unknown.String() != "type 4" {
		t.Errorf("type 4 is known as %v", unknown)
	}
}

func TestRowBytes(t *testing.T) {
	for _, c := range []struct {
		dt   DType
		n    int
		want int // negative: an error
	}{
		{Q8_0, 0, 0}, {Q8_0, 64, 68}, {Q4_K, 4096, 2304}, {F64, 3, 24},
		{Q8_0, 33, -1}, {Q4_K, 32, -1}, {F32, -4, -1}, {DType(99), 32, -1},
		{F64, math.MaxInt/8 + 1, -1},
	} {
		got, err := c.dt.RowBytes(c.n)
		if c.want < 0 && err == nil || c.want >= 0 && (err != nil || got != c.want) {
			t.Errorf("%d elements of %v: got %d, %v; want %d", c.n, c.dt, got, err, c.want)
		}
	}
}
