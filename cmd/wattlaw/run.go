package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wattlaw/wattlaw/internal/backend"
	"github.com/wattlaw/wattlaw/internal/backend/native"
	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/report/progress"
	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/store"
)

// runFlags is what the user asks of the run command beside the plan.
type runFlags struct {
	plan      bench.Plan
	store     string
	resume    string
	named     string // built-in plan
	printPlan bool
	made      map[string]bench.Made // variants, by their names in the plan
}

// newRunCmd measures what a plan asks for and reports it.
func newRunCmd() *cobra.Command {
	f := runFlags{plan: bench.DefaultPlan()}
	cmd := &cobra.Command{
		Use:   "run [PLAN.toml]",
		Short: "Measure models over prompt lengths or image sizes and fit the law by which their cost grows",
		Long: `Run models over a sweep of prompt lengths, sample processor, memory and power meanwhile, and
report the law by which cost grows with tokens. Without arguments it measures a built-in
model and takes about three minutes.

With --resolutions the size of an image is swept in place of the prompt's length, and the
report shows the knee: up to where cost grows with the image. Each --clamp is a limit on
what the model sees, and a configuration of its own.

With --tasks every configuration also answers questions, at every resolution, and the report
shows accuracy against cost. docs/eval-formats.md describes the file.

With --compare the models are set against the first of them, on the same prompts and tasks: what
became of fixed cost and slope, load, memory, energy, speed and accuracy, and which are on the
frontier of accuracy against cost. For each that is smaller, the first joins in fewer bits, of
about the same bytes, so that the report tells "this or just fewer bits?".

` + variantHelp + `

A plan in TOML or JSON has a key for every flag that shapes the run ("--print-plan" shows
them all); flags that are given win over the file. Every finished trial is in the store at
once: a run that ended early goes on with "--resume RUN", repeating and losing nothing.`,
		Example: `  wattlaw run
  wattlaw run --model FILE.gguf --tokens 128,256,512 --output-tokens 16 --repeats 5 --out DIR
  wattlaw run plan.toml --strict
  wattlaw run --plan vlm
  wattlaw run --model shape:qwen2-vl-2b@q4_0 --clamp tokens:64,tokens:128 --resolutions auto
  wattlaw run --model FILE.gguf --mmproj MMPROJ.gguf --resolutions 224x224,448x448,1920x1080 --reload
  wattlaw run --model FILE.gguf --mmproj MMPROJ.gguf --resolutions 112,224,448 --tasks pictures/tasks.jsonl
  wattlaw run --compare FILE.gguf,COMPRESSED.gguf --tasks tasks.jsonl
  wattlaw run --compare builtin:scribe,builtin:scribe~60%,builtin:scribe~60%:heal=5m --tasks builtin:stories
  wattlaw run --plan compression
  wattlaw run --resume 20261123T231500-smollm2-135m-7f3a`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.choose(cmd, args); err != nil {
				return err
			}
			return f.run(cmd, len(args) == 1)
		},
	}
	planFlags(cmd.Flags(), &f.plan)
	storeFlag(cmd, &f.store)
	cmd.Flags().StringVar(&f.resume, "resume", "", "go on with this run: an id or a unique beginning of one")
	cmd.Flags().StringVar(&f.named, "plan", "", "begin with a built-in plan: "+planNames())
	cmd.Flags().BoolVar(&f.printPlan, "print-plan", false, "print the effective plan as TOML and end")
	return cmd
}

// planNames lists the built-in plans with what they are for.
func planNames() string {
	var out []string
	for _, p := range bench.NamedPlans() {
		out = append(out, fmt.Sprintf("%q (%s)", p.Name, p.About))
	}
	return strings.Join(out, ", ")
}

// choose takes the plan of a file or a built-in one, with the flags over it.
func (f *runFlags) choose(cmd *cobra.Command, args []string) error {
	var plan bench.Plan
	var err error
	switch {
	case f.named != "" && len(args) == 1:
		return fmt.Errorf("run: --plan %s and the file %s are two plans; leave one out", f.named, args[0])
	case len(args) == 1:
		plan, err = bench.ReadPlan(args[0])
	case f.named != "":
		plan, err = bench.FindPlan(f.named)
	default:
		plan = f.plan
	}
	if err == nil {
		err = putUnder(cmd, plan, &f.plan)
	}
	if err == nil {
		err = f.chooseModels(cmd)
	}
	f.plan = f.plan.Effective()
	if err == nil {
		err = checkVariants(f.plan.Model)
	}
	return err
}

