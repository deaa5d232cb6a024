// Package vision encodes images for language models: vision transformers whose last
// features are merged into embeddings that stand in a prompt beside those of tokens. It
// covers Qwen2-VL (rotary positions in two directions), Qwen2.5-VL (the same, most layers
// attending within windows) and Idefics3 with its kin SmolVLM (tiles with learned positions).
package vision

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
)

// Encoder is a loaded encoder of images.
type Encoder struct {
	config    model.VisionConfig
	patch     []model.Linear // their sum embeds a patch: Qwen's two frames, which a still image fills alike
	patchBias []float32      // nil for none
	places    []float32      // learned vector per patch of a tile; nil with rotary positions
	blocks    []block
	norm      norm           // after the blocks
	project   []model.Linear // of merged patches to an embedding, a GELU between two
	bias      [][]float32    // of each of them; nil for none
	freqs     []float64      // angle per row or column of each rotated pair, half a head's pairs
}

// block is one transformer layer.
type block struct {
	before, between norm // of attention, of the feed-forward network
	qkv             [3]model.Linear
	qkvBias         [3][]float32
	mix             model.Linear
	mixBias         []float32
	gate, up, down  model.Linear // gate is nil without one
	gateBias        []float32
	upBias          []float32
	downBias        []float32
}

// norm is a layer norm, or a root-mean-square norm when root is set.
type norm struct {
	weight, bias []float32
	root         bool
}

// ropeBase of the rotary positions of Qwen-VL's encoders.
const ropeBase = 10000

// New builds an encoder from a source's tensors under their GGUF names.
func New(s *model.Source) (*Encoder, error) {
	c, err := model.ReadVisionConfig(s)
	if err != nil {
		return nil, err
	}
	e := &Encoder{config: c}
	l := loader{source: s, config: c}
	e.loadPatches(&l)
	for i := range c.Layers {
		e.blocks = append(e.blocks, l.block(i))
	}
	e.norm = l.norm("v.post_ln")
	if c.Dynamic() {
		merged := c.Width * c.Grouped()
		e.project = []model.Linear{l.linear("mm.0.weight", merged, merged), l.linear("mm.2.weight", c.Output, merged)}
		e.bias = [][]float32{l.vector("mm.0.bias", merged), l.vector("mm.2.bias", c.Output)}
		pairs := model.Config{RopeDims: c.HeadDim() / 2, RopeBase: ropeBase, RopeScale: 1}
		e.freqs = pairs.RopeFrequencies(nil)
	} else {
		e.project = []model.Linear{l.linear("mm.model.fc.weight", c.Output, c.Width*c.Grouped())}
		e.bias = [][]float32{nil}
	}
	if l.err != nil {
		return nil, l.err
	}
	return e, s.AllUsed()
}

func (e *Encoder) loadPatches(l *loader) {
	c := e.config
	e.patch = []model.Linear{l.kernel("v.patch_embd.weight")}
	if c.Dynamic() {
		e.patch = append(e.patch, l.kernel("v.patch_embd.weight.1"))
		return
	}
	e.patchBias = l.vector("v.patch_embd.bias", c.Width)
	side := c.ImageSize / c.Patch
	e.places = l.table("v.position_embd.weight", side*side, c.Width)
}

// Config returns the hyperparameters.
func (e *Encoder) Config() model.VisionConfig { return e.config }

// Layers lists all linear layers, each once.
func (e *Encoder) Layers() []model.Linear {
	layers := append([]model.Linear(nil), e.patch...)
	for _, b := range e.blocks {
		layers = append(layers, b.qkv[:]...)
		layers = append(layers, b.mix, b.up, b.down)
		if b.gate != nil {
			layers = append(layers, b.gate)
		}
	}
	return append(layers, e.project...)
}

// loader reads tensors one after the other and keeps the first error.
type loader struct {
	source *model.Source
	config model.VisionConfig
	err    error
}

func (l *loader) linear(name string, rows, cols int) (layer model.Linear) {
	if l.err == nil {
		layer, l.err = l.source.Linear(name, rows, cols)
	}
	return layer
}

func (l *loader) vector(name string, n int) (v []float32) {
	if l.err == nil {
		v, l.err = l.source.Vector(name, n)
	}
	return v
}

// optional loads a vector that files of this kind may lack.
func (l *loader) optional(name string, n int) []float32 {
	if l.source.Tensor(name) == nil {
		return nil
	}
	return l.vector(name, n)
}

// table loads rows vectors of cols values each.
func (l *loader) table(name string, rows, cols int) (v []float32) {
	if l.err == nil {
		v, l.err = l.source.Values(name, cols, rows)
	}
	return v
}

// kernel loads a convolution over whole patches, which is a linear layer of their pixels:
// channel by channel, row by row.
func (l *loader) kernel(name string) (layer model.Linear) {
	c := l.config
	if l.err == nil {
		layer, l.err = l.source.Flattened(name, c.Width, c.Patch, c.Patch, channels)
	}
	return layer
}

func (l *loader) norm(name string) norm {
	return norm{
		weight: l.vector(name+".weight", l.config.Width), bias: l.optional(name+".bias", l.config.Width),
		root: l.config.Projector == model.ProjectorQwen25VL,
	}
}

func (l *loader) block(i int) (b block) {
	c := l.config
	name := func(part string) string { return fmt.Sprintf("v.blk.%d.%s", i, part) }
	b.before, b.between = l.norm(name("ln1")), l.norm(name("ln2"))
	for j, part := range []string{"attn_q", "attn_k", "attn_v"} {
		b.qkv[j] = l.linear(name(part+".weight"), c.Width, c.Width)
		b.qkvBias[j] = l.vector(name(part+".bias"), c.Width)
	}
	b.mix, b.mixBias = l.linear(name("attn_out.weight"), c.Width, c.Width), l.vector(name("attn_out.bias"), c.Width)
	up, down := l.swapped(name)
	b.up, b.upBias = l.linear(name(up+".weight"), c.FFN, c.Width), l.vector(name(up+".bias"), c.FFN)
	b.down, b.downBias = l.linear(name(down+".weight"), c.Width, c.FFN), l.vector(name(down+".bias"), c.Width)
	if c.Activation == model.SiLU {
		b.gate, b.gateBias = l.linear(name("ffn_gate.weight"), c.FFN, c.Width), l.vector(name("ffn_gate.bias"), c.FFN)
	}
	return b
}

// swapped returns the names of the feed-forward network's two layers: older files call the
// first one down and the second up, which their shapes give away.
func (l *loader) swapped(name func(string) string) (up, down string) {
	t := l.source.Tensor(name("ffn_down.weight"))
	if t != nil && len(t.Shape) == 2 && t.Shape[0] == l.config.Width && t.Shape[1] == l.config.FFN {
		return "ffn_down", "ffn_up"
	}
	return "ffn_up", "ffn_down"
}

// apply normalizes x into dst, which may be x.
func (n norm) apply(k *kernel.Set, dst, x []float32, eps float64) {
	if n.root {
		k.RMSNorm(dst, x, n.weight, float32(eps))
		return
	}
	k.LayerNorm(dst, x, n.weight, n.bias, float32(eps))
}

// channels of a colour image.
const channels = 3
