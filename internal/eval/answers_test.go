package eval

import (
	"math"
	"testing"
)

func TestExactMatchAndF1(t *testing.T) {
	for _, c := range []struct {
		answer, right string
		exact         bool
		f1            float64
	}{
		{"The red ball.", "red ball", true, 1},
		{"RED  BALL", "a red ball!", true, 1},
		{"ball red", "red ball", false, 1},
		{"a blue ball", "red ball", false, 0.5},
		{"red", "red ball", false, 2.0 / 3},
		{"red red red", "red ball", false, 2.0 / 5}, // each word as often as in both
		{"", "red ball", false, 0},
		{"", "", true, 1},
		{"A", "A", true, 1}, // not an article but all there is
		{"B", "A", false, 0},
		{"the", "a", false, 0},
		{"?", "?", true, 1},
		{"?", "!", false, 0},
		{"$5", "5", true, 1},
		{"don't", "dont", true, 1},
		{"„Mary“ – yes…", "mary yes", true, 1},
	} {
		if got := ExactMatch(c.answer, c.right); got != c.exact {
			t.Errorf("%q and %q: exact %v", c.answer, c.right, got)
		}
		if got := F1(c.answer, c.right); math.Abs(got-c.f1) > 1e-12 {
			t.Errorf("%q and %q: F1 %v, want %v", c.answer, c.right, got, c.f1)
		}
		if got := F1(c.right, c.answer); math.Abs(got-c.f1) > 1e-12 {
			t.Errorf("%q and %q: F1 %v, want the same both ways, %v", c.right, c.answer, got, c.f1)
		}
	}
}
