package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine/speed"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

func newBenchCmd() *cobra.Command {
	var f modelFlags
	var plan speed.Plan
	var format string
	var sizes []string
	cmd := &cobra.Command{
		Use:   "bench -m MODEL",
		Short: "Time prompt processing and generation, like llama-bench",
		Long: `Time how fast the engine reads prompts ("pp"), generates ("tg") and turns images of a given size
into embeddings ("ie"), in tokens per second, with the processor time per token. Every test
runs once untimed, then -r times.`,
		Example: `  wattlaw bench -m shape:smollm2-135m@q8_0 -p 512 -n 64 -r 5 -t 2
  wattlaw bench -m shape:qwen2-vl-2b@q8_0 -p 0 -n 0 --image-size 448x448,896x896
  wattlaw bench -m model.gguf -o go > new.txt && benchstat old.txt new.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := speed.CheckFormat(format); err != nil {
				return err
			}
			for _, text := range sizes {
				size, err := imaging.ParseSize(text)
				if err != nil {
					return fmt.Errorf("--image-size: %w", err)
				}
				plan.Images = append(plan.Images, size)
			}
			e, done, err := f.load()
			if err != nil {
				return err
			}
			defer done(&err)
			result, err := speed.Measure(cmd.Context(), e, plan)
			if err != nil {
				return err
			}
			return result.Write(cmd.OutOrStdout(), format)
		},
	}
	f.register(cmd)
	f.registerVision(cmd)
	flags := cmd.Flags()
	flags.IntSliceVarP(&plan.Prompt, "prompt", "p", []int{512}, "prompt lengths to read, in tokens; 0 for none")
	flags.IntSliceVarP(&plan.Generate, "generate", "n", []int{64}, "numbers of tokens to generate; 0 for none")
	flags.StringSliceVar(&sizes, "image-size", nil, "sizes of images to encode, such as 448x448")
	flags.IntVarP(&plan.Repeats, "repeats", "r", 5, "timed runs of each test")
	flags.StringVarP(&format, "output", "o", "table", "output format: "+strings.Join(speed.Formats(), ", "))
	return cmd
}
