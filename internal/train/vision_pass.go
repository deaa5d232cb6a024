package train

import (
	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
)

// visionSaved is what the backward pass needs of one layer: one row per patch.
type visionSaved struct {
	in, norm []float32 // residual stream, and as queries, keys and values see it
	qkv      []float32 // queries, keys and values side by side, rotated
	mixed    []float32 // attention's weighted values
	mid      []float32 // residual stream behind attention
	ffnNorm  []float32
	up       []float32 // of the feed-forward network, before the activation
}

// visionBuffers are kept between passes. All images of a pass stand in them one behind the other,
// the patches of one embedding together.
type visionBuffers struct {
	spans                   []span // patches of each image
	turns                   turns
	pixels                  []float32
	layers                  []visionSaved
	out, outNorm            []float32 // residual stream behind the last layer
	hidden                  []float32
	merged, mergedHidden    []float32 // between the two layers of the merger
	embeddings, dembeddings []float32

	dx, dnorm, dqkv, dmixed, dhidden []float32
}

// forward returns the embeddings of images one behind the other, and keeps what backward needs.
func (e *encoder) forward(views []imaging.View) []float32 {
	e.layOut(views)
	c, n := &e.config, len(e.pixels)/e.patch.Shape[0]
	e.size(n)
	x := e.layers[0].in
	e.apply(linalg.Dense(n, c.Width, x), e.pixels, e.patch)
	for i := range e.layers {
		out := e.out
		if i+1 < len(e.layers) {
			out = e.layers[i+1].in
		}
		e.encode(n, &e.blocks[i], &e.layers[i], out)
	}
	e.layerNorm(e.outNorm, e.out, e.norm, c.Eps)
	merged := n / c.Grouped() // rows: the patches of an embedding lie side by side
	e.linear(linalg.Dense(merged, e.merge[0].outputs(), e.merged), e.outNorm, e.merge[0])
	e.activate(model.GELU, e.mergedHidden, e.merged)
	e.linear(linalg.Dense(merged, c.Output, e.embeddings), e.mergedHidden, e.merge[1])
	return e.embeddings
}

// layOut takes images apart into patches, of which it keeps pixels and angles.
func (e *encoder) layOut(views []imaging.View) {
	c := &e.config
	type patch struct {
		view *imaging.View
		at   model.Position // row and column
	}
	var patches []patch
	var positions []model.Position
	e.spans = e.spans[:0]
	for i := range views {
		rows, columns := e.grid(views[i])
		e.spans = append(e.spans, span{len(patches), rows * columns * c.Grouped()})
		for group := range rows * columns {
			for k := range c.Grouped() {
				at := model.Position{int32(group/columns*c.Merge + k/c.Merge), int32(group%columns*c.Merge + k%c.Merge)}
				patches, positions = append(patches, patch{&views[i], at}), append(positions, at)
			}
		}
	}
	e.angles.fill(&e.turns, positions)
	row := e.patch.Shape[0]
	e.pixels = resize(e.pixels, len(patches)*row)
	e.spread(len(patches), rowGrain, func(i, j int) {
		for p := i; p < j; p++ {
			e.gather(e.pixels[p*row:(p+1)*row], patches[p].view, patches[p].at)
		}
	})
}

// gather copies a patch's pixels, channel by channel and row by row.
func (e *encoder) gather(dst []float32, v *imaging.View, at model.Position) {
	side, width, height := e.config.Patch, v.Size.Width, v.Size.Height
	for line := range channels * side {
		channel, y := line/side, line%side
		from := (channel*height+int(at[0])*side+y)*width + int(at[1])*side
		copy(dst[line*side:(line+1)*side], v.Data[from:from+side])
	}
}

