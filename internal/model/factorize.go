package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tn"
)

// Cut says how dense layers are factorized.
type Cut struct {
	// Layers names one layer, such as "blk.0.attn_output", or several that read one input and
	// are to share their first factor: some of attn_q, attn_k and attn_v, or ffn_gate and ffn_up.
	Layers []string
	// Sites of a matrix product operator; nil for a low-rank pair. Layers cannot share one.
	Sites  []tn.Site
	Limits tn.Limits
	DType  tensor.DType // of the factors
}

// Factorize returns the model with some layers cut by plain singular value decompositions, and what
// each cut left out. Tensors that stay are shared with s, which must hold its data.
func Factorize(g *tn.Multiplier, s *Source, plan []Cut) (*Source, []tn.Truncation, error) {
	var list []Replacement
	var losses []tn.Truncation
	for _, c := range plan {
		r, loss, err := s.cut(g, c)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: factorize %s: %w", s.Name, strings.Join(c.Layers, ", "), err)
		}
		list, losses = append(list, r), append(losses, loss)
	}
	out, err := s.Replace(list)
	return out, losses, err
}

// cut factorizes layers that are stored one above the other.
func (s *Source) cut(g *tn.Multiplier, c Cut) (Replacement, tn.Truncation, error) {
	r := Replacement{Layers: c.Layers}
	w, rows, err := s.stack(c.Layers)
	if err != nil {
		return r, tn.Truncation{}, err
	}
	sites := c.Sites
	if sites == nil {
		sites = tn.LowRank(w.Rows, w.Cols)
	} else if len(c.Layers) > 1 {
		return r, tn.Truncation{}, fmt.Errorf("only low-rank pairs share a factor")
	}
	m, loss, err := tn.Decompose(g, w, sites, c.Limits)
	if err != nil {
		return r, loss, err
	}
	if c.Sites != nil {
		r.Tensors, err = EncodeMPO(c.Layers[0], m, c.DType)
		return r, loss, err
	}
	bs := make([]tn.Matrix, len(rows))
	rank, at := m.Bonds[0], 0
	for i, n := range rows {
		bs[i] = linalg.Dense(n, rank, m.Cores[0][at*rank:(at+n)*rank])
		at += n
	}
	r.Tensors, err = EncodeLowRank(c.Layers, linalg.Dense(rank, w.Cols, m.Cores[1]), bs, c.DType)
	return r, loss, err
}

