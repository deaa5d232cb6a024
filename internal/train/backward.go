package train

import "github.com/wattlaw/wattlaw/internal/linalg"

// backward adds the gradients of all parameters, given m.buffers.dnorm, the loss's gradient
// behind the last norm.
func (m *Model) backward(p *pass) {
	c, n, b := &m.Config, len(p.tokens), &m.buffers
	m.makeRoomBack(n, c.FFN)
	clear(b.dx)
	m.rmsNormBack(b.dx, b.dnorm, b.out, m.norm, c.Eps)
	for i := len(m.blocks) - 1; i >= 0; i-- {
		m.feedForwardBack(n, &m.blocks[i], &b.layers[i])
		m.attentionBack(p, &m.blocks[i], &b.layers[i])
	}
	m.embedBack(p)
}

// makeRoomBack is makeRoom for gradients.
func (m *Model) makeRoomBack(n, ffn int) {
	b := &m.buffers
	b.dx, b.dnorm = resize(b.dx, n*m.Config.Width), resize(b.dnorm, n*m.Config.Width)
	b.dmixed, b.dqkv = resize(b.dmixed, n*m.attention.mixed()), resize(b.dqkv, n*m.attention.width())
	b.dgate, b.dup = resize(b.dgate, n*ffn), resize(b.dup, n*ffn)
}

// embedBack adds the gradients of the embeddings, given dx: of tokens to their rows, of images to
// their encoder's.
func (m *Model) embedBack(p *pass) {
	width, dx := m.Config.Width, m.buffers.dx
	// Columns are shared out rather than tokens: a token may come twice.
	m.spread(width, rowGrain, func(i, j int) {
		for t, id := range p.tokens {
			if id == fromImage {
				continue
			}
			row := m.embedding.Grad[int(id)*width : (int(id)+1)*width]
			for k := i; k < j; k++ {
				row[k] += dx[t*width+k]
			}
		}
	})
	if len(p.views) == 0 {
		return
	}
	m.encoder.dembeddings = resize(m.encoder.dembeddings, len(m.encoder.embeddings))
	at := 0
	for t, id := range p.tokens {
		if id == fromImage {
			at += copy(m.encoder.dembeddings[at:], dx[t*width:(t+1)*width])
		}
	}
	m.encoder.backward()
}

func (m *Model) feedForwardBack(n int, w *block, l *saved) {
	c, b, ffn := &m.Config, &m.buffers, w.up.outputs()
	m.activate(l)
	dx := linalg.Dense(n, c.Width, b.dx)
	m.linearBack(b.dgate, 0, dx, b.hidden, w.down)
	m.spread(n*ffn, grain, func(i, j int) { m.kernels.SwiGLUBack(b.dgate[i:j], b.dup[i:j], l.gate[i:j], l.up[i:j]) })
	dgate, dup := linalg.Dense(n, ffn, b.dgate), linalg.Dense(n, ffn, b.dup)
	m.linearBack(b.dnorm, 0, dgate, l.ffnNorm, w.gate)
	m.linearBack(b.dnorm, 1, dup, l.ffnNorm, w.up)
	m.rmsNormBack(b.dx, b.dnorm, l.mid, w.ffnNorm, c.Eps)
}

func (m *Model) attentionBack(p *pass, w *block, l *saved) {
	n, b := len(p.tokens), &m.buffers
	dx := linalg.Dense(n, m.Config.Width, b.dx)
	m.linearBack(b.dmixed, 0, dx, l.mixed, w.mix)
	m.attendBack(m.attention, p.spans, b.dqkv, b.dmixed, l.qkv)
	m.rotate(m.attention, b.dqkv, b.turns.cos, b.turns.back, m.traits.Pairing)
	m.projectBack(b.dnorm, b.dqkv, n, m.attention.width(), l.norm, w.qkv[:])
	m.rmsNormBack(b.dx, b.dnorm, l.in, w.attnNorm, m.Config.Eps)
}
