package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/law"
)

// lawFlags is what the user asks of the law command.
type lawFlags struct {
	columns law.Columns
	opt     law.Options
	noise   string
	predict []float64
	json    bool
}

// newLawCmd fits the linear law and its rivals to any table of trials.
func newLawCmd() *cobra.Command {
	var f lawFlags
	cmd := &cobra.Command{
		Use:   "law DATA.csv",
		Short: "Fit cost = a + b·x to a table of trials",
		Long: `Fit cost = a + b·x to the trials of a CSV file with a header line, one trial per line, by
weighted least squares with bootstrap intervals, and set it against a quadratic and a
power law. Lines with an empty cell are left out and counted. "-" reads standard input.`,
		Example: "  wattlaw law trials.csv --x tokens_in --y cpu_core_s --noise proportional --predict 4096",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(args[0], cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.columns.X, "x", "tokens", "column of the predictor")
	flags.StringVar(&f.columns.Y, "y", "joules", "column of the cost")
	flags.StringVar(&f.columns.Weight, "weight", "", "column of weights, 1/variance (default: all 1)")
	flags.StringVar(&f.noise, "noise", "", `"proportional" when scatter grows with cost (default: as the weights say)`)
	flags.Float64Var(&f.opt.Level, "level", 0.95, "confidence level of the intervals")
	flags.IntVar(&f.opt.Resamples, "resamples", 2000, "bootstrap resamples")
	flags.Uint64Var(&f.opt.Seed, "seed", 1, "seed of the bootstrap")
	flags.Float64SliceVar(&f.predict, "predict", nil, "values of x to predict the cost at")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (f lawFlags) run(path string, stdin io.Reader, stdout io.Writer) error {
	in := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("law: %w", err)
		}
		defer file.Close()
		in = file
	}
	table, err := law.ReadCSV(in, path, f.columns)
	if err != nil {
		return err
	}
	f.opt.Noise = law.Noise(f.noise)
	fitted, err := law.Fit(table.Points, f.opt)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	fitted.Doubts = append(fitted.Doubts, table.Doubts()...)
	predictions := make([]law.Prediction, len(f.predict))
	for i, x := range f.predict {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("law: --predict %v: want a finite number", x)
		}
		predictions[i] = fitted.Predict(x)
	}
	if !f.json {
		return fitted.WriteText(stdout, f.columns.X, f.columns.Y, predictions)
	}
	out := json.NewEncoder(stdout)
	out.SetIndent("", "  ")
	return out.Encode(struct {
		law.Law
		Predictions []law.Prediction `json:"predictions"`
	}{fitted, predictions})
}
