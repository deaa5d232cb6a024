package world

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
)

// Bounds of Options.
const (
	MinWords  = 100
	MaxWords  = 50_000
	MinEvents = 2
	MaxEvents = 16

	minCast, maxCast = 6, 27 // a story needs up to five places; there are 27
)

// Options say which stories to make.
type Options struct {
	Split Split
	Seed  uint64
	// Words is the most words of a text; asides fill it up to within about ten words of that.
	// 0 is a story without asides, of whatever length it has.
	Words int
	// Kinds of questions, all equally frequent; none means all.
	Kinds []Kind
	// Events is how much happens; 0 varies it from 4 to 8.
	Events int
	// Cast is how many people, and how many places and things, all stories are about; 0 takes
	// all there are. A small one is easier to learn from.
	Cast int
	// Plain tells every deed by one phrase in a sentence of its own and asks every question by one,
	// which is easier to learn from too.
	Plain bool
}

func (o Options) check() error {
	if err := o.Split.check(); err != nil {
		return err
	}
	for _, k := range o.Kinds {
		if !slices.Contains(Kinds(), k) {
			return fmt.Errorf("kind of question %q: want some of %v", k, Kinds())
		}
	}
	if o.Words != 0 && (o.Words < MinWords || o.Words > MaxWords) {
		return fmt.Errorf("stories of %d words: want %d to %d, or 0 for no asides", o.Words, MinWords, MaxWords)
	}
	if o.Events != 0 && (o.Events < MinEvents || o.Events > MaxEvents) {
		return fmt.Errorf("stories of %d events: want %d to %d, or 0 to vary them", o.Events, MinEvents, MaxEvents)
	}
	if o.Cast != 0 && (o.Cast < minCast || o.Cast > maxCast) {
		return fmt.Errorf("a cast of %d: want %d to %d, or 0 for all", o.Cast, minCast, maxCast)
	}
	// Shorter than that, hardly any story would be told.
	if least := 60 + 10*o.Events; o.Words != 0 && o.Words < least {
		return fmt.Errorf("stories of %d events in %d words: want at least %d words", o.Events, o.Words, least)
	}
	return nil
}

// Example is a text with a question and its answer.
type Example struct {
	Text     string
	Question string
	Answer   string // one word
	// Also are other ways to say the answer, such as "in the kitchen" for "kitchen".
	Also []string
	// Choices are answers of the same sort that the story offers, the right one among them.
	Choices []string
	Kind    Kind
	// Names and Plot are what the example is made of: who and what occurs, and what happens,
	// without names. No two splits share either.
	Names, Plot string

	plot *plot
	cast cast
	key  string // what is asked, however it is phrased
}

// Stories makes examples.
type Stories struct {
	opt   Options
	forms map[Kind][]form
	kinds []Kind
	next  uint64
}

// NewStories returns a generator. Its examples depend on the options alone.
func NewStories(opt Options) (*Stories, error) {
	if err := opt.check(); err != nil {
		return nil, fmt.Errorf("make stories: %w", err)
	}
	s := &Stories{opt: opt, kinds: opt.Kinds, forms: map[Kind][]form{}}
	if len(s.kinds) == 0 {
		s.kinds = Kinds()
	}
	for _, f := range forms() {
		s.forms[f.kind] = append(s.forms[f.kind], f)
	}
	return s, nil
}

// All yields examples without end.
func (s *Stories) All() iter.Seq[Example] {
	return func(yield func(Example) bool) {
		for yield(s.Next()) {
		}
	}
}

// Next returns the next example.
func (s *Stories) Next() Example {
	s.next++
	return s.At(s.next - 1)
}

// At returns the example of an index, without those before it.
func (s *Stories) At(index uint64) Example {
	rng := generator("story", s.opt.Split, s.opt.Seed, index)
	f := pick(rng, s.forms[pick(rng, s.kinds)])
	wanted := pick(rng, f.answers)
	for {
		p, ask := s.plot(rng, f, wanted)
		c := s.cast(rng, p)
		story := tell(rng, c, p, s.opt.Plain)
		if s.opt.Words != 0 {
			if words(join(story)) > s.opt.Words {
				continue
			}
			story = stretch(rng, c, story, s.opt.Words)
		}
		e := Example{Text: join(story), Names: c.key(), Plot: p.key(), plot: p, cast: c}
		e.ask(rng, f, ask, s.opt.Plain)
		return e
	}
}

