package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/eval"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

// evalFlags are what "wattlaw eval" is asked for.
type evalFlags struct {
	model             modelFlags
	base, baseSight   string
	resolution        string
	texts             []string
	tasks, references string
	embedder, named   string
	format            string
	plan              eval.Plan
}

// embedderKey is the variable of the environment that holds an endpoint's key: a flag would
// show it to everyone who lists processes.
const embedderKey = "WATTLAW_EMBEDDER_KEY"

func newEvalCmd() *cobra.Command {
	var f evalFlags
	cmd := &cobra.Command{
		Use:   "eval -m MODEL [--base ORIGINAL] [--text FILE] [--tasks FILE] [--references FILE]",
		Short: "Measure how good a model's answers are",
		Long: `Measure a model's perplexity on texts, its accuracy on tasks, and how similar its answers are to
references; with --base also how far it is from an original, such as the model before it was
quantized, text by text and item by item.

Perplexity and divergence follow the protocol of llama.cpp's perplexity tool: windows side by
side, the second half of each scored. Tasks and references are JSON Lines; docs/eval-formats.md
describes them. Semantic similarity needs --embedder, a GGUF file of architecture "bert" or the
URL of an OpenAI-compatible endpoint; its key, if it wants one, is read from
` + embedderKey + `. Without an embedder, similarity is lexical (chrF2).`,
		Example: `  wattlaw eval -m model-q4_k_m.gguf --base model-f16.gguf --text wiki.test.raw
  wattlaw eval -m model.gguf --tasks tasks.jsonl --format json
  wattlaw eval -m model.gguf --mmproj mmproj.gguf --tasks pictures/tasks.jsonl --resolution 224 --clamp tokens:64
  wattlaw eval -m model.gguf --references answers.jsonl --embedder http://127.0.0.1:8080/v1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.model.register(cmd)
	f.model.registerVision(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.base, "base", "", "original to compare with: GGUF file or shape of the same vocabulary")
	flags.StringVar(&f.baseSight, "base-mmproj", "", "encoder of images of the original (default: --mmproj)")
	flags.StringVar(&f.resolution, "resolution", "", "scale images of tasks down to fit into WIDTHxHEIGHT, or into a square, before the model sees them")
	flags.StringArrayVar(&f.texts, "text", nil, "text file for perplexity; may be given several times")
	flags.IntVar(&f.plan.Window, "window", eval.DefaultWindow, "tokens of a window of perplexity")
	flags.StringVar(&f.tasks, "tasks", "", `tasks: a file in JSON Lines, "builtin:stories" or "builtin:pictures"`)
	flags.StringVar(&f.references, "references", "", "prompts with reference answers, in JSON Lines")
	flags.StringVar(&f.embedder, "embedder", "", "bert GGUF file, or URL of an OpenAI-compatible embeddings endpoint")
	flags.StringVar(&f.named, "embedder-model", "", "model to ask the endpoint for")
	flags.Float64Var(&f.plan.Trim, "trim", 0, "show means without this share of items at each end too, such as 0.1")
	flags.StringVar(&f.format, "format", "table", "output format: "+strings.Join(eval.Formats(), ", "))
	return cmd
}

func (f *evalFlags) run(cmd *cobra.Command) (err error) {
	if err := f.read(); err != nil {
		return err
	}
	if f.model.opt.Context == 0 && f.plan.Window > 0 {
		f.model.opt.Context = f.context()
	}
	closeEmbedder, err := f.openEmbedder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeEmbedder()) }()
	e, done, err := f.model.load()
	if err != nil {
		return err
	}
	defer done(&err)
	var base eval.Model
	if f.base != "" {
		opt := f.model.opt
		opt.Projector = cmp.Or(f.baseSight, opt.Projector)
		original, err2 := engine.Load(f.base, opt)
		if err2 != nil {
			return fmt.Errorf("--base: %w", err2)
		}
		defer func() { err = errors.Join(err, original.Close()) }()
		base = original
	}
	if screen, ok := cmd.ErrOrStderr().(*os.File); ok && isTerminal(screen) {
		f.plan.Progress = func(what string, done, all int) {
			fmt.Fprintf(screen, "\r\x1b[K%s: %d of %d%s", what, done, all, strings.Repeat("\n", done/all))
		}
	}
	result, err := eval.Run(cmd.Context(), e, base, f.plan)
	if err != nil {
		return err
	}
	return result.Write(cmd.OutOrStdout(), f.format)
}

// context is no more than the windows where there is nothing else to compute, to save the
// memory of a longer cache; 0 is the model's own.
func (f *evalFlags) context() int {
	const usual = 4096
	if len(f.plan.Tasks)+len(f.plan.References) > 0 && f.plan.Window <= usual {
		return 0
	}
	return f.plan.Window
}

// read reads all files before a model is loaded, which may take long.
func (f *evalFlags) read() (err error) {
	if err := eval.CheckFormat(f.format); err != nil {
		return err
	}
	for _, path := range f.texts {
		text, err := readText(path)
		if err != nil {
			return err
		}
		f.plan.Texts = append(f.plan.Texts, text)
	}
	if f.tasks != "" {
		if f.plan.Tasks, err = readTasks(f.tasks, 0); err != nil {
			return err
		}
	}
	if f.resolution != "" {
		if f.plan.Resolution, err = imaging.ParseSize(f.resolution); err != nil {
			return fmt.Errorf("--resolution: %w", err)
		}
	}
	if f.references != "" {
		in, err := os.Open(f.references)
		if err != nil {
			return err
		}
		defer in.Close() // read-only: nothing is lost
		if f.plan.References, err = eval.ReadReferences(f.references, in); err != nil {
			return err
		}
	}
	switch {
	case f.baseSight != "" && f.base == "":
		return errors.New("--base-mmproj is the encoder of an original: name that with --base")
	case f.embedder == "" && f.named != "":
		return errors.New("--embedder-model names a model of an endpoint: name the endpoint with --embedder")
	case f.embedder != "" && f.references == "":
		return errors.New("--embedder compares answers with references: name them with --references")
	case f.named != "" && !f.endpoint():
		return errors.New("--embedder-model names a model of an endpoint, and --embedder is no URL")
	}
	return nil
}

// endpoint reports whether the embedder is an address and no model of ours.
func (f *evalFlags) endpoint() bool { return strings.Contains(f.embedder, "://") }

// openEmbedder sets the plan's embedder, if one is named, and returns what closes it.
func (f *evalFlags) openEmbedder() (closer func() error, err error) {
	closer = func() error { return nil }
	switch {
	case f.embedder == "":
		return closer, nil
	case f.endpoint():
		f.plan.Embedder, err = eval.NewEndpoint(f.embedder, f.named, os.Getenv(embedderKey))
		return closer, err
	}
	e, err := engine.LoadEmbedder(f.embedder, engine.Options{Threads: f.model.opt.Threads, Kernel: f.model.opt.Kernel})
	if err != nil {
		return nil, fmt.Errorf("--embedder: %w", err)
	}
	if e.Info().Meaningless {
		return nil, errors.Join(fmt.Errorf("--embedder: %s has random weights: its embeddings say nothing; name a trained model", f.embedder), e.Close())
	}
	f.plan.Embedder = e
	return e.Close, nil
}

func readText(path string) (eval.Text, error) {
	in, err := os.Open(path)
	if err != nil {
		return eval.Text{}, err
	}
	defer in.Close() // read-only: nothing is lost
	data, err := io.ReadAll(io.LimitReader(in, eval.MaxText+1))
	if err == nil && len(data) > eval.MaxText {
		err = fmt.Errorf("more than %d bytes: take a part of it", eval.MaxText)
	}
	if err != nil {
		return eval.Text{}, fmt.Errorf("%s: %w", path, err)
	}
	return eval.Text{Name: filepath.Base(path), Data: data}, nil
}
