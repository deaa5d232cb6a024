package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func newEmbedCmd() *cobra.Command {
	var f modelFlags
	var imagePath, outPath string
	cmd := &cobra.Command{
		Use:   "embed -m MODEL [--mmproj FILE] --image FILE --out FILE",
		Short: "Write the embeddings of an image",
		Long: `Encode an image and write its embeddings, as they stand in a prompt, as little-endian float32:
tokens × width, row by row; of a model that cuts images into tiles, the tiles in reading order
and the overview last.`,
		Example: "  wattlaw embed -m qwen2-vl-2b.gguf --mmproj mmproj.gguf --image photo.jpg --out photo.f32",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
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
	cmd.Flags().StringVarP(&outPath, "out", "o", "", "file to write")
	_ = cmd.MarkFlagRequired("image")
	_ = cmd.MarkFlagRequired("out")
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
