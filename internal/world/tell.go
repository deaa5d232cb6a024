package world

import (
	"math/rand/v2"
	"strings"
)

// sentence is one sentence of a story. A glued one must follow the one before at once: it
// says "she".
type sentence struct {
	text  string
	glued bool
}

// teller tells a plot.
type teller struct {
	rng  *rand.Rand
	cast cast
	plot *plot
	out  []sentence
	// alone is the only person that the last sentence names, whom "she" would mean, or none.
	alone  int
	before string // the connector used last
	plain  bool   // one phrase for each deed, one deed in a sentence, no pronouns
}

func tell(rng *rand.Rand, c cast, p *plot, plain bool) []sentence {
	t := &teller{rng: rng, cast: c, plot: p, alone: none, plain: plain}
	t.introduce()
	t.happen()
	return t.out
}

// introduce says where everyone and everything is at first.
func (t *teller) introduce() {
	byPlace := make([][]int, t.plot.places)
	for who, l := range t.plot.start.at {
		byPlace[l] = append(byPlace[l], who)
	}
	var lines []string
	for l, present := range byPlace {
		if len(present) > 0 {
			lines = append(lines, t.present(present, l))
		}
	}
	for what, h := range t.plot.start.holder {
		s := noSlots()
		s.who, s.what, s.where = h, what, t.plot.start.lies[what]
		forms := []string{"there was {a} {in}.", "{o} lay {in}.", "someone had left {o} {in}.", "{in}, there was {a}.", "{o} was {in}."}
		if h != none {
			forms = []string{"{P} had {a}.", "{P} was carrying {a}.", "{P} held {a} in {her} hands.", "{o} belonged to {P}, who had it with {her2}."}
			text := strings.ReplaceAll(t.phrase(forms), "{her2}", t.object(h))
			lines = append(lines, t.cast.fill(text, s))
			continue
		}
		lines = append(lines, t.cast.fill(t.phrase(forms), s))
	}
	t.rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	for _, line := range lines {
		t.out = append(t.out, sentence{capital(line), false})
	}
}

// object is "her" or "him".
func (t *teller) object(who int) string {
	if t.cast.people[who].female {
		return "her"
	}
	return "him"
}

func (t *teller) present(present []int, l int) string {
	var names []string
	for _, who := range present {
		names = append(names, t.cast.people[who].name)
	}
	s := noSlots()
	s.where = l
	if len(names) == 1 {
		return t.cast.fill(t.phrase([]string{names[0] + " was {in}.", names[0] + " was waiting {in}.", "at first, " + names[0] + " was {in}.", names[0] + " had spent the night {in}."}), s)
	}
	t.rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	list := strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	return t.cast.fill(t.phrase([]string{list + " were {in}.", list + " were together {in}.", list + " were sitting {in}."}), s)
}

// happen tells the events in order; two deeds of the same person may share a sentence.
func (t *teller) happen() {
	events := t.plot.events
	for i := 0; i < len(events); i++ {
		if !t.plain && i+1 < len(events) && events[i+1].who == events[i].who && t.rng.IntN(5) < 2 {
			t.pair(events[i], events[i+1])
			i++
			continue
		}
		t.single(events[i])
	}
}

func (e event) slots() slots {
	s := noSlots()
	s.who, s.to, s.what, s.where = e.who, e.to, e.what, e.at
	return s
}

// predicate says what the person of an event did.
func (t *teller) predicate(e event) string {
	var forms []string
	switch e.deed {
	case move:
		forms = []string{"went to {L}", "walked to {L}", "made {her} way to {L}", "hurried to {L}", "wandered over to {L}", "moved on to {L}"}
		if e.been {
			forms = []string{"went back to {L}", "returned to {L}", "went to {L} again"}
		}
	case take:
		forms = []string{"picked up {o}", "took {o}", "grabbed {o}", "got hold of {o}", "put {o} into {her} bag"}
	case drop:
		forms = []string{"put {o} down", "left {o} there", "set {o} down", "dropped {o}", "laid {o} down"}
	case give:
		forms = []string{"gave {o} to {Q}", "handed {o} to {Q}", "passed {o} to {Q}", "gave {Q} {o}", "let {Q} have {o}"}
	}
	return t.phrase(forms)
}

// subject names who acts, or says "she" where that can mean only one person.
func (t *teller) subject(who int) (text string, glued bool) {
	if !t.plain && t.alone == who && t.rng.IntN(2) == 0 {
		return "{she}", true
	}
	return "{P}", false
}

// phrase picks a way to say something.
func (t *teller) phrase(options []string) string {
	if t.plain {
		return options[0]
	}
	return pick(t.rng, options)
}

func (t *teller) add(text string, glued bool, s slots) {
	t.out = append(t.out, sentence{capital(t.cast.fill(text, s)), glued})
	if t.alone = s.who; s.to != none {
		t.alone = none
	}
}

// connector begins about half of the sentences, never twice in a row with the same words.
func (t *teller) connector() string {
	c := t.phrase([]string{"", "", "", "", "", "then ", "later, ", "after a while, ", "a little later, ", "soon afterwards, ", "next, ", "after that, "})
	if c == t.before {
		c = ""
	}
	t.before = c
	return c
}

func (t *teller) single(e event) {
	s := e.slots()
	subject, glued := t.subject(e.who)
	connector := t.connector()
	switch {
	case !t.plain && e.deed == give && t.rng.IntN(4) == 0:
		t.add(connector+t.phrase([]string{"{Q} got {o} from {P}.", "{Q} was given {o} by {P}."}), false, s)
	case !t.plain && e.deed == move && e.carrying != none && t.rng.IntN(4) == 0:
		s.what = e.carrying
		t.add(t.phrase([]string{"carrying {o}, ", "with {o} in {her} hands, "})+subject+" "+t.predicate(e)+".", glued, s)
	default:
		t.add(connector+subject+" "+t.predicate(e)+".", glued, s)
	}
}

// pair tells two deeds in one sentence, at times the later one first.
func (t *teller) pair(a, b event) {
	s := a.slots()
	first := t.predicate(a)
	subject, glued := t.subject(a.who)
	if b.deed == move && a.deed != move && t.rng.IntN(5) < 2 {
		s.where = b.at
		if t.rng.IntN(2) == 0 {
			t.add("before going to {L}, "+subject+" "+first+".", glued, s)
		} else {
			t.add(subject+" "+first+" before going to {L}.", glued, s)
		}
		return
	}
	second, and := t.predicate(b), t.phrase([]string{" and ", " and then "})
	if a.deed == move && b.deed == move {
		and, second = " and ", t.phrase([]string{"from there to {L}", "then on to {L}"})
		if b.been {
			second = "from there back to {L}"
		}
	}
	if b.what != none && b.what == a.what {
		second = strings.ReplaceAll(second, "{o}", "it")
		if strings.HasSuffix(second, "{Q} it") { // "gave him it" is not what people say
			second = "gave it to {Q}"
		}
	}
	text := t.cast.fill(subject+" "+first, s) + and
	s = b.slots()
	if a.to != none {
		s.to = a.to
	}
	t.add(text+t.cast.fill(second, b.slots())+".", glued, s)
}
