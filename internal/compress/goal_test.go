package compress

import (
	"math"
	"slices"
	"testing"
)

func TestParseGoals(t *testing.T) {
	for text, want := range map[string]Goal{
		"0.4": {Measure: Parameters, Share: 0.4}, "40%": {Measure: Parameters, Share: 0.4}, " 12.5 % ": {Measure: Parameters, Share: 0.125},
		"3.2B": {Measure: Parameters, Amount: 3.2e9}, "500m": {Measure: Parameters, Amount: 500e6}, "1000": {Measure: Parameters, Amount: 1000},
	} {
		got, err := ParseParameters(text)
		if err != nil || got.Measure != want.Measure || math.Abs(got.Share-want.Share) > 1e-12 || math.Abs(got.Amount-want.Amount) > 1 {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "1", "1.5", "100%", "120%", "NaN", "Inf", "many", "0.4GiB"} {
		if got, err := ParseParameters(text); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
	if g, err := ParseEnergy("50%"); err != nil || g.Measure != Energy || g.Share != 0.5 {
		t.Error(g, err)
	}
	if g, err := ParseEnergy("3B"); err == nil {
		t.Error(g)
	}
	if g, err := ParseBytes("2MiB"); err != nil || g.Amount != 2<<20 {
		t.Error(g, err)
	}
}

// TestSplit divides features into factors that are nearly equal, and loses none.
func TestSplit(t *testing.T) {
	for _, c := range []struct {
		features, n int
		want        []int
	}{{128, 2, []int{16, 8}}, {4096, 3, []int{16, 16, 16}}, {896, 2, []int{32, 28}}, {7, 2, []int{7, 1}}, {1, 3, []int{1, 1, 1}}} {
		if got := split(c.features, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d in %d: %v, want %v", c.features, c.n, got, c.want)
		}
	}
}

// TestRatio interpolates between what was measured, and keeps to the nearest outside.
func TestRatio(t *testing.T) {
	known := [][2]float64{{2, 30}, {0, 10}}
	for at, want := range map[float64]float64{-1: 10, 0: 10, 1: 20, 2: 30, 5: 30} {
		if got := ratio(known, at); math.Abs(got-want) > 1e-12 {
			t.Errorf("at %v: %v, want %v", at, got, want)
		}
	}
	if got := ratio(nil, 3); got != 1 {
		t.Error(got)
	}
}
