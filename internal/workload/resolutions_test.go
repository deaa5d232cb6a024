package workload

import (
	"math"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

func dynamic(clamp imaging.Clamp) imaging.Contract {
	one := [3]float32{1, 1, 1}
	return imaging.Contract{Family: imaging.FamilyDynamic, Patch: 14, Merge: 2, Clamp: clamp, Filter: imaging.FilterBilinear, Mean: one, Std: one}
}

// TestAutoResolutions: enough sizes on both sides of the knee and close to it, all telling.
func TestAutoResolutions(t *testing.T) {
	tiny := dynamic(imaging.Clamp{MinTokens: 4, MaxTokens: 64})
	tiny.Patch = 8
	contracts := map[string]imaging.Contract{
		"model": dynamic(imaging.Clamp{MinTokens: 8, MaxTokens: 4096}),
		"lever": dynamic(imaging.Clamp{MinTokens: 8, MaxTokens: 256}),
		"old":   dynamic(imaging.Clamp{Policy: imaging.PolicyLongestSide, LongestSide: 1024}),
		"tiny":  tiny,
	}
	for name, c := range contracts {
		for _, aspect := range []imaging.Size{{Width: 1, Height: 1}, {Width: 4, Height: 3}, {Width: 9, Height: 16}} {
			for _, n := range []int{0, 5, 11, 16} {
				checkGrid(t, name, c, aspect, n)
			}
		}
	}
}

func checkGrid(t *testing.T, name string, c imaging.Contract, aspect imaging.Size, n int) {
	t.Helper()
	sizes := AutoResolutions(c, aspect, n)
	if n == 0 {
		n = DefaultResolutions
	}
	if len(sizes) > n || len(sizes) < min(n, 8) {
		t.Errorf("%s %s: %d sizes, want %d: %v", name, aspect, len(sizes), n, sizes)
	}
	knee, ok := c.Knee(aspect)
	if !ok {
		t.Fatalf("%s %s: no knee", name, aspect)
	}
	below, near, above := 0, 0, 0
	seen := map[imaging.Size]bool{}
	for i, s := range sizes {
		if i > 0 && s.Pixels() < sizes[i-1].Pixels() {
			t.Errorf("%s %s: not ascending: %v", name, aspect, sizes)
		}
		if s.Width%c.Align() != 0 || s.Height%c.Align() != 0 {
			t.Errorf("%s %s: %s is not aligned", name, aspect, s)
		}
		m := float64(s.Pixels()) / knee
		if m < 1.0/24 || m > 3.2 {
			t.Errorf("%s %s: %s is %.3f of the knee", name, aspect, s, m)
		}
		switch {
		case m < 0.75:
			below++
		case m > 1.3:
			above++
		default:
			near++
		}
		l, err := c.Layout(s)
		if err != nil || m < 0.99 && seen[l.Resized] {
			t.Errorf("%s %s: %s becomes %s once more (%v)", name, aspect, s, l.Resized, err)
		}
		seen[l.Resized] = true
	}
	if below < 2 || above < 2 || n > 5 && (near < 2 || below < 3) {
		t.Errorf("%s %s, %d: %d below, %d near, %d above: %v", name, aspect, n, below, near, above, sizes)
	}
}

// TestAutoResolutionsStayAboveTheFloor: where images are enlarged, cost is flat as well, and
// would be taken for part of the slope.
func TestAutoResolutionsStayAboveTheFloor(t *testing.T) {
	c := dynamic(imaging.Clamp{MinTokens: 256, MaxTokens: 1280})
	floor, _ := c.Floor(imaging.Size{Width: 4, Height: 3})
	for _, s := range AutoResolutions(c, imaging.Size{Width: 4, Height: 3}, 11) {
		if float64(s.Pixels()) < floor {
			t.Errorf("%s lies below the floor of %.0f pixels", s, floor)
		}
	}
}

func TestAutoResolutionsWithoutKnee(t *testing.T) {
	c := dynamic(imaging.Clamp{})
	c.Family, c.Patch, c.Merge, c.Tile, c.LongestEdge = imaging.FamilyTiles, 16, 4, 512, 2048
	sizes := AutoResolutions(c, imaging.Size{Width: 4, Height: 3}, 7)
	if len(sizes) != 7 {
		t.Fatalf("%d sizes: %v", len(sizes), sizes)
	}
	for i := 1; i < len(sizes); i++ {
		if r := float64(sizes[i].Pixels()) / float64(sizes[i-1].Pixels()); math.Abs(math.Log(r/1.86)) > 0.4 {
			t.Errorf("%s after %s: not even", sizes[i], sizes[i-1])
		}
	}
	if s := AutoResolutions(imaging.Contract{}, imaging.Size{Width: 1, Height: 1}, 5); s != nil {
		t.Errorf("a contract that makes no sense gives %v", s)
	}
	if s := AutoResolutions(c, imaging.Size{}, 5); s != nil {
		t.Errorf("no aspect ratio gives %v", s)
	}
}
