package shape

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// minilm is an encoder of text in the shape of all-MiniLM-L6-v2.
func minilm() Shape {
	return Shape{Name: "minilm-l6", Pre: "bert", Types: 2, Pooling: model.PoolMean, Config: model.Config{
		Architecture: model.BertArchitecture, Context: 512, Width: 384, Layers: 6, FFN: 1536, Heads: 12, KVHeads: 12, HeadDim: 32,
		Vocab: 30522, Eps: 1e-12}}
}

func tinyBert() Shape {
	return Shape{Name: "tiny-bert", Pre: "bert", Types: 2, Pooling: model.PoolCLS, Config: model.Config{
		Architecture: model.BertArchitecture, Context: 64, Width: 64, Layers: 2, FFN: 96, Heads: 4, KVHeads: 4, HeadDim: 16,
		Vocab: 515, Eps: 1e-12}}
}

// embeds says whether the shape is of an encoder of text.
func (s Shape) embeds() bool { return s.Config.Architecture == model.BertArchitecture }

// bertTensors lists the tensors of an encoder of text. Tables of positions and types are
// never quantized. The norms that follow each block keep activations near one, so that blocks
// may add as much as they get: the first token's vector tells texts apart by them alone.
func (s Shape) bertTensors(f Format) []planned {
	c := s.Config
	var list []planned
	add := func(name string, dt tensor.DType, mean, sigma float64, shape ...int) {
		list = append(list, planned{Tensor: model.Tensor{Name: name, DType: dt, Shape: shape}, mean: mean, sigma: sigma})
	}
	mixture := s.mixture(f)
	linear := func(name string, rows, cols int, sigma float64) {
		add(name+".weight", mixture.DType(name+".weight", cols), 0, sigma, cols, rows)
		add(name+".bias", tensor.F32, 0, 0.05, rows)
	}
	norm := func(name string) {
		add(name+".weight", tensor.F32, 1, 0.05, c.Width)
		add(name+".bias", tensor.F32, 0, 0.05, c.Width)
	}
	root := func(n int) float64 { return math.Sqrt(float64(n)) }
	add("token_embd.weight", mixture.DType("token_embd.weight", c.Width), 0, 1, c.Width, c.Vocab)
	add("position_embd.weight", tensor.F32, 0, 0.3, c.Width, c.Context)
	add("token_types.weight", tensor.F32, 0, 0.3, c.Width, s.Types)
	norm("token_embd_norm")
	branch := 1 / root(2*c.Layers)
	for i := range c.Layers {
		blk := fmt.Sprintf("blk.%d.", i)
		linear(blk+"attn_q", c.Width, c.Width, 1/root(c.Width))
		linear(blk+"attn_k", c.Width, c.Width, 1/root(c.Width))
		linear(blk+"attn_v", c.Width, c.Width, 1/root(c.Width))
		linear(blk+"attn_output", c.Width, c.Width, branch/root(c.Width))
		norm(blk + "attn_output_norm")
		linear(blk+"ffn_up", c.FFN, c.Width, 1/root(c.Width))
		linear(blk+"ffn_down", c.Width, c.FFN, branch*math.Sqrt(3)/root(c.FFN))
		norm(blk + "layer_output_norm")
	}
	return list
}

// bertMeta is the metadata that files of encoders of text carry.
func (s Shape) bertMeta(f Format) []model.Entry {
	c := s.Config
	entry := func(key string, value gguf.Value) model.Entry { return model.Entry{Key: key, Value: value} }
	count := func(key string, n int) model.Entry {
		return entry(model.BertArchitecture+"."+key, gguf.ValueOf(uint32(n)))
	}
	about := model.RandomMark + " in a published shape; its embeddings are meaningless"
	return append(model.GeneralMeta(c.Architecture, Prefix+s.Name, about, f),
		count("context_length", c.Context), count("embedding_length", c.Width), count("block_count", c.Layers),
		count("feed_forward_length", c.FFN), count("attention.head_count", c.Heads), count("pooling_type", int(s.Pooling)),
		entry(model.BertArchitecture+".attention.layer_norm_epsilon", gguf.ValueOf(float32(c.Eps))),
		entry(model.BertArchitecture+".attention.causal", gguf.ValueOf(false)),
		entry("tokenizer.ggml.token_type_count", gguf.ValueOf(uint32(s.Types))),
	)
}