// chooseModels has --model and --compare each take the place of what a plan says in either.
func (f *runFlags) chooseModels(cmd *cobra.Command) error {
	switch model, compare := cmd.Flags().Changed("model"), cmd.Flags().Changed("compare"); {
	case model && compare:
		return errors.New("run: --compare lists the models in place of --model; leave --model out")
	case compare:
		f.plan.Model = slices.Clone(f.plan.Compare)
	case model:
		f.plan.Compare = []string{}
	}
	return nil
}

func (f *runFlags) run(cmd *cobra.Command, fromFile bool) (err error) {
	out := cmd.OutOrStdout()
	if f.printPlan {
		if err := f.plan.Validate(); err != nil {
			return err
		}
		text, err := f.plan.TOML()
		if err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	}
	if err := f.checkResume(cmd, fromFile); err != nil {
		return err
	}
	s, err := openStore(cmd.Context(), f.store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	run, runErr := f.measure(cmd.Context(), s, cmd.ErrOrStderr(), out)
	if run.ID == "" {
		return runErr
	}
	counts, err := s.TrialCounts(context.WithoutCancel(cmd.Context()))
	if err != nil || counts[run.ID] == 0 {
		return errors.Join(runErr, err)
	}
	// A run that ended early is reported as far as it went.
	return errors.Join(runErr, writeReports(context.WithoutCancel(cmd.Context()), s, []string{run.ID}, f.plan.Out, out))
}

// checkResume refuses what would change the plan of a run that has begun.
func (f *runFlags) checkResume(cmd *cobra.Command, fromFile bool) (err error) {
	if f.resume == "" {
		return nil
	}
	if fromFile {
		return errors.New("run: --resume goes on with the plan of that run; leave the plan file out")
	}
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if !slices.Contains([]string{"resume", "store", "out"}, flag.Name) {
			err = fmt.Errorf("run: --resume goes on with the plan of that run; leave --%s out", flag.Name)
		}
	})
	return err
}

// measure carries out the plan, or what is left of the run to resume.
func (f *runFlags) measure(ctx context.Context, s store.Store, hints, out io.Writer) (store.Run, error) {
	view := progress.New(out)
	deps := bench.Deps{
		Store: s, Tool: version(), Progress: view.Event, Tasks: f.tasks, Models: f.model, Controls: f.controls,
		Sources: func(pid int) []source.Source { return allSources("/", pid) },
	}
	begin := bench.Run
	if f.resume != "" {
		earlier, err := f.takeUp(ctx, s)
		if err != nil {
			return store.Run{}, err
		}
		begin = func(ctx context.Context, _ bench.Plan, deps bench.Deps) (store.Run, error) {
			return bench.Resume(ctx, earlier.ID, deps)
		}
	} else if err := f.mention(ctx, s, hints); err != nil {
		return store.Run{}, err
	}
	var err error
	if deps.Backend, err = backendOf(f.plan); err != nil {
		return store.Run{}, err
	}
	run, err := begin(ctx, f.plan, deps)
	return run, errors.Join(err, f.clear(run), view.Close())
}

// takeUp makes the plan of the run to resume the effective one, but for where the report
// goes.
func (f *runFlags) takeUp(ctx context.Context, s store.Store) (store.Run, error) {
	earlier, err := s.Run(ctx, f.resume)
	if err != nil {
		return store.Run{}, err
	}
	out := f.plan.Out
	if f.plan, err = bench.ParseJSON(earlier.Plan); err != nil {
		return store.Run{}, fmt.Errorf("run %s: its plan cannot be read: %w", earlier.ID, err)
	}
	if out != "" {
		f.plan.Out = out
	}
	return earlier, nil
}

// mention points out an earlier run of the same plan that could be resumed instead.
func (f *runFlags) mention(ctx context.Context, s store.Store, hints io.Writer) error {
	earlier, trials, ok, err := bench.Unfinished(ctx, s, f.plan)
	if err != nil || !ok {
		return err
	}
	_, err = fmt.Fprintf(hints, "An earlier run of this plan has %d of %d trials; to go on with it instead of beginning anew: wattlaw run --resume %s\n",
		trials, earlier.Planned, earlier.ID)
	return err
}

// backendOf is the explicit list of backends that a plan can name.
func backendOf(plan bench.Plan) (backend.Backend, error) {
	if plan.Backend != "native" {
		return nil, fmt.Errorf("plan: backend: %q is unknown; use \"native\"", plan.Backend)
	}
	if plan.Kernel == "" {
		return native.Backend{}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this executable: %w", err)
	}
	return native.Backend{Command: []string{self, "serve", "--kernel", plan.Kernel}}, nil
}
