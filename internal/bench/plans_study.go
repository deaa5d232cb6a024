package bench

import "slices"

// paperLLMPlan sets the study's language model against its compressed variant (arXiv 2512.16531: Llama 3.1
// 8B in Q4_K_M, and 3.2 billion parameters of it), as shapes with random weights: what compression saves,
// not what it does to answers. As there the models stay loaded, and lengths and complexities of prompts
// vary; prompts and answers are short enough for two cores.
func paperLLMPlan() Plan {
	p := DefaultPlan()
	p.Compare = []string{"shape:llama-3.1-8b@q4_k_m", "shape:llama-3.1-8b@q4_k_m~3.2b"}
	p.Model = slices.Clone(p.Compare)
	p.Tokens, p.OutputTokens, p.Repeats = []int{64, 128, 256, 512}, 32, 8
	p.WarmUp.Max = 4
	return p
}

// paperVLMPlan does so with the study's vision-language model, Qwen2-VL 2B in F16, and 1.1 billion
// parameters of it, encoder included. As there the model is started anew for every prompt; a shape is
// made then, where a file would be read, so that the figures without loading are the ones to compare. The
// clamp, which the study had near 1024x720, is 150 image tokens, up to 336x336: what two cores can do.
func paperVLMPlan() Plan {
	p := DefaultPlan()
	p.Compare = []string{"shape:qwen2-vl-2b@f16", "shape:qwen2-vl-2b@f16~1.1b"}
	p.Model = slices.Clone(p.Compare)
	p.Resolutions = []string{"112x112", "168x168", "224x224", "336x336", "504x504"}
	p.Clamp = []string{"tokens:150"}
	p.Tokens, p.OutputTokens, p.Repeats = []int{imagePromptTokens}, 16, 8
	p.Reload = true
	return p
}
