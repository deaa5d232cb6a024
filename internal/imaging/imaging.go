// Package imaging holds what happens to an image before a vision model sees it: decoding,
// resampling, and the preprocessing contract that says how many pixels, patches and tokens an
// image of a given size becomes. A contract is data, without weights, so the same rules serve
// the engine, the plan of a sweep and the prediction of its knee.
//
// Sizes and resampling follow llama.cpp (tools/mtmd), in the same order and the same
// precision, so that an image becomes the same numbers in both.
package imaging

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds on what a contract works with; Decode has its own, smaller defaults.
const (
	// MaxSide is the longest side, in pixels, that any image may have.
	MaxSide = 1 << 20
	// MaxPixels is the most pixels that any image may have.
	MaxPixels = 1 << 28
	// MaxEffective is the most pixels that may be cut into patches; as float32 planes they
	// take 384 MiB.
	MaxEffective = 1 << 25
)

// Size is the width and height of an image in pixels.
type Size struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Pixels returns width times height.
func (s Size) Pixels() int { return s.Width * s.Height }

// String returns the size as "448x336".
func (s Size) String() string { return fmt.Sprintf("%dx%d", s.Width, s.Height) }

// Check refuses a size without pixels and one beyond MaxSide or MaxPixels.
func (s Size) Check() error {
	switch {
	case s.Width < 1 || s.Height < 1:
		return fmt.Errorf("image size %s: both sides must be at least 1 pixel", s)
	case s.Width > MaxSide || s.Height > MaxSide:
		return fmt.Errorf("image size %s: no side may be longer than %d pixels", s, MaxSide)
	case s.Width*s.Height > MaxPixels:
		return fmt.Errorf("image size %s: at most %d pixels", s, MaxPixels)
	}
	return nil
}

// ParseSize reads a size like "448x336", or "448" of a square.
func ParseSize(text string) (Size, error) {
	w, h, ok := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "x")
	if !ok {
		h = w
	}
	var s Size
	var errW, errH error
	s.Width, errW = strconv.Atoi(w)
	s.Height, errH = strconv.Atoi(h)
	if errW != nil || errH != nil {
		return Size{}, fmt.Errorf("image size %q: want WIDTHxHEIGHT in whole pixels, such as 448x336, or one number for both", text)
	}
	return s, s.Check()
}

// RGB is an image of 8 bits a channel: rows from the top, three bytes a pixel.
type RGB struct {
	Width, Height int
	Pix           []uint8
}

// NewRGB returns a black image. The size must satisfy Size.Check; of any other it returns
// the empty image.
func NewRGB(s Size) RGB {
	if s.Check() != nil {
		return RGB{}
	}
	return RGB{Width: s.Width, Height: s.Height, Pix: make([]uint8, 3*s.Pixels())}
}

// Size returns the image's width and height.
func (m RGB) Size() Size { return Size{m.Width, m.Height} }

// Check refuses an image whose size is absurd or does not match its bytes.
func (m RGB) Check() error {
	if err := m.Size().Check(); err != nil {
		return err
	}
	if want := 3 * m.Width * m.Height; len(m.Pix) != want {
		return fmt.Errorf("image of %s has %d bytes, want %d: three for each pixel", m.Size(), len(m.Pix), want)
	}
	return nil
}

// row returns the bytes of row y.
func (m RGB) row(y int) []uint8 {
	n := 3 * m.Width
	return m.Pix[y*n : (y+1)*n : (y+1)*n]
}

// Crop returns a copy of the part of size s whose left upper pixel is x, y; what lies
// outside the image is left out, so the result may be smaller, or empty.
func (m RGB) Crop(x, y int, s Size) RGB {
	x0, y0 := max(x, 0), max(y, 0)
	x1, y1 := min(x+s.Width, m.Width), min(y+s.Height, m.Height)
	if x1 <= x0 || y1 <= y0 {
		return RGB{}
	}
	out := NewRGB(Size{x1 - x0, y1 - y0})
	for r := range out.Height {
		copy(out.row(r), m.row(y0 + r)[3*x0:3*x1])
	}
	return out
}

// draw copies src into m with its left upper pixel at x, y; src must lie within m.
func (m RGB) draw(src RGB, x, y int) {
	for r := range src.Height {
		copy(m.row(y + r)[3*x:], src.row(r))
	}
}
