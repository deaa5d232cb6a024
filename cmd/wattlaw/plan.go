package main

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wattlaw/wattlaw/internal/bench"
)

// planFlags adds a flag for every key of a plan, with the plan's values as defaults: the
// flags write into it.
func planFlags(flags *pflag.FlagSet, p *bench.Plan) {
	flags.StringSliceVarP(&p.Model, "model", "m", p.Model, "GGUF files and shape models to measure")
	flags.StringSliceVar(&p.Compare, "compare", p.Compare, "models to set against the first of them, in place of --model, with its copies in fewer bits as controls")
	flags.BoolVar(&p.NoControls, "no-controls", p.NoControls, "compare without the original's copies in fewer bits")
	flags.StringVar(&p.Backend, "backend", p.Backend, "runtime that answers")
	flags.StringVar(&p.Kernel, "kernel", p.Kernel, "instruction set to force (default: the best there is)")
	flags.IntVarP(&p.Threads, "threads", "t", p.Threads, "compute threads; 0 takes all cores")
	flags.IntVar(&p.Context, "context", p.Context, "context in tokens; 0 takes what the longest trial needs")
	flags.IntSliceVar(&p.Tokens, "tokens", p.Tokens, "prompt lengths of the sweep")
	flags.IntVar(&p.OutputTokens, "output-tokens", p.OutputTokens, "tokens to generate per request")
	flags.IntVarP(&p.Repeats, "repeats", "r", p.Repeats, "trials per model and prompt length or resolution")
	flags.StringSliceVar(&p.Complexity, "complexity", p.Complexity, "complexities of the prompts, dealt in turn to the repeats")
	flags.StringSliceVar(&p.Resolutions, "resolutions", p.Resolutions, `sizes of images to sweep ("448x336,…", or "auto" for sizes around the knee) in place of prompt lengths`)
	flags.StringVar(&p.MMProj, "mmproj", p.MMProj, "file of the vision encoder (mmproj GGUF); shape models bring their own")
	flags.StringSliceVar(&p.Clamp, "clamp", p.Clamp, `limits on what a model sees of an image, each a configuration: "model", "tokens:256", "longest-side:1024", "pixels:501760"`)
	flags.StringSliceVar(&p.ImageKinds, "image-kinds", p.ImageKinds, "scenes to draw, dealt in turn to the repeats")
	flags.StringVar(&p.ImageDir, "image-dir", p.ImageDir, "folder of images to take in place of drawn ones")
	flags.StringVar(&p.Tasks, "tasks", p.Tasks, `tasks that every configuration answers, for accuracy beside cost: a file in JSON Lines, "builtin:stories" or "builtin:pictures"`)
	flags.IntVar(&p.TaskCount, "task-count", p.TaskCount, "most tasks to take; 0 takes all of a file, and 200 of the built-in ones")
	flags.BoolVar(&p.Reload, "reload", p.Reload, "start the model server anew for every trial and show the cost of loading apart")
	flags.Uint64Var(&p.Seed, "seed", p.Seed, "seed of prompts, images, order and random weights")
	flags.Float64Var(&p.Rate, "rate", p.Rate, "samples per second")
	flags.Float64Var(&p.MinWindow, "min-window", p.MinWindow, "shortest window of a trial in seconds: quicker requests repeat")
	flags.Float64Var(&p.MaxSteal, "max-steal", p.MaxSteal, "part of the machine that a hypervisor may take before a trial is doubted")
	flags.BoolVar(&p.Strict, "strict", p.Strict, "refuse to run when a pre-flight check finds a blocker")
	flags.StringVarP(&p.Out, "out", "o", p.Out, "folder of the report (default wattlaw-out/RUN)")
	flags.Float64Var(&p.Baseline.Seconds, "baseline-seconds", p.Baseline.Seconds, "idle stretch that must be quiet; 0 measures no baseline")
	flags.Float64Var(&p.Baseline.Timeout, "baseline-timeout", p.Baseline.Timeout, "longest wait for it in seconds")
	flags.Float64Var(&p.Baseline.Threshold, "baseline-threshold", p.Baseline.Threshold, "how quiet: standard deviation of the load as a part of the machine")
	flags.IntVar(&p.WarmUp.Max, "warm-up-max", p.WarmUp.Max, "largest number of warm-up requests; 0 skips the warm-up")
	flags.Float64Var(&p.WarmUp.CV, "warm-up-cv", p.WarmUp.CV, "coefficient of variation at which the model server is warm")
	flags.Float64Var(&p.CoolDown.Seconds, "cool-down-seconds", p.CoolDown.Seconds, "shortest pause before a trial")
	flags.Float64Var(&p.CoolDown.Timeout, "cool-down-timeout", p.CoolDown.Timeout, "longest pause")
	flags.Float64Var(&p.CoolDown.Sigmas, "cool-down-sigmas", p.CoolDown.Sigmas, "width of the idle band to return to, in standard deviations")
}

// putUnder puts a plan under the flags that were set: they win.
func putUnder(cmd *cobra.Command, plan bench.Plan, p *bench.Plan) error {
	var again []func() error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values := slices.Clone(list.GetSlice())
			again = append(again, func() error { return list.Replace(values) })
			return
		}
		value := f.Value.String()
		again = append(again, func() error { return f.Value.Set(value) })
	})
	*p = plan
	for _, set := range again {
		if err := set(); err != nil {
			return err
		}
	}
	return nil
}
