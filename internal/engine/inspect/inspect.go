// Package inspect describes models for people: metadata, tensors and totals of a GGUF file,
// a folder of safetensors or a shape, and of an encoder of images what it does to them.
package inspect

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/builtin"
	"github.com/wattlaw/wattlaw/internal/model/huggingface"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// maxText bounds a metadata value on a line; chat templates are long.
const maxText = 120

// Write describes the model that ref names: the file or the folder of safetensors at a path, or a
// shape such as "shape:qwen2-vl-2b@q4_0", of which nothing is built.
func Write(w io.Writer, ref string) error {
	switch {
	case strings.HasPrefix(ref, shape.Prefix):
		return writeShape(w, ref)
	case huggingface.Is(ref):
		return writeFolder(w, ref)
	}
	return writeFile(w, ref)
}

// writeFolder describes the models of a folder as GGUF files of them would be.
func writeFolder(w io.Writer, dir string) (err error) {
	f, err := huggingface.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	language, err := f.Language()
	if err != nil {
		return err
	}
	if err := write(w, fmt.Sprintf("%s: folder of safetensors, %v", dir, unit.Bytes(language.Bytes())), language); err != nil {
		return err
	}
	encoder, err := f.Encoder()
	if err != nil || encoder == nil {
		return err
	}
	return write(w, fmt.Sprintf("\n%s: encoder of images, %v", dir, unit.Bytes(encoder.Bytes())), encoder)
}

func writeFile(w io.Writer, path string) (err error) {
	f, err := builtin.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	head := fmt.Sprintf("%s: GGUF version %d, %v", path, f.Version, unit.Bytes(f.Size()))
	if err := write(w, head, model.EncoderFromFile(f)); err != nil || !builtin.Is(path) { // which reads no vocabulary
		return err
	}
	encoder, err := builtin.OpenEncoder(path)
	if err != nil || encoder == nil {
		return err
	}
	return write(w, fmt.Sprintf("\n%s: encoder of images, %v", path, unit.Bytes(encoder.Size())), model.EncoderFromFile(encoder))
}

// writeShape describes a shape's language model and, if it has one, its encoder of images.
func writeShape(w io.Writer, ref string) error {
	s, format, err := shape.Parse(ref)
	if err != nil {
		return err
	}
	plan := s.Plan(format)
	if err := write(w, fmt.Sprintf("%s: shape with random weights, %v", ref, unit.Bytes(plan.Bytes())), plan); err != nil || s.Vision == nil {
		return err
	}
	encoder := s.PlanVision(shape.VisionFormat(format))
	return write(w, fmt.Sprintf("\n%s: encoder of images, %v", ref, unit.Bytes(encoder.Bytes())), encoder)
}

// write describes a model under a headline.
func write(w io.Writer, head string, src *model.Source) error {
	if _, err := fmt.Fprintf(w, "%s, %d metadata values, %d tensors\n", head, len(src.Meta), len(src.Tensors)); err != nil {
		return err
	}
	if err := writeContract(w, src); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nKEY\tTYPE\tVALUE")
	for _, entry := range src.Meta {
		fmt.Fprintf(table, "%s\t%s\t%s\n", entry.Key, typeOf(entry.Value), elide(entry.Value.String()))
	}
	fmt.Fprintln(table, "\nTENSOR\tTYPE\tSHAPE\tSIZE")
	totals := map[string]*total{}
	var all total
	for i := range src.Tensors {
		t := &src.Tensors[i]
		fmt.Fprintf(table, "%s\t%v\t%s\t%v\n", t.Name, t.DType, dimensions(t.Shape), unit.Bytes(t.Bytes()))
		name := t.DType.String()
		if totals[name] == nil {
			totals[name] = &total{}
		}
		totals[name].add(t)
		all.add(t)
	}
	writeFactors(table, src)
	fmt.Fprintln(table, "\nTYPE\tTENSORS\tPARAMETERS\tSIZE")
	for _, name := range slices.Sorted(maps.Keys(totals)) {
		totals[name].write(table, name)
	}
	all.write(table, "all")
	return table.Flush()
}

// writeContract tells in words what an encoder does to images, or why it cannot be told;
// of other models it writes nothing.
func writeContract(w io.Writer, src *model.Source) error {
	if architecture, _ := src.Architecture(); architecture != model.VisionArchitecture {
		return nil
	}
	text := "\nWhat happens to an image:\n"
	if config, err := model.ReadVisionConfig(src); err != nil {
		text = fmt.Sprintf("\nWhat happens to an image is unknown: %v\n", err)
	} else {
		for line := range strings.Lines(config.Contract().Describe()) {
			text += "  " + line
		}
	}
	_, err := io.WriteString(w, text)
	return err
}

// writeFactors lists factorized layers: their ranks, and parameters beside those of the dense layer.
// A factor that layers share counts for the first.
func writeFactors(w io.Writer, src *model.Source) {
	layers, list, err := src.Factorized()
	if len(layers) > 0 {
		fmt.Fprintln(w, "\nFACTORIZED\tAS\tRANK\tOUTPUTS × INPUTS\tPARAMETERS\tOF DENSE")
	}
	for i, f := range list {
		form := "pair"
		if !f.LowRank {
			form = fmt.Sprintf("%d sites", len(f.Sites))
		}
		n, dense := f.Parameters(), int64(f.Rows)*int64(f.Cols)
		fmt.Fprintf(w, "%s\t%s\t%s\t%d × %d\t%d\t%.1f %%\n", layers[i], form, dimensions(f.Bonds), f.Rows, f.Cols, n, 100*float64(n)/float64(dense))
	}
	if err != nil {
		fmt.Fprintf(w, "\nFactors that do not fit together: %v\n", err)
	}
}

// total sums tensors.
type total struct {
	tensors    int
	parameters int64
	bytes      unit.Bytes
}

func (t *total) add(tensor *model.Tensor) {
	t.tensors++
	t.parameters += tensor.Values()
	t.bytes += unit.Bytes(tensor.Bytes())
}

func (t *total) write(w io.Writer, name string) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%v\n", name, t.tensors, t.parameters, t.bytes)
}

func typeOf(v gguf.Value) string {
	if elem, ok := v.Elem(); ok {
		return fmt.Sprintf("%v of %d %v", v.Type(), v.Len(), elem)
	}
	return v.Type().String()
}

// elide cuts a long text after a whole character.
func elide(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

func dimensions(shape []int) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), " × "), "[]")
}
