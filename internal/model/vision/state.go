package vision

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/model"
)

// chunkPatches is the number of patches that a worker takes through the layers at once:
// many share the unpacking of a weight, and few stay in the caches.
const chunkPatches = 512

// State is the memory in which one image is encoded. It grows to the largest image.
type State struct {
	// Embeddings of the image after the last step, row by row, Output values each.
	Embeddings []float32

	view     imaging.View
	grid     grid
	n        int       // patches
	x        []float32 // residual stream
	q        []float32 // queries, all heads of a patch side by side
	cos, sin []float32 // of each patch's rotated pairs
	// keys and values of two layers, the one being attended to and the next; per head, patch
	// by patch.
	keys, values [2][]uint16
	desks        []*desk
}

// desk is what one worker computes on: activations of a chunk of patches.
type desk struct {
	pixels, norm, mixed, hidden *model.Input
	merged, projected           *model.Input
	up, branch                  []float32
}

// NewState makes a state for a team of the given number of workers.
func (e *Encoder) NewState(workers int) *State {
	st := &State{}
	layers, c := e.Layers(), e.config
	chunk := e.chunk()
	input := func(width, tokens int) *model.Input {
		return model.NewInput(make([]float32, tokens*width), width, tokens, layers)
	}
	wide := c.Width * c.Grouped()
	for range workers {
		st.desks = append(st.desks, &desk{
			pixels: input(channels*c.Patch*c.Patch, chunk), norm: input(c.Width, chunk), mixed: input(c.Width, chunk),
			hidden: input(c.FFN, chunk), merged: input(wide, chunk/c.Grouped()), projected: input(wide, chunk/c.Grouped()),
			up: make([]float32, chunk*c.FFN), branch: make([]float32, chunk*max(c.Width, c.Output)),
		})
	}
	return st
}

// Begin sets the next image: one view of the encoder's preprocessing.
func (e *Encoder) Begin(st *State, view imaging.View) error {
	c, side, size := e.config, e.config.Patch*e.config.Merge, view.Size
	switch {
	case len(view.Data) != channels*size.Width*size.Height:
		return fmt.Errorf("encode: a view of %v with %d values: want %d a pixel", size, len(view.Data), channels)
	case !c.Dynamic() && size != imaging.Size{Width: c.ImageSize, Height: c.ImageSize}: // no multiple of side, maybe: the rest is not looked at
		return fmt.Errorf("encode: a tile of %v: this encoder takes %d × %d pixels", size, c.ImageSize, c.ImageSize)
	case c.Dynamic() && (size.Width < side || size.Height < side || size.Width%side != 0 || size.Height%side != 0):
		return fmt.Errorf("encode: a view of %v: want sides that are multiples of %d", size, side)
	}
	st.view, st.grid = view, layOut(c, size)
	st.n = len(st.grid.places)
	st.x, st.q = model.Sized(st.x, st.n*c.Width), model.Sized(st.q, st.n*c.Width)
	for i := range st.keys {
		st.keys[i], st.values[i] = model.Sized(st.keys[i], st.n*c.Width), model.Sized(st.values[i], st.n*c.Width)
	}
	if c.Dynamic() {
		st.cos, st.sin = model.Sized(st.cos, st.n*c.HeadDim()/2), model.Sized(st.sin, st.n*c.HeadDim()/2)
	}
	st.Embeddings = model.Sized(st.Embeddings, len(st.grid.order)*c.Output)
	return nil
}

// Bytes is about the memory that a state takes for an image of so many patches, with the
// desks of so many workers: 0 when the state is there already.
func (e *Encoder) Bytes(patches, workers int) int64 {
	c := e.config
	const floats, halves, ints = 2, 4, 2 // per feature of a patch; per patch
	perPatch := int64(c.Width)*(floats*4+halves*2) + int64(c.HeadDim())*4 + ints*8 + int64(c.Output*4+8)/int64(c.Grouped())
	read := channels*c.Patch*c.Patch + 4*c.Width + c.FFN // by layers, so there may be another form of them
	perChunk := int64(2*read+c.FFN+max(c.Width, c.Output)) * 4
	return int64(patches)*perPatch + int64(workers)*int64(e.chunk())*perChunk
}
