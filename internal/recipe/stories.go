package recipe

import (
	"math/rand/v2"

	"github.com/wattlaw/wattlaw/internal/tokenizer"
	"github.com/wattlaw/wattlaw/internal/train"
	"github.com/wattlaw/wattlaw/internal/world"
)

// Weights of what is learned, an answer's being one: to go on with a text teaches little of
// what it means, and when to stop is learned at once.
const (
	proseWeight = 0.05
	endWeight   = 0.1
)

// reader turns stories into sequences.
type reader struct {
	tokens *tokenizer.Tokenizer
}

// lessons returns the data of a phase, whose first example has the index first.
func (r reader) lessons(seed, first uint64, list []Lesson) (train.Data, error) {
	var sources []*world.Stories
	var total float64
	for _, l := range list {
		s, err := world.NewStories(world.Options{Split: world.Train, Seed: seed, Words: l.Words, Kinds: l.Kinds, Events: l.Events})
		if err != nil {
			return nil, err
		}
		sources, total = append(sources, s), total+l.Share
	}
	return func(i uint64) (train.Sequence, error) {
		i += first
		x, k := rand.New(rand.NewPCG(seed, i)).Float64()*total, 0
		for ; k+1 < len(list); k++ {
			if x -= list[k].Share; x < 0 {
				break
			}
		}
		return r.sequence(sources[k].Study(i, list[k].Questions)), nil
	}, nil
}

// sequence writes examples of one text as one sequence: every answer is learned behind those before it.
func (r reader) sequence(examples []world.Example) (s train.Sequence) {
	add := func(text string, weight float32, begin bool) {
		for _, id := range r.tokens.Encode(text, tokenizer.EncodeOptions{AddSpecial: begin}) {
			s.Tokens, s.Weights = append(s.Tokens, id), append(s.Weights, weight)
		}
	}
	for i, e := range examples {
		if i == 0 {
			add(e.Prompt(), proseWeight, true)
		} else {
			add("\n"+e.Ask(), proseWeight, false)
		}
		add(" "+e.Answer, 1, false)
		s.Tokens, s.Weights = append(s.Tokens, r.tokens.EOS()), append(s.Weights, endWeight)
	}
	return s
}
