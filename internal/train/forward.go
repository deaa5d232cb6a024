package train

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// saved is what the backward pass needs of one layer: one row per token.
type saved struct {
	in, norm []float32 // residual stream, and as queries, keys and values see it
	qkv      []float32 // queries, keys and values side by side, rotated
	mixed    []float32 // attention's weighted values
	mid      []float32 // residual stream behind attention
	ffnNorm  []float32
	gate, up []float32
}

// buffers are kept between passes.
type buffers struct {
	layers                           []saved
	out, outNorm                     []float32 // residual stream behind the last layer
	dx, dnorm, dqkv, dmixed          []float32
	hidden, dgate, dup               []float32
	scale                            []float32 // 1/rms of each row
	gathered, dgathered, logits, dot []float32
	losses                           []float64
}

// span is one sequence's rows [first, first+n) of a pass.
type span struct{ first, n int }

// pass is one forward computation of whole sequences, one row per token that is read.
type pass struct {
	tokens []int32
	spans  []span
}

// angles holds cosines and sines of positions, sines negated for the way back.
type angles struct{ cos, sin, back []float32 }

// prepare extends the angles to n positions.
func (m *Model) prepare(n int) {
	half, a := len(m.freqs), &m.angles
	if half == 0 {
		return
	}
	for at := len(a.cos) / half; at < n; at++ {
		for _, f := range m.freqs {
			sin, cos := math.Sincos(float64(at) * f)
			a.cos, a.sin, a.back = append(a.cos, float32(cos)), append(a.sin, float32(sin)), append(a.back, -float32(sin))
		}
	}
}

// resize returns a slice of length n with unspecified contents, in s's memory if it suffices.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// grain and rowGrain are the elements and the rows of one task of elementwise work.
const (
	grain    = 16 << 10
	rowGrain = 16
)

// spread calls f for spans of [0, n) of at most step, on all threads.
func (m *Model) spread(n, step int, f func(i, j int)) {
	linalg.Parallel(m.threads, (n+step-1)/step, func(_, i int) { f(i*step, min((i+1)*step, n)) })
}

func (m *Model) qkvWidth() int { return (m.Config.Heads + 2*m.Config.KVHeads) * m.Config.HeadDim }

// part views columns [first, first+cols) of rows of stride floats.
func part(x []float32, rows, stride, first, cols int) linalg.Matrix {
	return linalg.Matrix{Rows: rows, Cols: cols, Stride: stride, Data: x[first:]}
}

// apply computes y = x·Wᵀ.
func (m *Model) apply(y linalg.Matrix, x []float32, w *Param) {
	m.gemm.Gemm(linalg.Plain, linalg.Transposed, 1, linalg.Dense(y.Rows, w.Shape[0], x), w.matrix(w.Value), 0, y)
}

// forward computes the residual stream behind the last norm, and keeps what backward needs.
func (m *Model) forward(p *pass) {
	c, n, b := &m.Config, len(p.tokens), &m.buffers
	width := c.Width
	if b.layers == nil {
		b.layers = make([]saved, c.Layers)
	}
	for _, s := range p.spans {
		m.prepare(s.n)
	}
	for i := range b.layers {
		l := &b.layers[i]
		l.in, l.norm, l.mid, l.ffnNorm = resize(l.in, n*width), resize(l.norm, n*width), resize(l.mid, n*width), resize(l.ffnNorm, n*width)
		l.qkv, l.mixed = resize(l.qkv, n*m.qkvWidth()), resize(l.mixed, n*c.Heads*c.HeadDim)
		l.gate, l.up = resize(l.gate, n*c.FFN), resize(l.up, n*c.FFN)
	}
	b.out, b.outNorm, b.hidden = resize(b.out, n*width), resize(b.outNorm, n*width), resize(b.hidden, n*c.FFN)
	streams := make([][]float32, 0, c.Layers+1)
	for i := range b.layers {
		streams = append(streams, b.layers[i].in)
	}
	streams = append(streams, b.out)
	for t, id := range p.tokens {
		copy(streams[0][t*width:(t+1)*width], m.embedding.Value[int(id)*width:])
	}
	for i := range b.layers {
		m.layer(p, &m.blocks[i], &b.layers[i], streams[i+1])
	}
	m.normalize(b.outNorm, b.out, m.norm)
}

