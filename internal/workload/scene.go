package workload

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// Scene is what an image shows. Like a prompt's complexity it should not change the cost of
// an image of a given size; a sweep varies it to test that.
type Scene string

// Kinds of scenes.
const (
	// Shapes is coloured circles, rings and polygons with shadows on a ground.
	Shapes Scene = "shapes"
	// Text is a page of written text.
	Text Scene = "text"
	// Gradient is soft light without any edge.
	Gradient Scene = "gradient"
)

// Scenes lists all kinds.
func Scenes() []Scene { return []Scene{Shapes, Text, Gradient} }

// Draw returns a scene of exactly this size. It depends on kind, size and seed alone: the
// same pixels come out on every machine, since all of it is whole-number arithmetic or
// single float64 operations.
func Draw(kind Scene, size imaging.Size, seed uint64) (imaging.RGB, error) {
	if err := size.Check(); err != nil {
		return imaging.RGB{}, fmt.Errorf("draw scene: %w", err)
	}
	if size.Pixels() > imaging.DefaultMaxPixels {
		return imaging.RGB{}, fmt.Errorf("draw scene: %s are %d pixels, at most %d", size, size.Pixels(), imaging.DefaultMaxPixels)
	}
	c := newCanvas(size)
	rng := generator(seed, "scene "+string(kind))
	switch kind {
	case Shapes:
		drawShapes(c, rng)
	case Text:
		drawText(c, rng)
	case Gradient:
		drawGradient(c, rng)
	default:
		return imaging.RGB{}, fmt.Errorf("draw scene: kind %q: want one of %v", kind, Scenes())
	}
	return c.RGB, nil
}

// EncodePNG returns an image as a PNG file, compressed for speed rather than size.
func EncodePNG(m imaging.RGB) ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("encode PNG: %w", err)
	}
	pix := make([]uint8, 4*m.Width*m.Height)
	for i, j := 0, 0; i < len(pix); i, j = i+4, j+3 {
		pix[i], pix[i+1], pix[i+2], pix[i+3] = m.Pix[j], m.Pix[j+1], m.Pix[j+2], 255
	}
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	err := encoder.Encode(&b, &image.RGBA{Pix: pix, Stride: 4 * m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)})
	if err != nil {
		return nil, fmt.Errorf("encode PNG: %w", err)
	}
	return b.Bytes(), nil
}

// palette is a ground, from top to bottom, and the colours that stand out from it.
type palette struct {
	top, bottom rgb
	colours     []rgb
}

func palettes() []palette {
	return []palette{
		{0xf4efe6, 0xd9cdb8, []rgb{0xc8553d, 0x2d6a6a, 0xe9a23b, 0x3d405b, 0x81a88d, 0x8c4a6b}},
		{0xdfeaf2, 0xa9c3d6, []rgb{0x1f4e79, 0xf28f3b, 0xc8553d, 0xf2d16b, 0x588b8b, 0x7a5c99}},
		{0x23304a, 0x141b2d, []rgb{0xf4b860, 0xe4572e, 0x5bc0be, 0xc3d898, 0xd46a92, 0x6f8ef5}},
		{0xeef3e2, 0xb7c9a0, []rgb{0x386641, 0xbc4749, 0xf2c14e, 0x4d6cfa, 0xa7754d, 0x2b3a42}},
		{0xf6e4e1, 0xdcb0ae, []rgb{0x5f0f40, 0x0f4c5c, 0xe36414, 0xfb8b24, 0x4f772d, 0x9a031e}},
	}
}

func pick[T any](rng *rand.Rand, options []T) T { return options[rng.IntN(len(options))] }

// drawGradient fills the canvas from four corners, with a few round lights.
func drawGradient(c *canvas, rng *rand.Rand) {
	p := pick(rng, palettes())
	corner := [4]rgb{p.top, pick(rng, p.colours), pick(rng, p.colours), p.bottom}
	type light struct {
		x, y    int
		r2, inv float64
		colour  rgb
	}
	var lights [3]light
	for i := range lights {
		r := max(1, (25+rng.IntN(45))*max(c.Width, c.Height)/100)
		r2 := float64(r) * float64(r)
		lights[i] = light{rng.IntN(c.Width), rng.IntN(c.Height), r2, 1 / r2, mix(pick(rng, p.colours), 0xffffff, 96)}
	}
	for y := range c.Height {
		left, right := mix(corner[0], corner[2], 256*y/c.Height), mix(corner[1], corner[3], 256*y/c.Height)
		row := c.Pix[3*y*c.Width : 3*(y+1)*c.Width]
		for x := range c.Width {
			colour := mix(left, right, 256*x/c.Width)
			for _, l := range lights {
				d2 := float64((x-l.x)*(x-l.x) + (y-l.y)*(y-l.y))
				if d2 < l.r2 {
					t := int((l.r2 - d2) * l.inv * 256)
					colour = mix(colour, l.colour, t*t>>8)
				}
			}
			row[3*x], row[3*x+1], row[3*x+2] = colour.channels()
		}
	}
}
