package main

import (
	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine/inspect"
)

func newInspectCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE.gguf",
		Short: "Describe a model file: metadata, tensors, totals",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return inspect.Write(cmd.OutOrStdout(), args[0])
		},
	}
}
