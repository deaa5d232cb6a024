package vision

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
)

// Steps is the number of steps from a view to its embeddings.
func (e *Encoder) Steps() int { return len(e.blocks) + 1 }

// Step computes step i, 0 ≤ i < Steps, of the image that Begin has set. It is collective:
// every worker of a team calls it, and all must return before the next step.
//
// Workers own patches, not rows of the weights: each takes its patches through a whole
// layer and needs the others only for the keys and values that all patches attend to. So a
// step begins with the attention of one layer and ends with the keys of the next.
func (e *Encoder) Step(w *model.Worker, st *State, i int) {
	d, alone := st.desks[w.Index], w.Alone()
	lo, hi := w.Share(st.n, e.grain())
	for p0 := lo; p0 < hi; p0 += e.chunk() {
		p1 := min(p0+e.chunk(), hi)
		if i == 0 {
			e.embed(alone, st, d, p0, p1)
		} else {
			e.attend(alone, st, d, i-1, p0, p1)
			e.feedForward(alone, st, d, &e.blocks[i-1], p0, p1)
		}
		if i < len(e.blocks) {
			e.project3(alone, st, d, i, p0, p1)
		} else {
			e.merge(alone, st, d, p0, p1)
		}
	}
}

// grain is the unit of patches that workers share an image by: whole embeddings, and
// enough patches for a tile of the kernels.
func (e *Encoder) grain() int {
	const tile = 16
	g := e.config.Grouped()
	return (tile + g - 1) / g * g
}

// chunk is chunkPatches in whole grains.
func (e *Encoder) chunk() int { return max(chunkPatches/e.grain(), 1) * e.grain() }

// embed makes the residual stream of patches [p0, p1) from their pixels, and the angles of
// their places.
func (e *Encoder) embed(w *model.Worker, st *State, d *desk, p0, p1 int) {
	c, n := e.config, p1-p0
	for p := p0; p < p1; p++ {
		e.gather(d.pixels.X[(p-p0)*d.pixels.Width:], st, st.grid.places[p])
	}
	x := st.x[p0*c.Width : p1*c.Width]
	d.pixels.Ready(w, n, e.patch...)
	model.ApplyAll(w, x, d.pixels, n, e.patch[0], e.patchBias)
	for _, frame := range e.patch[1:] {
		model.ApplyAll(w, d.branch, d.pixels, n, frame, nil)
		w.Kernels.Add(x, d.branch[:len(x)])
	}
	if e.places != nil {
		for p := p0; p < p1; p++ {
			at := st.grid.places[p]
			i := at.row*(c.ImageSize/c.Patch) + at.column
			w.Kernels.Add(st.x[p*c.Width:(p+1)*c.Width], e.places[i*c.Width:(i+1)*c.Width])
		}
	}
	for p := p0; p < p1 && c.Dynamic(); p++ {
		e.turn(st, p)
	}
}

// gather copies a patch's pixels, channel by channel and row by row.
func (e *Encoder) gather(dst []float32, st *State, at place) {
	side, width, height := e.config.Patch, st.view.Size.Width, st.view.Size.Height
	for channel := range channels {
		for y := range side {
			from := (channel*height+at.row*side+y)*width + at.column*side
			copy(dst[(channel*side+y)*side:][:side], st.view.Data[from:from+side])
		}
	}
}

// turn fills in the angles of patch p: the first half of the rotated pairs turn with its
// row, the others with its column, at the same frequencies.
func (e *Encoder) turn(st *State, p int) {
	pairs, at := 2*len(e.freqs), st.grid.places[p]
	for i, f := range e.freqs {
		for j, position := range [2]int{at.row, at.column} {
			sin, cos := math.Sincos(float64(position) * f)
			k := p*pairs + j*len(e.freqs) + i
			st.sin[k], st.cos[k] = float32(sin), float32(cos)
		}
	}
}

// project3 computes queries, keys and values of layer i for patches [p0, p1).
func (e *Encoder) project3(w *model.Worker, st *State, d *desk, i, p0, p1 int) {
	c, b, n := e.config, &e.blocks[i], p1-p0
	e.normalize(w, d.norm.X, st.x[p0*c.Width:p1*c.Width], b.before)
	d.norm.Ready(w, n, b.qkv[:]...)
	queries := st.q[p0*c.Width : p1*c.Width]
	model.ApplyAll(w, queries, d.norm, n, b.qkv[0], b.qkvBias[0])
	e.rotate(w, st, queries, p0)
	keys := d.branch[:n*c.Width]
	model.ApplyAll(w, keys, d.norm, n, b.qkv[1], b.qkvBias[1])
	e.rotate(w, st, keys, p0)
	e.keep(w, st.keys[i%2], st.n, keys, p0)
	model.ApplyAll(w, keys, d.norm, n, b.qkv[2], b.qkvBias[2])
	e.keep(w, st.values[i%2], st.n, keys, p0)
}

// normalize applies a norm to whole patches.
func (e *Encoder) normalize(w *model.Worker, dst, x []float32, by norm) {
	n := e.config.Width
	for i := 0; i < len(x); i += n {
		by.apply(w.Kernels, dst[i:i+n], x[i:i+n], e.config.Eps)
	}
}

