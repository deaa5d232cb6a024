package world

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

func scenes(t testing.TB, opt SceneOptions) *Scenes {
	t.Helper()
	if opt.Size == (imaging.Size{}) {
		opt.Size = imaging.Size{Width: 180, Height: 144}
	}
	s, err := NewScenes(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// howMany counts what satisfies a test, in words.
func (s seen) howMany(ok func(colour, shape string) bool) string {
	n := 0
	for _, it := range s.items {
		if colour, shape, _ := strings.Cut(it, " "); ok(colour, shape) {
			n++
		}
	}
	return []string{"none", "one", "two", "three", "four", "five"}[n]
}

// find returns the single item that a test picks and its place.
func (s seen) find(ok func(colour, shape string) bool) (cell, colour, shape string) {
	for at, it := range s.items {
		if c, h, _ := strings.Cut(it, " "); ok(c, h) {
			if cell != "" {
				return "", "two", "two"
			}
			cell, colour, shape = at, c, h
		}
	}
	return cell, colour, shape
}

// answer answers a question about a picture from what was seen in it.
func (s seen) answer(question string) string {
	words := strings.Fields(strings.TrimSuffix(question, "?"))
	n := len(words)
	shapeIs := func(want string) func(c, h string) bool { return func(c, h string) bool { return h == want } }
	colourIs := func(want string) func(c, h string) bool { return func(c, h string) bool { return c == want } }
	both := func(a, b string) func(c, h string) bool {
		return func(c, h string) bool { return c == a && h == b }
	}
	match := func(pattern string) []string { return regexp.MustCompile(pattern).FindStringSubmatch(question) }
	switch {
	case strings.Contains(question, "the number?"):
		return s.card
	case strings.Contains(question, "umber"):
		return s.number
	case strings.Contains(question, "apart from"):
		return s.howMany(func(c, h string) bool { return true })
	case match(`^(What|Which) colour`) != nil:
		_, c, _ := s.find(shapeIs(match(`the (\w+)`)[1]))
		return c
	case match(`^(What|Which) shape`) != nil:
		_, _, h := s.find(colourIs(words[n-1]))
		return h
	case words[0] == "Where" || words[0] == "In":
		cell, _, _ := s.find(both(words[n-2], words[n-1]))
		return cell
	case words[0] == "What":
		if it, ok := s.items[match(`(?:at|on|in) the (.*)\?`)[1]]; ok {
			return it
		}
		return "nothing"
	case match(`How many (\w+) shapes`) != nil:
		return s.howMany(colourIs(words[2]))
	case words[0] == "How":
		shape := strings.TrimSuffix(words[2], "s")
		return s.howMany(shapeIs(strings.Replace(shape, "crosse", "cross", 1)))
	case match(`^(Is there|Can) a`) != nil:
		m := match(`a (\w+) (\w+)(?: be seen)?\?`)
		return yes(s.howMany(both(m[1], m[2])) != "none")
	}
	m := match(`Is the (\w+) (\w+) (left of|right of|above|below) the (\w+) (\w+)\?`)
	if m == nil {
		return "?"
	}
	a, _, _ := s.find(both(m[1], m[2]))
	b, _, _ := s.find(both(m[4], m[5]))
	column := func(cell string) int {
		return map[bool]int{true: 2}[strings.Contains(cell, "right")] + map[bool]int{false: 1}[strings.Contains(cell, "right") || strings.Contains(cell, "left")]
	}
	row := func(cell string) int {
		return map[bool]int{true: 2}[strings.Contains(cell, "bottom")] + map[bool]int{false: 1}[strings.Contains(cell, "bottom") || strings.Contains(cell, "top")]
	}
	return yes(map[string]bool{"left of": column(a) < column(b), "right of": column(a) > column(b), "above": row(a) < row(b), "below": row(a) > row(b)}[m[3]])
}

// TestAnswersFollowFromThePicture lets an oracle look at pixels: it must come to the same
// answers as the generator from its layout.
func TestAnswersFollowFromThePicture(t *testing.T) {
	for _, opt := range []SceneOptions{
		{Split: Train, Seed: 1, Digits: []int{14, 21}, Questions: 2},
		{Split: Test, Seed: 2, Digits: []int{17}, Size: imaging.Size{Width: 160, Height: 200}, Questions: 4},
	} {
		s := scenes(t, opt)
		for i := range 600 {
			scene := s.Next()
			view := look(t, scene.Image)
			for _, q := range scene.Questions {
				if got := view.answer(q.Question); got != q.Answer || t.Failed() {
					t.Fatalf("%+v scene %d: %s: the oracle says %q, the layout %q\n%s\n%+v", opt, i, q.Question, got, q.Answer, scene.Layout, view)
				}
			}
		}
	}
}

// TestSceneBalance bounds how often always saying the same is right, kind by kind, and form
// by form where answers are few.
func TestSceneBalance(t *testing.T) {
	bound := map[Kind]float64{Colour: .20, Shape: .20, Position: .14, Content: .29, Count: .31, YesNo: .54, Compare: .54, Number: .03}
	s := scenes(t, SceneOptions{Split: Train, Seed: 3, Size: imaging.Size{Width: MinSide, Height: MinSide}})
	answers := map[Kind]map[string]int{}
	compare := map[string]map[string]int{}
	for range 6000 {
		for _, q := range s.Next().Questions {
			if answers[q.Kind] == nil {
				answers[q.Kind] = map[string]int{}
			}
			answers[q.Kind][q.Answer]++
			if !slices.Contains(q.Choices, q.Answer) || len(q.Choices) < 2 {
				t.Fatalf("%+v", q)
			}
			if q.Kind == YesNo || q.Kind == Compare { // no word may give the answer away
				for _, w := range strings.Fields(q.Question) {
					if compare[w] == nil {
						compare[w] = map[string]int{}
					}
					compare[w][q.Answer]++
				}
			}
		}
	}
	for _, k := range SceneKinds() {
		most, sum := 0, 0
		for _, n := range answers[k] {
			most, sum = max(most, n), sum+n
		}
		share := float64(most) / float64(sum)
		t.Logf("%-9s n %d, majority %.3f", k, sum, share)
		if sum < 500 || share > bound[k] {
			t.Errorf("%s: always the same is right in %.3f of %d, want at most %.2f", k, share, sum, bound[k])
		}
	}
	for w, n := range compare {
		if all := n["yes"] + n["no"]; all > 300 && max(n["yes"], n["no"]) > all*58/100 {
			t.Errorf("%q: %v", w, n)
		}
	}
}

func TestSceneSplitsAreDisjoint(t *testing.T) {
	owner := map[string]Split{}
	for _, split := range Splits() {
		s := scenes(t, SceneOptions{Split: split, Seed: 5, Size: imaging.Size{Width: MinSide, Height: MinSide}})
		for range 1000 {
			layout := s.Next().Layout
			if other, ok := owner[layout]; ok && other != split {
				t.Fatalf("%q is in %s and in %s", layout, other, split)
			}
			owner[layout] = split
		}
	}
}

// TestSmallDigitsVanish measures by how much the nearest two of all numbers differ once a
// picture is shrunk to an eighth: little where digits are small, much where they are large.
func TestSmallDigitsVanish(t *testing.T) {
	size := imaging.Size{Width: 448, Height: 448}
	nearest := func(h int) (least int) {
		var views []imaging.RGB
		for d := range 10 {
			m := imaging.NewRGB(size)
			layout{number: 10 + d}.write(m, 224*part, 224*part, h)
			views = append(views, imaging.Resize(m, imaging.Size{Width: 56, Height: 56}, imaging.FilterBicubicPillow))
		}
		least = 1 << 30
		for i, a := range views {
			for _, b := range views[:i] {
				most := 0
				for k := range a.Pix {
					d := int(a.Pix[k]) - int(b.Pix[k])
					most = max(most, d, -d)
				}
				least = min(least, most)
			}
		}
		return least
	}
	small, large := nearest(11), nearest(64)
	t.Logf("largest difference of a pixel of 255: digits of 11 pixels %d, of 64 pixels %d", small, large)
	if small > 24 || large < 90 {
		t.Errorf("digits of 11 pixels differ by %d, of 64 by %d", small, large)
	}
}

func TestScenesStayTheSame(t *testing.T) {
	s := scenes(t, SceneOptions{Split: Train, Seed: 1})
	h := fnv.New64a()
	for range 20 {
		scene := s.Next()
		h.Write(scene.Image.Pix)
		fmt.Fprint(h, scene.Questions, scene.Layout)
	}
	if got, want := h.Sum64(), uint64(0xff798f7b2db2bcbe); got != want {
		t.Errorf("hash %#x, want %#x", got, want)
	}
	for scene := range scenes(t, SceneOptions{Split: Train, Seed: 1}).All() {
		if scene.Layout != s.At(0).Layout {
			t.Error("All begins elsewhere")
		}
		break
	}
}

func TestSceneOptionsAreChecked(t *testing.T) {
	size := imaging.Size{Width: 200, Height: 100}
	for _, c := range []struct {
		opt  SceneOptions
		want string
	}{
		{SceneOptions{Size: size}, `split ""`},
		{SceneOptions{Split: Test}, "size"},
		{SceneOptions{Split: Test, Size: imaging.Size{Width: 20, Height: 400}}, "96 to 4096"},
		{SceneOptions{Split: Test, Size: imaging.Size{Width: 5000, Height: 400}}, "96 to 4096"},
		{SceneOptions{Split: Test, Size: size, Digits: []int{16}}, "16 pixels: want 5 to 15"},
		{SceneOptions{Split: Test, Size: size, Digits: []int{1 << 62}}, "pixels"},
		{SceneOptions{Split: Test, Size: size, Kinds: []Kind{Where}}, `"where"`},
		{SceneOptions{Split: Test, Size: size, Kinds: []Kind{Number}, Questions: 2}, "want 0 to 1"},
		{SceneOptions{Split: Test, Size: size, Questions: -1}, "-1 questions"},
	} {
		if _, err := NewScenes(c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.opt, err, c.want)
		}
	}
	s := scenes(t, SceneOptions{Split: Test, Size: size, Kinds: []Kind{Number}})
	if q := s.Next().Questions; len(q) != 1 || q[0].Kind != Number {
		t.Errorf("%+v", q)
	}
}
