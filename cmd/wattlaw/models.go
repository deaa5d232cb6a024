package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/model/shape"
)

func newModelsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List the shape models: published architectures with random weights",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return shape.WriteCatalogue(cmd.OutOrStdout())
		},
	}
	cmd.AddCommand(newModelsWriteCmd())
	return cmd
}

func newModelsWriteCmd() *cobra.Command {
	var seed uint64
	cmd := &cobra.Command{
		Use:     "write SHAPE@FORMAT FILE.gguf",
		Short:   "Write a shape model as a GGUF file that other runtimes load",
		Long:    "Writes the language model and, of a model that takes images, its encoder beside it as\nFILE.mmproj.gguf.",
		Example: "  wattlaw models write shape:smollm2-135m@q4_0 smollm2-135m-random.gguf",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			s, format, err := shape.Parse(args[0])
			if err != nil {
				return err
			}
			src, err := s.Build(format, seed)
			if err != nil {
				return err
			}
			if err := src.WriteFile(args[1]); err != nil || s.Vision == nil {
				return err
			}
			return s.BuildVision(shape.VisionFormat(format), seed).WriteFile(encoderPath(args[1]))
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 0, "seed of the weights")
	return cmd
}

// encoderPath is where the encoder of the model at path is written.
func encoderPath(path string) string { return strings.TrimSuffix(path, ".gguf") + ".mmproj.gguf" }
