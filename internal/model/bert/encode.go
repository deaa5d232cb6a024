package bert

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Steps is the number of steps from tokens to embeddings.
func (e *Encoder) Steps() int { return len(e.blocks) + 2 }

// Step computes step i, 0 ≤ i < Steps, of the batch that Begin has set. It is collective:
// every worker of a team calls it, and all must return before the next step.
//
// Workers own tokens, not rows of the weights: each takes its tokens through a whole layer
// and needs the others only for keys and values. So a step begins with the attention of one
// layer and ends with the keys of the next; the last pools.
func (e *Encoder) Step(w *model.Worker, st *State, i int) {
	if i > len(e.blocks) {
		e.pool(w, st)
		return
	}
	const tile = 16 // tokens of a tile of the kernels
	d, alone := st.desks[w.Index], w.Alone()
	lo, hi := w.Share(len(st.tokens), tile)
	for t0 := lo; t0 < hi; t0 += chunkTokens {
		t1 := min(t0+chunkTokens, hi)
		if i == 0 {
			e.embed(alone, st, t0, t1)
		} else {
			e.attend(alone, st, d, i-1, t0, t1)
			e.feedForward(alone, st, d, &e.blocks[i-1], t0, t1)
		}
		if i < len(e.blocks) {
			e.project3(alone, st, d, i, t0, t1)
		}
	}
}

// embed makes the residual stream of tokens [t0, t1): the normalized sum of the vectors of
// token, type and position.
func (e *Encoder) embed(w *model.Worker, st *State, t0, t1 int) {
	width := e.config.Width
	rowBytes := len(e.tokens.Data) / e.tokens.Rows
	for _, text := range st.texts {
		for t := max(t0, text.first); t < min(t1, text.end); t++ {
			x, id, place := st.x[t*width:(t+1)*width], int(st.tokens[t]), t-text.first
			// The type was checked when the matrix was loaded.
			_ = tensor.Dequantize(x, e.tokens.DType, e.tokens.Data[id*rowBytes:(id+1)*rowBytes])
			if e.kind != nil {
				w.Kernels.Add(x, e.kind)
			}
			w.Kernels.Add(x, e.places[place*width:(place+1)*width])
			e.normalize(w, x, e.norm)
		}
	}
}

// normalize applies a norm to whole tokens in place.
func (e *Encoder) normalize(w *model.Worker, x []float32, by norm) {
	n := e.config.Width
	for i := 0; i < len(x); i += n {
		w.Kernels.LayerNorm(x[i:i+n], x[i:i+n], by.weight, by.bias, float32(e.config.Eps))
	}
}

// project3 computes queries, keys and values of layer i for tokens [t0, t1).
func (e *Encoder) project3(w *model.Worker, st *State, d *desk, i, t0, t1 int) {
	width, b, n := e.config.Width, &e.blocks[i], t1-t0
	copy(d.in.X, st.x[t0*width:t1*width])
	d.in.Ready(w, n, b.qkv[:]...)
	model.ApplyAll(w, st.q[t0*width:t1*width], d.in, n, b.qkv[0], b.qkvBias[0])
	rows := d.branch[:n*width]
	model.ApplyAll(w, rows, d.in, n, b.qkv[1], b.qkvBias[1])
	e.keep(st.keys[i%2], len(st.tokens), rows, t0)
	model.ApplyAll(w, rows, d.in, n, b.qkv[2], b.qkvBias[2])
	e.keep(st.values[i%2], len(st.tokens), rows, t0)
}

// keep stores consecutive tokens from t0 head by head.
func (e *Encoder) keep(dst []float32, tokens int, x []float32, t0 int) {
	width, dim := e.config.Width, e.config.HeadDim
	for i := 0; i < len(x); i += dim {
		t, head := t0+i/width, i%width/dim
		copy(dst[(head*tokens+t)*dim:][:dim], x[i:i+dim])
	}
}

