package main

import (
	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine/inspect"
)

func newInspectCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE.gguf|FOLDER|SHAPE@FORMAT",
		Short: "Describe a model: metadata, tensors, totals, what it does to images",
		Long: `Describe a model file, a folder of safetensors or a shape, of which nothing is built. Of an encoder
of images (mmproj) it first says in words what happens to an image: how it is cut, where more pixels
stop counting (the predicted knee), and what common resolutions become.`,
		Example: `  wattlaw inspect mmproj.gguf
  wattlaw inspect shape:qwen2-vl-2b@q4_0`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return inspect.Write(cmd.OutOrStdout(), args[0])
		},
	}
}
