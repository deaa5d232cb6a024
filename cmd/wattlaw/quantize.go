package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wattlaw/wattlaw/internal/compress/quantize"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// quantizeFlags is what the user asks of the quantize command.
type quantizeFlags struct {
	imatrix string
	verbose bool
}

func newQuantizeCmd() *cobra.Command {
	var f quantizeFlags
	var names []string
	for _, format := range model.Formats() {
		names = append(names, format.String())
	}
	cmd := &cobra.Command{
		Use:   "quantize IN.gguf|FOLDER OUT.gguf FORMAT",
		Short: "Write a model's matrices in fewer bits",
		Long: `Writes a GGUF model, an encoder of images (mmproj) or the language model of a folder of
safetensors again with its matrices in a format: ` + strings.Join(names, " ") + `.

The scales of every block are searched for the least squared error. Formats ending in _s and _m
and those with blocks of 32 give some matrices more bits, as llama.cpp's quantizer does; q2_k to
q6_k alone hold every matrix. With an importance matrix of llama.cpp's llama-imatrix, errors count
by what the columns are multiplied with. Norms, biases and tables keep their types.`,
		Example: `  wattlaw quantize model-f16.gguf model-q4_k_m.gguf q4_k_m
  wattlaw quantize model-f16.gguf model-q4_k_m.gguf q4_k_m --imatrix model.imatrix.gguf`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], args[1], args[2])
		},
	}
	cmd.Flags().StringVar(&f.imatrix, "imatrix", "", "importance matrix, a GGUF file or the older .dat")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "a line for every tensor")
	return cmd
}

func (f quantizeFlags) run(ctx context.Context, stdout, stderr io.Writer, in, out, name string) error {
	format, err := model.ParseFormat(name, model.Formats())
	if err != nil {
		return err
	}
	o := quantize.Options{Format: format, Done: f.progress(stdout, stderr)}
	if f.imatrix != "" {
		if o.Importance, err = quantize.ReadImportance(f.imatrix); err != nil {
			return err
		}
	}
	changes, err := quantize.File(ctx, in, out, o)
	if err != nil {
		return err
	}
	if err := warnTwice(stderr, changes); err != nil {
		return err
	}
	return writeQuantized(stdout, out, changes, o.Importance)
}

// progress returns what is called after each tensor.
func (f quantizeFlags) progress(stdout, stderr io.Writer) func(quantize.Change) {
	file, ok := stderr.(*os.File)
	tty := ok && term.IsTerminal(int(file.Fd()))
	return func(c quantize.Change) {
		switch {
		case f.verbose && c.From == c.To:
			fmt.Fprintf(stdout, "%-34s %-16s %6v kept\n", c.Name, dimensions(c.Shape), c.To)
		case f.verbose:
			fmt.Fprintf(stdout, "%-34s %-16s %6v → %-6v error %s\n", c.Name, dimensions(c.Shape), c.From, c.To, percent(c.RMS()))
		case tty: // a line that the next one overwrites
			fmt.Fprintf(stderr, "\r\x1b[K%s", c.Name)
		}
	}
}

func dimensions(shape []int) string {
	var texts []string
	for _, n := range shape {
		texts = append(texts, fmt.Sprint(n))
	}
	return strings.Join(texts, " × ")
}

// percent keeps two digits, and of small figures more places.
func percent(x float64) string {
	if x < 0.01 {
		return fmt.Sprintf("%.2g %%", 100*x)
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

// warnTwice says when weights were rounded before.
func warnTwice(w io.Writer, changes []quantize.Change) error {
	types := map[tensor.DType]int{}
	for i := range changes {
		if c := &changes[i]; c.Twice() {
			types[c.From]++
		}
	}
	if len(types) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "warning: %s were rounded before; their errors add up. Start from a file in f16, bf16 or f32 for the best result.\n", countTypes(types))
	return err
}

// countTypes writes "12 Q4_K, 3 Q6_K", the most frequent first.
func countTypes(types map[tensor.DType]int) string {
	var texts []string
	for _, dt := range slices.SortedFunc(maps.Keys(types), func(a, b tensor.DType) int {
		return cmp.Or(cmp.Compare(types[b], types[a]), cmp.Compare(a, b))
	}) {
		texts = append(texts, fmt.Sprintf("%d %v", types[dt], dt))
	}
	return strings.Join(texts, ", ")
}

// quantized sums what became of a file.
type quantized struct {
	before, after, values int64
	relative, weights     float64 // Σ values·RMS² and Σ values of what was converted
	converted             map[tensor.DType]int
	worst                 quantize.Change
	fallen, kept          []string
}

func sumQuantized(changes []quantize.Change) quantized {
	q := quantized{converted: map[tensor.DType]int{}}
	fallen, kept := map[[2]tensor.DType]int{}, map[string]int{}
	for _, c := range changes {
		q.before, q.after, q.values = q.before+c.Before, q.after+c.After, q.values+c.Values()
		switch {
		case c.Kept != "":
			kept[c.Kept]++
			continue
		case c.From == c.To:
			kept[fmt.Sprintf("already %v", c.To)]++
		default:
			q.converted[c.To]++
			q.relative += float64(c.Values()) * c.RMS() * c.RMS()
			q.weights += float64(c.Values())
			if c.RMS() > q.worst.RMS() {
				q.worst = c
			}
		}
		if c.To != c.Wanted {
			fallen[[2]tensor.DType{c.Wanted, c.To}]++
		}
	}
	for types, n := range fallen {
		q.fallen = append(q.fallen, fmt.Sprintf("%d in %v instead of %v", n, types[1], types[0]))
	}
	for what, n := range kept {
		q.kept = append(q.kept, fmt.Sprintf("%d %s", n, what))
	}
	slices.Sort(q.fallen)
	slices.Sort(q.kept)
	return q
}

// writeQuantized writes the summary.
func writeQuantized(w io.Writer, out string, changes []quantize.Change, im *quantize.Importance) error {
	q := sumQuantized(changes)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	bits := func(bytes int64) string { return fmt.Sprintf("%.2f", 8*float64(bytes)/float64(max(q.values, 1))) }
	fmt.Fprintf(table, "file\t%s\n", out)
	fmt.Fprintf(table, "weights\t%v → %v, %s → %s bits each\n", unit.Bytes(q.before), unit.Bytes(q.after), bits(q.before), bits(q.after))
	if len(q.converted) > 0 {
		fmt.Fprintf(table, "matrices\t%s\n", countTypes(q.converted))
		fmt.Fprintf(table, "error\t%s of a matrix's root mean square", percent(math.Sqrt(q.relative/q.weights)))
		if q.worst.Name != "" {
			fmt.Fprintf(table, ", at most %s (%s)", percent(q.worst.RMS()), q.worst.Name)
		}
		fmt.Fprintln(table)
	}
	if len(q.fallen) > 0 {
		fmt.Fprintf(table, "rows\t%s: blocks do not divide them\n", strings.Join(q.fallen, ", "))
	}
	if len(q.kept) > 0 {
		fmt.Fprintf(table, "kept\t%s\n", strings.Join(q.kept, ", "))
	}
	if im != nil {
		fmt.Fprintf(table, "importance\t%s\n", im.Name)
	}
	return table.Flush()
}
