package bench

import "slices"

// compressionPlan shows what each part of compression is worth: the built-in model that reads at one
// share of its parameters, cut by one more part of the method each time and then healed; with factors of four
// bits that are rounded after and inside the loop; whole at other shares; and as matrix product operators of two and three sites with as many parameters. Its controls,
// the original in fewer bits, are made as for every comparison. Two repeats of three lengths, with windows and
// baselines as short as they can be, leave the time to compress and to heal.
func compressionPlan() Plan {
	const original, share = "builtin:scribe", "builtin:scribe~40%"
	p := DefaultPlan()
	p.Compare = []string{
		original,
		share + ":plain", share + ":whitened", share + ":anchored", share, share + ":heal=3m",
		share + ":format=q4_0:rounded-after", share + ":format=q4_0",
		share + ":sites=2", share + ":sites=3",
		original + "~60%", original + "~80%",
	}
	p.Model = slices.Clone(p.Compare)
	p.Tokens, p.OutputTokens, p.Repeats = []int{32, 128, 512}, 8, 2
	p.Complexity = []string{"medium"}
	p.Tasks, p.TaskCount = "builtin:stories", 50
	p.MinWindow = 0.5
	p.Baseline.Seconds, p.Baseline.Timeout = 2, 5
	p.WarmUp.Max = 4
	p.CoolDown.Timeout = 1
	return p
}
