package world

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// reader is the oracle: it knows nothing of plots and reads a text as a person would, one
// sentence after the other.
type reader struct {
	t      *testing.T
	where  map[string]string   // person or thing that lies → place
	has    map[string]string   // thing → person
	stays  map[string][]string // thing → its places in order
	began  map[string]string
	people []string
	log    []told
	last   string // the person that the last sentence named
}

type told struct{ verb, who, to, what, from, at string }

const prep = `(?:in|at|on) the (\w+)`

var (
	connectors = regexp.MustCompile(`^(?:Then|Later,|After a while,|A little later,|Soon afterwards,|Next,|After that,) `)
	carrying   = regexp.MustCompile(`^(?:Carrying the \w+|With the \w+ in (?:her|his) hands), `)
	leavingA   = regexp.MustCompile(`^Before going to the (\w+), (.*)$`)
	leavingB   = regexp.MustCompile(`^(.*) before going to the (\w+)$`)
	present    = regexp.MustCompile(`^(?:At first, )?([A-Z]\w+(?:, [A-Z]\w+)*(?: and [A-Z]\w+)?) (?:was|were|had)(?: waiting| together| sitting| spent the night)? ` + prep + `$`)
	lyingA     = regexp.MustCompile(`^(?:The|There was an?|Someone had left the) (\w+) (?:was |lay )?` + prep + `$`)
	lyingB     = regexp.MustCompile(`^(?:In|At|On) the (\w+), there was an? (\w+)$`)
	heldA      = regexp.MustCompile(`^([A-Z]\w+) (?:had|was carrying|held) an? (\w+)(?: in (?:her|his) hands)?$`)
	heldB      = regexp.MustCompile(`^The (\w+) belonged to (\w+), who had it with (?:her|him)$`)
	moving     = regexp.MustCompile(`^(?:(?:went|walked|made (?:her|his) way|hurried|wandered over|moved on|went back|returned|from there|from there back) |then on )?to the (\w+)(?: again)?$`)
	taking     = regexp.MustCompile(`^(?:(?:picked up|took|grabbed|got hold of) (the \w+|it)|put (the \w+|it) into (?:her|his) bag)$`)
	dropping   = regexp.MustCompile(`^(?:(?:put|set|laid) (the \w+|it) down|left (the \w+|it) there|dropped (the \w+|it))$`)
	givingA    = regexp.MustCompile(`^(?:gave|handed|passed) (the \w+|it) to ([A-Z]\w+)$`)
	givingB    = regexp.MustCompile(`^(?:gave|let) ([A-Z]\w+) (?:have )?(the \w+|it)$`)
	receiving  = regexp.MustCompile(`^([A-Z]\w+) (?:got|was given) the (\w+) (?:from|by) ([A-Z]\w+)$`)
	ands       = regexp.MustCompile(` and (?:then )?`)
	neutral    = regexp.MustCompile(`had always been|was thinking|wondered how|yawned$|remembered a|hummed a|did not say|had never|smiled and`)
)

func read(t *testing.T, text string) *reader {
	r := &reader{t: t, where: map[string]string{}, has: map[string]string{}, stays: map[string][]string{}, began: map[string]string{}}
	for _, s := range strings.Split(strings.TrimSuffix(text, "."), ". ") {
		if !r.intro(s) {
			r.event(s)
		}
	}
	return r
}

func first(groups []string) string {
	for _, g := range groups {
		if g != "" {
			return g
		}
	}
	return ""
}

func (r *reader) intro(s string) bool {
	if m := lyingA.FindStringSubmatch(s); m != nil {
		r.where[m[1]] = m[2]
		r.stay(m[1])
	} else if m := lyingB.FindStringSubmatch(s); m != nil {
		r.where[m[2]] = m[1]
		r.stay(m[2])
	} else if m := heldB.FindStringSubmatch(s); m != nil {
		r.has[m[1]] = m[2]
	} else if m := heldA.FindStringSubmatch(s); m != nil {
		r.has[m[2]] = m[1]
	} else if m := present.FindStringSubmatch(s); m != nil {
		for _, who := range strings.Fields(strings.NewReplacer(",", "", " and ", " ").Replace(m[1])) {
			r.where[who], r.began[who] = m[2], m[2]
			r.people = append(r.people, who)
		}
	} else {
		return false
	}
	r.last = ""
	return true
}

