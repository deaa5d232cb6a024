package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func newEmbedCmd() *cobra.Command {
	var f modelFlags
	var imagePath, outPath string
	var texts []string
	cmd := &cobra.Command{
		Use:   "embed -m MODEL {--text TEXT [--text TEXT …] [--out FILE] | [--mmproj FILE] --image FILE --out FILE}",
		Short: "Embed texts and compare them, or write the embeddings of an image",
		Long: `With --text and a sentence encoder (a GGUF file of architecture bert), write one vector of length
one per text: to FILE as little-endian float32, texts × width, or that of a single text to standard
output as JSON. Of two or more texts, show the cosine of each two.

With --image, encode an image and write its embeddings, as they stand in a prompt, as little-endian
float32: tokens × width, row by row; of a model that cuts images into tiles, the tiles in reading
order and the overview last.`,
		Example: `  wattlaw embed -m all-minilm-l6-v2.gguf --text "The river rose." --text "The water level went up."
  wattlaw embed -m qwen2-vl-2b.gguf --mmproj mmproj.gguf --image photo.jpg --out photo.f32`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if len(texts) > 0 {
				return embedTexts(cmd, &f, texts, outPath)
			}
			if outPath == "" {
				return errors.New("--image writes a file: name it with --out")
			}
			img, err := readImage(imagePath)
			if err != nil {
				return err
			}
			e, done, err := f.load()
			if err != nil {
				return err
			}
			defer done(&err)
			if e.Info().Meaningless {
				noteMeaningless(cmd, "embeddings are")
			}
			embeddings, use, err := e.EncodeImage(cmd.Context(), img)
			if err != nil {
				return err
			}
			if err := writeFloats(outPath, embeddings); err != nil {
				return err
			}
			l := use.Layout
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d tokens × %d, float32; %s seen as %s, %d patches; %d tokens in a prompt\n",
				outPath, l.Tokens, len(embeddings)/l.Tokens, l.Nominal, l.Seen(), l.Patches, use.Sequence)
			return err
		},
	}
	f.register(cmd)
	f.registerVision(cmd)
	cmd.Flags().StringVar(&imagePath, "image", "", "image file (PNG, JPEG, GIF, WebP, BMP)")
	cmd.Flags().StringArrayVar(&texts, "text", nil, "text to embed; may be given more than once")
	cmd.Flags().StringVarP(&outPath, "out", "o", "", "file to write")
	cmd.MarkFlagsOneRequired("image", "text")
	cmd.MarkFlagsMutuallyExclusive("image", "text")
	return cmd
}

// noteMeaningless reminds of random weights.
func noteMeaningless(cmd *cobra.Command, what string) {
	fmt.Fprintf(cmd.ErrOrStderr(), "note: this model's weights are random; its %s meaningless\n", what)
}

// writeFloats writes values as little-endian float32.
func writeFloats(path string, values []float32) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
	}()
	w := bufio.NewWriterSize(out, 1<<20)
	if err := binary.Write(w, binary.LittleEndian, values); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return w.Flush()
}
