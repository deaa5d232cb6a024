package world

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// Bounds of SceneOptions.
const (
	MinSide      = 96   // pixels of the shorter side of a picture
	MaxSide      = 4096 // pixels of the longer one
	MinDigit     = 5    // height of a digit in pixels
	MaxQuestions = 6    // about one picture
	maxItems     = 5
	// maxTries is how many layouts may not have the answers wanted before others are: two shapes
	// never are three.
	maxTries = 1000
)

// SceneOptions say which pictures to make.
type SceneOptions struct {
	Split Split
	Seed  uint64
	Size  imaging.Size
	// Digits are heights in pixels of the number in a picture, all equally frequent; none means
	// six between 1/40 and 1/7 of the shorter side. At most 0.15 of that side fits.
	Digits []int
	// Kinds of questions; none means all.
	Kinds []Kind
	// Questions is how many to ask about each picture, each of another kind: two
	// that count might contradict each other. 0 means 3, or as many as there are kinds.
	Questions int
	// Items is how many shapes a picture has; 0 varies it from 2 to 5.
	Items int
}

func (o SceneOptions) short() int { return min(o.Size.Width, o.Size.Height) }

func (o SceneOptions) check() error {
	if err := o.Split.check(); err != nil {
		return err
	}
	if err := o.Size.Check(); err != nil {
		return err
	}
	if o.short() < MinSide || max(o.Size.Width, o.Size.Height) > MaxSide {
		return fmt.Errorf("size %s: sides must have %d to %d pixels", o.Size, MinSide, MaxSide)
	}
	for _, h := range o.Digits {
		if h < MinDigit || h > 3*o.short()/20 {
			return fmt.Errorf("digits of %d pixels: want %d to %d in a picture of %s", h, MinDigit, 3*o.short()/20, o.Size)
		}
	}
	for i, k := range o.Kinds {
		if !slices.Contains(SceneKinds(), k) {
			return fmt.Errorf("kind of question %q: want some of %v", k, SceneKinds())
		}
		if slices.Contains(o.Kinds[:i], k) {
			return fmt.Errorf("kind of question %q is named twice", k)
		}
	}
	if o.Items < 0 || o.Items > maxItems {
		return fmt.Errorf("%d shapes in a picture: want 1 to %d, or 0 to vary them", o.Items, maxItems)
	}
	n := min(len(o.kinds()), MaxQuestions)
	if o.Questions < 0 || o.Questions > n {
		return fmt.Errorf("%d questions about a picture: want 0 to %d, each of another kind", o.Questions, n)
	}
	return nil
}

func (o SceneOptions) kinds() []Kind {
	if len(o.Kinds) > 0 {
		return o.Kinds
	}
	return SceneKinds()
}

// heights are those of Digits, or the default ones.
func (o SceneOptions) heights() []int {
	if len(o.Digits) > 0 {
		return o.Digits
	}
	var all []int
	for _, part := range []int{40, 28, 20, 14, 10, 7} {
		all = append(all, max(MinDigit, o.short()/part))
	}
	return all
}

// Scene is a picture with questions about it.
type Scene struct {
	Image     imaging.RGB
	Questions []Question
	// Digit is the height in pixels of the number in the picture.
	Digit int
	// Layout is what is where, whatever its size. No two splits share any.
	Layout string

	layout layout
}

// Question asks about a picture.
type Question struct {
	Question, Answer string // one or two words
	Also             []string
	Choices          []string // answers of the same sort, the right one among them
	Kind             Kind
}

func shapes() []string  { return []string{"circle", "square", "triangle", "diamond", "cross", "ring"} }
func colours() []string { return []string{"red", "green", "blue", "yellow", "purple", "black"} }

// cells of a picture are its nine parts, by rows.
func cells() []string {
	return []string{"top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"}
}

// in says that something is in a cell.
func in(cell int) string {
	switch cell {
	case 3, 5:
		return "on the " + cells()[cell]
	case 4:
		return "in the middle"
	}
	return "at the " + cells()[cell]
}

// item is a shape in a cell.
type item struct{ shape, colour, cell int }

func (it item) String() string { return colours()[it.colour] + " " + shapes()[it.shape] }

// layout is a scene before it has a size: no two items are alike.
type layout struct {
	items  []item
	number int // of two digits
	card   int // the cell where it is written
}

