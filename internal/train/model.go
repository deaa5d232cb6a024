// Package train computes gradients of decoders in reverse mode and improves their weights. Its
// layers are exactly those of model.Decoder, in float32: embedding, RMSNorm, linear layers, rotary
// positions, causal grouped-query attention, SwiGLU; then the cross-entropy of the next token, or the
// divergence from a teacher.
// Parameters bear their GGUF names, so weights come from a model.Source and return to one.
package train

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Options say how a model is computed; they change no result but its speed and memory, except
// for the instruction set and Rows, by which sums are ordered, and Precision. Zero values take the defaults.
type Options struct {
	Kernels *kernel.Set // default: the best of this CPU
	Threads int         // default: one per CPU that Go may use
	// Rows bounds the tokens computed at once; a batch of more is taken in several passes, in
	// order. A longer sequence still passes as a whole. Default 4096.
	Rows int
	// Precision is that of the products of the linear layers, which take most of the time; their
	// sums, all else, weights, gradients and moments are float32. Not every CPU has BFloat16.
	Precision linalg.Precision // default: Float32
}

const defaultRows = 4096

// Param is one tensor that is trained.
type Param struct {
	Name  string // as in GGUF
	Shape []int  // innermost dimension first
	Value []float32
	Grad  []float32
}

// matrix views x, the values or gradients of a matrix, as rows of outputs.
func (p *Param) matrix(x []float32) linalg.Matrix { return linalg.Dense(p.Shape[1], p.Shape[0], x) }

// Model is a decoder whose parameters can be trained. It is not safe for concurrent use.
type Model struct {
	Config model.Config
	traits model.Traits
	params []*Param
	freqs  []float64

	embedding, norm, output *Param // output is embedding when they are tied
	blocks                  []block

	kernels *kernel.Set
	threads int
	rows    int
	gemm    *linalg.Multiplier
	heads   []headScratch // per thread
	angles  angles
	buffers buffers
}

// block holds the parameters of one layer.
type block struct {
	attnNorm, ffnNorm             *Param
	query, key, value, mix        *Param
	queryBias, keyBias, valueBias *Param // nil without
	gate, up, down                *Param
}

// traitsOf returns what distinguishes the architecture, as the folders below internal/model do.
func traitsOf(architecture string) (model.Traits, error) {
	switch architecture {
	case "llama":
		return model.Traits{Pairing: kernel.Adjacent}, nil
	case "qwen2":
		return model.Traits{Pairing: kernel.HalfSplit, QKVBias: true}, nil
	}
	return model.Traits{}, fmt.Errorf("train: architecture %q has no gradients here; there are llama and qwen2", architecture)
}