// stack reads dense layers as one matrix, and how many rows each has of it.
func (s *Source) stack(layers []string) (w tn.Matrix, rows []int, err error) {
	if len(layers) == 0 {
		return w, nil, fmt.Errorf("no layer is named")
	}
	for _, layer := range layers {
		t := s.Tensor(layer + ".weight")
		switch {
		case t == nil || len(t.Shape) != 2:
			return w, nil, fmt.Errorf("there is no dense layer %q", layer)
		case w.Rows > 0 && t.Shape[0] != w.Cols:
			return w, nil, fmt.Errorf("layer %q reads %d features, the one before %d", layer, t.Shape[0], w.Cols)
		}
		values, err := t.Decode()
		if err != nil {
			return w, nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		for _, v := range values {
			w.Data = append(w.Data, float64(v))
		}
		w.Cols, w.Rows = t.Shape[0], w.Rows+t.Shape[1]
		rows = append(rows, t.Shape[1])
	}
	return linalg.Dense(w.Rows, w.Cols, w.Data), rows, nil
}

// EncodeLowRank stores the pairs bᵢ·a of layers as tensors; several layers share a.
func EncodeLowRank(layers []string, a tn.Matrix, bs []tn.Matrix, dt tensor.DType) ([]Tensor, error) {
	first, second, err := LowRankNames(layers)
	if err != nil {
		return nil, err
	}
	t, err := encode(first, dt, elements(a), a.Cols, a.Rows)
	list := []Tensor{t}
	for i, b := range bs {
		if err == nil {
			t, err = encode(second[i], dt, elements(b), b.Cols, b.Rows)
			list = append(list, t)
		}
	}
	return list, err
}

// LowRankNames names the tensors of low-rank pairs: the first factor, [inputs rank], which several
// layers share, and each layer's second one, [rank outputs].
func LowRankNames(layers []string) (first string, second []string, err error) {
	first = layers[0]
	if len(layers) > 1 {
		common, members, _ := siblings(first)
		for _, layer := range layers {
			if !slices.Contains(members, layer) {
				return "", nil, fmt.Errorf("layers %q and %q do not read one input", first, layer)
			}
		}
		first = common
	}
	for _, layer := range layers {
		second = append(second, layer+secondFactor)
	}
	return first + firstFactor, second, nil
}

// Siblings lists the layers that read the input of the named one and can share its first factor,
// itself among them; nil when there are none. A model need not have them all.
func Siblings(layer string) []string {
	_, layers, _ := siblings(layer)
	return layers
}

// elements returns a matrix's rows one behind the other.
func elements(m tn.Matrix) []float64 {
	x := make([]float64, 0, m.Rows*m.Cols)
	for i := range m.Rows {
		x = append(x, m.Data[i*m.Stride:i*m.Stride+m.Cols]...)
	}
	return x
}

// EncodeMPO stores the cores of a layer as tensors, to be applied in the order that costs less.
func EncodeMPO(layer string, m *tn.MPO, dt tensor.DType) ([]Tensor, error) {
	var list []Tensor
	s := tn.Cheaper(m.Sites, m.Bonds)
	for i, st := range s.Stages {
		out := m.Sites[st.Site].Out
		shape := []int{st.Features(), out, st.Rows / out, 1}
		if s.Order == tn.FromFirst {
			shape[2], shape[3] = shape[3], shape[2]
		}
		t, err := encode(fmt.Sprint(layer, coreFactor, st.Site), dt, m.Core(s, i).Data, shape...)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// encode makes a stored tensor of values.
func encode(name string, dt tensor.DType, values []float64, shape ...int) (Tensor, error) {
	t := Tensor{Name: name, DType: dt, Shape: shape}
	if _, err := dt.RowBytes(shape[0]); err != nil {
		return t, fmt.Errorf("tensor %q of shape %v: %w", name, shape, err)
	}
	x := make([]float32, len(values))
	for i, v := range values {
		x[i] = float32(v)
	}
	t.Data = make([]byte, t.Bytes())
	if err := tensor.Quantize(t.Data, dt, x); err != nil {
		return t, fmt.Errorf("tensor %q: %w", name, err)
	}
	return t, nil
}

// Replacement is factors in place of dense layers.
type Replacement struct {
	Layers  []string // as in Cut
	Tensors []Tensor
}

// Metadata of factorized models: what the layers are, and their ranks (widest bonds).
const (
	compressPrefix   = "wattlaw.compress."
	factorizedLayers = compressPrefix + "layers"
	factorizedRanks  = compressPrefix + "ranks"
)

// Replace returns the model with dense layers replaced by factors, and marks it as factorized. What
// it keeps it shares with s, which may be factorized in part already.
func (s *Source) Replace(list []Replacement) (*Source, error) {
	out := &Source{Name: s.Name, Quant: s.Quant, Meaningless: s.Meaningless, Vocab: s.Vocab, Meta: slices.Clone(s.Meta)}
	by := map[string][]Tensor{}
	for _, r := range list {
		for i, layer := range r.Layers {
			name := layer + ".weight"
			if _, twice := by[name]; twice || s.Tensor(name) == nil {
				return nil, fmt.Errorf("%s: replace layer %q: there is no dense layer of that name, or it is named twice", s.Name, layer)
			}
			by[name] = nil
			if i == 0 {
				by[name] = r.Tensors
			}
		}
	}
	for _, t := range s.Tensors {
		if factors, ok := by[t.Name]; ok {
			out.Tensors = append(out.Tensors, factors...)
		} else {
			out.Tensors = append(out.Tensors, t)
		}
	}
	return out, out.MarkFactorized()
}

// Expand returns the dense model whose weights are the products of s's factors, as F32; what s has
// dense is shared.
func Expand(g *tn.Multiplier, s *Source) (*Source, error) {
	layers, list, err := s.Factorized()
	if err != nil {
		return nil, err
	}
	dense, _ := s.Architecture()
	out := &Source{Name: s.Name, Quant: s.Quant, Meaningless: s.Meaningless, Vocab: s.Vocab}
	for _, entry := range s.Meta {
		if !strings.HasPrefix(entry.Key, compressPrefix) {
			out.Meta = append(out.Meta, entry)
		}
	}
	out.setMeta("general.architecture", gguf.ValueOf(dense))
	var factors []string
	for i, f := range list {
		w, err := s.product(g, f)
		if err != nil {
			return nil, err
		}
		t, err := encode(layers[i]+".weight", tensor.F32, w.Data, w.Cols, w.Rows)
		if err != nil {
			return nil, fmt.Errorf("%s: expand: %w", s.Name, err)
		}
		out.Tensors, factors = append(out.Tensors, t), append(factors, f.Names...)
	}
	for _, t := range s.Tensors {
		if !slices.Contains(factors, t.Name) {
			out.Tensors = append(out.Tensors, t)
		}
	}
	return out, nil
}

// product multiplies a layer's factors out.
func (s *Source) product(g *tn.Multiplier, f *Factors) (tn.Matrix, error) {
	var stages [][]float64
	for i, name := range f.Names {
		values, err := s.Values(name, f.Shapes[i]...)
		if err != nil {
			return tn.Matrix{}, err
		}
		stage := make([]float64, len(values))
		for j, v := range values {
			stage[j] = float64(v)
		}
		stages = append(stages, stage)
	}
	return tn.Assemble(f.Sites, f.Bonds, f.Schedule, stages).Matrix(g), nil
}

// MarkFactorized marks the architecture as that of a factorized model and lists the layers and their
// ranks. It errs when factors do not fit together.
func (s *Source) MarkFactorized() error {
	dense, _ := s.Architecture()
	layers, factors, err := s.Factorized()
	if err != nil {
		return err
	}
	var ranks []uint32
	for _, f := range factors {
		ranks = append(ranks, uint32(f.Rank()))
	}
	s.setMeta("general.architecture", gguf.ValueOf(dense+factorizedSuffix))
	if len(layers) > 0 {
		s.setMeta(factorizedLayers, gguf.ArrayOf(layers))
		s.setMeta(factorizedRanks, gguf.ArrayOf(ranks))
	}
	return nil
}

// setMeta adds metadata, or replaces it.
func (s *Source) setMeta(key string, v gguf.Value) {
	for i := range s.Meta {
		if s.Meta[i].Key == key {
			s.Meta[i].Value = v
			return
		}
	}
	s.Meta = append(s.Meta, Entry{key, v})
}
