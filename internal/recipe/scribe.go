package recipe

import (
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/world"
)

// scribe reads stories and answers questions about them. It meets short ones first: where someone
// is after two events is learned within minutes, and what is harder stands on it.
func scribe() Recipe {
	simple := []world.Kind{world.Where, world.Object, world.Holder, world.Carrying}
	more := []world.Kind{world.Where, world.Object, world.Holder, world.Carrying, world.YesNo, world.Count}
	return Recipe{
		Name: "scribe", Description: "answers questions about short stories of a small world", Seed: 1,
		Config: model.Config{Architecture: "llama", Context: 2048, Width: 320, Layers: 6, FFN: 1024, Heads: 10, KVHeads: 5, HeadDim: 32, RopeDims: 32,
			Eps: 1e-5, RopeBase: 10000, RopeScale: 1},
		Template: "{{ bos_token }}" + chat,
		Pre:      "llama-bpe", Control: []string{"<|begin_of_text|>", "<|end_of_text|>"},
		Phases: []Phase{
			{Name: "first steps", Steps: 500, Batch: 16, Peak: 2e-3, Floor: 2e-3, WarmUp: 50, Prose: 0.05, Lessons: []Lesson{
				{Share: 0.6, Events: 2, Kinds: simple, Questions: 8}, {Share: 0.4, Events: 3, Kinds: more, Questions: 10}}},
			{Name: "all questions", Steps: 250, Batch: 16, Peak: 2e-3, Floor: 2e-3, WarmUp: 50, Prose: 0.05, Lessons: []Lesson{
				{Share: 0.3, Events: 3, Questions: 12}, {Share: 0.7, Questions: 14}}},
			{Name: "answers first", Steps: 800, Batch: 16, Peak: 1e-3, Floor: 1e-3, WarmUp: 25, Prose: 0.02, Lessons: []Lesson{
				{Share: 0.3, Events: 3, Questions: 12}, {Share: 0.7, Questions: 14}}},
			{Name: "long texts", FromFile: true, Steps: 600, Batch: 16, Peak: 1e-3, Floor: 2e-5, WarmUp: 50, Prose: 0.01, Lessons: []Lesson{
				{Share: 0.6, Questions: 14}, {Share: 0.2, Words: 200, Questions: 12}, {Share: 0.13, Words: 350, Questions: 12}, {Share: 0.07, Words: 700, Questions: 12}}},
		},
	}
}