// rotate turns the heads of consecutive patches from p0 by their places.
func (e *Encoder) rotate(w *model.Worker, st *State, x []float32, p0 int) {
	if !e.config.Dynamic() {
		return
	}
	n, pairs := e.config.Width, 2*len(e.freqs)
	for i := 0; i < len(x); i += n {
		a := (p0 + i/n) * pairs
		w.Kernels.Rope(x[i:i+n], e.config.HeadDim(), st.cos[a:a+pairs], st.sin[a:a+pairs], kernel.HalfSplit)
	}
}

// keep stores consecutive patches from p0 head by head as float16.
func (e *Encoder) keep(w *model.Worker, dst []uint16, patches int, x []float32, p0 int) {
	n, dim := e.config.Width, e.config.HeadDim()
	for i := 0; i < len(x); i += dim {
		p, head := p0+i/n, i%n/dim
		w.Kernels.ToF16(dst[(head*patches+p)*dim:][:dim], x[i:i+dim])
	}
}

// attend adds the attention of layer i to patches [p0, p1): to the whole image, or within
// their windows.
func (e *Encoder) attend(w *model.Worker, st *State, d *desk, i, p0, p1 int) {
	c := e.config
	whole := c.WindowPattern == 0 || (i+1)%c.WindowPattern == 0
	first := 0
	for _, end := range append(st.grid.windows[:len(st.grid.windows):len(st.grid.windows)], st.n) {
		if !whole && first < end {
			e.attendTo(w, st, d, i, max(p0, first), min(p1, end), first, end, p0)
		}
		first = end
	}
	if whole {
		e.attendTo(w, st, d, i, p0, p1, 0, st.n, p0)
	}
	b := &e.blocks[i]
	d.mixed.Ready(w, p1-p0, b.mix)
	model.ApplyAll(w, d.branch, d.mixed, p1-p0, b.mix, b.mixBias)
	w.Kernels.Add(st.x[p0*c.Width:p1*c.Width], d.branch[:(p1-p0)*c.Width])
}

// attendTo computes the attention of patches [q0, q1) to patches [k0, k1) and leaves it in
// the desk, whose first patch is p0.
func (e *Encoder) attendTo(w *model.Worker, st *State, d *desk, i, q0, q1, k0, k1, p0 int) {
	if q0 >= q1 {
		return
	}
	c, dim := e.config, e.config.HeadDim()
	for head := range c.Heads {
		from, to := (head*st.n+k0)*dim, (head*st.n+k1)*dim
		w.Kernels.Attend(kernel.Attention{
			Q: st.q[q0*c.Width+head*dim:], LDQ: c.Width,
			K: st.keys[i%2][from:to], V: st.values[i%2][from:to], LDKV: dim,
			Out: d.mixed.X[(q0-p0)*c.Width+head*dim:], LDO: c.Width,
			HeadDim: dim, Group: 1, Visible: k1 - k0, Scale: float32(1 / math.Sqrt(float64(dim))),
		}, 0, 0, q1-q0, &w.Scratch)
	}
}

// feedForward adds a layer's feed-forward network to patches [p0, p1).
func (e *Encoder) feedForward(w *model.Worker, st *State, d *desk, b *block, p0, p1 int) {
	c, n := e.config, p1-p0
	x := st.x[p0*c.Width : p1*c.Width]
	e.normalize(w, d.norm.X, x, b.between)
	hidden := d.hidden.X[:n*c.FFN]
	if b.gate != nil {
		d.norm.Ready(w, n, b.gate, b.up)
		model.ApplyAll(w, hidden, d.norm, n, b.gate, b.gateBias)
		model.ApplyAll(w, d.up, d.norm, n, b.up, b.upBias)
		w.Kernels.SwiGLU(hidden, hidden, d.up[:len(hidden)])
	} else {
		d.norm.Ready(w, n, b.up)
		model.ApplyAll(w, hidden, d.norm, n, b.up, b.upBias)
		e.activate(w, hidden)
	}
	d.hidden.Ready(w, n, b.down)
	model.ApplyAll(w, d.branch, d.hidden, n, b.down, b.downBias)
	w.Kernels.Add(x, d.branch[:len(x)])
}

func (e *Encoder) activate(w *model.Worker, x []float32) {
	if e.config.Activation == model.GELU {
		w.Kernels.GELU(x)
	} else {
		w.Kernels.QuickGELU(x)
	}
}

// merge turns patches [p0, p1), whole embeddings of them, into rows of the result.
func (e *Encoder) merge(w *model.Worker, st *State, d *desk, p0, p1 int) {
	c, g := e.config, e.config.Grouped()
	n := (p1 - p0) / g
	e.normalize(w, d.merged.X, st.x[p0*c.Width:p1*c.Width], e.norm)
	in, last := d.merged, len(e.project)-1
	for i, layer := range e.project[:last] {
		in.Ready(w, n, layer)
		model.ApplyAll(w, d.projected.X, in, n, layer, e.bias[i])
		w.Kernels.GELU(d.projected.X[:n*layer.Rows()])
		in = d.projected
	}
	in.Ready(w, n, e.project[last])
	model.ApplyAll(w, d.branch, in, n, e.project[last], e.bias[last])
	for j := range n {
		row := st.grid.order[p0/g+j]
		copy(st.Embeddings[row*c.Output:(row+1)*c.Output], d.branch[j*c.Output:])
	}
}
