package workload

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
)

// Sentences yields grammatical English sentences of one complexity without end. The first
// carries a number drawn from the seed, so that two texts part after a few tokens.
func Sentences(c Complexity, seed uint64) iter.Seq[string] {
	return func(yield func(string) bool) {
		w := &writer{rng: generator(seed, "text "+string(c))}
		serial := 1_000_000 + w.rng.IntN(9_000_000)
		opening, next := fmt.Sprintf("Box %d is here.", serial), w.low
		switch c {
		case Medium:
			opening, next = fmt.Sprintf("This is entry %d of the field notes.", serial), w.medium
		case High:
			opening, next = fmt.Sprintf("Consider, to begin with, proposition %d.", serial), w.high
		}
		for s := opening; yield(s); {
			last := s
			for s == last { // never the same sentence twice in a row
				s = next()
			}
		}
	}
}

// closers are short complete sentences of various lengths, with which a text of any
// complexity can reach an exact length.
func closers() []string {
	return []string{
		"Yes.",
		"So it is.",
		"This is clear.",
		"The rest is known.",
		"There is more to say.",
		"We have seen this before.",
		"No one has asked for more.",
		"It can be said in other words.",
		"The point will come up once again.",
		"Let us keep that in mind from now on.",
		"It takes some time to see why this is so.",
		"There are, of course, many other ways to put it.",
	}
}

// writer composes sentences from its own random numbers.
type writer struct {
	rng  *rand.Rand
	noun string // what the low text speaks of for a while
	left int    // sentences left before it turns to another
	at   topic  // what the medium text speaks of for a while
}

// pick returns one of the options.
func (w *writer) pick(options ...string) string { return options[w.rng.IntN(len(options))] }

// other returns one of the options that is not taken.
func (w *writer) other(taken string, options []string) string {
	for {
		if s := w.pick(options...); s != taken {
			return s
		}
	}
}

// between returns a number from lo to hi, both included.
func (w *writer) between(lo, hi int) int { return lo + w.rng.IntN(hi-lo+1) }

// sentence begins with a capital and ends with a full stop, unless it is a question.
func sentence(s string) string {
	s = strings.ToUpper(s[:1]) + s[1:]
	if strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// article puts "a" or "an" before a word. It goes by the letter, which is right for every
// word used here.
func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

func lowNouns() []string {
	return []string{"cat", "dog", "ball", "box", "cup", "tree", "house", "door", "bed", "hat", "car", "bird"}
}

// low writes a few flat statements about one thing, then about another.
func (w *writer) low() string {
	if w.left == 0 {
		w.noun, w.left = w.other(w.noun, lowNouns()), w.between(3, 6)
	}
	w.left--
	adjective := w.pick("red", "blue", "green", "big", "small", "old", "new", "good")
	switch w.rng.IntN(6) {
	case 0:
		return sentence("this is " + article(w.noun))
	case 1:
		return sentence("I see the " + w.noun)
	case 2:
		return sentence("the " + w.noun + " is by the " + w.other(w.noun, lowNouns()))
	case 3:
		return sentence("it is " + article(adjective+" "+w.noun))
	default:
		return sentence("the " + w.noun + " is " + adjective)
	}
}
