package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
)

// Kinds of questions about pictures; Count and YesNo are asked about pictures too.
const (
	Colour   Kind = "colour"   // what colour is a shape
	Shape    Kind = "shape"    // what shape has a colour
	Position Kind = "position" // where is a shape or the number
	Content  Kind = "content"  // what is in a place
	Compare  Kind = "compare"  // is one shape left of, above … another
	Number   Kind = "number"   // what number is written
)

// SceneKinds lists all kinds of questions about pictures.
func SceneKinds() []Kind {
	return []Kind{Colour, Shape, Position, Content, Count, YesNo, Compare, Number}
}

// sceneCandidate is a question that a layout allows: what its phrase is about, the answer, and
// the class of answers by which they are balanced.
type sceneCandidate struct {
	about         []any
	answer, class string
}

// sceneForm is a way to ask about pictures, as form is about stories.
type sceneForm struct {
	kind    Kind
	phrases []string
	answers []string // classes, to be equally frequent
	all     []string // what can be answered, or nil where that is too much to list
	list    func(l layout) []sceneCandidate
}

func sceneForms() []sceneForm {
	whatever := []string{""}
	say := func(phrases ...string) []string { return phrases }
	return []sceneForm{
		{Colour, say("What colour is the %s?", "Which colour does the %s have?"), whatever, colours(), askColour},
		{Shape, say("What shape is %s?", "Which shape is %s?"), whatever, shapes(), askShape},
		{Position, say("Where is the %s?", "In which part of the picture is the %s?"), whatever, cells(), askPosition},
		{Position, say("Where is the number?"), whatever, cells(), askCard},
		{Content, say("What is %s?", "What can be seen %s?"), []string{"", "", "", "nothing"}, nil, askContent},
		{Count, say("How many %ss are there?", "How many %ss can be seen?"), numbers(), numbers(), askShapes},
		{Count, say("How many %s shapes are there?"), numbers(), numbers(), askColours},
		{Count, say("How many shapes are there apart from the card?", "How many shapes can be seen apart from the card?"), []string{"two", "three", "four", "five"}, []string{"two", "three", "four", "five"}, askAll},
		{YesNo, say("Is there a %s?", "Can a %s be seen?"), yesNo(), yesNo(), askExists},
		{Compare, say("Is the %s %s the %s?"), yesNo(), yesNo(), askCompare},
		{Number, say("What number is written on the card?", "Which number can be read?"), whatever, nil, askNumber},
	}
}

// choices lists what could have been the answer.
func (f sceneForm) choices(rng *rand.Rand, answer string) []string {
	all := slices.Clone(f.all)
	for f.all == nil && len(all) < 6 {
		other := item{rng.IntN(len(shapes())), rng.IntN(len(colours())), 0}.String()
		if f.kind == Number {
			other = strconv.Itoa(10 + rng.IntN(90))
		}
		switch len(all) {
		case 0:
			other = answer
		case 1:
			if f.kind == Content && answer != "nothing" {
				other = "nothing"
			}
		}
		if !slices.Contains(all, other) {
			all = append(all, other)
		}
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func about(what ...any) []any { return what }

func askColour(l layout) (out []sceneCandidate) {
	for _, it := range l.items {
		if len(l.find(func(o item) bool { return o.shape == it.shape })) == 1 {
			out = append(out, sceneCandidate{about(shapes()[it.shape]), colours()[it.colour], ""})
		}
	}
	return out
}

func askShape(l layout) (out []sceneCandidate) {
	for _, it := range l.items {
		if len(l.find(func(o item) bool { return o.colour == it.colour })) == 1 {
			out = append(out, sceneCandidate{about(colours()[it.colour]), shapes()[it.shape], ""})
		}
	}
	return out
}

func askPosition(l layout) (out []sceneCandidate) {
	for _, it := range l.items {
		out = append(out, sceneCandidate{about(it.String()), cells()[it.cell], ""})
	}
	return out
}

func askCard(l layout) []sceneCandidate { return []sceneCandidate{{nil, cells()[l.card], ""}} }

func askContent(l layout) (out []sceneCandidate) {
	for cell := range cells() {
		at := l.find(func(o item) bool { return o.cell == cell })
		switch {
		case len(at) == 1:
			out = append(out, sceneCandidate{about(in(cell)), at[0].String(), ""})
		case cell != l.card:
			out = append(out, sceneCandidate{about(in(cell)), "nothing", "nothing"})
		}
	}
	return out
}

// counted makes a candidate of a number that has a word.
func counted(what []any, n int) []sceneCandidate {
	words := append(numbers(), "four", "five")
	if n >= len(words) {
		return nil
	}
	return []sceneCandidate{{what, words[n], words[n]}}
}

func askShapes(l layout) (out []sceneCandidate) {
	for s, name := range shapes() {
		plural := name
		if name == "cross" {
			plural = "crosse" // the phrase ends it
		}
		out = append(out, counted(about(plural), len(l.find(func(o item) bool { return o.shape == s })))...)
	}
	return out
}

func askColours(l layout) (out []sceneCandidate) {
	for c, name := range colours() {
		out = append(out, counted(about(name), len(l.find(func(o item) bool { return o.colour == c })))...)
	}
	return out
}

func askAll(l layout) []sceneCandidate { return counted(nil, len(l.items)) }

// askExists asks for what is there, and for what is not though its shape and colour are.
func askExists(l layout) (out []sceneCandidate) {
	for _, a := range l.items {
		out = append(out, sceneCandidate{about(a.String()), "yes", "yes"})
		for _, b := range l.items {
			mixed := item{a.shape, b.colour, 0}
			if l.find(func(o item) bool { return o.shape == mixed.shape && o.colour == mixed.colour }) == nil {
				out = append(out, sceneCandidate{about(mixed.String()), "no", "no"})
			}
		}
	}
	return out
}

func askCompare(l layout) (out []sceneCandidate) {
	add := func(a, b item, x, y int, before, after string) {
		if x == y {
			return
		}
		for _, q := range []struct {
			relation string
			true     bool
		}{{before, x < y}, {after, x > y}} {
			answer := map[bool]string{true: "yes", false: "no"}[q.true]
			out = append(out, sceneCandidate{about(fmt.Sprint(a), q.relation, fmt.Sprint(b)), answer, answer})
		}
	}
	for _, a := range l.items {
		for _, b := range l.items {
			add(a, b, a.cell%3, b.cell%3, "left of", "right of")
			add(a, b, a.cell/3, b.cell/3, "above", "below")
		}
	}
	return out
}

func askNumber(l layout) []sceneCandidate { return []sceneCandidate{{nil, strconv.Itoa(l.number), ""}} }
