// Package train computes gradients of decoders in reverse mode and improves their weights. Its
// layers are exactly those of model.Decoder, in float32: embedding, RMSNorm, linear layers, rotary
// positions, causal grouped-query attention, SwiGLU; then the cross-entropy of the next token, or the
// divergence from a teacher. A decoder may learn together with its encoder of images, a Qwen2-VL's.
// Layers that a source has as factors are trained as factors.
// Models whose weights do not fit into memory as float32 are computed part by part (Layered), where each
// part's inputs can be seen, its weights changed, and its factors matched to what the original makes.
// Parameters bear their GGUF names, so weights come from a model.Source and return to one.
package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/qwen2vl"
)

// Options say how a model is computed; they change no result but its speed and memory, except
// for the instruction set and Rows, by which sums are ordered, and Precision. Zero values take the defaults.
type Options struct {
	Kernels *kernel.Set // default: the best of this CPU
	Threads int         // default: one per CPU that Go may use
	// Rows bounds the tokens computed at once; a batch of more is taken in several passes, in
	// order. A longer sequence still passes as a whole. Patches of images are at most four times
	// as many. Default 4096.
	Rows int
	// Precision is that of the factors of matrix products, which take most of the time; their sums,
	// all else, weights, gradients and moments are float32. Not every CPU has BFloat16.
	Precision linalg.Precision // default: Float32
}

const defaultRows = 4096

// Param is one tensor that is trained.
type Param struct {
	Name  string // as in GGUF
	Shape []int  // innermost dimension first
	Value []float32
	Grad  []float32 // nil before any were computed
}

// size is the number of values.
func (p *Param) size() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// matrix views x, the values or gradients of a matrix, as rows of outputs.
func (p *Param) matrix(x []float32) linalg.Matrix { return linalg.Dense(p.Shape[1], p.Shape[0], x) }

// Model is a decoder, maybe with an encoder of images, whose parameters can be trained. It is not
// safe for concurrent use.
type Model struct {
	Config model.Config
	*tools
	traits model.Traits
	params []*Param
	rows   int

	embedding, norm *Param
	output          linear // its weight is embedding when they are tied
	blocks          []block
	attention       attention
	angles          angles
	buffers         buffers
	encoder         *encoder // nil without
}

// block holds the parameters of one layer.
type block struct {
	attnNorm, ffnNorm *Param
	qkv               [3]linear
	mix               linear
	gate, up, down    linear
}

// traitsOf returns what distinguishes the architecture, as the folders below internal/model do.
func traitsOf(architecture string) (model.Traits, error) {
	switch architecture {
	case "llama":
		return model.Traits{Pairing: kernel.Adjacent}, nil
	case "qwen2", "qwen2vl":
		return model.Traits{Pairing: kernel.HalfSplit, QKVBias: true}, nil
	}
	return model.Traits{}, fmt.Errorf("train: architecture %q has no gradients here; there are llama, qwen2 and qwen2vl", architecture)
}

