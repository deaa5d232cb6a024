// Package quantize writes a model file again with its matrices in another format.
package quantize

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Options says how a file is quantized.
type Options struct {
	Format model.Format
	// Importance weighs the errors of columns; nil weighs all alike.
	Importance *Importance
	// Done, if not nil, is called after each tensor in the order of the file.
	Done func(Change)
}

// Change is what became of one tensor.
type Change struct {
	Name          string
	Shape         []int // innermost dimension first
	From, To      tensor.DType
	Before, After int64 // bytes
	// Kept says why a tensor kept its type, "" for one that a format chooses types for.
	Kept string
	// Wanted is the type that the format has for the tensor but its rows do not divide into,
	// To where they do.
	Wanted tensor.DType
	// Error is Σ (x − decoded)² and Power Σ x² of a tensor that was converted.
	Error, Power float64
}

// Values is the number of elements.
func (c *Change) Values() int64 {
	n := int64(1)
	for _, d := range c.Shape {
		n *= int64(d)
	}
	return n
}

// weighted says whether importance is used, if there is any.
func (c *Change) weighted() bool { return c.From != c.To && c.To.BlockValues() > 1 }

// Twice says whether the values had been rounded to blocks before.
func (c *Change) Twice() bool { return c.From != c.To && c.From.BlockValues() > 1 }

// RMS is the error relative to the tensor's own root mean square, 0 for one of zeros.
func (c *Change) RMS() float64 {
	if c.Power == 0 {
		return 0
	}
	return math.Sqrt(c.Error / c.Power)
}

// File reads the GGUF file at in, or the language model of a folder of safetensors, and writes it
// to out with its matrices in the format: all or nothing, tensor by tensor, on all cores. Metadata
// stays, but for what it says of the format. Tensors that are no matrices keep their types; kernels
// of convolutions in float32 become float16. It refuses values that are no numbers or too large for
// their type. Neither the number of cores nor their speed changes a bit of the result.
func File(ctx context.Context, in, out string, o Options) (changes []Change, err error) {
	if err := checkPaths(in, out); err != nil {
		return nil, fmt.Errorf("quantize: %w", err)
	}
	src, f, err := engine.OpenStored(in) // a vocabulary is metadata like any other here
	if err != nil {
		return nil, fmt.Errorf("quantize: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return Source(ctx, src, out, o)
}

// Source is File for a model that is open. It must not lie in the file at out.
func Source(ctx context.Context, src *model.Source, out string, o Options) (changes []Change, err error) {
	plan, err := newPlan(src, o)
	if err != nil {
		return nil, fmt.Errorf("quantize %s: %w", src.Name, err)
	}
	w := gguf.NewWriter()
	for _, entry := range plan.meta(src) {
		if err := w.Set(entry.Key, entry.Value); err != nil {
			return nil, fmt.Errorf("quantize %s: %w", src.Name, err)
		}
	}
	for i := range plan.changes {
		c, t := &plan.changes[i], &src.Tensors[i]
		err := w.Add(t.Name, c.To, t.Shape, func(w io.Writer) error {
			if err := convert(ctx, w, t, c, plan.weights(c)); err != nil {
				return err
			}
			if o.Done != nil {
				o.Done(*c)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("quantize %s: %w", src.Name, err)
		}
	}
	if err := w.WriteFile(out); err != nil {
		return nil, fmt.Errorf("quantize %s: %w", src.Name, err)
	}
	return plan.changes, nil
}

// checkPaths refuses a file of another kind, and to replace the file that is read.
func checkPaths(in, out string) error {
	if strings.HasSuffix(strings.ToLower(in), ".safetensors") {
		return fmt.Errorf("%s: safetensors hold no vocabulary and no hyperparameters; name the folder that has config.json beside it", in)
	}
	a, err := os.Stat(in)
	if err != nil {
		return err
	}
	if b, err := os.Stat(out); err == nil && os.SameFile(a, b) {
		return fmt.Errorf("%s is input and output; name another output", filepath.Clean(in))
	}
	return nil
}

// plan is what becomes of a file's tensors, in their order.
type plan struct {
	Options
	changes []Change
}

func newPlan(src *model.Source, o Options) (*plan, error) {
	if v, ok := src.Value("split.count"); ok {
		if n, _ := v.Int(); n > 1 {
			return nil, fmt.Errorf("the model is split into %d files; merge them first (llama-gguf-split --merge)", n)
		}
	}
	p := &plan{Options: o}
	mixture := model.MixtureOf(src, o.Format)
	mixture.Weighted = o.Importance != nil
	for i := range src.Tensors {
		c, err := planTensor(&src.Tensors[i], mixture)
		if err != nil {
			return nil, err
		}
		p.changes = append(p.changes, c)
	}
	if o.Importance != nil {
		if err := o.Importance.covers(p.changes); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// planTensor chooses the type of one tensor.
func planTensor(t *model.Tensor, mixture model.Mixture) (Change, error) {
	c := Change{Name: t.Name, Shape: t.Shape, From: t.DType, To: t.DType, Wanted: t.DType, Before: t.Bytes()}
	if len(t.Shape) == 0 {
		return c, fmt.Errorf("tensor %q has no dimensions, which GGUF files of version 3 do not allow", t.Name)
	}
	_, integer := integers[t.DType]
	switch {
	case integer:
		c.Kept = "no weights"
	case t.IsMatrix():
		c.To, c.Wanted = mixture.DType(t.Name, t.Shape[0]), mixture.DType(t.Name, 0)
	case len(t.Shape) > 2 && t.DType == tensor.F32 && mixture.Format != model.F32:
		c.To, c.Wanted = tensor.F16, tensor.F16 // runtimes take no blocks for convolutions
	case len(t.Shape) < 2:
		c.Kept = "vectors"
	default:
		c.Kept = "tables and routers"
	}
	row, err := c.To.RowBytes(t.Shape[0])
	if err != nil {
		return c, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	c.After = c.Values() / int64(t.Shape[0]) * int64(row)
	return c, nil
}

// integers are the types that hold no weights.
var integers = map[tensor.DType]struct{}{tensor.I8: {}, tensor.I16: {}, tensor.I32: {}, tensor.I64: {}}

// meta is the metadata of the new file.
func (p *plan) meta(src *model.Source) []model.Entry {
	meta := slices.Concat(src.Meta, p.Format.Meta())
	if p.Importance != nil {
		meta = append(meta, p.Importance.meta()...)
	}
	return meta
}

// weights returns the importance of the columns of the tensor that c is about, nil where there
// is none or it is not used.
func (p *plan) weights(c *Change) []float32 {
	if p.Importance == nil || !c.weighted() {
		return nil
	}
	return p.Importance.values[c.Name]
}
