package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/recipe"
	"github.com/wattlaw/wattlaw/internal/report"
)

func newTrainCmd() *cobra.Command {
	var name string
	var miniature, bfloat16 bool
	var opt recipe.Options
	cmd := &cobra.Command{
		Use:   "train --recipe NAME --dir DIR",
		Short: "Train a built-in model by its recipe",
		Long: `Train a built-in model again by its recipe: data, shape, phases and seed are fixed, so that the same
instruction set yields the same weights. It takes hours. The directory holds a checkpoint of each phase, from which a
training that was interrupted goes on, the curve as JSON Lines, and the model as GGUF as of the last checkpoint.`,
		Example: "wattlaw train --recipe scribe --dir scribe",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := recipe.ByName(name)
			if err != nil {
				return err
			}
			if miniature {
				r = r.Miniature()
			}
			if bfloat16 {
				opt.Train.Precision = linalg.BFloat16
			}
			opt.Report = func(p recipe.Point) { printPoint(cmd, p) }
			return recipe.Run(cmd.Context(), r, opt)
		},
	}
	cmd.Flags().StringVar(&name, "recipe", "", fmt.Sprintf("Which model: one of %v", recipe.Names()))
	cmd.Flags().StringVar(&opt.Dir, "dir", "", "Directory for checkpoints, curve and model")
	cmd.Flags().StringVar(&opt.From, "from", "", "Where there is no checkpoint: file of the model after the phases before the last, to train that one only")
	cmd.Flags().IntVar(&opt.Train.Threads, "threads", 0, "Threads (default one per CPU)")
	cmd.Flags().DurationVar(&opt.Save, "save", 0, "Time between checkpoints (default 1m0s)")
	cmd.Flags().BoolVar(&bfloat16, "bfloat16", false, "Multiply in bfloat16, as the built-in models were trained: faster, on CPUs that can")
	cmd.Flags().BoolVar(&miniature, "miniature", false, "Go through the recipe with a tiny model and a few steps, to see it work")
	_ = cmd.MarkFlagRequired("recipe") // errs only for a flag that does not exist
	_ = cmd.MarkFlagRequired("dir")
	cmd.AddCommand(newTrainCurveCmd())
	return cmd
}

// printPoint shows a line of the curve.
func printPoint(cmd *cobra.Command, p recipe.Point) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s %d/%d: loss %.3f, %.0f tokens/s", p.Phase, p.Step, p.Of, p.Loss, float64(p.Tokens)/p.Seconds)
	if p.ByKind != nil {
		fmt.Fprintf(out, "; %.1f %% of validation answers right:", 100*p.Right)
		for _, k := range slices.Sorted(maps.Keys(p.ByKind)) {
			fmt.Fprintf(out, " %s %.0f", k, 100*p.ByKind[k])
		}
	}
	fmt.Fprintln(out)
}

func newTrainCurveCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "curve FILE.jsonl DIR",
		Short:   "Draw the curve of a training as PNG and SVG",
		Example: "wattlaw train curve scribe/scribe.jsonl figures",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			points, err := recipe.ReadCurve(args[0])
			if err != nil {
				return err
			}
			if err := os.MkdirAll(args[1], 0o755); err != nil {
				return err
			}
			return report.WriteTraining(args[1], strings.TrimSuffix(filepath.Base(args[0]), ".jsonl"), points)
		},
	}
}