// newLayout has so many items, or 2 to 5 for 0.
func newLayout(rng *rand.Rand, items int) layout {
	spots := rng.Perm(len(cells()))
	l := layout{number: 10 + rng.IntN(90), card: spots[0]}
	if items == 0 {
		items = 2 + rng.IntN(4)
	}
	for _, cell := range spots[1 : 1+items] {
		it := item{cell: cell}
		for again := true; again; {
			it.shape, it.colour = rng.IntN(len(shapes())), rng.IntN(len(colours()))
			again = l.find(func(other item) bool { return other.shape == it.shape && other.colour == it.colour }) != nil
		}
		l.items = append(l.items, it)
	}
	return l
}

func (l layout) find(ok func(item) bool) (found []item) {
	for _, it := range l.items {
		if ok(it) {
			found = append(found, it)
		}
	}
	return found
}

func (l layout) key() string {
	parts := []string{fmt.Sprintf("%d %s", l.number, cells()[l.card])}
	for _, it := range l.items {
		parts = append(parts, fmt.Sprintf("%s %s", it, cells()[it.cell]))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// Scenes makes pictures.
type Scenes struct {
	opt   SceneOptions
	forms map[Kind][]sceneForm
	next  uint64
}

// NewScenes returns a generator. Its pictures depend on the options alone, to the last pixel.
func NewScenes(opt SceneOptions) (*Scenes, error) {
	if err := opt.check(); err != nil {
		return nil, fmt.Errorf("make scenes: %w", err)
	}
	s := &Scenes{opt: opt, forms: map[Kind][]sceneForm{}}
	for _, f := range sceneForms() {
		s.forms[f.kind] = append(s.forms[f.kind], f)
	}
	if opt.Questions == 0 {
		s.opt.Questions = min(3, len(opt.kinds()))
	}
	return s, nil
}

// All yields scenes without end.
func (s *Scenes) All() iter.Seq[Scene] {
	return func(yield func(Scene) bool) {
		for yield(s.Next()) {
		}
	}
}

// Next returns the next scene.
func (s *Scenes) Next() Scene {
	s.next++
	return s.At(s.next - 1)
}

// At returns the scene of an index, without those before it.
func (s *Scenes) At(index uint64) Scene {
	rng := generator("scene", s.opt.Split, s.opt.Seed, index)
	asked, wanted := make([]sceneForm, s.opt.Questions), make([]string, s.opt.Questions)
	for tries := 0; ; tries++ {
		if tries%maxTries == 0 {
			for i, k := range some(rng, s.opt.kinds(), s.opt.Questions) {
				asked[i] = pick(rng, s.forms[k])
				wanted[i] = pick(rng, asked[i].answers)
			}
		}
		l := newLayout(rng, s.opt.Items)
		if !s.opt.Split.holds(l.key()) {
			continue
		}
		if questions := l.ask(rng, asked, wanted); questions != nil {
			h := pick(rng, s.opt.heights())
			return Scene{l.draw(rng, s.opt.Size, h), questions, h, l.key(), l}
		}
	}
}

// Study returns the scene of an index, and up to n further questions about it, of any kinds of the
// options: material to learn from.
func (s *Scenes) Study(index uint64, n int) Scene {
	scene := s.At(index)
	asked := map[string]bool{}
	for _, q := range scene.Questions {
		asked[q.Question] = true
	}
	rng := generator("study", s.opt.Split, s.opt.Seed, index)
	for tries, more := 0, 0; more < n && tries < 8*n; tries++ {
		f := pick(rng, s.forms[pick(rng, s.opt.kinds())])
		q := scene.layout.ask(rng, []sceneForm{f}, []string{pick(rng, f.answers)})
		if q == nil || asked[q[0].Question] {
			continue
		}
		asked[q[0].Question] = true
		scene.Questions, more = append(scene.Questions, q[0]), more+1
	}
	return scene
}

// ask returns a question of each form with the answer wanted, or nil if there is none.
func (l layout) ask(rng *rand.Rand, forms []sceneForm, wanted []string) (out []Question) {
	for i, f := range forms {
		var fit []sceneCandidate
		for _, c := range f.list(l) {
			if wanted[i] == c.class {
				fit = append(fit, c)
			}
		}
		if len(fit) == 0 {
			return nil
		}
		c := pick(rng, fit)
		q := Question{Question: fmt.Sprintf(pick(rng, f.phrases), c.about...), Answer: c.answer, Also: synonyms(c.answer), Kind: f.kind, Choices: f.choices(rng, c.answer)}
		if f.kind == Position {
			q.Also = append(q.Also, in(slices.Index(cells(), c.answer)))
		}
		out = append(out, q)
	}
	return out
}