// size makes room for n patches.
func (e *encoder) size(n int) {
	c := &e.config
	if e.layers == nil {
		e.layers = make([]visionSaved, c.Layers)
	}
	for i := range e.layers {
		l := &e.layers[i]
		for _, s := range []*[]float32{&l.in, &l.norm, &l.mixed, &l.mid, &l.ffnNorm} {
			*s = resize(*s, n*c.Width)
		}
		l.qkv, l.up = resize(l.qkv, n*e.attention.width()), resize(l.up, n*c.FFN)
	}
	for _, s := range []*[]float32{&e.out, &e.outNorm, &e.merged, &e.mergedHidden, &e.dx, &e.dnorm, &e.dmixed} {
		*s = resize(*s, n*c.Width)
	}
	e.hidden, e.dhidden, e.dqkv = resize(e.hidden, n*c.FFN), resize(e.dhidden, n*max(c.FFN, c.Width)), resize(e.dqkv, n*e.attention.width())
	groups := n / c.Grouped() * c.Output
	e.embeddings, e.dembeddings = resize(e.embeddings, groups), resize(e.dembeddings, groups)
}

// encode computes one layer from l.in to out.
func (e *encoder) encode(n int, b *visionBlock, l *visionSaved, out []float32) {
	c := &e.config
	e.layerNorm(l.norm, l.in, b.before, c.Eps)
	e.project(l.qkv, n, e.attention.width(), l.norm, b.qkv[:])
	e.rotate(e.attention, l.qkv, e.turns.cos, e.turns.sin, kernel.HalfSplit)
	e.attend(e.attention, e.spans, l.mixed, l.qkv)
	e.linear(linalg.Dense(n, c.Width, l.mid), l.mixed, b.mix)
	e.add(l.mid, l.in)
	e.layerNorm(l.ffnNorm, l.mid, b.between, c.Eps)
	e.linear(linalg.Dense(n, c.FFN, l.up), l.ffnNorm, b.up)
	e.activate(c.Activation, e.hidden, l.up)
	e.linear(linalg.Dense(n, c.Width, out), e.hidden, b.down)
	e.add(out, l.mid)
}

// backward adds the gradients of the encoder's parameters, given those of its embeddings.
func (e *encoder) backward() {
	c, n := &e.config, len(e.out)/e.config.Width
	merged := n / c.Grouped()
	hidden := e.merge[0].outputs()
	dhidden := e.dhidden[:merged*hidden]
	e.linearBack(dhidden, 0, linalg.Dense(merged, c.Output, e.dembeddings), e.mergedHidden, e.merge[1])
	e.activateBack(model.GELU, dhidden, e.mergedHidden, e.merged)
	e.linearBack(e.dnorm, 0, linalg.Dense(merged, hidden, dhidden), e.outNorm, e.merge[0])
	clear(e.dx)
	e.layerNormBack(e.dx, e.dnorm, e.out, e.norm, c.Eps)
	for i := len(e.blocks) - 1; i >= 0; i-- {
		e.encodeBack(n, &e.blocks[i], &e.layers[i])
	}
	e.weigh(e.patch, linalg.Dense(n, c.Width, e.dx), e.pixels)
}

// encodeBack turns dx, the gradient behind a layer, into that before it.
func (e *encoder) encodeBack(n int, b *visionBlock, l *visionSaved) {
	c := &e.config
	dx, dhidden := linalg.Dense(n, c.Width, e.dx), e.dhidden[:n*c.FFN]
	e.activate(c.Activation, e.hidden, l.up) // again: it takes more memory than time
	e.linearBack(dhidden, 0, dx, e.hidden, b.down)
	e.activateBack(c.Activation, dhidden, e.hidden, l.up)
	e.linearBack(e.dnorm, 0, linalg.Dense(n, c.FFN, dhidden), l.ffnNorm, b.up)
	e.layerNormBack(e.dx, e.dnorm, l.mid, b.between, c.Eps)

	e.linearBack(e.dmixed, 0, dx, l.mixed, b.mix)
	e.attendBack(e.attention, e.spans, e.dqkv, e.dmixed, l.qkv)
	e.rotate(e.attention, e.dqkv, e.turns.cos, e.turns.back, kernel.HalfSplit)
	e.projectBack(e.dnorm, e.dqkv, n, e.attention.width(), l.norm, b.qkv[:])
	e.layerNormBack(e.dx, e.dnorm, l.in, b.before, c.Eps)
}
