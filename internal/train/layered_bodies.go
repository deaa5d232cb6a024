package train

import "strings"

// body is the computation of a part.
type body interface {
	// clone shares the parameters.
	clone() body
	// sites lists the linear layers by the input that they read, in the order of computation.
	sites() [][]*linear
	// rest lists the parameters that belong to no layer of a site.
	rest() []**Param
	// steps compute rows of whole sequences from in to out, which may be the same. All but the last
	// end with the input of a site. What the last one makes stands in out; but the merger's
	// embeddings stand in the encoder, and behind the head's norm stands nothing.
	steps(m *Model, p *pass, in, out []float32) []step
	// back adds the gradients of the parameters that have room for them, given those of what the
	// steps just made of in, where it is no head's.
	back(m *Model, p *pass, in, dout []float32)
}

// name returns the layer's name; that of a factorized one is its part's business.
func (l linear) name() string { return strings.TrimSuffix(l.weight.Name, ".weight") }

func (b *block) clone() body { c := *b; return &c }

func (b *block) sites() [][]*linear {
	return [][]*linear{{&b.qkv[0], &b.qkv[1], &b.qkv[2]}, {&b.mix}, {&b.gate, &b.up}, {&b.down}}
}

func (b *block) rest() []**Param { return []**Param{&b.attnNorm, &b.ffnNorm} }

func (b *block) steps(m *Model, p *pass, in, out []float32) []step {
	l := &m.buffers.layers[0]
	l.in = in
	m.angles.fill(&m.buffers.turns, p.positions)
	m.makeRoom(l, len(p.tokens), b.up.outputs())
	return m.steps(p, b, l, out)
}

func (b *block) back(m *Model, p *pass, _, dout []float32) {
	m.makeRoomBack(len(p.tokens), b.up.outputs())
	copy(m.buffers.dx, dout)
	m.feedForwardBack(len(p.tokens), b, &m.buffers.layers[0])
	m.attentionBack(p, b, &m.buffers.layers[0])
}

func (b *visionBlock) clone() body { c := *b; return &c }

func (b *visionBlock) sites() [][]*linear {
	return [][]*linear{{&b.qkv[0], &b.qkv[1], &b.qkv[2]}, {&b.mix}, {&b.up}, {&b.down}}
}

func (b *visionBlock) rest() []**Param {
	return []**Param{&b.before.weight, &b.before.bias, &b.between.weight, &b.between.bias}
}

func (b *visionBlock) steps(m *Model, p *pass, in, out []float32) []step {
	e, l, n := m.encoder, &m.encoder.layers[0], len(in)/m.encoder.config.Width
	l.in = in
	e.layOut(p.views)
	e.makeRoom(l, n, b.up.outputs())
	return e.steps(n, b, l, out)
}

func (b *visionBlock) back(m *Model, _ *pass, in, dout []float32) {
	e, n := m.encoder, len(in)/m.encoder.config.Width
	e.makeRoomBack(n, b.up.outputs())
	copy(e.dx, dout)
	e.encodeBack(n, b, &e.layers[0])
}

// merger turns patches into embeddings.
type merger struct {
	norm   layerNorm
	layers [2]linear
}

func (b *merger) clone() body        { c := *b; return &c }
func (b *merger) sites() [][]*linear { return [][]*linear{{&b.layers[0]}, {&b.layers[1]}} }
func (b *merger) rest() []**Param    { return []**Param{&b.norm.weight, &b.norm.bias} }

func (b *merger) steps(m *Model, _ *pass, in, _ []float32) []step {
	return m.encoder.mergeSteps(in, b.norm, b.layers)
}

func (b *merger) back(m *Model, _ *pass, in, dout []float32) {
	m.encoder.makeRoomBack(len(in)/m.encoder.config.Width, 0)
	m.encoder.dembeddings = dout
	m.encoder.mergeBack(in, b.norm, b.layers)
}

// readout is a decoder's last norm and its output layer, which is no site when it is the embedding.
type readout struct {
	norm   *Param
	output linear
	tied   bool
}

func (b *readout) clone() body { c := *b; return &c }

func (b *readout) sites() [][]*linear {
	if b.tied {
		return nil
	}
	return [][]*linear{{&b.output}}
}

func (b *readout) rest() []**Param {
	if b.tied {
		return []**Param{&b.norm, &b.output.weight}
	}
	return []**Param{&b.norm}
}

func (b *readout) steps(m *Model, _ *pass, in, _ []float32) []step {
	return []step{func() []float32 {
		m.buffers.outNorm = resize(m.buffers.outNorm, len(in))
		m.rmsNorm(m.buffers.outNorm, in, b.norm, m.Config.Eps)
		return m.buffers.outNorm
	}}
}

func (b *readout) back(*Model, *pass, []float32, []float32) {}
