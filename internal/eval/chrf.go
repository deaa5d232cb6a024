package eval

import "unicode"

// chrF's parameters: character n-grams up to this length, and how often recall weighs as much
// as precision. β = 2 is what "chrF2" stands for.
const (
	chrfOrder = 6
	chrfBeta  = 2
)

// ChrF is the character n-gram F-score of an answer and a reference, 0 to 1 (Popović, "chrF:
// character n-gram F-score for automatic MT evaluation", 2015):
//
//	F = (1 + β²)·P·R / (β²·P + R), β = 2
//
// P is the share of the answer's n-grams that the reference has, each as often as it stands
// in both, averaged over n = 1 … 6; R is the same share of the reference's. White space does
// not count. Lengths n that the shorter text does not reach are left out of the averages. The
// score compares letters: it is lexical, and knows nothing of meaning.
func ChrF(answer, reference string) float64 {
	a, r := letters(answer), letters(reference)
	orders := min(chrfOrder, len(a), len(r))
	if orders == 0 {
		return 0
	}
	var p, q float64
	for n := 1; n <= orders; n++ {
		same := float64(overlap(a, r, n))
		p += same / float64(len(a)-n+1)
		q += same / float64(len(r)-n+1)
	}
	p, q = p/float64(orders), q/float64(orders)
	if p+q == 0 {
		return 0
	}
	return (1 + chrfBeta*chrfBeta) * p * q / (chrfBeta*chrfBeta*p + q)
}

// letters are the characters that are no white space.
func letters(text string) []rune {
	var out []rune
	for _, r := range text {
		if !unicode.IsSpace(r) {
			out = append(out, r)
		}
	}
	return out
}

// overlap counts the n-grams that both have, each as often as in the one that has it less.
func overlap(a, b []rune, n int) (same int) {
	var key [chrfOrder]rune
	count := map[[chrfOrder]rune]int{}
	for i := range len(b) - n + 1 {
		copy(key[:], b[i:i+n])
		count[key]++
	}
	for i := range len(a) - n + 1 {
		copy(key[:], a[i:i+n])
		if count[key] > 0 {
			count[key]--
			same++
		}
	}
	return same
}
