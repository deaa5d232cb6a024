package shape

import (
	"fmt"
	"math"
	"strings"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tokenizer"
)

// alignment of tensors in memory: a cache line.
const alignment = 64

// Plan lists the shape's tensors without data: what a model of this format weighs.
func (s Shape) Plan(f Format) *model.Source {
	return s.source(f, "", s.meta(f), s.tensors(f))
}

// source describes a model of the planned tensors without data; part says which of the shape's two it is.
func (s Shape) source(f Format, part string, meta []model.Entry, list []planned) *model.Source {
	src := &model.Source{Name: s.Ref(f) + part, Quant: strings.ToUpper(f.String()), Meaningless: true, Meta: meta}
	for _, t := range list {
		src.Tensors = append(src.Tensors, t.Tensor)
	}
	if s.isCut() {
		if err := src.MarkFactorized(); err != nil {
			panic("shape: " + err.Error()) // the factors of cutter fit together
		}
	}
	return src
}

// Ref is the reference that names the shape in a format.
func (s Shape) Ref(f Format) string {
	ref := Prefix + s.Name + "@" + f.String()
	if s.isCut() {
		ref += cutMark + s.cut.text
	}
	return ref
}

// Build makes the model: tensors filled with random weights that depend on nothing but
// the seed, on all cores, and a synthetic vocabulary of the exact size.
func (s Shape) Build(f Format, seed uint64) (*model.Source, error) {
	src := s.Plan(f)
	fill(src, s.tensors(f), seed)
	var err error
	src.Vocab, err = s.Vocab()
	return src, err
}

// fill gives the tensors of src, which planned lists, memory and values.
func fill(src *model.Source, planned []planned, seed uint64) {
	memory := model.Allocate(src.Bytes() + int64(len(planned))*alignment)
	for i := range planned {
		n := planned[i].Bytes()
		planned[i].Data = memory[:n:n]
		src.Tensors[i].Data = planned[i].Data
		memory = memory[(n+alignment-1)/alignment*alignment:]
	}
	fillAll(planned, seed)
}

// Vocab makes the shape's synthetic vocabulary; it is the same for every format and seed.
func (s Shape) Vocab() (tokenizer.Vocab, error) {
	const seed = 1
	v, err := tokenizer.Synthetic(s.Pre, s.Config.Vocab, seed, s.markers()...)
	if err != nil {
		return v, fmt.Errorf("%s%s: %w", Prefix, s.Name, err)
	}
	return v, nil
}

// planned is a tensor and the distribution of its values.
type planned struct {
	model.Tensor
	mean, sigma float64
	signs       bool      // turn half of the values, at random
	values      []float32 // exact values instead, for F32 tensors
}

// blockShare is what all blocks together add to the residual stream, relative to the
// embedding. Random blocks of equal weight would amplify the rounding of activations from
// layer to layer, until two correct engines differ visibly.
const blockShare = 0.2

// tensors lists all tensors of the shape. Weights have the variance that keeps
// activations near one, 1/√cols, and less in the layers that add to the residual stream.
// The embedding's 2/√width spreads the logits of a tied output layer over a few units;
// random signs in the last norm keep such a model from repeating its input.
func (s Shape) tensors(f Format) []planned {
	if s.embeds() {
		return s.bertTensors(f)
	}
	c := s.Config
	var list []planned
	add := func(name string, dt tensor.DType, mean, sigma float64, shape ...int) {
		list = append(list, planned{Tensor: model.Tensor{Name: name, DType: dt, Shape: shape}, mean: mean, sigma: sigma})
	}
	mixture := s.mixture(f)
	matrix := func(name string, rows, cols int, sigma float64) {
		add(name, mixture.DType(name, cols), 0, sigma, cols, rows)
	}
	root := func(n int) float64 { return math.Sqrt(float64(n)) }
	matrix("token_embd.weight", c.Vocab, c.Width, 2/root(c.Width))
	add("output_norm.weight", tensor.F32, 1, 0.05, c.Width)
	list[len(list)-1].signs = true
	if !s.Tied {
		matrix("output.weight", c.Vocab, c.Width, 2/root(c.Width))
	}
	if s.Factor > 0 {
		add("rope_freqs.weight", tensor.F32, 0, 0, c.RopeDims/2)
		list[len(list)-1].values = ropeFactors(c, s.Factor)
	}
	queries, keys := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	branch := blockShare * 2 / root(c.Width) / root(2*c.Layers)
	for i := range c.Layers {
		blk := fmt.Sprintf("blk.%d.", i)
		add(blk+"attn_norm.weight", tensor.F32, 1, 0.05, c.Width)
		for _, l := range []struct {
			name string
			rows int
		}{{"attn_q", queries}, {"attn_k", keys}, {"attn_v", keys}} {
			matrix(blk+l.name+".weight", l.rows, c.Width, 1/root(c.Width))
			if strings.HasPrefix(c.Architecture, "qwen2") {
				add(blk+l.name+".bias", tensor.F32, 0, 0.1, l.rows)
			}
		}
		matrix(blk+"attn_output.weight", c.Width, queries, branch/root(queries))
		add(blk+"ffn_norm.weight", tensor.F32, 1, 0.05, c.Width)
		matrix(blk+"ffn_gate.weight", c.FFN, c.Width, 1/root(c.Width))
		matrix(blk+"ffn_up.weight", c.FFN, c.Width, 1/root(c.Width))
		// A gated unit of two unit-variance inputs has a variance of about a third.
		matrix(blk+"ffn_down.weight", c.Width, c.FFN, branch*math.Sqrt(3)/root(c.FFN))
	}
	return s.factorized(list, mixture)
}

// meta is the metadata that GGUF files of the architecture carry.
func (s Shape) meta(f Format) []model.Entry {
	if s.embeds() {
		return s.bertMeta(f)
	}
	about := model.RandomMark + " in a published shape; its text is meaningless"
	if s.isCut() {
		about = model.RandomMark + " in a published shape cut to " + s.cut.text + " parameters; its text is meaningless"
	}
	return append(model.GeneralMeta(s.Config.Architecture, Prefix+s.Name, about, f), s.Config.Meta()...)
}
