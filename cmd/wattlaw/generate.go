package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// modelFlags are the flags of every command that loads a model.
type modelFlags struct {
	model string
	clamp string // limit on images, or the rule of one
	opt   engine.Options
}

func (f *modelFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.model, "model", "m", "", `GGUF file, folder of safetensors, or shape such as "shape:smollm2-135m@q8_0" (see "wattlaw models")`)
	flags.IntVarP(&f.opt.Threads, "threads", "t", 0, "compute threads (default: one per CPU)")
	flags.IntVarP(&f.opt.Context, "context", "c", 0, "tokens of prompt and answer together (default: the model's, at most 4096)")
	flags.IntVarP(&f.opt.Batch, "batch", "b", 0, "tokens of one prefill pass (default 512)")
	flags.StringVar(&f.opt.Kernel, "kernel", "", "instruction set (default: the best of this CPU)")
	_ = cmd.MarkFlagRequired("model") // errs only for a flag that does not exist
}

// load loads the model and returns with it a function that closes it and keeps the first error.
func (f *modelFlags) load() (*engine.Engine, func(*error), error) {
	if err := f.checkVision(); err != nil {
		return nil, nil, err
	}
	e, err := engine.Load(f.model, f.opt)
	if err != nil {
		return nil, nil, err
	}
	return e, func(err *error) {
		if closeErr := e.Close(); *err == nil {
			*err = closeErr
		}
	}, nil
}

func newGenerateCmd() *cobra.Command {
	var f modelFlags
	var prompt string
	var images []string
	var req engine.Request
	cmd := &cobra.Command{
		Use:   "generate -m MODEL -p PROMPT",
		Short: "Continue a prompt, about images too",
		Long: `Continue a prompt. Images stand where the prompt has the marker <image>, once for each; a prompt
without markers comes behind its images.`,
		Example: `  wattlaw generate -m model.gguf -p "The law of the lever says" -n 64 --temp 0.8 --seed 7
  wattlaw generate -m model.gguf --mmproj mmproj.gguf --image photo.jpg -p "What is in this picture?"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if req.Images, err = readImages(images); err != nil {
				return err
			}
			e, done, err := f.load()
			if err != nil {
				return err
			}
			defer done(&err)
			if e.Info().Meaningless {
				noteMeaningless(cmd, "text is")
			}
			if req.Tokens, err = e.EncodePrompt(prompt, len(images)); err != nil {
				return err
			}
			return generate(cmd, e, req)
		},
	}
	f.register(cmd)
	f.registerVision(cmd)
	flags := cmd.Flags()
	imagesFlag(flags, &images)
	flags.StringVarP(&prompt, "prompt", "p", "", "text to continue")
	flags.IntVarP(&req.MaxTokens, "tokens", "n", 128, "most tokens to generate")
	flags.BoolVar(&req.IgnoreEOS, "ignore-eos", false, "go on after an end-of-text token")
	flags.Float64Var(&req.Sampling.Temperature, "temp", 0, "temperature; 0 always takes the likeliest token")
	flags.IntVar(&req.Sampling.TopK, "top-k", 0, "choose among this many likeliest tokens; 0 for all")
	flags.Float64Var(&req.Sampling.TopP, "top-p", 1, "choose among the likeliest tokens of this total probability")
	flags.Uint64Var(&req.Sampling.Seed, "seed", 1, "seed of the choices")
	_ = cmd.MarkFlagRequired("prompt")
	return cmd
}

// generate streams the answer to the command's output.
func generate(cmd *cobra.Command, e *engine.Engine, req engine.Request) error {
	stream := e.Tokenizer().NewStream(tokenizer.DecodeOptions{})
	var failed error
	write := func(text string) bool {
		_, failed = io.WriteString(cmd.OutOrStdout(), text)
		return failed == nil
	}
	_, err := e.Generate(cmd.Context(), req, func(id int32) bool { return write(stream.Push(id)) })
	if err == nil && failed == nil {
		write(stream.Flush() + "\n")
	}
	if failed != nil {
		return fmt.Errorf("write the answer: %w", failed)
	}
	return err
}
