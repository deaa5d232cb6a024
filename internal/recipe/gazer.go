package recipe

import (
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/world"
)

// gazer looks at pictures and answers questions about them. It sees the same sights at several
// resolutions, so that what it can tell depends on them: small digits vanish first. Its first pictures
// have one embedding for each of the nine parts, which is easiest to learn from.
//
// Its rotary base is small, because rows and columns turn the slower pairs of a head: at the usual base
// they would turn by a hundredth of a radian over the whole picture.
func gazer() Recipe {
	ofOne := []world.Kind{world.Colour, world.Shape, world.Content, world.Position}
	allSizes := []Lesson{
		{Share: 0.15, Side: 96, Digits: []int{10, 14}, Questions: 13}, {Share: 0.1, Side: 128, Questions: 13}, {Share: 0.1, Side: 160, Questions: 13},
		{Share: 0.25, Side: 192, Digits: []int{10, 14, 19, 28}, Questions: 13},
		{Share: 0.1, Side: 288, Shown: 192, Questions: 13}, {Share: 0.3, Side: 288, Questions: 13},
	}
	return Recipe{
		Name: "gazer", Description: "answers questions about pictures of a small world", Seed: 1,
		Config: model.Config{Architecture: "qwen2vl", Context: 2048, Width: 128, Layers: 4, FFN: 384, Heads: 4, KVHeads: 4, HeadDim: 32, RopeDims: 32,
			Eps: 1e-6, RopeBase: 200, RopeScale: 1, RopeSections: [3]int{4, 6, 6}},
		Vision: &model.VisionConfig{Projector: model.ProjectorQwen2VL, Width: 128, Layers: 4, Heads: 4, FFN: 384, Output: 128, Patch: 16,
			Merge: model.QwenMerge, ImageSize: 288, Eps: 1e-6, Activation: model.QuickGELU,
			Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.25, 0.25, 0.25}},
		Template: chat,
		Pre:      "qwen2", Control: []string{"<|endoftext|>", "<|im_end|>", visionStart, visionEnd, imagePad},
		Phases: []Phase{
			{Name: "one thing", Steps: 800, Batch: 32, Peak: 4e-3, Floor: 4e-3, WarmUp: 25, Prose: 0.01, Until: 0.9, Lessons: []Lesson{
				{Share: 1, Side: 96, Items: 1, Kinds: ofOne, Questions: 8}}},
			{Name: "a number", Steps: 1000, Batch: 32, Peak: 4e-3, Floor: 4e-3, WarmUp: 25, Prose: 0.01, Until: 0.9, Lessons: []Lesson{
				{Share: 0.7, Side: 96, Items: 1, Kinds: []world.Kind{world.Number}, Digits: []int{14}, Questions: 1},
				{Share: 0.3, Side: 96, Items: 1, Kinds: ofOne, Questions: 8}}},
			{Name: "two things", Steps: 800, Batch: 32, Peak: 4e-3, Floor: 4e-3, WarmUp: 25, Prose: 0.01, Until: 0.9, Lessons: []Lesson{
				{Share: 1, Side: 96, Items: 2, Digits: []int{14}, Questions: 12}}},
			{Name: "first glances", Steps: 1500, Batch: 32, Peak: 4e-3, Floor: 4e-3, WarmUp: 25, Prose: 0.01, Until: 0.9, Lessons: []Lesson{
				{Share: 1, Side: 96, Digits: []int{14}, Questions: 13}}},
			{Name: "numbers of all sizes", FromFile: true, Steps: 1500, Batch: 32, Peak: 4e-3, Floor: 4e-3, WarmUp: 25, Prose: 0.01, Until: 0.9, Lessons: []Lesson{
				{Share: 0.35, Side: 192, Items: 1, Kinds: []world.Kind{world.Number}, Digits: []int{14, 19, 28}, Questions: 1},
				{Share: 0.35, Side: 288, Items: 1, Kinds: []world.Kind{world.Number}, Digits: []int{14, 20, 28, 41}, Questions: 1},
				{Share: 0.15, Side: 96, Digits: []int{14}, Questions: 13},
				{Share: 0.15, Side: 192, Digits: []int{19, 28}, Questions: 13}}},
			{Name: "all sizes", FromFile: true, Steps: 1000, Batch: 32, Peak: 2e-3, Floor: 4e-4, WarmUp: 25, Prose: 0.01, Lessons: allSizes},
			{Name: "wider", FromFile: true, Widen: 2, Steps: 230, Batch: 32, Peak: 1e-3, Floor: 2e-5, WarmUp: 20, Prose: 0.01, Lessons: allSizes},
			{Name: "last looks", FromFile: true, Steps: 120, Batch: 32, Peak: 8e-4, Floor: 1e-5, WarmUp: 10, Prose: 0.01, Lessons: []Lesson{
				{Share: 0.35, Side: 288, Questions: 13},
				{Share: 0.2, Side: 288, Kinds: []world.Kind{world.Compare, world.Count, world.Number}, Questions: 10},
				{Share: 0.15, Side: 288, Shown: 224, Questions: 13}, {Share: 0.1, Side: 288, Shown: 192, Questions: 13},
				{Share: 0.1, Side: 288, Shown: 160, Questions: 13}, {Share: 0.1, Side: 288, Shown: 96, Questions: 13}}},
		},
	}
}
