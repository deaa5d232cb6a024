package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/imaging"
)

// embedTexts embeds texts and writes the vectors to outPath, or those of one text to the
// command's output; of several texts it shows the cosines.
func embedTexts(cmd *cobra.Command, f *modelFlags, texts []string, outPath string) (err error) {
	if f.opt.Projector != "" || f.opt.Clamp != (imaging.Clamp{}) || f.opt.MaxPixels != 0 {
		return errors.New("--mmproj and limits of images mean nothing to --text: leave them out")
	}
	e, err := engine.LoadEmbedder(f.model, f.opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	if e.Info().Meaningless {
		noteMeaningless(cmd, "embeddings are")
	}
	vectors, err := e.Embed(cmd.Context(), texts)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if outPath != "" {
		if err := writeFloats(outPath, slices.Concat(vectors...)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s: %d texts × %d, float32\n", outPath, len(texts), e.Width()); err != nil {
			return err
		}
	}
	switch {
	case len(texts) > 1:
		return writeCosines(out, texts, vectors)
	case outPath == "":
		return json.NewEncoder(out).Encode(vectors[0])
	}
	return nil
}

// writeCosines writes the cosine of every two texts as a table.
func writeCosines(w io.Writer, texts []string, vectors [][]float32) error {
	const longest = 60 // characters of a text that are shown
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "cosine\t")
	for i := range texts {
		fmt.Fprintf(table, "%d\t", i+1)
	}
	fmt.Fprintln(table)
	for i, text := range texts {
		fmt.Fprintf(table, "%d\t", i+1)
		for j := range texts {
			fmt.Fprintf(table, "%.6f\t", engine.Cosine(vectors[i], vectors[j]))
		}
		shown := []rune(text)
		if len(shown) > longest {
			shown = append(shown[:longest], '…')
		}
		fmt.Fprintf(table, "  %q\n", string(shown))
	}
	return table.Flush()
}
