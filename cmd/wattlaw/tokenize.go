package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

func newTokenizeCmd() *cobra.Command {
	var model string
	var idsOnly bool
	var opt tokenizer.EncodeOptions
	cmd := &cobra.Command{
		Use:   "tokenize -m MODEL [TEXT]",
		Short: "Show the tokens of a text",
		Long:  "Show the tokens of the text, or of standard input when there is none.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := strings.Join(args, "")
			if len(args) == 0 {
				data, err := io.ReadAll(cmd.InOrStdin())
				if err != nil {
					return fmt.Errorf("read the text: %w", err)
				}
				text = string(data)
			}
			t, err := engine.LoadTokenizer(model)
			if err != nil {
				return err
			}
			return writeTokens(cmd.OutOrStdout(), t, t.Encode(text, opt), idsOnly)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&model, "model", "m", "", "GGUF file or shape whose tokenizer to use")
	flags.BoolVar(&idsOnly, "ids", false, "print only the ids, on one line")
	flags.BoolVar(&opt.AddSpecial, "add-special", true, "add the tokens that the model expects around a prompt")
	flags.BoolVar(&opt.ParseSpecial, "parse-special", true, "read the text of control tokens as these tokens")
	_ = cmd.MarkFlagRequired("model")
	return cmd
}

func writeTokens(w io.Writer, t *tokenizer.Tokenizer, ids []int32, idsOnly bool) error {
	if idsOnly {
		_, err := fmt.Fprintln(w, strings.Trim(fmt.Sprint(ids), "[]"))
		return err
	}
	for _, id := range ids {
		if _, err := fmt.Fprintf(w, "%8d  %q\n", id, t.Piece(id, true)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d tokens\n", len(ids))
	return err
}