// New makes a trainable model of a stored one; quantized weights are taken as their exact values.
func New(s *model.Source, opt Options) (*Model, error) {
	m, err := outline(s, s, opt)
	if err != nil {
		return nil, err
	}
	for _, p := range m.params {
		if p.Value, err = s.Values(p.Name, p.Shape...); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// outline names the parameters of a stored decoder without reading them; layers that factors, if any, has
// as such become such.
func outline(s, factors *model.Source, opt Options) (*Model, error) {
	c, err := model.ReadConfig(s)
	if err != nil {
		return nil, err
	}
	m, err := assemble(c, s.Tied(), factors, opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	if _, err := model.NewDecoder(s, c, m.traits); err != nil { // what the engine refuses, training does too
		return nil, err
	}
	if s.Tensor("rope_freqs.weight") != nil {
		divisors, err := s.Vector("rope_freqs.weight", c.RopeDims/2)
		if err != nil {
			return nil, err
		}
		m.angles.freqs = c.RopeFrequencies(divisors)
	}
	return m, nil
}

// NewRandom makes a model whose weights depend on nothing but the shape and the seed: normal with
// deviation 0.02, divided by √(2·layers) where a layer adds to the residual stream (Radford et al.
// 2019, §2.3); norms are 1 and biases 0. With tied, the output layer is the embedding.
func NewRandom(c model.Config, tied bool, seed uint64, opt Options) (*Model, error) {
	m, err := assemble(c, tied, nil, opt)
	if err != nil {
		return nil, err
	}
	m.randomize(seed)
	return m, nil
}

// randomize gives the parameters their first values.
func (m *Model) randomize(seed uint64) {
	sigmas := m.sigmas()
	for i, p := range m.params {
		p.Value = make([]float32, p.size())
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		sigma, ok := sigmas[p]
		if !ok {
			sigma = 0.02
		}
		for j := range p.Value {
			switch {
			case len(p.Shape) == 2:
				p.Value[j] = float32(sigma * rng.NormFloat64())
			case !strings.HasSuffix(p.Name, ".bias"):
				p.Value[j] = 1
			}
		}
	}
}

// sigmas are the deviations of those parameters that do not begin with the usual one.
func (m *Model) sigmas() map[*Param]float64 {
	list := map[*Param]float64{}
	residual := 0.02 / math.Sqrt(float64(2*m.Config.Layers))
	for _, b := range m.blocks {
		list[b.mix.weight], list[b.down.weight] = residual, residual
	}
	if e := m.encoder; e != nil {
		residual = 0.02 / math.Sqrt(float64(2*e.config.Layers))
		for _, b := range e.blocks {
			list[b.mix.weight], list[b.down.weight] = residual, residual
		}
		list[e.patch] = 1 / math.Sqrt(float64(e.patch.Shape[0]))
	}
	return list
}

// count is a hyperparameter that must be a positive number, and its name.
type count struct {
	name  string
	value int
}

func checkCounts(list []count) error {
	for _, n := range list {
		if n.value < 1 || n.value > 1<<24 {
			return fmt.Errorf("train: %s of %d: want a number from 1 to %d", n.name, n.value, 1<<24)
		}
	}
	return nil
}

// check errs for hyperparameters that are no model's.
func check(c model.Config) error {
	err := checkCounts([]count{{"context", c.Context}, {"width", c.Width}, {"layers", c.Layers}, {"feed-forward features", c.FFN},
		{"heads", c.Heads}, {"key–value heads", c.KVHeads}, {"features of a head", c.HeadDim}, {"vocabulary", c.Vocab}})
	if err != nil {
		return err
	}
	sections := c.RopeSections
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("train: %d query heads are no multiple of %d key–value heads", c.Heads, c.KVHeads)
	case c.RopeDims < 2 || c.RopeDims > c.HeadDim || c.RopeDims%2 != 0:
		return fmt.Errorf("train: %d rotated features in heads of %d: want an even number, at least 2", c.RopeDims, c.HeadDim)
	case sections != [3]int{} && (min(sections[0], sections[1], sections[2]) < 0 || sections[0]+sections[1]+sections[2] != c.RopeDims/2):
		return fmt.Errorf("train: sections of %v rotated pairs: want numbers that add up to %d", sections, c.RopeDims/2)
	case c.Architecture == qwen2vl.Architecture && sections == [3]int{}:
		return fmt.Errorf("train: architecture %q without the sections of its rotated pairs", c.Architecture)
	case !(c.Eps > 0) || !(c.RopeBase >= 1) || !(c.RopeScale > 0):
		return fmt.Errorf("train: epsilon %v, rotary base %v and scale %v: want positive numbers, the base at least 1", c.Eps, c.RopeBase, c.RopeScale)
	}
	return nil
}

// assemble names the parameters and their shapes; layers that s, if any, has as factors become such.
func assemble(c model.Config, tied bool, s *model.Source, opt Options) (*Model, error) {
	traits, err := traitsOf(c.Architecture)
	if err != nil {
		return nil, err
	}
	if err := check(c); err != nil {
		return nil, err
	}
	t, err := newTools(opt)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: c, tools: t, traits: traits, rows: opt.Rows,
		attention: attention{heads: c.Heads, kvHeads: c.KVHeads, dim: c.HeadDim, causal: true},
		angles:    angles{freqs: c.RopeFrequencies(nil), axes: c.RopeAxes()}}
	if m.rows <= 0 {
		m.rows = defaultRows
	}
	names := &namer{source: s}
	m.embedding = names.param("token_embd.weight", c.Width, c.Vocab)
	m.norm = names.param("output_norm.weight", c.Width)
	m.output = linear{weight: m.embedding}
	if !tied {
		m.output = names.layer("output.weight", c.Width, c.Vocab)
	}
	for i := range c.Layers {
		m.blocks = append(m.blocks, names.block(c, traits, i))
	}
	m.params = names.params
	return m, names.err
}

// block names the parameters of a layer.
func (s *namer) block(c model.Config, traits model.Traits, i int) (b block) {
	name := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
	queries, keys := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	b.attnNorm = s.param(name("attn_norm.weight"), c.Width)
	outputs := []int{queries, keys, keys}
	for j, part := range []string{"attn_q", "attn_k", "attn_v"} {
		b.qkv[j] = s.layer(name(part+".weight"), c.Width, outputs[j])
	}
	for j, part := range []string{"attn_q", "attn_k", "attn_v"} {
		if traits.QKVBias {
			b.qkv[j].bias = s.param(name(part+".bias"), outputs[j])
		}
	}
	b.mix = s.layer(name("attn_output.weight"), queries, c.Width)
	b.ffnNorm = s.param(name("ffn_norm.weight"), c.Width)
	b.gate, b.up = s.layer(name("ffn_gate.weight"), c.Width, c.FFN), s.layer(name("ffn_up.weight"), c.Width, c.FFN)
	b.down = s.layer(name("ffn_down.weight"), c.FFN, c.Width)
	return b
}

// clearGradients sets all gradients to 0. They get their memory here, so that a model that only
// computes, such as a teacher, takes none for them.
func (m *Model) clearGradients() {
	for _, p := range m.params {
		if p.Grad == nil {
			p.Grad = make([]float32, len(p.Value))
		}
		clear(p.Grad)
	}
}

// Params lists the parameters in a fixed order. Their values may be changed between calls.
func (m *Model) Params() []*Param { return m.params }

// Parameters counts the trained values.
func (m *Model) Parameters() int64 {
	var n int64
	for _, p := range m.params {
		n += int64(len(p.Value))
	}
	return n
}

// Tensors returns the parameters of the decoder as stored tensors of type F32; their data is a copy.
func (m *Model) Tensors() []model.Tensor {
	params := m.params
	if m.encoder != nil {
		params = params[:len(params)-len(m.encoder.params)]
	}
	var list []model.Tensor
	for _, p := range params {
		list = append(list, model.F32Tensor(p.Name, p.Shape, p.Value))
	}
	return list
}

// Store puts the parameters of the decoder into a source in place of its tensors of the same
// names, as F32. It errs, and changes nothing, when the source lacks one or has it in another shape.
func (m *Model) Store(s *model.Source) error { return store(s, m.Tensors()) }

func store(s *model.Source, list []model.Tensor) error {
	for _, t := range list {
		old := s.Tensor(t.Name)
		if old == nil {
			return fmt.Errorf("store weights: %s has no tensor %q", s.Name, t.Name)
		}
		if fmt.Sprint(old.Shape) != fmt.Sprint(t.Shape) {
			return fmt.Errorf("store weights: tensor %q of %s has shape %v, want %v", t.Name, s.Name, old.Shape, t.Shape)
		}
	}
	for _, t := range list {
		*s.Tensor(t.Name) = t
	}
	return nil
}
