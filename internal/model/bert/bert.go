// Package bert embeds texts: it builds encoders of GGUF architecture "bert", which sentence
// encoders of the families of BERT, MiniLM, BGE and SimCSE have. Every token looks at the
// whole of its text; norms follow the blocks (Devlin et al., "BERT", 2019).
//
// The Gaussian error linear unit is the tanh approximation, as in llama.cpp; the published
// models were trained with the exact one, which differs by less than 5e-4.
package bert

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
)

// Encoder is a loaded encoder of text.
type Encoder struct {
	config model.BertConfig
	tokens kernel.Matrix // one row per token
	places []float32     // one vector per position
	kind   []float32     // vector of the first token type, which all tokens have; nil without
	norm   norm          // of the sum of these
	blocks []block
}

// block is one transformer layer.
type block struct {
	qkv      [3]model.Linear
	qkvBias  [3][]float32
	mix      model.Linear // attention's output projection
	mixBias  []float32
	between  norm // of the sum with attention
	up, down model.Linear
	upBias   []float32
	downBias []float32
	after    norm // of the sum with the feed-forward network
}

type norm struct{ weight, bias []float32 }

// New builds an encoder from a source's tensors under their GGUF names.
func New(s *model.Source) (*Encoder, error) {
	if arch := s.Text("general.architecture"); arch != model.BertArchitecture {
		return nil, fmt.Errorf("%s: architecture %q does not embed texts; want %q", s.Name, arch, model.BertArchitecture)
	}
	c, err := model.ReadBertConfig(s)
	if err != nil {
		return nil, err
	}
	e := &Encoder{config: c}
	if e.tokens, err = s.Matrix("token_embd.weight", c.Vocab, c.Width); err != nil {
		return nil, err
	}
	if e.places, err = s.Values("position_embd.weight", c.Width, c.Context); err != nil {
		return nil, err
	}
	if s.Tensor("token_types.weight") != nil {
		kinds, err := s.Values("token_types.weight", c.Width, max(c.Types, 1))
		if err != nil {
			return nil, err
		}
		e.kind = kinds[:c.Width]
	}
	l := loader{source: s, config: c}
	e.norm = l.norm("token_embd_norm")
	for i := range c.Layers {
		if l.err != nil {
			break
		}
		e.blocks = append(e.blocks, l.block(fmt.Sprintf("blk.%d.", i)))
	}
	if l.err != nil {
		return nil, l.err
	}
	return e, s.AllUsed()
}

// Config returns the hyperparameters.
func (e *Encoder) Config() model.BertConfig { return e.config }

// Layers lists all linear layers, each once.
func (e *Encoder) Layers() []model.Linear {
	var layers []model.Linear
	for _, b := range e.blocks {
		layers = append(layers, b.qkv[:]...)
		layers = append(layers, b.mix, b.up, b.down)
	}
	return layers
}

// loader reads tensors one after the other and keeps the first error.
type loader struct {
	source *model.Source
	config model.BertConfig
	err    error
}

// linear loads a layer and its bias.
func (l *loader) linear(name string, rows, cols int) (layer model.Linear, bias []float32) {
	if l.err == nil {
		layer, l.err = l.source.Linear(name+".weight", rows, cols)
	}
	return layer, l.vector(name+".bias", rows)
}

func (l *loader) vector(name string, n int) (v []float32) {
	if l.err == nil {
		v, l.err = l.source.Vector(name, n)
	}
	return v
}

func (l *loader) norm(name string) norm {
	return norm{l.vector(name+".weight", l.config.Width), l.vector(name+".bias", l.config.Width)}
}

func (l *loader) block(prefix string) (b block) {
	width, hidden := l.config.Width, l.config.FFN
	for i, part := range []string{"attn_q", "attn_k", "attn_v"} {
		b.qkv[i], b.qkvBias[i] = l.linear(prefix+part, width, width)
	}
	b.mix, b.mixBias = l.linear(prefix+"attn_output", width, width)
	b.between = l.norm(prefix + "attn_output_norm")
	b.up, b.upBias = l.linear(prefix+"ffn_up", hidden, width)
	b.down, b.downBias = l.linear(prefix+"ffn_down", width, hidden)
	b.after = l.norm(prefix + "layer_output_norm")
	return b
}
