package compress

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/train"
)

// network is a feed-forward network: layers that make its features, and one that reads them.
type network struct {
	in, out *site
}

// networks lists those of a part's kind that can be narrowed: of the encoder or of the decoder.
func (c *compressor) networks(encoder bool) (list []network) {
	for i, s := range c.sites {
		if i == 0 || c.encoding(s.part) != encoder || !strings.HasSuffix(s.layers[0], ".ffn_down") {
			continue
		}
		if in := c.sites[i-1]; in.part == s.part && in.index == s.index-1 { // else its input is cut already
			list = append(list, network{in, s})
		}
	}
	return list
}

// feature is what one feature of a network takes.
func (c *compressor) feature(n network) (one Choice) {
	for _, s := range []*site{n.in, n.out} {
		one.Parameters, one.Bytes = one.Parameters+s.dense.Parameters, one.Bytes+s.dense.Bytes
	}
	width := int64(n.out.inputs)
	one.Parameters, one.Bytes = one.Parameters/width, one.Bytes/width
	one.MulAdds = one.Parameters
	return one
}

// widths returns how many features the networks of the encoder, and those of the decoder, keep: the same
// share of both, as runtimes want one width for all layers of either.
func (c *compressor) widths() (keep [2]int, err error) {
	price := c.Goal.price()
	whole, target := c.target()
	var dense float64
	lists := [][]network{c.networks(true), c.networks(false)}
	for _, list := range lists {
		for _, n := range list {
			dense += price(c.feature(n)) * float64(n.out.inputs)
		}
	}
	if dense == 0 {
		return keep, fmt.Errorf("there is no feed-forward network to narrow")
	}
	share := 1 - (whole-target)/dense
	for k, list := range lists {
		if len(list) == 0 {
			continue
		}
		n := list[0].out
		step := max(32, c.factorType(n, 0, 0).BlockValues())
		if n.inputs%step != 0 {
			step = 32
		}
		keep[k] = int(math.Floor(share*float64(n.inputs))) / step * step
		if keep[k] < step {
			least := (whole - dense*(1-float64(step)/float64(n.inputs))) / whole
			return keep, fmt.Errorf("%s %.4g of %.4g: narrower feed-forward networks alone do not get there: ask for at least %.1f %%, or leave --for out",
				c.Goal.Measure, target, whole, math.Ceil(1000*least)/10)
		}
		keep[k] = min(keep[k], n.inputs)
	}
	return keep, nil
}

// narrow makes the feed-forward network of a part narrower.
func (c *compressor) narrow(ctx context.Context, l *lane, part int, original, cut *train.Loaded) (*finished, error) {
	f := &finished{}
	keep := c.sharing.Features[1]
	if c.encoding(part) {
		keep = c.sharing.Features[0]
	}
	for _, n := range c.networks(c.encoding(part)) {
		if n.out.part != part || keep >= n.out.inputs {
			continue
		}
		kept, down, report, err := c.features(ctx, l, n.out, keep, original, cut)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.out.layers[0], err)
		}
		for _, layer := range n.in.layers {
			f.dense = append(f.dense, rowsOf(c.in.tensor(layer+".weight"), kept))
			if bias := c.in.tensor(layer + ".bias"); bias != nil {
				f.dense = append(f.dense, valuesOf(bias, kept))
			}
		}
		name := n.out.layers[0] + ".weight"
		stored, err := c.round(down, c.factorType(n.out, 0, keep))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		f.dense = append(f.dense, model.Tensor{Name: name, DType: stored.dt, Shape: []int{keep, down.Rows}, Data: stored.data})
		for _, t := range f.dense {
			if err := setDense(cut, t); err != nil {
				return nil, err
			}
		}
		one := c.feature(n)
		report.Layers = append(slices.Clone(n.in.layers), n.out.layers...)
		report.Features, report.Ranks = keep, make([]int, len(report.Layers))
		report.Parameters, report.Dense = one.Parameters*int64(keep), one.Parameters*int64(n.out.inputs)
		f.Sites = append(f.Sites, report)
	}
	return f, nil
}

