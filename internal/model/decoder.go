package model

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Graph is the computation of one model. Forward is collective: every worker of a team
// calls it for the same state, whose batch Begin has set.
type Graph interface {
	Config() Config
	// Layers lists all linear layers, each once.
	Layers() []Linear
	Forward(w *Worker, st *State)
}

// Decoder is a decoder-only transformer with pre-norms, rotary positions, grouped-query
// attention and a gated feed-forward network: the skeleton that llama and its kin share.
type Decoder struct {
	config    Config
	embedding kernel.Matrix // one row per token
	blocks    []block
	norm      []float32 // before the output layer
	output    Linear
	freqs     []float64 // angle per position of each rotated pair
	axes      []int     // which direction of a position turns each pair
	pairing   kernel.Pairing
}

// block is one transformer layer.
type block struct {
	attnNorm, ffnNorm []float32
	query, key, value Linear
	bias              []float32 // of queries, keys and values side by side; nil for none
	mix               Linear    // attention's output projection
	gate, up, down    Linear
}

// Traits is what distinguishes one architecture of this skeleton from another.
type Traits struct {
	// Pairing says which features of a head rotate together.
	Pairing kernel.Pairing
	// QKVBias says that queries, keys and values have biases.
	QKVBias bool
}

// NewDecoder assembles the decoder from a source's tensors under their GGUF names. A
// model without output.weight uses the embedding matrix as its output layer.
func NewDecoder(s *Source, c Config, traits Traits) (*Decoder, error) {
	d := &Decoder{config: c, pairing: traits.Pairing}
	var err error
	if d.embedding, err = s.Matrix("token_embd.weight", c.Vocab, c.Width); err != nil {
		return nil, err
	}
	if d.norm, err = s.Vector("output_norm.weight", c.Width); err != nil {
		return nil, err
	}
	d.output = &Dense{Matrix: d.embedding}
	if !s.Tied() {
		if d.output, err = s.Linear(outputTensor, c.Vocab, c.Width); err != nil {
			return nil, err
		}
	}
	var factors []float32
	if s.Tensor("rope_freqs.weight") != nil {
		if factors, err = s.ropeFactors(c.RopeDims / 2); err != nil {
			return nil, err
		}
	}
	d.freqs, d.axes = c.RopeFrequencies(factors), c.RopeAxes()
	for i := range c.Layers {
		b, err := newBlock(s, c, traits, i)
		if err != nil {
			return nil, err
		}
		d.blocks = append(d.blocks, b)
	}
	return d, s.AllUsed()
}

// Tied says that the decoder's output layer is its embedding matrix.
func (s *Source) Tied() bool { return !s.has(outputTensor) }

const outputTensor = "output.weight"

// ropeFactors reads llama 3.1's divisors of the rotary frequencies.
func (s *Source) ropeFactors(n int) ([]float32, error) {
	factors, err := s.Vector("rope_freqs.weight", n)
	if err != nil {
		return nil, err
	}
	for i, f := range factors {
		if !(f > 0) || math.IsInf(float64(f), 0) {
			return nil, fmt.Errorf("%s: tensor %q has the divisor %v at %d, want a positive number", s.Name, "rope_freqs.weight", f, i)
		}
	}
	return factors, nil
}

func newBlock(s *Source, c Config, traits Traits, i int) (block, error) {
	queries, keys := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	var b block
	var err error
	load := func(dst *Linear, name string, rows, cols int) {
		if err == nil {
			*dst, err = s.Linear(fmt.Sprintf("blk.%d.%s.weight", i, name), rows, cols)
		}
	}
	vector := func(name string, n int) (v []float32) {
		if err == nil {
			v, err = s.Vector(fmt.Sprintf("blk.%d.%s", i, name), n)
		}
		return v
	}
	b.attnNorm = vector("attn_norm.weight", c.Width)
	load(&b.query, "attn_q", queries, c.Width)
	load(&b.key, "attn_k", keys, c.Width)
	load(&b.value, "attn_v", keys, c.Width)
	if traits.QKVBias {
		b.bias = append(b.bias, vector("attn_q.bias", queries)...)
		b.bias = append(b.bias, vector("attn_k.bias", keys)...)
		b.bias = append(b.bias, vector("attn_v.bias", keys)...)
	}
	load(&b.mix, "attn_output", c.Width, queries)
	b.ffnNorm = vector("ffn_norm.weight", c.Width)
	load(&b.gate, "ffn_gate", c.FFN, c.Width)
	load(&b.up, "ffn_up", c.FFN, c.Width)
	load(&b.down, "ffn_down", c.Width, c.FFN)
	return b, err
}

