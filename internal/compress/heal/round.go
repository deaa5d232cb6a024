package heal

import (
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/train"
)

// grain is about how many values one task rounds.
const grain = 1 << 14

// encode writes values, rows of cols, in a type. Neither the number of threads nor their speed changes a bit.
func encode(threads int, dt tensor.DType, cols int, values []float32) ([]byte, error) {
	width, err := dt.RowBytes(cols)
	if err != nil {
		return nil, err
	}
	rows := len(values) / cols
	data := make([]byte, rows*width)
	return data, inBlocks(threads, rows, cols, func(i, j int) error {
		return tensor.QuantizeRows(data[i*width:j*width], dt, values[i*cols:j*cols], nil)
	})
}

// inBlocks calls f for spans of rows, on all threads, and returns the first span's error.
func inBlocks(threads, rows, cols int, f func(i, j int) error) error {
	step := max(1, grain/cols)
	errs := make([]error, (rows+step-1)/step)
	linalg.Parallel(threads, len(errs), func(_, k int) { errs[k] = f(k*step, min((k+1)*step, rows)) })
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// with returns the model with new weights, in the types that it has.
func (p Pair) with(m *train.Model, threads int) (Pair, error) {
	var out Pair
	var err error
	if out.Language, err = store(p.Language, m.Tensors(), threads); err != nil || p.Encoder == nil {
		return out, err
	}
	out.Encoder, err = store(p.Encoder, m.VisionTensors(), threads)
	return out, err
}

// store returns the source with the values of a list of F32 in place of its own.
func store(s *model.Source, list []model.Tensor, threads int) (*model.Source, error) {
	out := &model.Source{Name: s.Name, Quant: s.Quant, Meaningless: s.Meaningless, Vocab: s.Vocab,
		Meta: slices.Clone(s.Meta), Tensors: slices.Clone(s.Tensors)}
	for _, t := range list {
		values, err := t.Decode()
		old := out.Tensor(t.Name) // it is there: the model was made of s
		if err == nil {
			old.Data, err = encode(threads, old.DType, old.Shape[0], values)
		}
		if err != nil {
			return nil, fmt.Errorf("round tensor %q: %w", t.Name, err)
		}
	}
	return out, nil
}

// rounding makes values that a coarse format would hold.
type rounding struct {
	threads int
	types   map[string]tensor.DType // of the matrices with fewer than eight bits to a weight
	rounded map[string][]float32
}

func newRounding(p Pair, threads int) *rounding {
	r := &rounding{threads: threads, types: map[string]tensor.DType{}, rounded: map[string][]float32{}}
	for _, s := range []*model.Source{p.Language, p.Encoder} {
		if s == nil {
			continue
		}
		for _, t := range s.Tensors {
			if t.DType.BlockBytes() < t.DType.BlockValues() {
				r.types[t.Name] = t.DType
			}
		}
	}
	return r
}

// any says whether there is anything to round.
func (r *rounding) any() bool { return len(r.types) > 0 }

// round returns the values of a parameter as its format holds them.
func (r *rounding) round(p *train.Param) ([]float32, error) {
	dt, coarse := r.types[p.Name]
	if !coarse {
		return p.Value, nil
	}
	cols := p.Shape[0]
	data, err := encode(r.threads, dt, cols, p.Value)
	if err != nil {
		return nil, err
	}
	if r.rounded[p.Name] == nil {
		r.rounded[p.Name] = make([]float32, len(p.Value))
	}
	values, rows := r.rounded[p.Name], len(p.Value)/cols
	width := len(data) / rows
	return values, inBlocks(r.threads, rows, cols, func(i, j int) error {
		return tensor.Dequantize(values[i*cols:j*cols], dt, data[i*width:j*width])
	})
}