// layer computes one layer from l.in to out.
func (m *Model) layer(p *pass, b *block, l *saved, out []float32) {
	c, n := &m.Config, len(p.tokens)
	m.normalize(l.norm, l.in, b.attnNorm)
	m.project(p, b, l)
	m.attend(p, l)
	m.apply(linalg.Dense(n, c.Width, l.mid), l.mixed, b.mix)
	m.add(l.mid, l.in)
	m.normalize(l.ffnNorm, l.mid, b.ffnNorm)
	m.apply(linalg.Dense(n, c.FFN, l.gate), l.ffnNorm, b.gate)
	m.apply(linalg.Dense(n, c.FFN, l.up), l.ffnNorm, b.up)
	m.activate(l)
	m.apply(linalg.Dense(n, c.Width, out), m.buffers.hidden, b.down)
	m.add(out, l.mid)
}

// activate fills the hidden features of the feed-forward network.
func (m *Model) activate(l *saved) {
	hidden := m.buffers.hidden
	m.spread(len(hidden), grain, func(i, j int) { m.kernels.SwiGLU(hidden[i:j], l.gate[i:j], l.up[i:j]) })
}

func (m *Model) add(dst, x []float32) {
	m.spread(len(dst), grain, func(i, j int) { m.kernels.Add(dst[i:j], x[i:j]) })
}

// normalize applies a root-mean-square norm to every row.
func (m *Model) normalize(dst, x []float32, w *Param) {
	n := m.Config.Width
	m.spread(len(x)/n, rowGrain, func(i, j int) {
		for t := i; t < j; t++ {
			m.kernels.RMSNorm(dst[t*n:(t+1)*n], x[t*n:(t+1)*n], w.Value, float32(m.Config.Eps))
		}
	})
}

// linears lists the three projections with the column at which each begins.
func (m *Model) linears(b *block) [3]struct {
	weight, bias *Param
	first        int
} {
	queries, keys := m.Config.Heads*m.Config.HeadDim, m.Config.KVHeads*m.Config.HeadDim
	return [3]struct {
		weight, bias *Param
		first        int
	}{{b.query, b.queryBias, 0}, {b.key, b.keyBias, queries}, {b.value, b.valueBias, queries + keys}}
}

// project computes queries, keys and values, and turns the first two by their positions.
func (m *Model) project(p *pass, b *block, l *saved) {
	n, width := len(p.tokens), m.qkvWidth()
	for _, piece := range m.linears(b) {
		m.apply(part(l.qkv, n, width, piece.first, piece.weight.Shape[1]), l.norm, piece.weight)
		if piece.bias == nil {
			continue
		}
		for t := range n {
			at := t*width + piece.first
			m.kernels.Add(l.qkv[at:at+len(piece.bias.Value)], piece.bias.Value)
		}
	}
	m.rotate(p, l.qkv, m.angles.sin)
}

// rotate turns the queries and keys of every row by the angles of its position, whose sines are given.
func (m *Model) rotate(p *pass, qkv, sin []float32) {
	c, half, width := &m.Config, len(m.freqs), m.qkvWidth()
	turned := (c.Heads + c.KVHeads) * c.HeadDim
	for _, s := range p.spans {
		m.spread(s.n, rowGrain, func(i, j int) {
			for t := i; t < j; t++ {
				at := (s.first + t) * width
				m.kernels.Rope(qkv[at:at+turned], c.HeadDim, m.angles.cos[t*half:(t+1)*half], sin[t*half:(t+1)*half], m.traits.Pairing)
			}
		})
	}
}
