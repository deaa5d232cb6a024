package world

import (
	"sort"
	"strings"
)

type person struct {
	name   string
	female bool
}

// place is where people and things can be; in is how one says that something is there.
type place struct{ in, name string }

func people() []person {
	var all []person
	for _, n := range strings.Fields("Mary Anna Clara Ellen Greta Hanna Ida Julia Laura Martha Nora Olga Paula Rosa Sarah Vera") {
		all = append(all, person{n, true})
	}
	for _, n := range strings.Fields("John Adam Boris Carl David Emil Frank Georg Henry Ivan Jacob Leo Martin Oscar Peter Tom") {
		all = append(all, person{n, false})
	}
	return all
}

func places() []place {
	var all []place
	for _, n := range strings.Fields("kitchen garden library cellar attic barn workshop bakery chapel stable orchard tower bedroom hall office school") {
		all = append(all, place{"in", n})
	}
	for _, n := range strings.Fields("harbour station mill market well inn") {
		all = append(all, place{"at", n})
	}
	for _, n := range strings.Fields("bridge hill beach terrace") {
		all = append(all, place{"on", n})
	}
	return all
}

func objects() []string {
	return strings.Fields("lamp key book apple coin map hammer candle letter rope basket bottle drum flute hat knife mirror " +
		"needle orange pencil ring shovel umbrella vase whistle bell brush cup button feather kite ladder")
}

// cast is who and what a story is about.
type cast struct {
	people  []person
	places  []place
	objects []string
}

// key names the cast, whatever its order.
func (c cast) key() string {
	var names []string
	for _, p := range c.people {
		names = append(names, p.name)
	}
	for _, p := range c.places {
		names = append(names, p.name)
	}
	names = append(names, c.objects...)
	sort.Strings(names)
	return strings.Join(names, " ")
}

// none stands for a slot that a sentence has no use for.
const none = -1

// slots are what a sentence speaks of, as indices into a cast.
type slots struct{ who, to, what, what2, where, where2 int }

func noSlots() slots { return slots{none, none, none, none, none, none} }

// fill puts names into a sentence:
//
//	{P} {Q}  who, to          {she} {her}  who
//	{o} {u}  what, what2: the lamp           {a}  a lamp
//	{L} {M}  where, where2: the kitchen      {in} in the kitchen
func (c cast) fill(text string, s slots) string {
	pairs := make([]string, 0, 24)
	put := func(slot, by string) { pairs = append(pairs, slot, by) }
	if s.who != none {
		p := c.people[s.who]
		put("{P}", p.name)
		if p.female {
			put("{she}", "she")
			put("{her}", "her")
		} else {
			put("{she}", "he")
			put("{her}", "his")
		}
	}
	if s.to != none {
		put("{Q}", c.people[s.to].name)
	}
	if s.what != none {
		put("{o}", "the "+c.objects[s.what])
		put("{a}", article(c.objects[s.what]))
	}
	if s.what2 != none {
		put("{u}", "the "+c.objects[s.what2])
	}
	if s.where != none {
		put("{L}", "the "+c.places[s.where].name)
		put("{in}", c.places[s.where].in+" the "+c.places[s.where].name)
	}
	if s.where2 != none {
		put("{M}", "the "+c.places[s.where2].name)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// capital makes a sentence begin with a capital.
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
