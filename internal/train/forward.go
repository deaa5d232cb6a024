package train

import (
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
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
	layers                      []saved
	out, outNorm                []float32 // residual stream behind the last layer
	turns                       turns
	dx, dnorm, dqkv, dmixed     []float32
	hidden, dgate, dup          []float32
	gathered, dgathered, logits []float32
	losses                      []float64
	muon, gram, gram2, next     []float32
}

// span is one sequence's rows [first, first+n) of a pass.
type span struct{ first, n int }

// pass is one forward computation of whole sequences, one row per token that is read.
type pass struct {
	tokens    []int32 // fromImage where the row is an embedding of an image
	positions []model.Position
	spans     []span
	views     []imaging.View // images in the order of their rows
}

const fromImage = -1

// append adds the tokens of a sequence to the pass, and returns the first row. They are checked.
func (p *pass) append(m *Model, tokens []int32, images []Image) (first int) {
	first = len(p.tokens)
	p.spans = append(p.spans, span{first, len(tokens)})
	at, next := 0, 0 // token, and its position
	text := func(end int) {
		for ; at < end; at, next = at+1, next+1 {
			p.tokens, p.positions = append(p.tokens, tokens[at]), append(p.positions, model.At(next))
		}
	}
	for _, im := range images {
		text(im.At)
		rows, columns := m.encoder.grid(im.View)
		places, after := m.Config.ImagePositions(next, rows, columns)
		for range places {
			p.tokens = append(p.tokens, fromImage)
		}
		p.positions, p.views = append(p.positions, places...), append(p.views, im.View)
		at, next = at+len(places), after
	}
	text(len(tokens))
	return first
}

// forward computes the residual stream behind the last norm, and keeps what backward needs.
func (m *Model) forward(p *pass) {
	c, n, b := &m.Config, len(p.tokens), &m.buffers
	width := c.Width
	if b.layers == nil {
		b.layers = make([]saved, c.Layers)
	}
	for i := range b.layers {
		l := &b.layers[i]
		l.in, l.norm, l.mid, l.ffnNorm = resize(l.in, n*width), resize(l.norm, n*width), resize(l.mid, n*width), resize(l.ffnNorm, n*width)
		l.qkv, l.mixed = resize(l.qkv, n*m.attention.width()), resize(l.mixed, n*m.attention.mixed())
		l.gate, l.up = resize(l.gate, n*c.FFN), resize(l.up, n*c.FFN)
	}
	b.out, b.outNorm, b.hidden = resize(b.out, n*width), resize(b.outNorm, n*width), resize(b.hidden, n*c.FFN)
	m.angles.fill(&b.turns, p.positions)
	m.embed(p, b.layers[0].in)
	for i := range b.layers {
		out := b.out
		if i+1 < len(b.layers) {
			out = b.layers[i+1].in
		}
		m.layer(p, &m.blocks[i], &b.layers[i], out)
	}
	m.rmsNorm(b.outNorm, b.out, m.norm, c.Eps)
}

// embed fills x with the rows of the tokens and the embeddings of the images.
func (m *Model) embed(p *pass, x []float32) {
	width := m.Config.Width
	var seen []float32 // what is left of the images
	if len(p.views) > 0 {
		seen = m.encoder.forward(p.views)
	}
	for t, id := range p.tokens {
		row := x[t*width : (t+1)*width]
		if id == fromImage {
			seen = seen[copy(row, seen):]
		} else {
			copy(row, m.embedding.Value[int(id)*width:])
		}
	}
}

// layer computes one layer from l.in to out.
func (m *Model) layer(p *pass, b *block, l *saved, out []float32) {
	c, n, turns := &m.Config, len(p.tokens), &m.buffers.turns
	m.rmsNorm(l.norm, l.in, b.attnNorm, c.Eps)
	m.project(l.qkv, n, m.attention.width(), l.norm, b.qkv[:])
	m.rotate(m.attention, l.qkv, turns.cos, turns.sin, m.traits.Pairing)
	m.attend(m.attention, p.spans, l.mixed, l.qkv)
	m.linear(linalg.Dense(n, c.Width, l.mid), l.mixed, b.mix)
	m.add(l.mid, l.in)
	m.rmsNorm(l.ffnNorm, l.mid, b.ffnNorm, c.Eps)
	m.linear(linalg.Dense(n, c.FFN, l.gate), l.ffnNorm, b.gate)
	m.linear(linalg.Dense(n, c.FFN, l.up), l.ffnNorm, b.up)
	m.activate(l)
	m.linear(linalg.Dense(n, c.Width, out), m.buffers.hidden, b.down)
	m.add(out, l.mid)
}

// activate fills the hidden features of the feed-forward network.
func (m *Model) activate(l *saved) {
	hidden := m.buffers.hidden
	m.spread(len(hidden), grain, func(i, j int) { m.kernels.SwiGLU(hidden[i:j], l.gate[i:j], l.up[i:j]) })
}
