package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/builtin"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

func newModelsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List the built-in models, which answer, and the shape models, whose weights are random",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := listBuiltin(cmd.OutOrStdout()); err != nil {
				return err
			}
			return shape.WriteCatalogue(cmd.OutOrStdout())
		},
	}
	cmd.AddCommand(newModelsWriteCmd(), newModelsCardCmd())
	return cmd
}

// listBuiltin names the built-in models with the first sentence of their cards.
func listBuiltin(w io.Writer) error {
	list, err := builtin.List()
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "Built-in models, trained on the small world (docs/world.md); \"wattlaw models card NAME\" tells more:")
	for _, m := range list {
		fmt.Fprintf(w, "  %s%-8s %s\n", builtin.Prefix, m.Name, m.Summary)
	}
	_, err = fmt.Fprintln(w)
	return err
}

func newModelsCardCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "card MODEL",
		Short:   "Show what a built-in model knows, how it came about and how often it is right",
		Example: "  wattlaw models card builtin:scribe",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			card, err := builtin.Card(args[0])
			if err != nil {
				return err
			}
			_, err = io.WriteString(cmd.OutOrStdout(), card)
			return err
		},
	}
}

func newModelsWriteCmd() *cobra.Command {
	var seed uint64
	cmd := &cobra.Command{
		Use:   "write MODEL FILE.gguf",
		Short: "Write a built-in model or a shape model as a GGUF file that other runtimes load",
		Long:  "Writes the language model and, of a model that takes images, its encoder beside it as\nFILE.mmproj.gguf.",
		Example: `  wattlaw models write builtin:scribe scribe.gguf
  wattlaw models write shape:smollm2-135m@q4_0 smollm2-135m-random.gguf`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if builtin.Is(args[0]) {
				return writeBuiltin(args[0], args[1])
			}
			language, encoder, err := buildShape(args[0], seed)
			if err != nil {
				return err
			}
			if err := language.WriteFile(args[1]); err != nil || encoder == nil {
				return err
			}
			return encoder.WriteFile(model.EncoderPath(args[1]))
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 0, "seed of a shape model's weights")
	return cmd
}

// writeBuiltin copies a built-in model's files as they are.
func writeBuiltin(ref, path string) error {
	language, err := builtin.Language(ref)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, language, 0o644); err != nil {
		return err
	}
	encoder, err := builtin.Encoder(ref)
	if err != nil || encoder == nil {
		return err
	}
	return os.WriteFile(model.EncoderPath(path), encoder, 0o644)
}
