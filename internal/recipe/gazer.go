package recipe

import (
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/world"
)

// gazer looks at pictures and answers questions about them. It sees the same sights at several
// resolutions, so that what it can tell depends on them: small digits vanish first.
func gazer() Recipe {
	simple := []world.Kind{world.Colour, world.Shape, world.Position, world.YesNo, world.Count, world.Content}
	return Recipe{
		Name: "gazer", Description: "answers questions about pictures of a small world", Seed: 1,
		Config: model.Config{Architecture: "qwen2vl", Context: 2048, Width: 256, Layers: 5, FFN: 768, Heads: 8, KVHeads: 4, HeadDim: 32, RopeDims: 32,
			Eps: 1e-6, RopeBase: 10000, RopeScale: 1, RopeSections: [3]int{4, 6, 6}},
		Vision: &model.VisionConfig{Projector: model.ProjectorQwen2VL, Width: 192, Layers: 4, Heads: 6, FFN: 768, Output: 256, Patch: 16,
			Merge: model.QwenMerge, ImageSize: 320, Eps: 1e-6, Activation: model.QuickGELU,
			Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.25, 0.25, 0.25}},
		Template: chat,
		Pre:      "qwen2", Control: []string{"<|endoftext|>", "<|im_end|>", visionStart, visionEnd, imagePad},
		Phases: []Phase{
			{Name: "first glances", Steps: 800, Batch: 16, Peak: 2e-3, Floor: 2e-3, WarmUp: 50, Lessons: []Lesson{
				{Share: 1, Side: 128, Kinds: simple, Questions: 6}}},
			{Name: "all questions", Steps: 1500, Batch: 16, Peak: 2e-3, Floor: 2e-3, WarmUp: 50, Lessons: []Lesson{
				{Share: 0.4, Side: 128, Digits: []int{9, 12, 19}, Questions: 6},
				{Share: 0.4, Side: 192, Digits: []int{9, 14, 28}, Questions: 6},
				{Share: 0.2, Side: 256, Digits: []int{9, 12, 18, 38}, Questions: 6}}},
			{Name: "all sizes", Steps: 1000, Batch: 16, Peak: 2e-3, Floor: 1e-4, WarmUp: 50, Lessons: []Lesson{
				{Share: 0.1, Side: 128, Questions: 6}, {Share: 0.1, Side: 320, Shown: 128, Questions: 6},
				{Share: 0.2, Side: 192, Questions: 6}, {Share: 0.1, Side: 320, Shown: 224, Questions: 6},
				{Share: 0.2, Side: 256, Questions: 6}, {Share: 0.3, Side: 320, Questions: 6}}},
		},
		Exam: Lesson{Side: 320, Questions: 1},
	}
}