// Study returns the example of an index, and up to n further ones that ask other questions about
// the same text, as many as it allows: material to learn from.
func (s *Stories) Study(index uint64, n int) []Example {
	first := s.At(index)
	out := []Example{first}
	asked := map[string]bool{first.key: true}
	rng := generator("study", s.opt.Split, s.opt.Seed, index)
	for tries := 0; len(out) <= n && tries < 8*n; tries++ {
		f := pick(rng, s.forms[pick(rng, s.kinds)])
		fit := f.fit(first.plot, pick(rng, f.answers))
		if len(fit) == 0 {
			continue
		}
		e := first
		e.Also, e.Choices = nil, nil
		if e.ask(rng, f, pick(rng, fit), s.opt.Plain); !asked[e.key] {
			asked[e.key] = true
			out = append(out, e)
		}
	}
	return out
}

// plot draws plots until one is of the split and allows the question with the answer wanted.
// In half of the stories that is no place where something happened last, since "the last place"
// would be right too often.
func (s *Stories) plot(rng *rand.Rand, f form, wanted string) (*plot, candidate) {
	stale := f.of == aPlace && rng.IntN(2) == 0
	for {
		events := s.opt.Events
		if events == 0 {
			events = 4 + rng.IntN(5)
		}
		p := newPlot(rng, 2+rng.IntN(3), 3+rng.IntN(3), 2+rng.IntN(3), events)
		fit := f.fit(p, wanted)
		if stale {
			last := p.events[len(p.events)-1].at
			fit = slices.DeleteFunc(fit, func(c candidate) bool { return c.index == last })
		}
		if len(fit) > 0 && p.places >= 3 && s.opt.Split.holds(p.key()) {
			return p, pick(rng, fit)
		}
	}
}

// known are the first n of all, spread over the list so that they are of every sort, or all for 0.
func known[T any](all []T, n int) []T {
	if n == 0 {
		return all
	}
	out := make([]T, n)
	for i := range out {
		out[i] = all[i*len(all)/n]
	}
	return out
}

// cast draws names until their set is of the split.
func (s *Stories) cast(rng *rand.Rand, p *plot) cast {
	for {
		c := cast{some(rng, known(people(), s.opt.Cast), len(p.now.at)), some(rng, known(places(), s.opt.Cast), p.places),
			some(rng, known(objects(), s.opt.Cast), len(p.now.holder))}
		if s.opt.Split.holds(c.key()) {
			return c
		}
	}
}

// ask sets the question, the answer, its other forms and what else it could have been.
func (e *Example) ask(rng *rand.Rand, f form, ask candidate, plain bool) {
	c := e.cast
	phrase := f.phrases[0]
	if !plain {
		phrase = pick(rng, f.phrases)
	}
	e.Kind, e.Question = f.kind, capital(c.fill(phrase, ask.slots))
	e.key = fmt.Sprint(f.phrases[0], ask.slots)
	name := func(of domain, i int) string {
		switch of {
		case aPerson:
			return c.people[i].name
		case aPlace:
			return c.places[i].name
		}
		return c.objects[i]
	}
	if e.Answer = ask.word; ask.of != fixed {
		e.Answer = name(ask.of, ask.index)
	}
	switch {
	case ask.of == aPlace:
		e.Also = []string{c.places[ask.index].in + " the " + e.Answer}
	case ask.of == fixed:
		e.Also = synonyms(e.Answer)
	}
	if ask.other != none {
		e.Choices = []string{e.Answer, name(ask.of, ask.other)}
	} else {
		for _, a := range f.answers {
			if a != "" && !slices.Contains(e.Choices, a) {
				e.Choices = append(e.Choices, a)
			}
		}
		n := map[domain]int{aPerson: len(c.people), aPlace: len(c.places), aThing: len(c.objects)}[f.of]
		for i := range n {
			e.Choices = append(e.Choices, name(f.of, i))
		}
	}
	rng.Shuffle(len(e.Choices), func(i, j int) { e.Choices[i], e.Choices[j] = e.Choices[j], e.Choices[i] })
}

func synonyms(word string) []string {
	switch word {
	case "none":
		return []string{"0", "zero"}
	case "one":
		return []string{"1"}
	case "two":
		return []string{"2"}
	case "three":
		return []string{"3"}
	case "nobody":
		return []string{"no one", "none"}
	}
	return nil
}
