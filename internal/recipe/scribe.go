package recipe

import (
	"github.com/wattlaw/wattlaw/internal/model"
)

// scribe reads stories and answers questions about them. It meets short ones in plain words about few
// people first: how to find what was said last of somebody is learned within minutes there, and all that
// is harder stands on it.
func scribe() Recipe {
	twoDeeds := []Lesson{{Share: 0.5, Events: 2, Plain: true, Questions: 12}, {Share: 0.5, Events: 2, Plain: true, Questions: 12, Twice: true}}
	return Recipe{
		Name: "scribe", Description: "answers questions about short stories of a small world", Seed: 1,
		Config: model.Config{Architecture: "llama", Context: 2048, Width: 128, Layers: 4, FFN: 384, Heads: 4, KVHeads: 4, HeadDim: 32, RopeDims: 32,
			Eps: 1e-5, RopeBase: 10000, RopeScale: 1},
		Template: "{{ bos_token }}" + chat,
		Pre:      "llama-bpe", Control: []string{"<|begin_of_text|>", "<|end_of_text|>"},
		Outer: 0.25,
		Phases: []Phase{
			{Name: "two deeds", Steps: 1400, Batch: 32, Peak: 4e-3, Floor: 4e-3, WarmUp: 25, Prose: 0.02, Lessons: twoDeeds},
			{Name: "two deeds, in smaller steps", FromFile: true, Steps: 150, Batch: 32, Peak: 1e-3, Floor: 1e-3, WarmUp: 10, Prose: 0.02, Lessons: twoDeeds},
			{Name: "all words", FromFile: true, Steps: 2400, Batch: 32, Peak: 2e-3, Floor: 4e-4, WarmUp: 25, Prose: 0.01, Lessons: []Lesson{
				{Share: 0.25, Plain: true, Questions: 14}, {Share: 0.15, Events: 2, Questions: 12}, {Share: 0.5, Questions: 14},
				{Share: 0.07, Words: 200, Questions: 12}, {Share: 0.03, Words: 350, Questions: 12}}},
			{Name: "wider", FromFile: true, Widen: 3, Steps: 200, Batch: 32, Peak: 1e-3, Floor: 2e-5, WarmUp: 20, Prose: 0.01, Lessons: []Lesson{
				{Share: 0.6, Questions: 14}, {Share: 0.1, Plain: true, Questions: 14}, {Share: 0.15, Words: 200, Questions: 12},
				{Share: 0.1, Words: 400, Questions: 12}, {Share: 0.05, Words: 700, Questions: 12}}},
		},
	}
}
