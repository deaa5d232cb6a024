package recipe

import (
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/world"
)

// scribe reads stories and answers questions about them. It meets short ones in plain words about few
// people first: how to find what was said last of somebody is learned within minutes there, and all that
// is harder stands on it.
func scribe() Recipe {
	simple := []world.Kind{world.Where, world.Object, world.Holder, world.Carrying}
	return Recipe{
		Name: "scribe", Description: "answers questions about short stories of a small world", Seed: 1,
		Config: model.Config{Architecture: "llama", Context: 2048, Width: 128, Layers: 6, FFN: 384, Heads: 4, KVHeads: 4, HeadDim: 32, RopeDims: 32,
			Eps: 1e-5, RopeBase: 10000, RopeScale: 1},
		Template: "{{ bos_token }}" + chat,
		Pre:      "llama-bpe", Control: []string{"<|begin_of_text|>", "<|end_of_text|>"},
		Phases: []Phase{
			{Name: "plain words", Steps: 500, Batch: 32, Peak: 4e-3, Floor: 4e-3, WarmUp: 25, Prose: 0.02, Lessons: []Lesson{
				{Share: 1, Events: 2, Cast: 6, Plain: true, Kinds: simple, Questions: 6}}},
			{Name: "all questions", Steps: 500, Batch: 32, Peak: 4e-3, Floor: 4e-3, WarmUp: 25, Prose: 0.02, Lessons: []Lesson{
				{Share: 0.5, Events: 2, Cast: 12, Plain: true, Questions: 10}, {Share: 0.5, Events: 4, Cast: 12, Plain: true, Questions: 12}}},
			{Name: "all words", Steps: 700, Batch: 32, Peak: 4e-3, Floor: 4e-3, WarmUp: 25, Prose: 0.02, Lessons: []Lesson{
				{Share: 0.3, Events: 3, Questions: 12}, {Share: 0.7, Questions: 14}}},
			{Name: "long texts", FromFile: true, Steps: 350, Batch: 32, Peak: 4e-3, Floor: 2e-5, WarmUp: 25, Prose: 0.02, Lessons: []Lesson{
				{Share: 0.7, Questions: 14}, {Share: 0.15, Words: 200, Questions: 12}, {Share: 0.1, Words: 350, Questions: 12}, {Share: 0.05, Words: 700, Questions: 12}}},
		},
	}
}
