package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine"
)

func newLogitsCmd() *cobra.Command {
	var f modelFlags
	var tokensPath, outPath string
	var images []string
	cmd := &cobra.Command{
		Use:   "logits -m MODEL --tokens FILE --out FILE",
		Short: "Write the logits of every position of a token sequence",
		Long: `Run token ids, a JSON array or numbers separated by white space, and write the logits of every
position as little-endian float32, positions × vocabulary: how parity with other engines is checked.

With --image, the ids hold a -1 for each image and only the logits after the last token are
written: positions within an image predict nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			tokens, err := readTokens(tokensPath)
			if err != nil {
				return err
			}
			req := engine.Request{Tokens: tokens}
			if req.Images, err = readImages(images); err != nil {
				return err
			}
			sighted := len(images) > 0 || slices.Contains(tokens, engine.ImageToken)
			if f.opt.Context == 0 && !sighted {
				f.opt.Context = len(tokens)
			}
			e, done, err := f.load()
			if err != nil {
				return err
			}
			defer done(&err)
			if sighted {
				logits, err := e.PromptLogits(cmd.Context(), req)
				if err != nil {
					return err
				}
				return writeFloats(outPath, logits)
			}
			out, err := os.Create(outPath)
			if err != nil {
				return err
			}
			defer func() {
				if closeErr := out.Close(); err == nil {
					err = closeErr
				}
			}()
			return e.WriteLogits(cmd.Context(), tokens, out)
		},
	}
	f.register(cmd)
	f.registerVision(cmd)
	imagesFlag(cmd.Flags(), &images)
	cmd.Flags().StringVar(&tokensPath, "tokens", "", "file of token ids")
	cmd.Flags().StringVar(&outPath, "out", "", "file to write")
	_ = cmd.MarkFlagRequired("tokens")
	_ = cmd.MarkFlagRequired("out")
	return cmd
}

func readTokens(path string) ([]int32, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	tokens, err := engine.ReadTokens(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tokens, nil
}
