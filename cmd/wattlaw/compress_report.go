package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/compress/heal"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// writeCompressed tells what became of a model, and whether a goal of quality was kept, "" for none.
func writeCompressed(w io.Writer, path string, in, out compress.Pair, r *compress.Report, healed *heal.Report, kept string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LAYERS\tRANK\tPARAMETERS\tLOST")
	for _, s := range r.Sites {
		fmt.Fprintf(table, "%s\t%s\t%.1f %%\t%s\n", layerNames(s.Layers), ranks(s), 100*float64(s.Parameters)/float64(s.Dense), percent(s.Loss))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "file\t%s\n", path)
	if out.Encoder != nil {
		fmt.Fprintf(table, "encoder\t%s\n", model.EncoderPath(path))
	}
	fmt.Fprintf(table, "parameters\t%d → %d, %.1f %%\n", r.Before.Parameters, r.After.Parameters, 100*float64(r.After.Parameters)/float64(r.Before.Parameters))
	fmt.Fprintf(table, "weights\t%v → %v, %.1f %%\n", unit.Bytes(r.Before.Bytes), unit.Bytes(r.After.Bytes), 100*float64(r.After.Bytes)/float64(r.Before.Bytes))
	h, when := r.Held, ""
	if healed != nil {
		when = " as cut"
	}
	fmt.Fprintf(table, "KL%s\t%.4g ± %.2g nats a token, 99 %% below %.3g, on %d held-out tokens\n", when, h.KL, h.KLError, h.KL99, h.Tokens)
	fmt.Fprintf(table, "same top%s\t%s\n", when, percent(h.SameTop))
	if healed != nil {
		what := "healed"
		if !healed.Better {
			what = "not healed"
		}
		fmt.Fprintf(table, "%s\tKL %.4g → %.4g nats a token, %d steps\n", what, healed.Before, healed.After, healed.Steps)
	}
	if kept != "" {
		fmt.Fprintf(table, "goal\t%s\n", kept)
	}
	writeRemarks(table, in, r)
	var steps []string
	for _, s := range r.Times {
		steps = append(steps, fmt.Sprintf("%s %.1f s", s.What, s.Time.Seconds()))
	}
	fmt.Fprintf(table, "time\t%s\n", strings.Join(steps, ", "))
	return table.Flush()
}

// writeRemarks tells what was left as it was, and what to beware of.
func writeRemarks(table io.Writer, in compress.Pair, r *compress.Report) {
	if dense := r.Dense(); len(dense) > 0 {
		fmt.Fprintf(table, "left dense\t%s: their share is not less than all, or no rank saves a tenth\n", strings.Join(dense, ", "))
	}
	if len(r.Copied) > 0 {
		fmt.Fprintf(table, "copied\t%s: no layers that can be cut\n", strings.Join(r.Copied, ", "))
	}
	if len(r.Rounded) > 0 {
		fmt.Fprintf(table, "warning\t%s were rounded before they were cut; errors add up. Start from a file in f16, bf16 or f32 for the best result\n", countTypes(r.Rounded))
	}
	if raised := r.Raised(); len(raised) > 0 {
		fmt.Fprintf(table, "warning\tGram matrices of %s were near singular and were regularized more: calibrate on more text\n", strings.Join(raised, ", "))
	}
	if in.Language.Meaningless {
		fmt.Fprintln(table, "warning\tthe weights are random: the result says something of cost and nothing of quality")
	}
}

// layerNames shortens "blk.0.attn_q, blk.0.attn_k" to "blk.0.attn_q, attn_k".
func layerNames(layers []string) string {
	text := layers[0]
	for _, layer := range layers[1:] {
		text += ", " + layer[strings.LastIndexByte(layer, '.')+1:]
	}
	return text
}

// ranks shows a site's.
func ranks(s compress.SiteReport) string {
	if s.Features > 0 {
		return fmt.Sprintf("%d features", s.Features)
	}
	if s.Shared {
		return fmt.Sprintf("%d shared", s.Ranks[0])
	}
	var texts []string
	for _, rank := range s.Ranks {
		if rank == 0 {
			texts = append(texts, "dense")
		} else {
			texts = append(texts, fmt.Sprint(rank))
		}
	}
	return strings.Join(texts, ", ")
}
