package world

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
)

func stories(t testing.TB, opt Options) *Stories {
	t.Helper()
	s, err := NewStories(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAnswersFollowFromTheText lets the oracle read stories: it must come to the same answer
// from the text alone as the generator from its world.
func TestAnswersFollowFromTheText(t *testing.T) {
	rules := compiled()
	for _, opt := range []Options{
		{Split: Train, Seed: 1}, {Split: Validation, Seed: 2}, {Split: Test, Seed: 3},
		{Split: Train, Seed: 4, Words: 200}, {Split: Test, Seed: 5, Words: 400, Events: MaxEvents},
	} {
		s := stories(t, opt)
		for i := range 1500 {
			e := s.Next()
			got := read(t, e.Text).answer(e.Question, rules)
			if got != e.Answer || t.Failed() {
				t.Fatalf("%+v example %d: the reader says %q, the world %q\n%s\n%s", opt, i, got, e.Answer, e.Text, e.Question)
			}
		}
	}
}

func TestExamplesAreWellFormed(t *testing.T) {
	s := stories(t, Options{Split: Train, Seed: 9})
	for range 2000 {
		e := s.Next()
		at := slices.Index(e.Choices, e.Answer)
		sorted := slices.Clone(e.Choices)
		slices.Sort(sorted)
		if at < 0 || len(slices.Compact(sorted)) != len(e.Choices) || len(e.Choices) < 2 {
			t.Fatalf("choices %q of answer %q", e.Choices, e.Answer)
		}
		if strings.ContainsAny(e.Text+e.Question, "{}") || strings.Contains(e.Text, "  ") || len(strings.Fields(e.Answer)) != 1 {
			t.Fatalf("%q %q %q", e.Text, e.Question, e.Answer)
		}
	}
}

// TestSplitsAreDisjoint also holds the shares of the splits to what they are said to be.
func TestSplitsAreDisjoint(t *testing.T) {
	owner := map[string]Split{}
	claim := func(split Split, what, key string) {
		if other, ok := owner[what+key]; ok && other != split {
			t.Fatalf("%s %q is in %s and in %s", what, key, other, split)
		}
		owner[what+key] = split
	}
	for _, split := range Splits() {
		s := stories(t, Options{Split: split, Seed: 7, Events: 4}) // few events: plots would meet soonest
		for range 3000 {
			e := s.Next()
			claim(split, "text ", e.Text)
			claim(split, "names ", e.Names)
			claim(split, "plot ", e.Plot)
		}
	}
	n := map[Split]int{}
	for i := range 10000 {
		for _, split := range Splits() {
			if split.holds(fmt.Sprint("key ", i)) {
				n[split]++
			}
		}
	}
	if n[Train]+n[Validation]+n[Test] != 10000 || n[Validation] < 900 || n[Validation] > 1100 || n[Test] < 900 || n[Test] > 1100 {
		t.Errorf("shares of the splits: %v", n)
	}
}

// TestBlindAnswersAreChance measures how far one gets without the text: by always saying the
// same, and by what each word of a question and its whole form say of the answer.
func TestBlindAnswersAreChance(t *testing.T) {
	bound := map[Kind]float64{Where: .08, Object: .08, Before: .08, Holder: .25, Carrying: .25, Count: .30, YesNo: .54, Order: .18, Give: .08, TwoHop: .12}
	s := stories(t, Options{Split: Train, Seed: 11})
	const n = 20000
	type count map[string]int
	answers, right, learned := map[Kind]count{}, map[Kind]int{}, map[string]count{}
	total, options := map[Kind]int{}, map[Kind]float64{}
	for i := range n {
		e := s.Next()
		if answers[e.Kind] == nil {
			answers[e.Kind] = count{}
		}
		answers[e.Kind][e.Answer]++
		// the answer that went most often with the question's features so far
		var best string
		most := 0.0
		features := strings.Fields(strings.Trim(e.Question, "?"))
		for _, f := range features {
			seen := learned[string(e.Kind)+f]
			all := 0
			for _, k := range seen {
				all += k
			}
			for a, k := range seen {
				if share := float64(k) / float64(all+10); share > most || share == most && a < best {
					best, most = a, share
				}
			}
		}
		if i > n/2 {
			total[e.Kind]++
			options[e.Kind] += 1 / float64(len(e.Choices))
			if best == e.Answer {
				right[e.Kind]++
			}
		}
		for _, f := range features {
			if learned[string(e.Kind)+f] == nil {
				learned[string(e.Kind)+f] = count{}
			}
			learned[string(e.Kind)+f][e.Answer]++
		}
	}
	for _, k := range Kinds() {
		most, sum := 0, 0
		for _, c := range answers[k] {
			most, sum = max(most, c), sum+c
		}
		majority, blind := float64(most)/float64(sum), float64(right[k])/float64(total[k])
		t.Logf("%-9s n %d, majority %.3f, blind %.3f, chance among choices %.3f", k, sum, majority, blind, options[k]/float64(total[k]))
		if majority > bound[k] {
			t.Errorf("%s: always the same is right in %.3f, want at most %.2f", k, majority, bound[k])
		}
		// An order mostly names two options in the question, so that half are guessed.
		if limit := bound[k] + .03; k != Order && blind > limit || k == Order && blind > .55 {
			t.Errorf("%s: without the text %.3f are right", k, blind)
		}
	}
}

// TestShortcutsFail measures how far one gets with the text, but without understanding it: by
// the candidate named first or last in it, and by the option named first in a question.
func TestShortcutsFail(t *testing.T) {
	s := stories(t, Options{Split: Train, Seed: 12, Words: 200})
	type shares struct{ n, early, late, option int }
	got := map[Kind]*shares{}
	for range 5000 {
		e := s.Next()
		k := got[e.Kind]
		if k == nil {
			k = &shares{}
			got[e.Kind] = k
		}
		k.n++
		early, late := "", ""
		for _, w := range strings.Fields(strings.NewReplacer(".", "", ",", "").Replace(e.Text)) {
			if slices.Contains(e.Choices, w) {
				if late = w; early == "" {
					early = w
				}
			}
		}
		k.early += map[bool]int{true: 1}[early == e.Answer]
		k.late += map[bool]int{true: 1}[late == e.Answer]
		if e.Kind == Order && strings.Contains(e.Question, " or ") && strings.HasSuffix(e.Question, e.Answer+"?") {
			k.option++
		}
	}
	for _, kind := range Kinds() {
		k := got[kind]
		early, late := float64(k.early)/float64(k.n), float64(k.late)/float64(k.n)
		t.Logf("%-9s n %d, named first %.3f, named last %.3f, last option %.3f", kind, k.n, early, late, float64(k.option)/float64(k.n))
		if early > .5 || late > .5 {
			t.Errorf("%s: the candidate named first is right in %.3f, that named last in %.3f", kind, early, late)
		}
	}
	// Three of four forms of this kind name two options.
	if share := float64(got[Order].option) / float64(got[Order].n); share < .33 || share > .42 {
		t.Errorf("the option named last is right in %.3f of questions of order, want 3/8", share)
	}
}

func TestWords(t *testing.T) {
	for _, limit := range []int{MinWords, 220, 3000} {
		opt := Options{Split: Train, Seed: 3, Words: limit}
		if limit == 220 {
			opt.Events = MaxEvents
		}
		s := stories(t, opt)
		for range 50 {
			if n := words(s.Next().Text); n > limit || n < limit-15 {
				t.Fatalf("%d words, want at most %d and nearly as many", n, limit)
			}
		}
	}
}

// TestStoriesStayTheSame guards against changes by accident: models were trained on these.
func TestStoriesStayTheSame(t *testing.T) {
	s := stories(t, Options{Split: Train, Seed: 1, Words: 150})
	h := fnv.New64a()
	var texts []string
	for range 50 {
		e := s.Next()
		texts = append(texts, e.Text)
		fmt.Fprint(h, struct {
			text, question, answer string
			also, choices          []string
			kind                   Kind
			names, plot            string
		}{e.Text, e.Question, e.Answer, e.Also, e.Choices, e.Kind, e.Names, e.Plot})
	}
	if got, want := h.Sum64(), uint64(0xdcd88a46a639b638); got != want {
		t.Errorf("hash %#x, want %#x", got, want)
	}
	if s.At(17).Text != texts[17] {
		t.Error("At(17) is not the example of index 17")
	}
	for e := range stories(t, Options{Split: Train, Seed: 1, Words: 150}).All() {
		if e.Text != texts[0] {
			t.Error("All begins elsewhere")
		}
		break
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		want string
	}{
		{Options{}, `split ""`},
		{Options{Split: "dev"}, "dev"},
		{Options{Split: Train, Kinds: []Kind{"why"}}, "why"},
		{Options{Split: Train, Words: 10}, "10 words"},
		{Options{Split: Train, Words: MaxWords + 1}, "words"},
		{Options{Split: Train, Words: -1}, "words"},
		{Options{Split: Train, Events: 1}, "1 events"},
		{Options{Split: Train, Events: 1000}, "1000 events"},
		{Options{Split: Train, Events: MaxEvents, Words: 219}, "at least 220 words"},
	} {
		if _, err := NewStories(c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.opt, err, c.want)
		}
	}
}
