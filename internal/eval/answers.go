package eval

import (
	"context"
	"strings"
	"unicode"
)

// ask adds the model's answer and how right it is.
func (a *AnswerResult) ask(ctx context.Context, o opening, prompt string, t Task) error {
	text, err := answer(ctx, o, prompt, t.MaxTokens, t.Stop)
	if err != nil {
		return err
	}
	exact, f1 := t.Score(text)
	a.Texts, a.Exact, a.F1 = append(a.Texts, text), append(a.Exact, exact), append(a.F1, f1)
	return nil
}

// Score says whether an answer matches one of the right ones, and how far it overlaps with the
// nearest.
func (t Task) Score(answer string) (exact bool, f1 float64) {
	for _, right := range t.Answers {
		exact = exact || ExactMatch(answer, right)
		f1 = max(f1, F1(answer, right))
	}
	return exact, f1
}

// words are the words of an answer as SQuAD's evaluation compares them (Rajpurkar et al.,
// 2016): small letters, without punctuation and the English articles. Where nothing is left
// of a text, as of the answer "A", its articles stay, and then its punctuation.
func words(text string) []string {
	text = strings.ToLower(text)
	bare := strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPunct(r) || strings.ContainsRune("$+<=>^`|~", r) {
			return -1
		}
		return r
	}, text))
	var kept []string
	for _, w := range bare {
		if w != "a" && w != "an" && w != "the" {
			kept = append(kept, w)
		}
	}
	switch {
	case len(kept) > 0:
		return kept
	case len(bare) > 0:
		return bare
	}
	return strings.Fields(text)
}

// ExactMatch reports whether an answer has the words of the right one, in order.
func ExactMatch(answer, right string) bool {
	return strings.Join(words(answer), " ") == strings.Join(words(right), " ")
}

// F1 is the harmonic mean of the share of the answer's words that are in the right one and of
// the right one's that are in the answer, each word as often as it stands in both.
func F1(answer, right string) float64 {
	a, r := words(answer), words(right)
	if len(a) == 0 || len(r) == 0 {
		return truth(len(a) == len(r))
	}
	count := map[string]int{}
	for _, w := range r {
		count[w]++
	}
	same := 0
	for _, w := range a {
		if count[w] > 0 {
			count[w]--
			same++
		}
	}
	return 2 * float64(same) / float64(len(a)+len(r))
}
