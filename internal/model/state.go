package model

import "github.com/wattlaw/wattlaw/internal/kernel"

// State is the memory in which one sequence is computed: its cache and the activations of
// the current batch. All of it is sized once.
type State struct {
	Cache *Cache
	// Batch is the current one, of N tokens.
	Batch
	N int
	// Logits holds the wanted rows after a forward pass, vocabulary values each.
	Logits []float32

	capacity int
	config   Config
	x        []float32 // residual stream
	qkv      []float32 // queries, keys and values of a token side by side
	up       []float32 // second half of the gated feed-forward network
	branch   []float32 // what a block adds to the residual stream
	cos, sin []float32 // of each token's rotated pairs
	shared   *inputs
	private  []*inputs // per worker, for batches of one token
}

// Batch is what one pass computes.
type Batch struct {
	// Tokens holds ids; nil when Rows stands in their place.
	Tokens []int32
	// Rows holds one vector of the residual stream per token, as an encoder of images makes
	// them.
	Rows []float32
	// Start is the place of the first token in the cache.
	Start int
	// Positions says where each token stands for the rotary embedding; nil means Start,
	// Start+1, … in every direction.
	Positions []Position
	// Want says for which tokens the logits are computed.
	Want Want
}

// Position is where a token stands for the rotary embedding: its time and, inside an image,
// its row and column. Text has the same number in all three (Wang et al., "Qwen2-VL", 2024).
type Position [3]int32

// At is the position of a token of text.
func At(n int) Position { return Position{int32(n), int32(n), int32(n)} }

// ImagePositions returns where the embeddings of an image that begins at a number stand, row by
// row, and where the next token does. With positions in rows and columns all share one time, and
// the next token follows the longer side (Wang et al., "Qwen2-VL", 2024); else they stand in line.
func (c Config) ImagePositions(at, rows, columns int) (places []Position, next int) {
	n := rows * columns
	if c.RopeSections == [3]int{} {
		for i := range n {
			places = append(places, At(at+i))
		}
		return places, at + n
	}
	for i := range n {
		places = append(places, Position{int32(at), int32(at + i/columns), int32(at + i%columns)})
	}
	return places, at + max(columns, rows)
}

// Want selects the tokens of a batch whose logits are computed.
type Want uint8

// Selections of tokens.
const (
	WantNone Want = iota
	WantLast
	WantAll
)

// inputs are the activations that linear layers read.
type inputs struct {
	norm   *Input // normalized residual stream
	mixed  *Input // output of attention, all heads
	hidden *Input // inside the feed-forward network
}

// NewState makes a state for batches of up to batch tokens over a cache of the given
// number of positions, for a team of the given number of workers. The layers are all that
// will read its activations. logitRows is the largest number of logit rows of one pass.
func NewState(c Config, layers []Linear, positions, batch, logitRows, workers int) *State {
	mixed := c.Heads * c.HeadDim
	st := &State{
		Cache: NewCache(c, positions), capacity: batch, config: c,
		Logits: make([]float32, logitRows*c.Vocab),
		x:      make([]float32, batch*c.Width),
		qkv:    make([]float32, batch*(mixed+2*c.KVHeads*c.HeadDim)),
		up:     make([]float32, batch*c.FFN),
		branch: make([]float32, batch*c.Width),
		cos:    make([]float32, batch*c.RopeDims/2),
		sin:    make([]float32, batch*c.RopeDims/2),
	}
	st.shared = &inputs{
		norm:   NewInput(make([]float32, batch*c.Width), c.Width, batch, layers),
		mixed:  NewInput(make([]float32, batch*mixed), mixed, batch, layers),
		hidden: NewInput(make([]float32, batch*c.FFN), c.FFN, batch, layers),
	}
	for range workers {
		st.private = append(st.private, &inputs{
			norm:   st.shared.norm.twin(make([]float32, c.Width), layers),
			mixed:  st.shared.mixed.twin(st.shared.mixed.X, layers),
			hidden: st.shared.hidden.twin(st.shared.hidden.X, layers),
		})
	}
	return st
}

// Capacity returns the largest number of tokens of one pass.
func (st *State) Capacity() int { return st.capacity }

// Begin sets the next batch: its tokens follow the Start positions that the cache holds.
// The caller has checked ids, capacity and room in the cache.
func (st *State) Begin(b Batch) {
	st.Batch = b
	st.N = len(b.Tokens)
	if b.Tokens == nil {
		st.N = len(b.Rows) / st.config.Width
	}
	if st.N > 1 {
		st.shared.norm.Reset(st.N)
		st.shared.mixed.Reset(st.N)
		st.shared.hidden.Reset(st.N)
	}
}

// position returns where token t of the batch stands.
func (st *State) position(t int) Position {
	if st.Positions != nil {
		return st.Positions[t]
	}
	return At(st.Start + t)
}

// inputs returns the activations that the worker fills and the tokens it answers for. A
// batch of one token is prepared by every worker for itself: that costs less than a
// barrier would.
func (st *State) inputs(w *Worker) (in *inputs, t0, t1 int) {
	if st.N == 1 {
		return st.private[w.Index], 0, 1
	}
	t0, t1 = w.Share(st.N, kernel.PrepareStep)
	return st.shared, t0, t1
}

// settle waits until every worker has filled its part of the inputs, and enters the layers.
func (st *State) settle(w *Worker, in *Input, layers ...Linear) {
	if st.N > 1 {
		w.Barrier()
	}
	in.Enter(w, layers...)
}
