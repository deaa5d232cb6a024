package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

type deed byte

const (
	move deed = 'm'
	take deed = 't'
	drop deed = 'd'
	give deed = 'g'
)

// event is something done: who moves from one place to another, takes or drops what, or gives
// it to another. At is where it ends.
type event struct {
	deed     deed
	who, to  int
	what     int
	from, at int
	carrying int  // the one thing a mover has, or none
	been     bool // whether a mover has been there before
}

// state is where everyone and everything is.
type state struct {
	at     []int // of each person: the place
	holder []int // of each thing: the person, or none
	lies   []int // of each thing that no one holds: the place
}

func (s state) clone() state {
	return state{slices.Clone(s.at), slices.Clone(s.holder), slices.Clone(s.lies)}
}

// place returns where a thing is.
func (s state) place(what int) int {
	if h := s.holder[what]; h != none {
		return s.at[h]
	}
	return s.lies[what]
}

func (s state) held(who int) (things []int) {
	for o, h := range s.holder {
		if h == who {
			things = append(things, o)
		}
	}
	return things
}

// plot is what happens in a story, before anything has a name.
type plot struct {
	places int // how many occur
	start  state
	now    state
	events []event
}

// newPlot lets things happen: moves are most frequent, and rather to where there is someone
// or something than to empty places.
func newPlot(rng *rand.Rand, people, places, objects, events int) *plot {
	p := &plot{places: places}
	s := state{make([]int, people), make([]int, objects), make([]int, objects)}
	for i := range s.at {
		s.at[i] = rng.IntN(places)
	}
	for o := range s.holder {
		s.holder[o], s.lies[o] = none, rng.IntN(places)
		if rng.IntN(3) == 0 {
			s.holder[o] = rng.IntN(people)
		}
	}
	p.start, p.now = s.clone(), s
	visited := make([][]int, people)
	for i, l := range p.now.at {
		visited[i] = []int{l}
	}
	last := rng.IntN(people)
	for len(p.events) < events {
		who := last // one who has begun goes on for a while
		if rng.IntN(2) == 0 {
			who = rng.IntN(people)
		}
		e, ok := p.now.next(rng, who, places)
		if !ok || len(p.events) > 0 && e.undoes(p.events[len(p.events)-1]) {
			continue
		}
		if e.deed == move {
			e.been = slices.Contains(visited[who], e.at)
			visited[who] = append(visited[who], e.at)
		}
		p.now.apply(e)
		p.events, last = append(p.events, e), who
	}
	p.relabel()
	return p
}

// next proposes what who does next.
func (s state) next(rng *rand.Rand, who, places int) (event, bool) {
	here, mine := s.at[who], s.held(who)
	e := event{who: who, to: none, what: none, from: here, at: here, carrying: none}
	var near, others []int
	for o, h := range s.holder {
		if h == none && s.lies[o] == here {
			near = append(near, o)
		}
	}
	for i, l := range s.at {
		if l == here && i != who {
			others = append(others, i)
		}
	}
	switch r := rng.IntN(100); {
	case r < 35:
		e.deed, e.at = move, s.destination(rng, places)
		if len(mine) == 1 {
			e.carrying = mine[0]
		}
		return e, e.at != here
	case r < 60 && len(near) > 0:
		e.deed, e.what = take, pick(rng, near)
	case r < 72 && len(mine) > 0:
		e.deed, e.what = drop, pick(rng, mine)
	case r >= 72 && len(mine) > 0 && len(others) > 0:
		e.deed, e.what, e.to = give, pick(rng, mine), pick(rng, others)
	default:
		return e, false
	}
	return e, true
}

// undoes reports whether an event takes back the one before, which nobody would tell.
func (e event) undoes(before event) bool {
	if e.deed == move {
		return before.deed == move && before.who == e.who && before.from == e.at
	}
	return before.what == e.what && (e.deed == drop || before.deed == drop || e.deed == give && e.to == before.who) &&
		(e.who == before.who || e.deed == give)
}

func (s state) destination(rng *rand.Rand, places int) int {
	switch rng.IntN(3) {
	case 0:
		return s.at[rng.IntN(len(s.at))]
	case 1:
		return s.place(rng.IntN(len(s.holder)))
	}
	return rng.IntN(places)
}

func (s state) apply(e event) {
	switch e.deed {
	case move:
		s.at[e.who] = e.at
	case take:
		s.holder[e.what] = e.who
	case drop:
		s.holder[e.what], s.lies[e.what] = none, e.at
	case give:
		s.holder[e.what] = e.to
	}
}

// numbering gives new numbers in the order in which old ones are met.
type numbering map[int]int

func (n numbering) of(old int) int {
	if old == none {
		return none
	}
	if _, ok := n[old]; !ok {
		n[old] = len(n)
	}
	return n[old]
}

// relabel numbers people, things and places in the order in which they act, so that plots
// that differ in numbers only become the same, and drops places where nothing ever is.
func (p *plot) relabel() {
	person, thing, spot := numbering{}, numbering{}, numbering{}
	for i, e := range p.events {
		e.who, e.to, e.what, e.carrying = person.of(e.who), person.of(e.to), thing.of(e.what), thing.of(e.carrying)
		e.from, e.at = spot.of(e.from), spot.of(e.at)
		p.events[i] = e
	}
	swap := func(s state) state {
		out := s.clone()
		for i, l := range s.at {
			out.at[person.of(i)] = spot.of(l)
		}
		for o, h := range s.holder {
			k := thing.of(o)
			if out.holder[k] = person.of(h); h == none {
				out.lies[k] = spot.of(s.lies[o])
			} else {
				out.lies[k] = none
			}
		}
		return out
	}
	p.start = swap(p.start)
	p.now = swap(p.now)
	p.places = len(spot)
}

// key describes the plot without names.
func (p *plot) key() string {
	var b strings.Builder
	fmt.Fprint(&b, p.start.at, p.start.holder, p.start.lies)
	for _, e := range p.events {
		fmt.Fprintf(&b, " %c%d,%d,%d,%d", e.deed, e.who, e.to, e.what, e.at)
	}
	return b.String()
}

// objectPlaces are the places of a thing in order, each stay once.
func (p *plot) objectPlaces(what int) []int {
	s := p.start.clone()
	stays := []int{s.place(what)}
	for _, e := range p.events {
		s.apply(e)
		if l := s.place(what); l != stays[len(stays)-1] {
			stays = append(stays, l)
		}
	}
	return stays
}
