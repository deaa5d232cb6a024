package world

import "slices"

// matches reports whether an event is of the deed, and of the person, receiver, thing and
// place, of a pattern, in which none stands for any.
func (e event) matches(want event) bool {
	same := func(a, b int) bool { return b == none || a == b }
	return e.deed == want.deed && same(e.who, want.who) && same(e.to, want.to) && same(e.what, want.what) && same(e.at, want.at)
}

func (p *plot) count(want event) (n int) {
	for _, e := range p.events {
		if e.matches(want) {
			n++
		}
	}
	return n
}

func (p *plot) went(who, at int) bool {
	return p.count(event{deed: move, who: who, to: none, what: none, at: at}) > 0
}

// askIsIn asks of places where the person is or has been: what was true once tempts.
func askIsIn(p *plot) (out []candidate) {
	for who, now := range p.now.at {
		for l := range p.places {
			if l == now || l == p.start.at[who] || p.went(who, l) {
				s := noSlots()
				s.who, s.where = who, l
				out = append(out, truth(s, l == now))
			}
		}
	}
	return out
}

// askHas asks of people who have or had the thing, so that its name beside theirs says
// nothing.
func askHas(p *plot) (out []candidate) {
	for what, now := range p.now.holder {
		for who := range p.now.at {
			had := p.start.holder[what] == who || p.count(event{deed: take, who: who, to: none, what: what, at: none}) > 0 ||
				p.count(event{deed: give, who: none, to: who, what: what, at: none}) > 0
			if had {
				s := noSlots()
				s.who, s.what = who, what
				out = append(out, truth(s, who == now))
			}
		}
	}
	return out
}

func askThingIn(p *plot) (out []candidate) {
	for what := range p.now.holder {
		stays := p.objectPlaces(what)
		for l := range p.places {
			if slices.Contains(stays, l) {
				s := noSlots()
				s.what, s.where = what, l
				out = append(out, truth(s, l == stays[len(stays)-1]))
			}
		}
	}
	return out
}

// askEverWent leaves out the places where the person began.
func askEverWent(p *plot) (out []candidate) {
	for who := range p.now.at {
		for l := range p.places {
			if l != p.start.at[who] {
				s := noSlots()
				s.who, s.where = who, l
				out = append(out, truth(s, p.went(who, l)))
			}
		}
	}
	return out
}

// firsts appends both ways to ask which of two events that happened once was first.
func firsts(p *plot, of domain, join func(a, b event) (s slots, x, y int, ok bool)) (out []candidate) {
	for i, a := range p.events {
		for _, b := range p.events[i+1:] {
			s, x, y, ok := join(a, b)
			if !ok || p.count(a.once()) != 1 || p.count(b.once()) != 1 {
				continue
			}
			first := named(s, of, x)
			first.other = y
			out = append(out, first)
			switch of {
			case aPerson:
				s.who, s.to = s.to, s.who
			case aPlace:
				s.where, s.where2 = s.where2, s.where
			case aThing:
				s.what, s.what2 = s.what2, s.what
			}
			first.slots = s
			out = append(out, first)
		}
	}
	return out
}

// once is the pattern of events that a reader would not tell apart from this one.
func (e event) once() event {
	if e.deed != move {
		e.at = none
	}
	return event{deed: e.deed, who: e.who, to: e.to, what: e.what, at: e.at}
}

func askFirstThere(p *plot) []candidate {
	return firsts(p, aPerson, func(a, b event) (slots, int, int, bool) {
		s := noSlots()
		s.who, s.to, s.where = a.who, b.who, a.at
		ok := a.deed == move && b.deed == move && a.at == b.at && a.who != b.who &&
			p.start.at[a.who] != a.at && p.start.at[b.who] != a.at
		return s, a.who, b.who, ok
	})
}

func askFirstPlace(p *plot) []candidate {
	return firsts(p, aPlace, func(a, b event) (slots, int, int, bool) {
		s := noSlots()
		s.who, s.where, s.where2 = a.who, a.at, b.at
		return s, a.at, b.at, a.deed == move && b.deed == move && a.who == b.who && a.at != b.at && !a.been && !b.been
	})
}

func askFirstThing(p *plot) []candidate {
	return firsts(p, aThing, func(a, b event) (slots, int, int, bool) {
		s := noSlots()
		s.who, s.what, s.what2 = a.who, a.what, b.what
		return s, a.what, b.what, a.deed == take && b.deed == take && a.who == b.who && a.what != b.what
	})
}

// askBeforeTake asks whether one person moved before another took something.
func askBeforeTake(p *plot) (out []candidate) {
	for i, a := range p.events {
		for j, b := range p.events {
			if a.deed == move && b.deed == take && a.who != b.who && p.count(a.once()) == 1 && p.count(b.once()) == 1 {
				s := noSlots()
				s.who, s.where, s.to, s.what = a.who, a.at, b.who, b.what
				out = append(out, truth(s, i < j))
			}
		}
	}
	return out
}

// gifts visits what was given, with the number of gifts that the pattern made of each finds.
func (p *plot) gifts(pattern func(e event) event, visit func(e event, s slots)) {
	for _, e := range p.events {
		if e.deed != give {
			continue
		}
		want := pattern(e)
		want.deed, want.at = give, none
		if p.count(want) == 1 {
			s := noSlots()
			s.who, s.to, s.what = e.who, e.to, e.what
			visit(e, s)
		}
	}
}

func byGiver(e event) event    { return event{who: none, to: e.to, what: e.what} }
func byReceiver(e event) event { return event{who: e.who, to: none, what: e.what} }
func byGift(e event) event     { return event{who: e.who, to: e.to, what: none} }

func askGiver(p *plot) (out []candidate) {
	p.gifts(byGiver, func(e event, s slots) { out = append(out, named(s, aPerson, e.who)) })
	return out
}

func askReceiver(p *plot) (out []candidate) {
	p.gifts(byReceiver, func(e event, s slots) { out = append(out, named(s, aPerson, e.to)) })
	return out
}

func askGift(p *plot) (out []candidate) {
	p.gifts(byGift, func(e event, s slots) { out = append(out, named(s, aThing, e.what)) })
	return out
}

func askGiftPlace(p *plot) (out []candidate) {
	p.gifts(byGift, func(e event, s slots) { out = append(out, named(s, aPlace, p.now.place(e.what))) })
	return out
}

func askGiftHolder(p *plot) (out []candidate) {
	p.gifts(byGift, func(e event, s slots) {
		if h := p.now.holder[e.what]; h == none {
			out = append(out, literal(s, "nobody"))
		} else {
			out = append(out, named(s, aPerson, h))
		}
	})
	return out
}

func askHolderPlace(p *plot) (out []candidate) {
	for what, h := range p.now.holder {
		if h != none {
			s := noSlots()
			s.what = what
			out = append(out, named(s, aPlace, p.now.at[h]))
		}
	}
	return out
}

func askGiverPlace(p *plot) (out []candidate) {
	p.gifts(byGiver, func(e event, s slots) { out = append(out, named(s, aPlace, p.now.at[e.who])) })
	return out
}
