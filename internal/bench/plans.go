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
		{"vlm", "the knee of images: a vision-language model over resolutions, under five minutes on two cores", vlmPlan()},
	}
}

// vlmPlan sweeps images across the knee of a clamp that is low enough for two cores: 64
// image tokens of 28×28 pixels put it at 50,176 pixels, 224x224.
func vlmPlan() Plan {
	p := DefaultPlan()
	p.Model = []string{"shape:qwen2-vl-2b@q4_0"}
	p.Clamp = []string{"tokens:64"}
	p.Resolutions = []string{
		"56x56", "84x84", "112x112", "140x140", "168x168", "196x196", "224x224",
		"252x252", "280x280", "336x336", "448x448", "672x672",
	}
	p.Tokens, p.OutputTokens = []int{imagePromptTokens}, 4
	p.Repeats = 3
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
