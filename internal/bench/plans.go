package bench

import (
	"fmt"
	"strings"
)

// NamedPlan is a plan that comes with the program.
type NamedPlan struct {
	Name  string
	About string // one line
	Plan  Plan
}

// NamedPlans lists the built-in plans.
func NamedPlans() []NamedPlan {
	return []NamedPlan{
		{"default", "the law of text: a small model over prompt lengths, under three minutes on two cores", DefaultPlan()},
		{"complexity", "does anything but length matter: prompts of equal length and different complexity, under three minutes on two cores", complexityPlan()},
		{"accuracy", "cost and accuracy together: the built-in model that sees, over resolutions, about three minutes on two cores", accuracyPlan()},
		{"vlm", "the knee of images: a vision-language model over resolutions, under five minutes on two cores", vlmPlan()},
		{"compression", "what each part of compression is worth: the built-in model that reads, cut, healed, and in fewer bits, a quarter of an hour on two cores", compressionPlan()},
		{"paper-llm", "what compression saves: Llama 3.1 8B and a shape of it with 3.2 billion parameters, cost only, about a quarter of an hour on two cores with 8 GB of memory", paperLLMPlan()},
		{"paper-vlm", "the same for Qwen2-VL 2B and 1.1 billion parameters, started anew for every image, cost only, about a quarter of an hour on two cores", paperVLMPlan()},
	}
}

// complexityPlan sets prompts of three complexities against each other at two lengths: twelve
// repeats give each of them four trials of either length, interleaved with the rest.
func complexityPlan() Plan {
	p := DefaultPlan()
	p.Tokens, p.Repeats, p.OutputTokens = []int{128, 512}, 12, 8
	return p
}

// accuracyPlan has the built-in model that sees answer the same questions at every resolution. Its
// clamp is the size of the largest pictures it was trained on: 81 image tokens of 32×32 pixels, 288x288.
func accuracyPlan() Plan {
	p := DefaultPlan()
	p.Model = []string{"builtin:gazer"}
	p.Resolutions = []string{"64x64", "96x96", "128x128", "160x160", "192x192", "224x224", "256x256", "288x288", "352x352", "432x432"}
	p.Clamp = []string{"tokens:81"}
	p.Tokens, p.OutputTokens, p.Repeats = []int{imagePromptTokens}, 4, 3
	p.MinWindow = 1
	p.Tasks, p.TaskCount = "builtin:pictures", 200
	return p
}

// vlmPlan sweeps images across the knee of a clamp that is low enough for two cores: 150
// image tokens of 28×28 pixels, of which a square image fills 144, 336x336. (Of a limit that
// is a square itself, rounding leaves some larger images a row of patches short.)
func vlmPlan() Plan {
	p := DefaultPlan()
	p.Model = []string{"shape:qwen2-vl-2b@q4_0"}
	p.Clamp = []string{"tokens:150"}
	p.Resolutions = []string{
		"56x56", "112x112", "168x168", "224x224", "280x280", "308x308", "336x336",
		"364x364", "420x420", "504x504", "672x672",
	}
	p.Tokens, p.OutputTokens = []int{imagePromptTokens}, 4
	p.MinWindow = 1
	p.WarmUp.Max = 4
	return p
}

// FindPlan returns the built-in plan of a name.
func FindPlan(name string) (Plan, error) {
	var known []string
	for _, p := range NamedPlans() {
		if p.Name == name {
			return p.Plan, nil
		}
		known = append(known, p.Name)
	}
	return Plan{}, fmt.Errorf("plan: %q is none of the built-in plans (%s); name a file without --plan", name, strings.Join(known, ", "))
}