// features chooses those to keep, and what the layer behind makes of them.
func (c *compressor) features(ctx context.Context, l *lane, s *site, keep int, original, cut *train.Loaded) (kept []int, down linalg.Matrix64, r SiteReport, err error) {
	w := stacked(original, s.layers)
	var gram linalg.Matrix64
	if !c.does(Whiten) {
		gram = newMatrix(s.inputs, s.inputs)
		for i := range s.inputs {
			gram.Data[i*s.inputs+i] = 1
		}
	} else {
		m, err := c.moments(ctx, l, s, original, cut, w)
		if err != nil {
			return nil, down, r, err
		}
		if c.does(Anchor) {
			o, err := m.Toward(w, c.Ridge)
			if err != nil {
				return nil, down, r, err
			}
			r.Ridge, r.Raised = o.Ridge.Lambda, o.Ridge.Raised
			w = converted[float32](o.Solution())
		}
		gram = m.Gram()
	}
	defer c.clock.time("factorize")()
	var loss float64
	if kept, down, loss, err = Narrow(gram, w, keep, c.Ridge); err != nil {
		return nil, down, r, err
	}
	wide := converted[float64](w)
	if whole := inner(product(c.g64, linalg.Plain, linalg.Plain, wide, gram), wide); whole > 0 {
		r.Loss = loss / whole
		r.Predicted = r.Loss
	}
	return kept, down, r, nil
}

// rowsOf returns some rows of a stored matrix as they are.
func rowsOf(t *model.Tensor, kept []int) model.Tensor {
	size := len(t.Data) / t.Shape[1]
	out := model.Tensor{Name: t.Name, DType: t.DType, Shape: []int{t.Shape[0], len(kept)}}
	for _, i := range kept {
		out.Data = append(out.Data, t.Data[i*size:(i+1)*size]...)
	}
	return out
}

// valuesOf returns some values of a stored vector of single values.
func valuesOf(t *model.Tensor, kept []int) model.Tensor {
	size := t.DType.BlockBytes()
	out := model.Tensor{Name: t.Name, DType: t.DType, Shape: []int{len(kept)}}
	for _, i := range kept {
		out.Data = append(out.Data, t.Data[i*size:(i+1)*size]...)
	}
	return out
}

// setDense puts a stored matrix or bias into a part.
func setDense(p *train.Loaded, t model.Tensor) error {
	m, err := decoded(t)
	if err != nil {
		return err
	}
	if layer, ok := strings.CutSuffix(t.Name, ".bias"); ok {
		p.SetBias(layer, m.Data)
		return nil
	}
	p.Set(strings.TrimSuffix(t.Name, ".weight"), m)
	return nil
}

// decoded returns the values of a stored matrix, or of a vector as one row.
func decoded(t model.Tensor) (linalg.Matrix, error) {
	values, err := t.Decode()
	if err != nil {
		return linalg.Matrix{}, err
	}
	return linalg.Dense(len(values)/t.Shape[0], t.Shape[0], values), nil
}

// renarrow replaces tensors of a source by narrower ones, and says their number of features.
func renarrow(s *model.Source, made []*finished) (out *model.Source, changed bool) {
	by := map[string]model.Tensor{}
	for _, f := range made {
		for _, t := range f.dense {
			by[t.Name] = t
		}
	}
	c := *s
	c.Tensors, c.Meta = slices.Clone(s.Tensors), slices.Clone(s.Meta)
	features := 0
	for i := range c.Tensors {
		if t, ok := by[c.Tensors[i].Name]; ok {
			c.Tensors[i], changed = t, true
			if strings.HasSuffix(t.Name, "ffn_down.weight") {
				features = t.Shape[0]
			}
		}
	}
	for i := range c.Meta {
		if changed && strings.HasSuffix(c.Meta[i].Key, ".feed_forward_length") {
			c.Meta[i].Value = gguf.ValueOf(uint32(features))
		}
	}
	return &c, changed
}
