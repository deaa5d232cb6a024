package eval

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestChrFByHand has the counts written out.
func TestChrFByHand(t *testing.T) {
	f := func(p, r float64) float64 { return 5 * p * r / (4*p + r) }
	for _, c := range []struct {
		answer, reference string
		want              float64
	}{
		{"abc", "abc", 1},
		{"a b c", "abc", 1}, // white space does not count
		{"abc", "xyz", 0},
		{"", "abc", 0},
		{"abc", "", 0},
		{"  ", "abc", 0},
		// Letters: 2 of 3 both ways. Pairs: ab of {ab, bd} and {ab, bc}: 1 of 2. Triples: none.
		{"abd", "abc", f((2.0/3+1.0/2+0)/3, (2.0/3+1.0/2+0)/3)},
		// Letters: 2 of 2, and 2 of 4. Pairs: 1 of 1, and 1 of 3. The answer has no triples.
		{"ab", "abcd", f(1, (2.0/4+1.0/3)/2)},
		{"abcd", "ab", f((2.0/4+1.0/3)/2, 1)},
		// Letters: a stands twice in the reference: 2 of 3, and 2 of 2. Pairs: aa once: 1 of 2, and 1 of 1.
		{"aaa", "aa", f((2.0/3+1.0/2)/2, 1)},
		// The longest n-grams have six letters: of seven letters that differ in the last, 6 of 7,
		// 5 of 6, 4 of 5, 3 of 4, 2 of 3 and 1 of 2.
		{"abcdefg", "abcdefh", (6.0/7 + 5.0/6 + 4.0/5 + 3.0/4 + 2.0/3 + 1.0/2) / 6},
		{"déjà", "deja", f((2.0/4+0+0+0)/4, (2.0/4+0+0+0)/4)},
	} {
		if got := ChrF(c.answer, c.reference); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%q to %q: %v, want %v", c.answer, c.reference, got, c.want)
		}
	}
}

func TestChrFProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("abc é\n")), 0, 30, -1)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		switch f := ChrF(a, b); {
		case !(f >= 0 && f <= 1):
			t.Fatalf("%v", f)
		case string(letters(a)) == string(letters(b)) && len(letters(a)) > 0 && math.Abs(f-1) > 1e-12:
			t.Fatalf("same letters give %v", f)
		}
	})
}
