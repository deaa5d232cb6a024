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
	e.look(e.layOut(views))
	c, n := &e.config, len(e.pixels)/e.patch.Shape[0]
	if e.layers == nil {
		e.layers = make([]visionSaved, c.Layers)
	}
	for i := range e.layers {
		e.layers[i].in = resize(e.layers[i].in, n*c.Width)
		e.makeRoom(&e.layers[i], n, c.FFN)
	}
	e.out = resize(e.out, n*c.Width)
	e.apply(linalg.Dense(n, c.Width, e.layers[0].in), e.pixels, e.patch)
	for i := range e.layers {
		out := e.out
		if i+1 < len(e.layers) {
			out = e.layers[i+1].in
		}
		for _, compute := range e.steps(n, &e.blocks[i], &e.layers[i], out) {
			compute()
		}
	}
	for _, compute := range e.mergeSteps(e.out, e.norm, e.merge) {
		compute()
	}
	return e.embeddings
}

// patch is one of an image, by its row and column.
type patch struct {
	view *imaging.View
	at   model.Position
}

// layOut takes images apart into patches, of which it keeps the angles.
func (e *encoder) layOut(views []imaging.View) (patches []patch) {
	c := &e.config
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
	return patches
}

// look keeps the pixels of patches.
func (e *encoder) look(patches []patch) {
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

// makeRoom is for n patches in a layer with so many features in its feed-forward network; l.in is the caller's.
func (e *encoder) makeRoom(l *visionSaved, n, ffn int) {
	for _, s := range []*[]float32{&l.norm, &l.mixed, &l.mid, &l.ffnNorm} {
		*s = resize(*s, n*e.config.Width)
	}
	l.qkv, l.up, e.hidden = resize(l.qkv, n*e.attention.width()), resize(l.up, n*ffn), resize(e.hidden, n*ffn)
}

// makeRoomBack is makeRoom for gradients.
func (e *encoder) makeRoomBack(n, ffn int) {
	for _, s := range []*[]float32{&e.dx, &e.dnorm, &e.dmixed} {
		*s = resize(*s, n*e.config.Width)
	}
	e.dhidden, e.dqkv = resize(e.dhidden, n*max(ffn, e.config.Width)), resize(e.dqkv, n*e.attention.width())
}

// steps compute one layer from l.in to out, which may be the same.
func (e *encoder) steps(n int, b *visionBlock, l *visionSaved, out []float32) []step {
	c := &e.config
	return []step{func() []float32 {
		e.layerNorm(l.norm, l.in, b.before, c.Eps)
		return l.norm
	}, func() []float32 {
		e.project(l.qkv, n, e.attention.width(), l.norm, b.qkv[:])
		e.rotate(e.attention, l.qkv, e.turns.cos, e.turns.sin, kernel.HalfSplit)
		e.attend(e.attention, e.spans, l.mixed, l.qkv)
		return l.mixed
	}, func() []float32 {
		e.linear(linalg.Dense(n, c.Width, l.mid), l.mixed, b.mix)
		e.add(l.mid, l.in)
		e.layerNorm(l.ffnNorm, l.mid, b.between, c.Eps)
		return l.ffnNorm
	}, func() []float32 {
		e.linear(linalg.Dense(n, b.up.outputs(), l.up), l.ffnNorm, b.up)
		e.activate(c.Activation, e.hidden, l.up)
		return e.hidden
	}, func() []float32 {
		e.linear(linalg.Dense(n, c.Width, out), e.hidden, b.down)
		e.add(out, l.mid)
		return nil
	}}
}

// mergeSteps compute the embeddings of patches whose features are x: the patches of one lie side by side.
func (e *encoder) mergeSteps(x []float32, norm layerNorm, merge [2]linear) []step {
	c := &e.config
	for _, s := range []*[]float32{&e.outNorm, &e.merged, &e.mergedHidden} {
		*s = resize(*s, len(x))
	}
	groups := len(x) / c.Width / c.Grouped()
	e.embeddings = resize(e.embeddings, groups*c.Output)
	return []step{func() []float32 {
		e.layerNorm(e.outNorm, x, norm, c.Eps)
		return e.outNorm
	}, func() []float32 {
		e.linear(linalg.Dense(groups, merge[0].outputs(), e.merged), e.outNorm, merge[0])
		e.activate(model.GELU, e.mergedHidden, e.merged)
		return e.mergedHidden
	}, func() []float32 {
		e.linear(linalg.Dense(groups, c.Output, e.embeddings), e.mergedHidden, merge[1])
		return nil
	}}
}

// backward adds the gradients of the encoder's parameters, given those of its embeddings.
func (e *encoder) backward() {
	c, n := &e.config, len(e.out)/e.config.Width
	e.makeRoomBack(n, c.FFN)
	e.mergeBack(e.out, e.norm, e.merge)
	for i := len(e.blocks) - 1; i >= 0; i-- {
		e.encodeBack(n, &e.blocks[i], &e.layers[i])
	}
	e.weigh(e.patch, linalg.Dense(n, c.Width, e.dx), e.pixels)
}

// mergeBack turns the gradients of the embeddings into dx, that of x.
func (e *encoder) mergeBack(x []float32, norm layerNorm, merge [2]linear) {
	hidden, groups := merge[0].outputs(), len(e.embeddings)/e.config.Output
	dhidden := e.dhidden[:groups*hidden]
	e.linearBack(dhidden, 0, linalg.Dense(groups, e.config.Output, e.dembeddings), e.mergedHidden, merge[1])
	e.activateBack(model.GELU, dhidden, e.mergedHidden, e.merged)
	e.linearBack(e.dnorm, 0, linalg.Dense(groups, hidden, dhidden), e.outNorm, merge[0])
	clear(e.dx)
	e.layerNormBack(e.dx, e.dnorm, x, norm, e.config.Eps)
}

// encodeBack turns dx, the gradient behind a layer, into that before it.
func (e *encoder) encodeBack(n int, b *visionBlock, l *visionSaved) {
	c, ffn := &e.config, b.up.outputs()
	dx, dhidden := linalg.Dense(n, c.Width, e.dx), e.dhidden[:n*ffn]
	e.activate(c.Activation, e.hidden, l.up) // again: it takes more memory than time
	e.linearBack(dhidden, 0, dx, e.hidden, b.down)
	e.activateBack(c.Activation, dhidden, e.hidden, l.up)
	e.linearBack(e.dnorm, 0, linalg.Dense(n, ffn, dhidden), l.ffnNorm, b.up)
	e.layerNormBack(e.dx, e.dnorm, l.mid, b.between, c.Eps)

	e.linearBack(e.dmixed, 0, dx, l.mixed, b.mix)
	e.attendBack(e.attention, e.spans, e.dqkv, e.dmixed, l.qkv)
	e.rotate(e.attention, e.dqkv, e.turns.cos, e.turns.back, kernel.HalfSplit)
	e.projectBack(e.dnorm, e.dqkv, n, e.attention.width(), l.norm, b.qkv[:])
	e.layerNormBack(e.dx, e.dnorm, l.in, b.before, c.Eps)
}
