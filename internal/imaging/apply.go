package imaging

import (
	"fmt"
	"math"
)

// View is one image as the encoder takes it.
type View struct {
	Size Size
	// Overview marks the whole image scaled down to one tile.
	Overview bool
	// Data holds three planes (red, green, blue) of rows of (v/255 - mean) / std, computed in
	// float32 in that order.
	Data []float32
}

// Apply preprocesses an image. A dynamic model gets one view; a model with tiles gets its
// tiles row by row and the overview last.
func (c Contract) Apply(img RGB) ([]View, Layout, error) {
	if err := img.Check(); err != nil {
		return nil, Layout{}, fmt.Errorf("preprocess image: %w", err)
	}
	layout, err := c.Layout(img.Size())
	if err != nil {
		return nil, Layout{}, fmt.Errorf("preprocess image: %w", err)
	}
	scales := c.scales()
	refined := c.resize(img, layout.Resized)
	if refined.Size() != layout.Resized {
		return nil, Layout{}, fmt.Errorf("preprocess image: %s is too long to be resized to %s by %s", img.Size(), layout.Resized, c.Filter)
	}
	if c.Family == FamilyDynamic {
		return []View{scales.view(refined)}, layout, nil
	}
	views := make([]View, 0, layout.Columns*layout.Rows+1)
	tile := Size{c.Tile, c.Tile}
	for y := range layout.Rows {
		for x := range layout.Columns {
			views = append(views, scales.view(refined.Crop(x*c.Tile, y*c.Tile, tile)))
		}
	}
	overview := scales.view(Resize(img, tile, FilterBilinear))
	overview.Overview = true
	return append(views, overview), layout, nil
}

// resize brings an image to the size of its layout.
func (c Contract) resize(img RGB, to Size) RGB {
	switch {
	case c.Clamp.Policy == PolicyLongestSide:
		return Resize(img, to, FilterBicubic)
	case c.Pad:
		return resizePadded(img, to, c.Filter)
	}
	return Resize(img, to, c.Filter)
}

// resizePadded scales an image to fit within a size, rounding its sides up, and centres it
// on black (llama.cpp's PAD_CEIL).
func resizePadded(img RGB, to Size, f Filter) RGB {
	if img.Size() == to {
		return img
	}
	w, h := float32(img.Width), float32(img.Height)
	scale := min(float32(to.Width)/w, float32(to.Height)/h)
	fit := func(side float32, limit int) int {
		return min(int(math.Ceil(float64(side*scale))), limit)
	}
	inner := Resize(img, Size{fit(w, to.Width), fit(h, to.Height)}, f)
	if inner.Size() == to || inner.Pix == nil {
		return inner
	}
	out := NewRGB(to)
	out.draw(inner, (to.Width-inner.Width)/2, (to.Height-inner.Height)/2)
	return out
}

// scales holds the normalized value of every byte, for each channel.
type scales [3][256]float32

func (c Contract) scales() *scales {
	var s scales
	for ch := range s {
		for v := range s[ch] {
			s[ch][v] = (float32(v)/255 - c.Mean[ch]) / c.Std[ch]
		}
	}
	return &s
}

// view normalizes an image and takes its channels apart.
func (s *scales) view(m RGB) View {
	n := m.Width * m.Height
	data := make([]float32, 3*n)
	for ch := range s {
		plane, table := data[ch*n:(ch+1)*n], &s[ch]
		for i := range plane {
			plane[i] = table[m.Pix[3*i+ch]]
		}
	}
	return View{Size: m.Size(), Data: data}
}
