package imaging

import (
	"image"
	"image/color"
	"image/draw"
)

// paint copies a decoded image onto a canvas, dropping transparency without blending. at is
// added to the image's own position. It reports whether the image fits.
func paint(canvas RGB, img image.Image, at image.Point) bool {
	r := img.Bounds()
	x0, y0 := r.Min.X+at.X, r.Min.Y+at.Y
	if x0 < 0 || y0 < 0 || x0+r.Dx() > canvas.Width || y0+r.Dy() > canvas.Height {
		return false
	}
	line := lineReader(img)
	for y := range r.Dy() {
		line(canvas.row(y0 + y)[3*x0:3*(x0+r.Dx())], r.Min.Y+y)
	}
	return true
}

// lineReader returns what writes one row of an image as RGB, by the image's kind.
func lineReader(img image.Image) func(dst []uint8, y int) {
	switch m := img.(type) {
	case *image.NRGBA:
		return packed(m.Pix, m.Stride, m.Rect, 4, 1)
	case *image.NRGBA64:
		return packed(m.Pix, m.Stride, m.Rect, 8, 2)
	case *image.RGBA:
		if m.Opaque() {
			return packed(m.Pix, m.Stride, m.Rect, 4, 1)
		}
	case *image.RGBA64:
		if m.Opaque() {
			return packed(m.Pix, m.Stride, m.Rect, 8, 2)
		}
	case *image.Gray:
		return packed(m.Pix, m.Stride, m.Rect, 1, 0)
	case *image.Gray16:
		return packed(m.Pix, m.Stride, m.Rect, 2, 0)
	case *image.Paletted:
		return paletted(m)
	case *image.YCbCr, *image.CMYK:
		return drawn(img)
	}
	return slow(img)
}

// packed reads rows whose pixels lie step bytes apart and their channels apart bytes; of
// more than a byte, the first is the upper.
func packed(pix []uint8, stride int, r image.Rectangle, step, apart int) func([]uint8, int) {
	return func(dst []uint8, y int) {
		src := pix[(y-r.Min.Y)*stride:]
		for x := range r.Dx() {
			dst[3*x], dst[3*x+1], dst[3*x+2] = src[x*step], src[x*step+apart], src[x*step+2*apart]
		}
	}
}

// paletted reads rows of indices; one that the palette does not have is black.
func paletted(m *image.Paletted) func([]uint8, int) {
	var table [256][3]uint8
	for i, c := range m.Palette[:min(len(m.Palette), 256)] {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		table[i] = [3]uint8{n.R, n.G, n.B}
	}
	return func(dst []uint8, y int) {
		src := m.Pix[(y-m.Rect.Min.Y)*m.Stride:]
		for x := range m.Rect.Dx() {
			copy(dst[3*x:3*x+3], table[src[x]][:])
		}
	}
}

// drawn reads rows of opaque images through image/draw, which is quick with their colours.
func drawn(img image.Image) func([]uint8, int) {
	r := img.Bounds()
	row := image.NewRGBA(image.Rect(0, 0, r.Dx(), 1))
	return func(dst []uint8, y int) {
		draw.Draw(row, row.Rect, img, image.Pt(r.Min.X, y), draw.Src)
		for x := range r.Dx() {
			copy(dst[3*x:3*x+3], row.Pix[4*x:])
		}
	}
}

// slow reads rows of anything else.
func slow(img image.Image) func([]uint8, int) {
	r := img.Bounds()
	return func(dst []uint8, y int) {
		for x := range r.Dx() {
			n := color.NRGBAModel.Convert(img.At(r.Min.X+x, y)).(color.NRGBA)
			dst[3*x], dst[3*x+1], dst[3*x+2] = n.R, n.G, n.B
		}
	}
}

// upright turns and mirrors an image stored in one of Exif's orientations.
func upright(m RGB, orientation int) RGB {
	if orientation < 2 || orientation > 8 {
		return m
	}
	size := m.Size()
	if orientation >= 5 {
		size = Size{m.Height, m.Width}
	}
	out := NewRGB(size)
	w, h := m.Width-1, m.Height-1
	for y := range out.Height {
		row := out.row(y)
		for x := range out.Width {
			sx, sy := x, y
			switch orientation {
			case 2: // mirrored left to right
				sx = w - x
			case 3: // upside down
				sx, sy = w-x, h-y
			case 4: // mirrored top to bottom
				sy = h - y
			case 5: // mirrored on the main diagonal
				sx, sy = y, x
			case 6: // to be turned right
				sx, sy = y, h-x
			case 7: // mirrored on the other diagonal
				sx, sy = w-y, h-x
			case 8: // to be turned left
				sx, sy = w-y, x
			}
			copy(row[3*x:3*x+3], m.Pix[3*(sy*m.Width+sx):])
		}
	}
	return out
}
