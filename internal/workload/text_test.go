package workload

import (
	"slices"
	"strings"
	"testing"
	"unicode"
)

// first returns the first n sentences of one complexity.
func first(c Complexity, seed uint64, n int) []string {
	var out []string
	for s := range Sentences(c, seed) {
		if len(out) == n {
			break
		}
		out = append(out, s)
	}
	return out
}

// measures are what linguists count: words per sentence, commas per sentence, letters per
// word, and different words among the first thousand.
type measures struct{ words, commas, letters, variety float64 }

func measure(sentences []string) measures {
	var m measures
	seen := map[string]bool{}
	total := 0
	for _, s := range sentences {
		words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, w := range words {
			if total++; total <= 1000 {
				seen[w] = true
			}
			m.letters += float64(len(w))
		}
		m.commas += float64(strings.Count(s, ",")) / float64(len(sentences))
	}
	m.words, m.letters, m.variety = float64(total)/float64(len(sentences)), m.letters/float64(total), float64(len(seen))
	return m
}

func TestComplexityRises(t *testing.T) {
	low, medium, high := measure(first(Low, 1, 400)), measure(first(Medium, 1, 400)), measure(first(High, 1, 400))
	for name, v := range map[string][3]float64{
		"words per sentence":  {low.words, medium.words, high.words},
		"commas per sentence": {low.commas, medium.commas, high.commas},
		"letters per word":    {low.letters, medium.letters, high.letters},
	} {
		if !(v[0] < v[1] && v[1] < v[2]) {
			t.Errorf("%s: %.2f low, %.2f medium, %.2f high", name, v[0], v[1], v[2])
		}
	}
	if !(low.variety*3 < medium.variety && low.variety*3 < high.variety) {
		t.Errorf("different words: %v low, %v medium, %v high", low.variety, medium.variety, high.variety)
	}
	if low.words > 7 || high.words < 30 {
		t.Errorf("%.1f words in a low sentence, %.1f in a high one", low.words, high.words)
	}
}

func TestSentencesAreWellFormed(t *testing.T) {
	for _, c := range Complexities() {
		for _, s := range append(first(c, 3, 500), closers()...) {
			end := s[len(s)-1]
			bad := !unicode.IsUpper(rune(s[0])) || end != '.' && end != '?' || strings.Contains(s, "  ") || strings.Contains(s, "%!") ||
				strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
			for _, article := range []string{" a a", " a e", " a i", " a o", " a u"} {
				bad = bad || strings.Contains(s, article) && !strings.Contains(s, " a unit")
			}
			if bad {
				t.Errorf("%s: %q", c, s)
			}
		}
	}
}

func TestTextsPartEarly(t *testing.T) {
	for _, c := range Complexities() {
		seen := map[string]bool{}
		for seed := range uint64(200) {
			start := first(c, seed, 1)[0]
			if seen[start] {
				t.Errorf("%s: two texts begin with %q", c, start)
			}
			seen[start] = true
		}
	}
}

func TestSentencesAreSeeded(t *testing.T) {
	for _, c := range Complexities() {
		text := first(c, 5, 300)
		if !slices.Equal(text, first(c, 5, 300)) {
			t.Errorf("%s: one seed, two texts", c)
		}
		if len(slices.Compact(slices.Clone(text))) != len(text) {
			t.Errorf("%s: a sentence follows itself", c)
		}
	}
}
