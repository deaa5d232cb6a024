package model

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel"
)

// attention adds the self-attention of layer i to the residual stream.
func (d *Decoder) attention(w *Worker, st *State, i int) {
	b := &d.blocks[i]
	in, t0, t1 := st.inputs(w)
	d.normalize(w, in.norm, st.x, b.attnNorm, t0, t1, b.query, b.key, b.value)
	st.settle(w, in.norm, b.query, b.key, b.value)
	d.project(w, st, b, in.norm)
	w.Barrier()
	d.rotateAndStore(w, st, b, i)
	w.Barrier()
	d.attend(w, st, i)
	w.Barrier()
	in.mixed.Prepare(w, t0, t1, b.mix)
	st.settle(w, in.mixed, b.mix)
	d.addBranch(w, st, b.mix, in.mixed)
}

// project computes queries, keys and values side by side, as if they were one matrix, so
// that the workers' shares are even.
func (d *Decoder) project(w *Worker, st *State, b *block, in *Input) {
	width := d.qkvWidth()
	lo, hi := w.Share(width, grain)
	first := 0
	for _, layer := range []Linear{b.query, b.key, b.value} {
		rows := layer.Rows()
		r0, r1 := max(lo-first, 0), min(hi-first, rows)
		layer.Apply(w, st.qkv[first:], width, r0, max(r0, r1), in)
		first += rows
	}
}

func (d *Decoder) qkvWidth() int {
	return (d.config.Heads + 2*d.config.KVHeads) * d.config.HeadDim
}

// rotateAndStore adds the biases, turns queries and keys by their positions, and appends
// keys and values to the cache. The unit of work is one head of one token.
func (d *Decoder) rotateAndStore(w *Worker, st *State, b *block, layer int) {
	c, dim, half := &d.config, d.config.HeadDim, len(d.freqs)
	heads := c.Heads + 2*c.KVHeads
	lo, hi := w.Share(st.N*heads, 1)
	for u := lo; u < hi; u++ {
		t, h := u/heads, u%heads
		x := st.qkv[u*dim : (u+1)*dim]
		if b.bias != nil {
			w.Kernels.Add(x, b.bias[h*dim:(h+1)*dim])
		}
		if h < c.Heads+c.KVHeads {
			w.Kernels.Rope(x, dim, st.cos[t*half:(t+1)*half], st.sin[t*half:(t+1)*half], d.pairing)
		}
		if kv := h - c.Heads; kv >= 0 {
			keys, values := st.Cache.head(layer, kv%c.KVHeads)
			rows := keys
			if kv >= c.KVHeads {
				rows = values
			}
			w.Kernels.ToF16(rows[(st.Start+t)*dim:(st.Start+t+1)*dim], x)
		}
	}
}

// attendBlock is the number of query tokens of one unit of attention in a long batch. It
// is fixed, so that results do not depend on the number of workers.
const attendBlock = 64

// attend computes softmax(q·kᵀ/√dim)·v per head over all earlier positions. A single
// token is shared by query heads; a longer batch by key–value heads and blocks of tokens,
// weighted by the positions that each block looks at.
func (d *Decoder) attend(w *Worker, st *State, layer int) {
	c, m := &d.config, st.N
	if m == 1 {
		lo, hi := w.Share(c.Heads, 1)
		for kv := range c.KVHeads {
			h0, h1 := max(lo, kv*c.Group()), min(hi, (kv+1)*c.Group())
			if h0 < h1 {
				d.attendHeads(w, st, layer, kv, h0, h1, 0, 1)
			}
		}
		return
	}
	cost := func(q0, q1 int) int { return (q1 - q0) * (2*st.Start + q0 + q1 + 1) } // ∝ Σ positions seen
	total, done := c.KVHeads*cost(0, m), 0
	for kv := range c.KVHeads {
		for q0 := 0; q0 < m; q0 += attendBlock {
			q1 := min(q0+attendBlock, m)
			middle := done + cost(q0, q1)/2
			done += cost(q0, q1)
			if middle*w.Count/total == w.Index {
				d.attendHeads(w, st, layer, kv, kv*c.Group(), (kv+1)*c.Group(), q0, q1)
			}
		}
	}
}

// attendHeads computes query heads [h0, h1), which share the key–value head kv, for the
// tokens [q0, q1) of the batch.
func (d *Decoder) attendHeads(w *Worker, st *State, layer, kv, h0, h1, q0, q1 int) {
	c := &d.config
	keys, values := st.Cache.head(layer, kv)
	w.Kernels.Attend(kernel.Attention{
		Q: st.qkv[h0*c.HeadDim:], LDQ: d.qkvWidth(),
		K: keys, V: values, LDKV: c.HeadDim,
		Out: st.shared.mixed.X[h0*c.HeadDim:], LDO: c.Heads * c.HeadDim,
		HeadDim: c.HeadDim, Group: h1 - h0, Start: st.Start,
		Scale: float32(1 / math.Sqrt(float64(c.HeadDim))),
	}, 0, q0, q1, &w.Scratch)
}
