package world

import (
	"regexp"
	"slices"
	"strings"
)

// rule answers the questions that its pattern matches.
type rule struct {
	pattern string
	answer  func(r *reader, m []string) string
}

// compiled are rules with their patterns ready.
func compiled() map[*regexp.Regexp]rule {
	all := map[*regexp.Regexp]rule{}
	for _, r := range rules() {
		all[regexp.MustCompile(`^`+r.pattern+`$`)] = r
	}
	return all
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// find returns the events that a test picks.
func (r *reader) find(ok func(told) bool) (found []int) {
	for i, e := range r.log {
		if ok(e) {
			found = append(found, i)
		}
	}
	return found
}

// only returns the single event that a test picks; a question that several fit is a bad one.
func (r *reader) only(ok func(told) bool) (int, told) {
	found := r.find(ok)
	if len(found) != 1 {
		r.t.Errorf("%d events fit, want 1", len(found))
		return 0, told{}
	}
	return found[0], r.log[found[0]]
}

func (r *reader) gift(who, to, what string) told {
	_, e := r.only(func(e told) bool {
		return e.verb == "give" && (who == "" || e.who == who) && (to == "" || e.to == to) && (what == "" || e.what == what)
	})
	return e
}

func (r *reader) earlier(verb string, get func(told) string, x, y string, ok func(told) bool) string {
	i, _ := r.only(func(e told) bool { return e.verb == verb && ok(e) && get(e) == x })
	j, _ := r.only(func(e told) bool { return e.verb == verb && ok(e) && get(e) == y })
	if i < j {
		return x
	}
	return y
}

func before(r *reader, m []string) string {
	_, e := r.only(func(e told) bool { return e.verb == "move" && e.who == m[1] && e.at == m[2] })
	return e.from
}

func rules() []rule {
	const P, O = `([A-Z][a-z]+)`, `the ([a-z]+)`
	return []rule{
		{`(?:Where|In which place) is ` + P + `(?: now| at the end)?`, func(r *reader, m []string) string { return r.where[m[1]] }},
		{`(?:Where|In which place) is ` + O + `(?: now| at the end)?`, func(r *reader, m []string) string { return r.place(m[1]) }},
		{`Where was ` + P + ` before s?he went to ` + O, before},
		{`From where did ` + P + ` go to ` + O, before},
		{`Where was ` + O + ` before it (?:was (?:in|at|on)|came to) ` + O, func(r *reader, m []string) string {
			stays := r.stays[m[1]]
			i := slices.Index(stays, m[2])
			if i < 1 || slices.Contains(stays[i+1:], m[2]) {
				r.t.Errorf("%v: no single stay before %s", stays, m[2])
				return ""
			}
			return stays[i-1]
		}},
		{`Who (?:has|is carrying) ` + O + `(?: now| at the end)?`, func(r *reader, m []string) string { return r.holder(m[1]) }},
		{`What (?:is|does) ` + P + ` (?:carrying|have now)`, func(r *reader, m []string) string {
			found := "nothing"
			for what, who := range r.has {
				if who == m[1] {
					if found != "nothing" {
						r.t.Errorf("%s has both %s and %s", who, found, what)
					}
					found = what
				}
			}
			return found
		}},
		{`How many things (?:is|does) ` + P + ` (?:carrying|have now)`, func(r *reader, m []string) string {
			n := 0
			for _, who := range r.has {
				if who == m[1] {
					n++
				}
			}
			return []string{"none", "one", "two", "three", "four"}[n]
		}},
		{`How many people are (?:in|at|on) ` + O + `(?: now)?`, func(r *reader, m []string) string {
			n := 0
			for _, who := range r.people {
				if r.where[who] == m[1] {
					n++
				}
			}
			return []string{"none", "one", "two", "three", "four"}[n]
		}},
		{`Is ` + P + ` (?:in|at|on) ` + O + `(?: now)?`, func(r *reader, m []string) string { return yes(r.where[m[1]] == m[2]) }},
		{`(?:Does|Is) ` + P + ` (?:have|carrying) ` + O + `(?: now)?`, func(r *reader, m []string) string { return yes(r.has[m[2]] == m[1]) }},
		{`Is ` + O + ` (?:in|at|on) ` + O + `(?: now)?`, func(r *reader, m []string) string { return yes(r.place(m[1]) == m[2]) }},
		{`Did ` + P + ` ever go to ` + O, func(r *reader, m []string) string {
			if r.began[m[1]] == m[2] {
				r.t.Errorf("%s began in %s", m[1], m[2])
			}
			return yes(len(r.find(func(e told) bool { return e.verb == "move" && e.who == m[1] && e.at == m[2] })) > 0)
		}},
		{`Who went to ` + O + ` first, ` + P + ` or ` + P, func(r *reader, m []string) string {
			return r.earlier("move", func(e told) string { return e.who }, m[2], m[3], func(e told) bool { return e.at == m[1] })
		}},
		{`Where did ` + P + ` go first, to ` + O + ` or to ` + O, func(r *reader, m []string) string {
			return r.earlier("move", func(e told) string { return e.at }, m[2], m[3], func(e told) bool { return e.who == m[1] })
		}},
		{`What did ` + P + ` pick up first, ` + O + ` or ` + O, func(r *reader, m []string) string {
			return r.earlier("take", func(e told) string { return e.what }, m[2], m[3], func(e told) bool { return e.who == m[1] })
		}},
		{`Did ` + P + ` go to ` + O + ` before ` + P + ` picked up ` + O, func(r *reader, m []string) string {
			i, _ := r.only(func(e told) bool { return e.verb == "move" && e.who == m[1] && e.at == m[2] })
			j, _ := r.only(func(e told) bool { return e.verb == "take" && e.who == m[3] && e.what == m[4] })
			return yes(i < j)
		}},
		{`Who gave ` + O + ` to ` + P, func(r *reader, m []string) string { return r.gift("", m[2], m[1]).who }},
		{`From whom did ` + P + ` get ` + O, func(r *reader, m []string) string { return r.gift("", m[1], m[2]).who }},
		{`To whom did ` + P + ` give ` + O, func(r *reader, m []string) string { return r.gift(m[1], "", m[2]).to }},
		{`What did ` + P + ` give to ` + P, func(r *reader, m []string) string { return r.gift(m[1], m[2], "").what }},
		{`What did ` + P + ` get from ` + P, func(r *reader, m []string) string { return r.gift(m[2], m[1], "").what }},
		{`Where is the thing that ` + P + ` gave to ` + P, func(r *reader, m []string) string { return r.place(r.gift(m[1], m[2], "").what) }},
		{`Who has the thing that ` + P + ` gave to ` + P, func(r *reader, m []string) string { return r.holder(r.gift(m[1], m[2], "").what) }},
		{`Where is the person who has ` + O, func(r *reader, m []string) string { return r.where[r.has[m[1]]] }},
		{`Where is the person who gave ` + O + ` to ` + P, func(r *reader, m []string) string { return r.where[r.gift("", m[2], m[1]).who] }},
	}
}

// answer answers a question from what was read, or returns "?".
func (r *reader) answer(question string, rules map[*regexp.Regexp]rule) string {
	for pattern, rule := range rules {
		if m := pattern.FindStringSubmatch(strings.TrimSuffix(question, "?")); m != nil {
			return rule.answer(r, m)
		}
	}
	return "?"
}