// attend adds the attention of layer i to tokens [t0, t1), each to the whole of its text,
// and normalizes.
func (e *Encoder) attend(w *model.Worker, st *State, d *desk, i, t0, t1 int) {
	width, b, n := e.config.Width, &e.blocks[i], t1-t0
	for _, text := range st.texts {
		e.attendTo(w, st, d, i, max(t0, text.first), min(t1, text.end), text, t0)
	}
	d.mixed.Ready(w, n, b.mix)
	model.ApplyAll(w, d.branch, d.mixed, n, b.mix, b.mixBias)
	x := st.x[t0*width : t1*width]
	w.Kernels.Add(x, d.branch[:len(x)])
	e.normalize(w, x, b.between)
}

// attendTo computes the attention of tokens [q0, q1) to a text and leaves it in the desk,
// whose first token is t0.
func (e *Encoder) attendTo(w *model.Worker, st *State, d *desk, i, q0, q1 int, text span, t0 int) {
	if q0 >= q1 {
		return
	}
	width, dim := e.config.Width, e.config.HeadDim
	for head := range e.config.Heads {
		from, to := (head*len(st.tokens)+text.first)*dim, (head*len(st.tokens)+text.end)*dim
		w.Kernels.Attend(kernel.Attention{
			Q: st.q[q0*width+head*dim:], LDQ: width,
			K32: st.keys[i%2][from:to], V32: st.values[i%2][from:to], LDKV: dim,
			Out: d.mixed.X[(q0-t0)*width+head*dim:], LDO: width,
			HeadDim: dim, Group: 1, Visible: text.end - text.first, Scale: float32(1 / math.Sqrt(float64(dim))),
		}, 0, 0, q1-q0, &w.Scratch)
	}
}

// feedForward adds a layer's feed-forward network to tokens [t0, t1) and normalizes.
func (e *Encoder) feedForward(w *model.Worker, st *State, d *desk, b *block, t0, t1 int) {
	c, n := e.config, t1-t0
	x := st.x[t0*c.Width : t1*c.Width]
	copy(d.in.X, x)
	d.in.Ready(w, n, b.up)
	hidden := d.hidden.X[:n*c.FFN]
	model.ApplyAll(w, hidden, d.in, n, b.up, b.upBias)
	gelu(w, d, hidden)
	d.hidden.Ready(w, n, b.down)
	model.ApplyAll(w, d.branch, d.hidden, n, b.down, b.downBias)
	w.Kernels.Add(x, d.branch[:len(x)])
	e.normalize(w, x, b.after)
}

// tableEnd is where llama.cpp's table of the GELU ends: beyond, the function is the identity.
const tableEnd = 10

// gelu applies the Gaussian error linear unit as llama.cpp does, which looks it up in a table
// over float16: argument and result are rounded. Doing the same makes embeddings equal, where
// else the cosines of two texts would differ by 1e-4, and by more in quantized models.
func gelu(w *model.Worker, d *desk, x []float32) {
	for n := len(d.half); len(x) > 0; x = x[n:] {
		row := x[:n]
		round(w, d, d.row, row)
		w.Kernels.GELU(d.row)
		round(w, d, d.row, d.row)
		for i, v := range row {
			if v < tableEnd {
				row[i] = d.row[i]
			}
		}
	}
}

// round rounds a row to float16.
func round(w *model.Worker, d *desk, dst, src []float32) {
	w.Kernels.ToF16(d.half, src)
	w.Kernels.FromF16(dst, d.half)
}

// pool makes the embeddings of this worker's share of the texts and scales them to length
// one; a vector of zeros stays.
func (e *Encoder) pool(w *model.Worker, st *State) {
	width := e.config.Width
	lo, hi := w.Share(len(st.texts), 1)
	for i := lo; i < hi; i++ {
		text, out := st.texts[i], st.Embeddings[i*width:(i+1)*width]
		if e.config.Pooling == model.PoolCLS {
			text.end = text.first + 1
		}
		copy(out, st.x[text.first*width:])
		for t := text.first + 1; t < text.end; t++ {
			w.Kernels.Add(out, st.x[t*width:(t+1)*width])
		}
		squares := 0.0
		for _, v := range out {
			squares += float64(v) * float64(v)
		}
		for j, v := range out {
			if squares != 0 {
				out[j] = float32(float64(v) / math.Sqrt(squares))
			}
		}
	}
}
