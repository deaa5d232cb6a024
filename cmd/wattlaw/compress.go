package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/compress/heal"
	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

// compressFlags are what "wattlaw compress" is asked for.
type compressFlags struct {
	model, mmproj, out string
	params, bytes      string
	energy, drop       string
	kl                 float64
	tasks              string
	heal               time.Duration
	profile, bfloat16  bool
	calibrate          []string
	window, sequences  int
	format, without    string
	runtime            string
	opt                compress.Options
}

func newCompressCmd() *cobra.Command {
	var f compressFlags
	cmd := &cobra.Command{
		Use:   "compress -m IN.gguf -o OUT.gguf --params 0.4 --calibrate TEXT",
		Short: "Cut a model's matrices to factors that cost less",
		Long: `Cuts the linear layers of a model to pairs of low rank, so that what they make of the calibration
texts changes least. Layers are cut in order, each with what the layers cut before hand to it, toward what it
made in the original; factors are rounded to their format inside the loop. The end of the output says how far
predictions on held-out sequences have moved.

Calibrate on text like what the model will read, or on tasks (*.jsonl, docs/eval-formats.md), with pictures
for a model that sees. Built-in models are calibrated on their own small world where nothing is named. Of a model
with an encoder of images both are cut under one budget, and the encoder is written beside OUT.gguf as
OUT.mmproj.gguf. docs/compression.md tells more.`,
		Example: `  wattlaw compress -m builtin:scribe -o scribe-40.gguf --params 0.4
  wattlaw compress -m model-f16.gguf -o model-lr.gguf --params 3.2B --calibrate wiki.train.raw --format q8_0
  wattlaw compress -m builtin:scribe --profile -o scribe-profile.json
  wattlaw compress -m model-f16.gguf --mmproj mmproj.gguf -o model-lr.gguf --bytes 2GiB --calibrate pictures/tasks.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.model, "model", "m", "", `GGUF file, folder of safetensors, or built-in model such as "builtin:scribe"`)
	flags.StringVar(&f.mmproj, "mmproj", "", "GGUF file of the encoder of images (default: a built-in model's own, or none)")
	flags.StringVarP(&f.out, "out", "o", "", "file to write")
	flags.StringVar(&f.params, "params", "", "goal: share of the parameters to keep, such as 0.4, or how many, such as 3.2B")
	flags.StringVar(&f.bytes, "bytes", "", "goal: size of the weights, such as 2GiB")
	flags.StringVar(&f.energy, "energy", "", "goal: share of the cost of a token to keep, such as 0.5: an estimate by timing this machine")
	flags.Float64Var(&f.kl, "kl", 0, "goal: the smallest model whose predictions diverge by no more than this, in nats a token, such as 0.05")
	flags.StringVar(&f.drop, "accuracy-drop", "", "goal: the smallest model that is right no more than this less often on --tasks, such as 1%")
	flags.StringVar(&f.tasks, "tasks", "", `tasks to be right on: a file in JSON Lines, "builtin:stories" or "builtin:pictures"`)
	flags.DurationVar(&f.heal, "heal", 0, "time to learn from the original afterwards, such as 30m")
	flags.BoolVar(&f.bfloat16, "bfloat16", false, "multiply in bfloat16 while calibrating and measuring: faster, on CPUs that can")
	flags.BoolVar(&f.profile, "profile", false, "write no model, but how sensitive this one is to a cut of each matrix alone: a table, OUT as JSON, and a figure beside it")
	flags.IntVar(&f.opt.Sites, "sites", 0, "cut to matrix product operators of so many cores instead of pairs: 2 to 4, to compare; they cost more time than they save")
	flags.StringArrayVar(&f.calibrate, "calibrate", nil, "text file, or tasks in JSON Lines; may be given several times")
	flags.IntVar(&f.sequences, "sequences", defaultSequences, "windows of text to calibrate on; of tasks as many as have the same number of tokens")
	flags.IntVar(&f.window, "window", defaultWindow, "tokens of a window")
	flags.StringVar(&f.format, "format", "", "format of the factors (default: that of each matrix)")
	flags.StringVar(&f.runtime, "for", "", `"llama.cpp" narrows feed-forward networks alone, which every runtime can load`)
	flags.StringVar(&f.without, "without", "", fmt.Sprintf("steps to leave out, with commas between them: %v", compress.Steps()))
	flags.IntVarP(&f.opt.Threads, "threads", "t", 0, "compute threads (default: one per CPU)")
	flags.StringVar(&f.opt.Dir, "dir", "", "folder for OUT.gguf.work, where what is finished is kept, so that an interrupted run goes on from it; removed at the end (default beside OUT.gguf)")
	_ = cmd.MarkFlagRequired("model") // errs only for a flag that does not exist
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func (f *compressFlags) run(cmd *cobra.Command) (err error) {
	if err := f.read(); err != nil {
		return err
	}
	in, done, err := openPair(f.model, f.mmproj)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	calibrator, err := newCalibrator(f.model, in, f.window, f.sequences)
	if err != nil {
		return err
	}
	data, err := calibrator.read(f.calibrate)
	if err != nil {
		return err
	}
	f.opt.Report = f.progress(cmd.ErrOrStderr())
	if f.profile {
		return f.writeProfile(cmd, in, data)
	}
	f.opt.Tried = func(r *compress.Report, good bool) { writeTried(cmd.ErrOrStderr(), r, good) }
	var judge *judge
	if f.drop != "" {
		if judge, err = f.newJudge(cmd.Context(), in); err != nil {
			return err
		}
		f.opt.Accept, f.opt.By = judge.accept, judge.tasksHash()
	}
	out, report, err := compress.Compress(cmd.Context(), in, data, f.opt)
	switch {
	case err != nil && cmd.Context().Err() != nil:
		return fmt.Errorf("%w; the same command goes on from %s", err, f.opt.Dir)
	case err != nil:
		return err
	}
	var healed *heal.Report
	if f.heal > 0 {
		if healed, err = f.healing(cmd, in, out, data, calibrator); err != nil {
			return err
		}
		out = compress.Pair(healed.Model)
	}
	if err := out.Write(f.out, model.EncoderPath(f.out)); err != nil {
		return err
	}
	kept, err := f.keptGoal(cmd.Context(), judge, out, report, healed)
	if err != nil {
		return err
	}
	if err := f.tidy(); err != nil {
		return err
	}
	return writeCompressed(cmd.OutOrStdout(), f.out, in, out, report, healed, kept)
}

// writeTried tells what came of a trial.
func writeTried(w io.Writer, r *compress.Report, good bool) {
	verdict := "too far"
	if good {
		verdict = "near enough"
	}
	fmt.Fprintf(w, "\ntried %.1f %% of the parameters: KL %.4g, %s\n", 100*float64(r.After.Parameters)/float64(r.Before.Parameters), r.Held.KL, verdict)
}

// removeIfThere removes a file that may be gone already.
func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// tidy removes what an interrupted run would have gone on from.
func (f *compressFlags) tidy() error {
	if f.heal > 0 {
		if err := removeIfThere(f.out + healSuffix); err != nil {
			return err
		}
	}
	return compress.Clean(f.opt.Dir)
}

// workSuffix is what the folder of an unfinished run is named by.
const workSuffix = ".work"

// read makes options of the flags.
func (f *compressFlags) read() (err error) {
	if err := f.goal(); err != nil {
		return err
	}
	if f.opt.Without, err = compress.ParseSteps(f.without); err != nil {
		return fmt.Errorf("--without: %w", err)
	}
	if f.format != "" {
		format, err := model.ParseFormat(f.format, model.Formats())
		if err != nil {
			return fmt.Errorf("--format: %w", err)
		}
		f.opt.Format = &format
	}
	switch f.runtime {
	case "":
	case "llama.cpp":
		f.opt.LlamaCpp = true
	default:
		return fmt.Errorf("--for %s: there is llama.cpp", f.runtime)
	}
	if f.opt.Dir == "" {
		f.opt.Dir = filepath.Dir(f.out)
	}
	f.opt.Dir = filepath.Join(f.opt.Dir, filepath.Base(f.out)+workSuffix) // its own: all in it is removed at the end
	if n := f.opt.Sites; n != 0 && (n < 2 || n > 4) {
		return fmt.Errorf("--sites %d: want 2 to 4, or nothing for pairs", n)
	}
	if f.bfloat16 {
		f.opt.Precision = linalg.BFloat16
	}
	f.opt.Version = version()
	return checkOutput(f.out, f.model, f.mmproj)
}

// goal reads the one that is named.
func (f *compressFlags) goal() (err error) {
	named := 0
	for _, on := range []bool{f.params != "", f.bytes != "", f.energy != "", f.kl != 0, f.drop != ""} {
		if on {
			named++
		}
	}
	g := &f.opt.Goal
	switch {
	case f.profile && (f.opt.Sites != 0 || f.runtime != "" || f.heal != 0):
		return errors.New("--profile is of pairs, each cut alone: leave --sites, --for and --heal out")
	case f.profile && named == 0:
		return nil
	case f.heal < 0:
		return fmt.Errorf("--heal %v: want a time such as 30m", f.heal)
	case f.profile:
		return errors.New("--profile cuts to several shares: leave the goal out")
	case f.opt.Sites != 0 && f.runtime != "":
		return errors.New("--sites cuts to what --for does not know: leave one out")
	case named != 1:
		return errors.New("say one goal: --params, --bytes, --energy, --kl or --accuracy-drop")
	case (f.drop != "") != (f.tasks != ""):
		return errors.New("--accuracy-drop is measured on tasks: name both, or none")
	case (f.kl != 0 || f.drop != "") && f.runtime != "":
		return errors.New("--for llama.cpp takes a goal of --params, --bytes or --energy")
	case f.params != "":
		*g, err = compress.ParseParameters(f.params)
	case f.bytes != "":
		*g, err = compress.ParseBytes(f.bytes)
	case f.energy != "":
		*g, err = compress.ParseEnergy(f.energy)
	case f.kl != 0:
		if !(f.kl > 0) || f.kl > 100 {
			err = fmt.Errorf("--kl %v: want a positive number of nats", f.kl)
		}
		*g = compress.Goal{Measure: compress.Parameters, KL: f.kl}
	default:
		var drop compress.Goal
		if drop, err = compress.ParseParameters(f.drop); err != nil || drop.Share == 0 {
			err = fmt.Errorf("--accuracy-drop %s: want a share such as 1%%", f.drop)
		}
		*g = compress.Goal{Measure: compress.Parameters, Drop: drop.Share}
	}
	return err
}

// checkOutput refuses to replace what is read, and folders that are not there.
func checkOutput(out string, in ...string) error {
	if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: there is no folder %s to write it to", out, filepath.Dir(out))
	}
	for _, path := range in {
		a, err := os.Stat(path)
		if err != nil {
			continue
		}
		for _, made := range []string{out, model.EncoderPath(out)} {
			if b, err := os.Stat(made); err == nil && os.SameFile(a, b) {
				return fmt.Errorf("%s is input and output; name another output", made)
			}
		}
	}
	return nil
}

// openPair opens a model and its encoder of images, if it has one, and returns what closes them.
func openPair(ref, mmproj string) (p compress.Pair, done func() error, err error) {
	var open []io.Closer
	done = func() (err error) {
		for _, f := range open {
			err = errors.Join(err, f.Close())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, done())
		}
	}()
	if strings.HasPrefix(ref, shape.Prefix) {
		p.Language, p.Encoder, err = buildShape(ref, 0)
		return p, done, err
	}
	var f io.Closer
	if p.Language, f, err = engine.OpenModel(ref); err != nil {
		return p, done, err
	}
	open = append(open, f)
	if p.Encoder, f, err = engine.OpenEncoder(ref, mmproj); f != nil {
		open = append(open, f)
	}
	return p, done, err
}

// buildShape makes a model of random weights.
func buildShape(ref string, seed uint64) (language, encoder *model.Source, err error) {
	s, format, err := shape.Parse(ref)
	if err != nil {
		return nil, nil, err
	}
	if language, err = s.Build(format, seed); err == nil && s.Vision != nil {
		encoder = s.BuildVision(shape.VisionFormat(format), seed)
	}
	return language, encoder, err
}

// progress returns what tells how far a run is.
func (f *compressFlags) progress(stderr io.Writer) func(compress.Event) {
	file, ok := stderr.(*os.File)
	tty := ok && isTerminal(file)
	return func(e compress.Event) {
		line := fmt.Sprintf("%s: %d of %d, %v", e.What, e.Done+1, e.Parts, e.Elapsed.Round(time.Second))
		if e.Left > 0 {
			line += fmt.Sprintf(", %v left of this pass", e.Left.Round(time.Second))
		}
		if tty { // a line that the next one overwrites
			fmt.Fprintf(stderr, "\r\x1b[K%s", line)
		} else {
			fmt.Fprintln(stderr, line)
		}
	}
}
