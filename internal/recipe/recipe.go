// Package recipe holds how the built-in models come about: their shape, their vocabulary, the
// phases of their training and the file that they end in. Nothing but the recipe, the seed and
// the machine's instruction set determines them.
package recipe

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// Recipe is one model's.
type Recipe struct {
	Name        string
	Description string
	Seed        uint64
	Config      model.Config        // of the first phase, but for the size of the vocabulary
	Vision      *model.VisionConfig // of its encoder of images; nil for a model of text
	Outer       float64             // see train.Plan; 0 for 1
	Pre         string              // the pre-tokenizer of the vocabulary
	Control     []string            // its control tokens, BOS and EOS first
	Template    string              // of chats
	Phases      []Phase
}

// chat lets a user write the text, if there is one, and the question as the models know them.
const chat = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}"

// Phase is a part of a training: it goes on from the weights of the one before it with fresh moments.
type Phase struct {
	Name    string
	Steps   int
	Batch   int // sequences of a step
	Peak    float64
	Floor   float64 // of the learning rate, reached at the phase's end
	WarmUp  int
	Prose   float32 // weight of the prediction of a token outside of answers, an answer's being one
	Lessons []Lesson
	// Until, when not 0, ends the phase early, once that share of validation answers is right.
	Until float64
	// FromFile begins the phase from the weights as the model's file holds them after the phase
	// before, in Q8_0: a training can go on there with nothing but that file.
	FromFile bool
	// Widen, when not 0, makes the model of the phase before so many times as wide first, which changes
	// nothing of what it computes. It needs FromFile.
	Widen int
}

// passed says whether a phase has reached what it is for.
func (p Phase) passed(right float64) bool { return p.Until > 0 && right >= p.Until }

// Lesson is a kind of stories or, for models that see, of pictures to learn from.
type Lesson struct {
	Share     float64      // of the phase's sequences, relative to the other lessons'
	Kinds     []world.Kind // of questions; none means all
	Questions int          // about one text or picture, besides the first

	Events, Words, Cast int  // of stories, as world.Options has them
	Plain               bool // the same
	// Twice tells each story a second time at once, which can be foretold from the first: models learn to
	// look things up from that before any answer tells them to. A token of it weighs a tenth.
	Twice bool

	Side   int   // of pictures, in pixels; they are square
	Items  int   // as world.SceneOptions has them
	Digits []int // as world.SceneOptions has them
	Shown  int   // the side that the model sees of it, in pixels, if not all
}

// Names lists the recipes.
func Names() []string { return []string{"scribe", "gazer"} }

// ByName returns a recipe.
func ByName(name string) (Recipe, error) {
	switch name {
	case "scribe":
		return scribe(), nil
	case "gazer":
		return gazer(), nil
	}
	return Recipe{}, fmt.Errorf("no recipe %q: there are %v", name, Names())
}

// Miniature is the same recipe for a model of a few thousand weights, a few steps and short texts: it
// learns nothing of use, but goes the whole way.
func (r Recipe) Miniature() Recipe {
	r.Name += "-miniature"
	c := &r.Config
	c.Width, c.Layers, c.FFN, c.Heads, c.KVHeads, c.HeadDim, c.RopeDims = 64, 2, 64, 4, 2, 16, 16
	if r.Vision != nil {
		v := *r.Vision
		v.Width, v.Layers, v.FFN, v.Heads, v.Output = 32, 2, 64, 2, c.Width
		r.Vision, c.RopeSections = &v, [3]int{2, 3, 3}
	}
	phases := make([]Phase, len(r.Phases))
	for i, p := range r.Phases {
		p.Steps, p.Batch, p.WarmUp, p.Until, p.Widen = 3, 2, 1, 0, min(p.Widen, 2)
		lessons := make([]Lesson, len(p.Lessons))
		for j, l := range p.Lessons {
			l.Words, l.Questions, l.Side, l.Shown, l.Digits = min(l.Words, 150), min(l.Questions, 3), min(l.Side, 96), min(l.Shown, 64), nil
			lessons[j] = l
		}
		p.Lessons, phases[i] = lessons, p
	}
	r.Phases = phases
	return r
}

// shape returns the hyperparameters that the model has in a phase.
func (r Recipe) shape(phase int) (model.Config, *model.VisionConfig) {
	c, v := r.Config, r.Vision
	for _, p := range r.Phases[:phase+1] {
		if p.Widen > 0 {
			c, v = widened(c, v, p.Widen)
		}
	}
	return c, v
}

// plan is the phase as train wants it.
func (r Recipe) plan(i int) train.Plan {
	p := r.Phases[i]
	return train.Plan{
		Recipe: fmt.Sprintf("%s, seed %d, phase %d %s", r.Name, r.Seed, i+1, p.Name), Batch: p.Batch,
		Rate:  train.Schedule{Peak: p.Peak, Floor: p.Floor, WarmUp: p.WarmUp, Steps: p.Steps},
		Decay: 0.1, Clip: 1, Muon: true, Outer: r.Outer,
	}
}

// first is the index of a phase's first example: no two phases show the same.
func (r Recipe) first(phase int) (n uint64) {
	for _, p := range r.Phases[:phase] {
		n += uint64(p.Steps * p.Batch)
	}
	return n
}

// vocabulary learns the tokens of the recipe's texts.
func (r Recipe) vocabulary() (tokenizer.Vocab, error) {
	const most = 4096
	texts := storyTexts
	if r.Vision != nil {
		texts = sceneTexts
	}
	all, err := texts(^r.Seed)
	if err != nil {
		return tokenizer.Vocab{}, err
	}
	return tokenizer.Learn(r.Pre, all, most, r.Control...)
}
