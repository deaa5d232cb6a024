package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/compress/heal"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
)

// healFlags are what "wattlaw heal" is asked for.
type healFlags struct {
	model, mmproj, base, baseMmproj, out string
	calibrate                            []string
	window, sequences                    int
	bfloat16                             bool
	opt                                  heal.Options
}

func newHealCmd() *cobra.Command {
	var f healFlags
	cmd := &cobra.Command{
		Use:   "heal -m COMPRESSED.gguf --base ORIGINAL.gguf -o OUT.gguf --for-time 30m --calibrate TEXT",
		Short: "Teach a compressed model to predict like its original",
		Long: `Gives a compressed model back what its cuts took: on texts, all its weights, factors included, are
trained to predict what the original predicts (distillation). It takes the time that it is given, and the learning rate
falls over that time. An interrupted run goes on from its last checkpoint. Weights return to the formats that they had.
The divergence from the original is measured before and after on sequences that are held out, and OUT.gguf has the
better weights.

Heal on text like what the model will read, or on tasks (*.jsonl, docs/eval-formats.md), with pictures for a model
that sees: its encoder is healed together with it and written beside OUT.gguf as OUT.mmproj.gguf. Of what was made
from a built-in model nothing need be named: it is healed on that one's small world. Memory holds 4 bytes for every
weight of the original and 16 for every one of the compressed model, besides activations.`,
		Example: `  wattlaw heal -m scribe-40.gguf --base builtin:scribe -o scribe-40-healed.gguf --for-time 10m
  wattlaw heal -m model-lr.gguf --base model-f16.gguf -o model-healed.gguf --for-time 2h --calibrate wiki.train.raw`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.model, "model", "m", "", "GGUF file of the compressed model")
	flags.StringVar(&f.mmproj, "mmproj", "", "GGUF file of its encoder of images (default: MODEL.mmproj.gguf beside it, or none)")
	flags.StringVar(&f.base, "base", "", `GGUF file of the original, or built-in model such as "builtin:scribe"`)
	flags.StringVar(&f.baseMmproj, "base-mmproj", "", "GGUF file of the original's encoder of images (default: a built-in model's own, or none)")
	flags.StringVarP(&f.out, "out", "o", "", "file to write")
	flags.DurationVar(&f.opt.Time, "for-time", 0, "time to train, such as 30m; measuring comes on top")
	flags.IntVar(&f.opt.Steps, "steps", 0, "number of steps instead of a time, to get the same result again")
	flags.StringArrayVar(&f.calibrate, "calibrate", nil, "text file, or tasks in JSON Lines; may be given several times")
	flags.IntVar(&f.sequences, "sequences", 2048, "windows of text to learn from; of tasks as many as have the same number of tokens")
	flags.IntVar(&f.window, "window", defaultWindow, "tokens of a window")
	flags.IntVar(&f.opt.Batch, "batch", 0, fmt.Sprintf("sequences of a step (default %d)", heal.DefaultBatch))
	flags.Float64Var(&f.opt.Rate, "rate", 0, fmt.Sprintf("highest learning rate (default %g)", heal.DefaultRate))
	flags.Float64Var(&f.opt.Answers, "answers", 0, "share of the texts' own tokens in what is learned, the rest being the original's predictions")
	flags.BoolVar(&f.opt.AdamW, "adamw", false, "train by AdamW alone instead of Muon inside the layers")
	flags.BoolVar(&f.bfloat16, "bfloat16", false, "multiply in bfloat16: faster, on CPUs that can")
	flags.StringVar(&f.opt.Checkpoint, "checkpoint", "", "file from which an interrupted run goes on (default OUT.gguf.heal, removed at the end)")
	flags.IntVarP(&f.opt.Train.Threads, "threads", "t", 0, "compute threads (default: one per CPU)")
	for _, name := range []string{"model", "base", "out"} {
		_ = cmd.MarkFlagRequired(name) // errs only for a flag that does not exist
	}
	return cmd
}

// healSuffix is what the checkpoint of an unfinished run is named by.
const healSuffix = ".heal"

func (f *healFlags) run(cmd *cobra.Command) (err error) {
	if err := checkOutput(f.out, f.model, f.mmproj, f.base, f.baseMmproj); err != nil {
		return err
	}
	if f.mmproj == "" {
		f.mmproj = model.EncoderBeside(f.model)
	}
	small, done, err := openPair(f.model, f.mmproj)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	original, doneToo, err := openPair(f.base, f.baseMmproj)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, doneToo()) }()
	calibrator, err := newCalibrator(f.base, original, f.window, f.sequences)
	if err != nil {
		return err
	}
	data, err := calibrator.read(f.calibrate)
	if err != nil {
		return err
	}
	f.opt.Checkpoint = cmp.Or(f.opt.Checkpoint, f.out+healSuffix)
	if f.bfloat16 {
		f.opt.Train.Precision = linalg.BFloat16
	}
	f.opt.Recipe, f.opt.Report = data.Hash, healProgress(cmd.ErrOrStderr())
	r, err := heal.Distill(cmd.Context(), heal.Pair(original), heal.Pair(small), heal.Epochs(data.Sequences, 1), data.Held, f.opt)
	switch {
	case cmd.Context().Err() != nil:
		return fmt.Errorf("%w; the same command goes on from %s", err, f.opt.Checkpoint)
	case err != nil:
		return err
	}
	if err := compress.Pair(r.Model).Write(f.out, model.EncoderPath(f.out)); err != nil {
		return err
	}
	if err := removeIfThere(f.opt.Checkpoint); err != nil {
		return err
	}
	return writeHealed(cmd.OutOrStdout(), f.out, r)
}

// healProgress returns what tells now and then how far a healing is.
func healProgress(stderr io.Writer) func(heal.Progress) {
	file, ok := stderr.(*os.File)
	tty := ok && isTerminal(file)
	pause := time.Minute
	if tty {
		pause = time.Second
	}
	var told time.Time
	return func(p heal.Progress) {
		switch {
		case time.Since(told) < pause && p.Done < 1:
			return
		case tty: // a line that the next one overwrites
			fmt.Fprintf(stderr, "\r\x1b[K")
		}
		told = time.Now()
		fmt.Fprintf(stderr, "healing: %.0f %% done, step %d, loss %.4f", 100*p.Done, p.Step, p.Loss)
		if !tty || p.Done == 1 {
			fmt.Fprintln(stderr)
		}
	}
}

// writeHealed tells what came of a healing.
func writeHealed(w io.Writer, path string, r heal.Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "file\t%s\n", path)
	if r.Model.Encoder != nil {
		fmt.Fprintf(table, "encoder\t%s\n", model.EncoderPath(path))
	}
	fmt.Fprintf(table, "KL\t%.4g → %.4g nats a token on held-out sequences, in %d steps\n", r.Before, r.After, r.Steps)
	if !r.Better {
		fmt.Fprintln(table, "warning\thealing made it worse, and the weights stay as they were: give it more time or more text, or a lower --rate")
	}
	return table.Flush()
}
