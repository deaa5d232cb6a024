package workload

import "fmt"

func notions() []string {
	return []string{"legitimacy", "continuity", "necessity", "impartiality", "causation", "equivalence", "authority",
		"contingency", "coherence", "obligation", "representation", "uncertainty", "autonomy", "precedent", "abstraction"}
}

func schools() []string {
	return []string{"the earlier commentators", "the defenders of the doctrine", "those who drafted the statute",
		"the historians of the period", "its more cautious interpreters", "the formalists of the second generation"}
}

// claim is a clause about abstract things, in the present tense.
func (w *writer) claim() string {
	a := w.pick(notions()...)
	b := w.other(a, notions())
	switch w.rng.IntN(4) {
	case 0:
		return fmt.Sprintf("%s presupposes some measure of %s", a, b)
	case 1:
		return fmt.Sprintf("no account of %s that neglects %s can be complete", a, b)
	case 2:
		return fmt.Sprintf("%s, so far as it is intelligible at all, reduces to %s", a, b)
	default:
		return fmt.Sprintf("the appeal to %s conceals an unexamined commitment to %s", a, b)
	}
}

// high writes arguments in nested clauses, and every fourth sentence a calculation.
func (w *writer) high() string {
	notion, school := w.pick(notions()...), w.pick(schools()...)
	switch w.rng.IntN(8) {
	case 0:
		return sentence(fmt.Sprintf("although %s maintained that %s, it does not follow that %s; for if, as has been conceded, %s, then the inference, however natural it may seem, rests on an ambiguity in what is meant by %s",
			school, w.claim(), w.claim(), w.claim(), notion))
	case 1:
		return sentence(fmt.Sprintf("what %s overlooked, and what the objection which we have just considered brings to light, is that %s only where the conditions under which %s have themselves been justified",
			school, w.claim(), w.claim()))
	case 2:
		return sentence(fmt.Sprintf("were it true that %s, we should have to explain, without recourse to %s, why %s, whose purposes were quite different, nevertheless arrived at the same conclusion",
			w.claim(), notion, school))
	case 3:
		return sentence(fmt.Sprintf("the distinction between %s and %s, on which so much of the dispute has turned, is less a discovery than a stipulation, since whoever denies that %s must, on pain of inconsistency, also deny that %s",
			notion, w.other(notion, notions()), w.claim(), w.claim()))
	case 4:
		return sentence(fmt.Sprintf("if %s, then, as %s saw, %s", w.claim(), school, w.claim()))
	case 5:
		return sentence(fmt.Sprintf("%s, then, is where %s differ", notion, school))
	case 6:
		return w.division()
	default:
		return w.proportion()
	}
}

// division is a problem in whole numbers whose steps come out right.
func (w *writer) division() string {
	committees, sessions, perSession := 3*w.between(2, 5), w.between(3, 9), w.between(4, 9)
	// Two thirds of what was assigned fills the sessions exactly.
	remaining := 2 * committees * sessions * perSession
	assigned := remaining / 2 * 3
	return sentence(fmt.Sprintf("suppose that each of the %d committees which the assembly appointed is given %d proposals, and that a third of them are withdrawn before any vote is taken; of the %d that were assigned, %d then remain, and these, unless the rules that govern abstention are revised, will occupy %d sessions in each of which %d are decided",
		committees, assigned/committees, assigned, remaining, 2*committees*sessions, perSession))
}

// proportion compares two rates and draws the conclusion that the numbers bear.
func (w *writer) proportion() string {
	first, second, years := w.between(11, 40), w.between(41, 90), w.between(3, 12)
	return sentence(fmt.Sprintf("if the former quantity increases by %d units a year while the latter, which began %d units behind it, increases by %d, then after %d years the two, contrary to what a comparison of their origins would suggest, coincide, having grown by %d and by %d respectively",
		first, (second-first)*years, second, years, first*years, second*years))
}
