package store

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/measure"
)

func sameBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}

func TestSeriesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 60).Draw(t, "n")
		in := measure.Series{
			T: rapid.SliceOfN(rapid.Int64(), n, n).Draw(t, "T"),
			V: rapid.SliceOfN(rapid.Float64(), n, n).Draw(t, "V"),
		}
		if n > 2 {
			in.V[1], in.V[2] = math.NaN(), math.Inf(-1)
		}
		data, err := EncodeSeries(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := DecodeSeries(data, measure.Channel{Name: "c"})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(in.T, out.T) || !sameBits(in.V, out.V) || out.Channel.Name != "c" {
			t.Fatalf("got %v, want %v", out, in)
		}
	})
}

// A steady counter is what the store holds most of: it must shrink well below the 16 bytes
// that a sample has in memory.
func TestSeriesShrinks(t *testing.T) {
	const n = 1000
	var in measure.Series
	for i := range n {
		in.T = append(in.T, 1e12+int64(i)*50_000_000+int64(i%7)*1000)
		in.V = append(in.V, 100+float64(i)*0.05)
	}
	data, err := EncodeSeries(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > n*8 {
		t.Errorf("%d bytes for %d samples of a steady counter", len(data), n)
	}
}

func TestSeriesOfUnequalLengths(t *testing.T) {
	if _, err := EncodeSeries(measure.Series{T: []int64{1}}); err == nil {
		t.Error("one time stamp and no value was encoded")
	}
}

func FuzzDecodeSeries(f *testing.F) {
	whole, err := EncodeSeries(measure.Series{T: []int64{1, 2, 4}, V: []float64{1, math.NaN(), 3}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	for n := range len(whole) {
		f.Add(whole[:n])
	}
	f.Add([]byte{})
	f.Add([]byte{2, 0})
	f.Add(append([]byte{seriesFormat}, 0x28, 0xb5, 0x2f, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := DecodeSeries(data, measure.Channel{})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v is not of class ErrCorrupt", err)
			}
			return
		}
		again, err := EncodeSeries(out)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeSeries(again, measure.Channel{})
		if err != nil || !slices.Equal(back.T, out.T) || !sameBits(back.V, out.V) {
			t.Errorf("a decoded series does not survive a round trip: %v, %v", out, err)
		}
	})
}
