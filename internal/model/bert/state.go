package bert

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/model"
)

// chunkTokens is the number of tokens that a worker takes through the layers at once: many
// share the unpacking of a weight, and few stay in the caches.
const chunkTokens = 512

// State is the memory in which texts are encoded together. It grows to the largest batch.
type State struct {
	// Embeddings of the texts after the last step, in order, Width values each and of length
	// one; not finite where weights are not.
	Embeddings []float32

	tokens []int32 // of all texts, one after the other
	texts  []span
	x      []float32 // residual stream
	q      []float32 // queries, all heads of a token side by side
	// keys and values of two layers, the one being attended to and the next; per head, token
	// by token. They live for one layer, so their memory is small and they stay exact.
	keys, values [2][]float32
	desks        []*desk
}

// span is the tokens [first, end) of one text.
type span struct{ first, end int }

// desk is what one worker computes on: activations of a chunk of tokens.
type desk struct {
	in, mixed, hidden *model.Input
	branch            []float32
	row               []float32 // of the feed-forward network's inside, see gelu
	half              []uint16
}

// NewState makes a state for a team of the given number of workers.
func (e *Encoder) NewState(workers int) *State {
	st, layers, c := &State{}, e.Layers(), e.config
	input := func(width int) *model.Input {
		return model.NewInput(make([]float32, chunkTokens*width), width, chunkTokens, layers)
	}
	for range workers {
		st.desks = append(st.desks, &desk{
			in: input(c.Width), mixed: input(c.Width), hidden: input(c.FFN), branch: make([]float32, chunkTokens*c.Width),
			row: make([]float32, c.FFN), half: make([]uint16, c.FFN),
		})
	}
	return st
}

// Begin sets the next batch: the token ids of one or more texts.
func (e *Encoder) Begin(st *State, texts [][]int32) error {
	c := e.config
	st.tokens, st.texts = st.tokens[:0], st.texts[:0]
	for i, ids := range texts {
		if len(ids) == 0 || len(ids) > c.Context {
			return fmt.Errorf("encode: text %d has %d tokens, want 1 to %d", i, len(ids), c.Context)
		}
		for at, id := range ids {
			if id < 0 || int(id) >= c.Vocab {
				return fmt.Errorf("encode: token %d at position %d of text %d is outside the vocabulary of %d", id, at, i, c.Vocab)
			}
		}
		first := len(st.tokens)
		st.tokens = append(st.tokens, ids...)
		st.texts = append(st.texts, span{first, len(st.tokens)})
	}
	n := len(st.tokens) * c.Width
	st.x, st.q = model.Sized(st.x, n), model.Sized(st.q, n)
	for i := range st.keys {
		st.keys[i], st.values[i] = model.Sized(st.keys[i], n), model.Sized(st.values[i], n)
	}
	st.Embeddings = model.Sized(st.Embeddings, len(texts)*c.Width)
	return nil
}

// Bytes is the memory that a state takes for a batch of so many tokens, the desks of the
// workers aside.
func (e *Encoder) Bytes(tokens int) int64 {
	const perFeature = 6 * 4 // floats: the stream, queries, keys and values of two layers
	return int64(tokens) * int64(e.config.Width) * perFeature
}