// Config returns the hyperparameters.
func (d *Decoder) Config() Config { return d.config }

// Layers lists all linear layers, each once.
func (d *Decoder) Layers() []Linear {
	layers := []Linear{d.output}
	for _, b := range d.blocks {
		layers = append(layers, b.query, b.key, b.value, b.mix, b.gate, b.up, b.down)
	}
	return layers
}

// grain is the unit of rows that workers share a matrix by: the kernels work on tiles of
// 16 rows.
const grain = 16

// Forward computes the state's batch: it appends keys and values to the cache and leaves
// the wanted logits in st.Logits.
func (d *Decoder) Forward(w *Worker, st *State) {
	d.begin(w, st)
	w.Barrier()
	for i := range d.blocks {
		d.attention(w, st, i)
		d.feedForward(w, st, &d.blocks[i])
	}
	if st.Want != WantNone {
		d.logits(w, st)
	}
}

// begin looks up the tokens' embeddings, or takes the rows in their place, and the angles of their positions.
func (d *Decoder) begin(w *Worker, st *State) {
	width, half := d.config.Width, len(d.freqs)
	rowBytes := len(d.embedding.Data) / d.embedding.Rows
	t0, t1 := w.Share(st.N, 1)
	for t := t0; t < t1; t++ {
		x := st.x[t*width : (t+1)*width]
		if st.Tokens == nil {
			copy(x, st.Rows[t*width:])
		} else {
			id := int(st.Tokens[t])
			// The type was checked when the matrix was loaded.
			_ = tensor.Dequantize(x, d.embedding.DType, d.embedding.Data[id*rowBytes:(id+1)*rowBytes])
		}
		at := st.position(t)
		for i, f := range d.freqs {
			sin, cos := math.Sincos(float64(at[d.axes[i]]) * f)
			st.sin[t*half+i], st.cos[t*half+i] = float32(sin), float32(cos)
		}
	}
}

// normalize fills in.norm with the normalized tokens [t0, t1) of x and prepares it for
// the layers.
func (d *Decoder) normalize(w *Worker, in *Input, x, weight []float32, t0, t1 int, layers ...Linear) {
	n := d.config.Width
	for t := t0; t < t1; t++ {
		w.Kernels.RMSNorm(in.X[t*n:(t+1)*n], x[t*n:(t+1)*n], weight, float32(d.config.Eps))
	}
	in.Prepare(w, t0, t1, layers...)
}

func (d *Decoder) feedForward(w *Worker, st *State, b *block) {
	n, m := d.config.FFN, st.N
	in, t0, t1 := st.inputs(w)
	d.normalize(w, in.norm, st.x, b.ffnNorm, t0, t1, b.gate, b.up)
	st.settle(w, in.norm, b.gate, b.up)
	lo, hi := w.Share(n, grain)
	hidden := in.hidden.X
	b.gate.Apply(w, hidden, n, lo, hi, in.norm)
	b.up.Apply(w, st.up, n, lo, hi, in.norm)
	for t := range m {
		part := hidden[t*n+lo : t*n+hi]
		w.Kernels.SwiGLU(part, part, st.up[t*n+lo:t*n+hi])
	}
	w.Barrier()
	in.hidden.Prepare(w, t0, t1, b.down)
	st.settle(w, in.hidden, b.down)
	d.addBranch(w, st, b.down, in.hidden)
}

// addBranch adds layer(in) to the residual stream and waits for all workers.
func (d *Decoder) addBranch(w *Worker, st *State, layer Linear, in *Input) {
	n := d.config.Width
	lo, hi := w.Share(n, grain)
	layer.Apply(w, st.branch, n, lo, hi, in)
	for t := range st.N {
		w.Kernels.Add(st.x[t*n+lo:t*n+hi], st.branch[t*n+lo:t*n+hi])
	}
	w.Barrier()
}

// logits applies the last norm and the output layer to the wanted tokens.
func (d *Decoder) logits(w *Worker, st *State) {
	in, t0, t1 := st.inputs(w)
	x := st.x
	if st.Want == WantLast && st.N > 1 {
		in, t0, t1 = st.private[w.Index], 0, 1
		x = x[(st.N-1)*d.config.Width:]
	}
	d.normalize(w, in.norm, x, d.norm, t0, t1, d.output)
	if in == st.shared {
		w.Barrier()
	}
	in.norm.Enter(w, d.output)
	lo, hi := w.Share(d.config.Vocab, grain)
	d.output.Apply(w, st.Logits, d.config.Vocab, lo, hi, in.norm)
}