// stay notes where a thing is, if that is news. What someone holds at first is noted when
// something happens, since the text may say later where that person is.
func (r *reader) stay(what string) {
	at := r.where[what]
	if who := r.has[what]; who != "" {
		at = r.where[who]
	}
	if n := len(r.stays[what]); at != "" && (n == 0 || r.stays[what][n-1] != at) {
		r.stays[what] = append(r.stays[what], at)
	}
}

func (r *reader) stayAll() {
	for what := range r.has {
		r.stay(what)
	}
}

func (r *reader) event(s string) {
	r.stayAll()
	bare := carrying.ReplaceAllString(connectors.ReplaceAllString(s, ""), "")
	goal := ""
	if m := leavingA.FindStringSubmatch(bare); m != nil {
		goal, bare = m[1], m[2]
	} else if m := leavingB.FindStringSubmatch(bare); m != nil {
		bare, goal = m[1], m[2]
	}
	if m := receiving.FindStringSubmatch(bare); m != nil {
		r.do(told{verb: "give", who: m[3], to: m[1], what: m[2]})
		r.last = ""
		return
	}
	who, rest, _ := strings.Cut(bare, " ")
	if w := strings.ToLower(who); w == "she" || w == "he" {
		if who = r.last; who == "" {
			r.t.Errorf("%q: who is that?", s)
		}
	}
	if !slices.Contains(r.people, who) || neutral.MatchString(bare) {
		return
	}
	r.last = who
	it := ""
	for _, clause := range ands.Split(strings.ReplaceAll(rest, "and then on to", "and to"), -1) {
		e := told{who: who}
		thing := func(groups ...string) string {
			if g := first(groups); g != "it" {
				it = strings.TrimPrefix(g, "the ")
			}
			return it
		}
		if m := moving.FindStringSubmatch(clause); m != nil {
			e.verb, e.at = "move", m[1]
		} else if m := taking.FindStringSubmatch(clause); m != nil {
			e.verb, e.what = "take", thing(m[1:]...)
		} else if m := dropping.FindStringSubmatch(clause); m != nil {
			e.verb, e.what = "drop", thing(m[1:]...)
		} else if m := givingA.FindStringSubmatch(clause); m != nil {
			e.verb, e.what, e.to = "give", thing(m[1]), m[2]
			r.last = ""
		} else if m := givingB.FindStringSubmatch(clause); m != nil {
			e.verb, e.what, e.to = "give", thing(m[2]), m[1]
			r.last = ""
		} else {
			r.t.Errorf("%q: the reader does not understand %q", s, clause)
			continue
		}
		r.do(e)
	}
	if goal != "" {
		r.do(told{verb: "move", who: who, at: goal})
	}
}

// do changes the world, and complains about what cannot be.
func (r *reader) do(e told) {
	e.from = r.where[e.who]
	if e.verb != "move" {
		e.at = e.from
	}
	switch {
	case e.from == "":
		r.t.Errorf("%+v: nobody knows where %s is", e, e.who)
	case (e.verb == "drop" || e.verb == "give") && r.has[e.what] != e.who:
		r.t.Errorf("%+v: %s has it", e, r.has[e.what])
	case e.verb == "take" && (r.has[e.what] != "" || r.where[e.what] != e.at):
		r.t.Errorf("%+v: it is not there", e)
	case e.verb == "give" && r.where[e.to] != e.at:
		r.t.Errorf("%+v: %s is elsewhere", e, e.to)
	}
	switch e.verb {
	case "move":
		r.where[e.who] = e.at
	case "take":
		r.has[e.what] = e.who
		delete(r.where, e.what)
	case "drop":
		delete(r.has, e.what)
		r.where[e.what] = e.at
	case "give":
		r.has[e.what] = e.to
	}
	r.log = append(r.log, e)
	r.stayAll()
}

// place is where a thing is.
func (r *reader) place(what string) string {
	if who := r.has[what]; who != "" {
		return r.where[who]
	}
	return r.where[what]
}

func (r *reader) holder(what string) string {
	if who := r.has[what]; who != "" {
		return who
	}
	return "nobody"
}