// New makes a trainable model of a stored one; quantized weights are taken as their exact values.
func New(s *model.Source, opt Options) (*Model, error) {
	c, err := model.ReadConfig(s)
	if err != nil {
		return nil, err
	}
	m, err := assemble(c, s.Tensor("output.weight") == nil, opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	if _, err := model.NewDecoder(s, c, m.traits); err != nil { // what the engine refuses, training does too
		return nil, err
	}
	for _, p := range m.params {
		if p.Value, err = s.Values(p.Name, p.Shape...); err != nil {
			return nil, err
		}
	}
	if s.Tensor("rope_freqs.weight") != nil {
		factors, err := s.Vector("rope_freqs.weight", c.RopeDims/2)
		if err != nil {
			return nil, err
		}
		m.freqs = c.RopeFrequencies(factors)
	}
	m.allocate()
	return m, nil
}

// NewRandom makes a model whose weights depend on nothing but the shape and the seed: normal with
// deviation 0.02, divided by √(2·layers) where a layer adds to the residual stream (Radford et al.
// 2019, §2.3); norms are 1 and biases 0. With tied, the output layer is the embedding.
func NewRandom(c model.Config, tied bool, seed uint64, opt Options) (*Model, error) {
	m, err := assemble(c, tied, opt)
	if err != nil {
		return nil, err
	}
	m.allocate()
	residual := map[*Param]bool{}
	for _, b := range m.blocks {
		residual[b.mix], residual[b.down] = true, true
	}
	for i, p := range m.params {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		sigma := 0.02
		if residual[p] {
			sigma /= math.Sqrt(float64(2 * c.Layers))
		}
		for j := range p.Value {
			switch {
			case len(p.Shape) == 2:
				p.Value[j] = float32(sigma * rng.NormFloat64())
			case !m.isBias(p):
				p.Value[j] = 1
			}
		}
	}
	return m, nil
}

func (m *Model) isBias(p *Param) bool {
	for _, b := range m.blocks {
		if p == b.queryBias || p == b.keyBias || p == b.valueBias {
			return true
		}
	}
	return false
}

// check errs for hyperparameters that are no model's.
func check(c model.Config) error {
	for _, n := range []struct {
		name  string
		value int
	}{{"context", c.Context}, {"width", c.Width}, {"layers", c.Layers}, {"feed-forward features", c.FFN}, {"heads", c.Heads},
		{"key–value heads", c.KVHeads}, {"features of a head", c.HeadDim}, {"vocabulary", c.Vocab}} {
		if n.value < 1 || n.value > 1<<24 {
			return fmt.Errorf("train: %s of %d: want a number from 1 to %d", n.name, n.value, 1<<24)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("train: %d query heads are no multiple of %d key–value heads", c.Heads, c.KVHeads)
	case c.RopeDims < 2 || c.RopeDims > c.HeadDim || c.RopeDims%2 != 0:
		return fmt.Errorf("train: %d rotated features in heads of %d: want an even number, at least 2", c.RopeDims, c.HeadDim)
	case !(c.Eps > 0) || !(c.RopeBase >= 1) || !(c.RopeScale > 0):
		return fmt.Errorf("train: epsilon %v, rotary base %v and scale %v: want positive numbers, the base at least 1", c.Eps, c.RopeBase, c.RopeScale)
	}
	return nil
}

// assemble names the parameters and their shapes.
func assemble(c model.Config, tied bool, opt Options) (*Model, error) {
	traits, err := traitsOf(c.Architecture)
	if err != nil {
		return nil, err
	}
	if err := check(c); err != nil {
		return nil, err
	}
	m := &Model{Config: c, traits: traits, kernels: opt.Kernels, threads: opt.Threads, rows: opt.Rows, freqs: c.RopeFrequencies(nil)}
	if m.kernels == nil {
		m.kernels = kernel.Best()
	}
	if m.threads <= 0 {
		m.threads = runtime.GOMAXPROCS(0)
	}
	if m.rows <= 0 {
		m.rows = defaultRows
	}
	if m.gemm, err = linalg.NewMultiplier(m.kernels, m.threads).WithPrecision(opt.Precision); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	add := func(name string, shape ...int) *Param {
		p := &Param{Name: name, Shape: shape}
		m.params = append(m.params, p)
		return p
	}
	m.embedding = add("token_embd.weight", c.Width, c.Vocab)
	m.norm = add("output_norm.weight", c.Width)
	m.output = m.embedding
	if !tied {
		m.output = add("output.weight", c.Width, c.Vocab)
	}
	queries, keys := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	for i := range c.Layers {
		add := func(name string, shape ...int) *Param { return add(fmt.Sprintf("blk.%d.%s", i, name), shape...) }
		var b block
		b.attnNorm = add("attn_norm.weight", c.Width)
		b.query = add("attn_q.weight", c.Width, queries)
		b.key = add("attn_k.weight", c.Width, keys)
		b.value = add("attn_v.weight", c.Width, keys)
		if traits.QKVBias {
			b.queryBias, b.keyBias, b.valueBias = add("attn_q.bias", queries), add("attn_k.bias", keys), add("attn_v.bias", keys)
		}
		b.mix = add("attn_output.weight", queries, c.Width)
		b.ffnNorm = add("ffn_norm.weight", c.Width)
		b.gate = add("ffn_gate.weight", c.Width, c.FFN)
		b.up = add("ffn_up.weight", c.Width, c.FFN)
		b.down = add("ffn_down.weight", c.FFN, c.Width)
		m.blocks = append(m.blocks, b)
	}
	return m, nil
}

// allocate gives every parameter its gradient, and values if it has none, and makes the threads' tools.
func (m *Model) allocate() {
	for _, p := range m.params {
		n := 1
		for _, d := range p.Shape {
			n *= d
		}
		if p.Value == nil {
			p.Value = make([]float32, n)
		}
		p.Grad = make([]float32, n)
	}
	m.heads = make([]headScratch, m.threads)
	for i := range m.heads {
		m.heads[i].gemm = linalg.NewMultiplier(m.kernels, 1)
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

// Tensors returns the parameters as stored tensors of type F32; their data is a copy.
func (m *Model) Tensors() []model.Tensor {
	var list []model.Tensor
	for _, p := range m.params {
		data := make([]byte, 0, 4*len(p.Value))
		for _, v := range p.Value {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		list = append(list, model.Tensor{Name: p.Name, DType: tensor.F32, Shape: p.Shape, Data: data})
	}
	return list
}

// Store puts the parameters into a source in place of its tensors of the same names, as F32. It
// errs, and changes nothing, when the source lacks one or has it in another shape.
func (m *Model) Store(s *model.Source) error {
	list := m.Tensors()
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
