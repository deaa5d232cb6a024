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
		b.layers[i].in = resize(b.layers[i].in, n*width)
		m.makeRoom(&b.layers[i], n, c.FFN)
	}
	b.out, b.outNorm = resize(b.out, n*width), resize(b.outNorm, n*width)
	m.angles.fill(&b.turns, p.positions)
	m.embed(p, b.layers[0].in)
	for i := range b.layers {
		out := b.out
		if i+1 < len(b.layers) {
			out = b.layers[i+1].in
		}
		for _, compute := range m.steps(p, &m.blocks[i], &b.layers[i], out) {
			compute()
		}
	}
	m.rmsNorm(b.outNorm, b.out, m.norm, c.Eps)
}

// makeRoom is for n tokens in a layer with so many features in its feed-forward network; l.in is the caller's.
func (m *Model) makeRoom(l *saved, n, ffn int) {
	for _, s := range []*[]float32{&l.norm, &l.mid, &l.ffnNorm} {
		*s = resize(*s, n*m.Config.Width)
	}
	l.qkv, l.mixed = resize(l.qkv, n*m.attention.width()), resize(l.mixed, n*m.attention.mixed())
	l.gate, l.up, m.buffers.hidden = resize(l.gate, n*ffn), resize(l.up, n*ffn), resize(m.buffers.hidden, n*ffn)
}

// embed fills x with the rows of the tokens and the embeddings of the images.
func (m *Model) embed(p *pass, x []float32) {
	var seen []float32
	if len(p.views) > 0 {
		seen = m.encoder.forward(p.views)
	}
	width := m.Config.Width
	p.fill(x, width, seen, func(row []float32, id int32) { copy(row, m.embedding.Value[int(id)*width:]) })
}

// fill fills x with the embeddings of tokens, and of images from seen.
func (p *pass) fill(x []float32, width int, seen []float32, token func(row []float32, id int32)) {
	for t, id := range p.tokens {
		row := x[t*width : (t+1)*width]
		if id == fromImage {
			seen = seen[copy(row, seen):]
		} else {
			token(row, id)
		}
	}
}

// A step is a piece of a layer's computation. Each but the last ends with what linear layers of the next
// multiply, and returns it.
type step func() []float32

// steps compute one layer from l.in to out, which may be the same.
func (m *Model) steps(p *pass, b *block, l *saved, out []float32) []step {
	c, n, turns := &m.Config, len(p.tokens), &m.buffers.turns
	ffn := b.up.outputs()
	return []step{func() []float32 {
		m.rmsNorm(l.norm, l.in, b.attnNorm, c.Eps)
		return l.norm
	}, func() []float32 {
		m.project(l.qkv, n, m.attention.width(), l.norm, b.qkv[:])
		m.rotate(m.attention, l.qkv, turns.cos, turns.sin, m.traits.Pairing)
		m.attend(m.attention, p.spans, l.mixed, l.qkv)
		return l.mixed
	}, func() []float32 {
		m.linear(linalg.Dense(n, c.Width, l.mid), l.mixed, b.mix)
		m.add(l.mid, l.in)
		m.rmsNorm(l.ffnNorm, l.mid, b.ffnNorm, c.Eps)
		return l.ffnNorm
	}, func() []float32 {
		m.linear(linalg.Dense(n, ffn, l.gate), l.ffnNorm, b.gate)
		m.linear(linalg.Dense(n, ffn, l.up), l.ffnNorm, b.up)
		m.activate(l)
		return m.buffers.hidden
	}, func() []float32 {
		m.linear(linalg.Dense(n, c.Width, out), m.buffers.hidden, b.down)
		m.add(out, l.mid)
		return nil
	}}
}

// activate fills the hidden features of the feed-forward network.
func (m *Model) activate(l *saved) {
	hidden := m.buffers.hidden
	m.spread(len(hidden), grain, func(i, j int) { m.kernels.SwiGLU(hidden[i:j], l.gate[i:j], l.up[i:j]) })
}
