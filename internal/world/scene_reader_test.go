package world

import (
	"image"
	"strconv"
	"testing"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// seen is what the oracle finds in a picture: it looks at pixels only.
type seen struct {
	items  map[string]string // cell → colour and shape
	number string
	card   string
}

// look reads a picture. It tells shapes by how much of their box is filled and by how wide
// they are at some heights.
func look(t *testing.T, m imaging.RGB) seen {
	out := seen{items: map[string]string{}}
	names := []string{"top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"}
	for i, name := range names {
		x0, y0 := i%3*m.Width/3, i/3*m.Height/3
		p := part3{m, image.Rect(x0, y0, x0+m.Width/3, y0+m.Height/3)}
		box := p.box(func(c [3]uint8) bool { return c != p.ground() })
		if box.Empty() {
			continue
		}
		if white := p.box(func(c [3]uint8) bool { return c == [3]uint8{255, 255, 255} }); !white.Empty() {
			out.card, out.number = name, p.digits(t, white)
			continue
		}
		out.items[name] = p.colour(box) + " " + p.shape(box)
	}
	return out
}

// part3 is one of the nine parts of a picture.
type part3 struct {
	m imaging.RGB
	r image.Rectangle
}

func (p part3) at(x, y int) [3]uint8 {
	i := 3 * (y*p.m.Width + x)
	return [3]uint8(p.m.Pix[i : i+3])
}

// ground is the colour of the part where nothing is.
func (p part3) ground() [3]uint8 { return p.at(p.r.Min.X, p.r.Min.Y) }

// box is the smallest one around the pixels that a test picks.
func (p part3) box(ok func([3]uint8) bool) (box image.Rectangle) {
	for y := p.r.Min.Y; y < p.r.Max.Y; y++ {
		for x := p.r.Min.X; x < p.r.Max.X; x++ {
			if ok(p.at(x, y)) {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box
}

// wide is the share of a row, at a share of the box's height, that the shape fills.
func (p part3) wide(box image.Rectangle, height float64) float64 {
	n, y := 0, box.Min.Y+int(height*float64(box.Dy()))
	for x := box.Min.X; x < box.Max.X; x++ {
		if p.at(x, y) != p.ground() {
			n++
		}
	}
	return float64(n) / float64(box.Dx())
}

func (p part3) shape(box image.Rectangle) string {
	top, low, middle := p.wide(box, .05), p.wide(box, .95), p.wide(box, .5)
	switch {
	case middle < .8 && low < .8:
		return "ring"
	case top > .9:
		return "square"
	case low > .85:
		return "triangle"
	case p.at(box.Min.X+box.Dx()*28/100, box.Min.Y+box.Dy()*28/100) == p.ground():
		return "cross"
	case p.wide(box, .3) < .75:
		return "diamond"
	}
	return "circle"
}

// colour is told from the pixels of the middle column that the shape covers.
func (p part3) colour(box image.Rectangle) string {
	x, y := (box.Min.X+box.Max.X)/2, box.Min.Y+box.Dy()*9/10
	c := p.at(x, y)
	r, g, b := c[0], c[1], c[2]
	switch {
	case r > 200 && g > 150:
		return "yellow"
	case r > 200:
		return "red"
	case r > 100 && b > 100:
		return "purple"
	case b > 150:
		return "blue"
	case g > 120:
		return "green"
	}
	return "black"
}

// digits reads the two digits of a card by where ink is in their 5 × 7 cells: each is told by
// some cells that it alone has.
func (p part3) digits(t *testing.T, card image.Rectangle) string {
	ink := part3{p.m, card}.box(func(c [3]uint8) bool { return c[0] < 120 })
	h := float64(ink.Dy())
	// The left digit may be a 1, which reaches both sides as all do but 1's foot; so the width
	// of the ink is always that of two digits and a gap.
	text := ""
	for k := range 2 {
		dark := func(column, row int) bool {
			x := float64(ink.Min.X) + (float64(6*k+column)+.5)*h/7
			return p.at(int(x), ink.Min.Y+int((float64(row)+.5)*h/7))[0] < 120
		}
		text += strconv.Itoa(digit(t, dark))
	}
	return text
}

func digit(t *testing.T, dark func(column, row int) bool) int {
	left, right := dark(0, 2), dark(4, 2)
	lowLeft, lowRight := dark(0, 5), dark(4, 4)
	switch {
	case dark(0, 6) && dark(2, 1) == dark(2, 3) && dark(2, 3) && dark(4, 6): // a foot and a stem
		return 1
	case dark(0, 6) && dark(4, 6):
		return 2
	case dark(0, 4) && dark(4, 4) && dark(2, 4):
		return 4
	case dark(0, 0) && dark(4, 0) && dark(0, 3):
		return 5
	case dark(0, 0) && dark(4, 0):
		return 7
	case dark(0, 0):
		return 3
	case left && !right:
		return 6
	case lowLeft && lowRight && !dark(2, 3):
		return 0
	case lowLeft:
		return 8
	case left && right:
		return 9
	}
	t.Error("no such digit")
	return -1
}
