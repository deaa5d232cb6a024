package world

import "slices"

// Kind is what a question is about.
type Kind string

// Kinds of questions about stories.
const (
	Where    Kind = "where"    // where is a person
	Object   Kind = "object"   // where is a thing
	Before   Kind = "before"   // where was a person or a thing before
	Holder   Kind = "holder"   // who has a thing
	Carrying Kind = "carrying" // what has a person
	Count    Kind = "count"    // how many
	YesNo    Kind = "yesno"    // is it so
	Order    Kind = "order"    // what came first
	Give     Kind = "give"     // who gave what to whom
	TwoHop   Kind = "twohop"   // about a thing or a person that another fact determines
)

// Kinds lists all kinds of questions about stories.
func Kinds() []Kind {
	return []Kind{Where, Object, Before, Holder, Carrying, Count, YesNo, Order, Give, TwoHop}
}

// sort of an answer.
type domain byte

const (
	fixed domain = iota // a word such as "yes"
	aPerson
	aPlace
	aThing
)

// candidate is a question that a plot allows, with its answer.
type candidate struct {
	slots slots
	of    domain
	word  string // of fixed answers
	index int    // of the others
	// other is the second option of a question that names two, or none.
	other int
}

// form is a way to ask: phrases that mean the same, the answers to be equally frequent ("" is
// any that has a name), and the questions of this form that a plot allows.
type form struct {
	kind    Kind
	phrases []string
	answers []string
	of      domain // what a named answer is
	list    func(p *plot) []candidate
}

// fit lists the questions of this form that a plot allows with the answer wanted.
func (f form) fit(p *plot, wanted string) (fit []candidate) {
	for _, c := range f.list(p) {
		if c.word == wanted {
			fit = append(fit, c)
		}
	}
	return fit
}

func named(s slots, of domain, index int) candidate {
	return candidate{slots: s, of: of, index: index, other: none}
}

func literal(s slots, word string) candidate {
	return candidate{slots: s, of: fixed, word: word, other: none}
}

func yesNo() []string { return []string{"yes", "no"} }

func truth(s slots, b bool) candidate {
	if b {
		return literal(s, "yes")
	}
	return literal(s, "no")
}

func numbers() []string { return []string{"none", "one", "two", "three"} }

// forms is the explicit list of all questions.
func forms() []form {
	anyName := []string{""}
	mostly := func(word string) []string { return []string{"", "", "", "", word} }
	return []form{
		{Where, []string{"Where is {P}?", "Where is {P} now?", "In which place is {P} at the end?"}, anyName, aPlace, askWhere},
		{Object, []string{"Where is {o}?", "Where is {o} now?", "In which place is {o} at the end?"}, anyName, aPlace, askObject},
		{Before, []string{"Where was {P} before {she} went to {L}?", "From where did {P} go to {L}?"}, anyName, aPlace, askBefore},
		{Before, []string{"Where was {o} before it was {in}?", "Where was {o} before it came to {L}?"}, anyName, aPlace, askObjectBefore},
		{Holder, []string{"Who has {o}?", "Who is carrying {o} now?", "Who has {o} at the end?"}, mostly("nobody"), aPerson, askHolder},
		{Carrying, []string{"What is {P} carrying?", "What does {P} have now?"}, mostly("nothing"), aThing, askCarrying},
		{Count, []string{"How many things is {P} carrying?", "How many things does {P} have now?"}, numbers(), fixed, askThings},
		{Count, []string{"How many people are {in}?", "How many people are {in} now?"}, numbers(), fixed, askPeople},
		{YesNo, []string{"Is {P} {in}?", "Is {P} {in} now?"}, yesNo(), fixed, askIsIn},
		{YesNo, []string{"Does {P} have {o}?", "Is {P} carrying {o} now?"}, yesNo(), fixed, askHas},
		{YesNo, []string{"Is {o} {in}?", "Is {o} {in} now?"}, yesNo(), fixed, askThingIn},
		{YesNo, []string{"Did {P} ever go to {L}?"}, yesNo(), fixed, askEverWent},
		{Order, []string{"Who went to {L} first, {P} or {Q}?"}, anyName, aPerson, askFirstThere},
		{Order, []string{"Where did {P} go first, to {L} or to {M}?"}, anyName, aPlace, askFirstPlace},
		{Order, []string{"What did {P} pick up first, {o} or {u}?"}, anyName, aThing, askFirstThing},
		{Order, []string{"Did {P} go to {L} before {Q} picked up {o}?"}, yesNo(), fixed, askBeforeTake},
		{Give, []string{"Who gave {o} to {Q}?", "From whom did {Q} get {o}?"}, anyName, aPerson, askGiver},
		{Give, []string{"To whom did {P} give {o}?"}, anyName, aPerson, askReceiver},
		{Give, []string{"What did {P} give to {Q}?", "What did {Q} get from {P}?"}, anyName, aThing, askGift},
		{TwoHop, []string{"Where is the thing that {P} gave to {Q}?"}, anyName, aPlace, askGiftPlace},
		{TwoHop, []string{"Who has the thing that {P} gave to {Q}?"}, mostly("nobody"), aPerson, askGiftHolder},
		{TwoHop, []string{"Where is the person who has {o}?"}, anyName, aPlace, askHolderPlace},
		{TwoHop, []string{"Where is the person who gave {o} to {Q}?"}, anyName, aPlace, askGiverPlace},
	}
}

func askWhere(p *plot) (out []candidate) {
	for who, l := range p.now.at {
		s := noSlots()
		s.who = who
		out = append(out, named(s, aPlace, l))
	}
	return out
}

func askObject(p *plot) (out []candidate) {
	for what := range p.now.holder {
		s := noSlots()
		s.what = what
		out = append(out, named(s, aPlace, p.now.place(what)))
	}
	return out
}

// askBefore asks for moves to places to which the person went once only.
func askBefore(p *plot) (out []candidate) {
	for _, e := range p.events {
		if e.deed == move && !e.been && p.count(event{deed: move, who: e.who, to: none, what: none, at: e.at}) == 1 {
			s := noSlots()
			s.who, s.where = e.who, e.at
			out = append(out, named(s, aPlace, e.from))
		}
	}
	return out
}

func askObjectBefore(p *plot) (out []candidate) {
	for what := range p.now.holder {
		stays := p.objectPlaces(what)
		for i := 1; i < len(stays); i++ {
			if slices.Index(stays, stays[i]) == i && !slices.Contains(stays[i+1:], stays[i]) {
				s := noSlots()
				s.what, s.where = what, stays[i]
				out = append(out, named(s, aPlace, stays[i-1]))
			}
		}
	}
	return out
}

func askHolder(p *plot) (out []candidate) {
	for what, h := range p.now.holder {
		s := noSlots()
		s.what = what
		if h == none {
			out = append(out, literal(s, "nobody"))
		} else {
			out = append(out, named(s, aPerson, h))
		}
	}
	return out
}

func askCarrying(p *plot) (out []candidate) {
	for who := range p.now.at {
		s := noSlots()
		s.who = who
		switch held := p.now.held(who); len(held) {
		case 0:
			out = append(out, literal(s, "nothing"))
		case 1:
			out = append(out, named(s, aThing, held[0]))
		}
	}
	return out
}

func askThings(p *plot) (out []candidate) {
	for who := range p.now.at {
		if n := len(p.now.held(who)); n < len(numbers()) {
			s := noSlots()
			s.who = who
			out = append(out, literal(s, numbers()[n]))
		}
	}
	return out
}

func askPeople(p *plot) (out []candidate) {
	present := make([]int, p.places)
	for _, l := range p.now.at {
		present[l]++
	}
	for l, n := range present {
		if n < len(numbers()) {
			s := noSlots()
			s.where = l
			out = append(out, literal(s, numbers()[n]))
		}
	}
	return out
}
