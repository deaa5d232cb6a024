package world

import (
	"math/rand/v2"
	"strconv"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// part is the subdivision of a pixel in which shapes are given; all arithmetic is in whole
// numbers, so that every machine draws the same.
const part = 8

type rgb [3]uint8

func paints() []rgb { // in the order of colours()
	return []rgb{{214, 40, 40}, {38, 148, 68}, {36, 84, 200}, {240, 196, 25}, {134, 52, 160}, {28, 28, 30}}
}

func grounds() []rgb {
	return []rgb{{236, 232, 222}, {222, 230, 236}, {228, 236, 222}, {236, 224, 226}, {206, 208, 212}, {244, 240, 234}}
}

// area is a box, in parts of pixels, and what of it is inside a shape, from its centre.
type area struct {
	x, y, rx, ry int
	inside       func(dx, dy int) bool
}

// fill paints an area, its edges smoothed by 16 samples a pixel.
func fill(m imaging.RGB, a area, c rgb) {
	for y := max((a.y-a.ry)/part, 0); y <= min((a.y+a.ry)/part, m.Height-1); y++ {
		for x := max((a.x-a.rx)/part, 0); x <= min((a.x+a.rx)/part, m.Width-1); x++ {
			n := 0
			for k := range 16 {
				dx, dy := part*x+1+2*(k%4)-a.x, part*y+1+2*(k/4)-a.y
				if max(dx, -dx) <= a.rx && max(dy, -dy) <= a.ry && a.inside(dx, dy) {
					n++
				}
			}
			pixel := m.Pix[3*(y*m.Width+x):]
			for i := range c {
				pixel[i] = uint8((int(pixel[i])*(16-n) + int(c[i])*n + 8) / 16)
			}
		}
	}
}

// inside returns the outline of a shape, in the order of shapes(), of radius r.
func inside(shape, r int) func(dx, dy int) bool {
	abs := func(x int) int { return max(x, -x) }
	switch shape {
	case 0: // circle
		return func(dx, dy int) bool { return dx*dx+dy*dy <= r*r }
	case 1: // square
		return func(dx, dy int) bool { return 8*max(abs(dx), abs(dy)) <= 7*r }
	case 2: // triangle
		return func(dx, dy int) bool { return 2*abs(dx) <= dy+r }
	case 3: // diamond
		return func(dx, dy int) bool { return abs(dx)+abs(dy) <= r }
	case 4: // cross
		return func(dx, dy int) bool { return 3*min(abs(dx), abs(dy)) <= r }
	}
	return func(dx, dy int) bool { d := dx*dx + dy*dy; return d <= r*r && 256*d >= 81*r*r } // ring
}

// draw paints the layout, with digits of height h.
func (l layout) draw(rng *rand.Rand, size imaging.Size, h int) imaging.RGB {
	m := imaging.NewRGB(size)
	board(m, pick(rng, grounds()))
	w, v := part*size.Width/3, part*size.Height/3 // a cell
	room := min(w, v)
	for _, it := range l.items {
		r := room * (22 + rng.IntN(20)) / 100
		x, y := centre(rng, it.cell, w, v, room/2-room/20-r)
		fill(m, area{x, y, r, r, inside(it.shape, r)}, paints()[it.colour])
	}
	x, y := centre(rng, l.card, w, v, room/20)
	l.write(m, x/part*part, y/part*part, h)
	return m
}

// shade is by how much a part of the board is darker than the one before it.
const shade = 44

// board paints the nine parts of a picture: less red from left to right, less blue from top to
// bottom, so that one can see where a part lies.
func board(m imaging.RGB, ground rgb) {
	for y := range m.Height {
		for x := range m.Width {
			pixel := m.Pix[3*(y*m.Width+x):]
			pixel[0] = ground[0] - uint8(shade*third(x, m.Width))
			pixel[1] = ground[1]
			pixel[2] = ground[2] - uint8(shade*third(y, m.Height))
		}
	}
}

// third returns in which third of n pixels x lies.
func third(x, n int) int {
	switch {
	case x >= 2*n/3:
		return 2
	case x >= n/3:
		return 1
	}
	return 0
}

// centre returns a point near the middle of a cell, away from it by at most slack.
func centre(rng *rand.Rand, cell, w, v, slack int) (x, y int) {
	return w*(2*(cell%3)+1)/2 + rng.IntN(2*slack+1) - slack, v*(2*(cell/3)+1)/2 + rng.IntN(2*slack+1) - slack
}

// write puts the number on a white card with a dark edge, around a point.
func (l layout) write(m imaging.RGB, x, y, h int) {
	h *= part
	text := strconv.Itoa(l.number)
	width := len(text)*h*6/7 - h/7 // a digit is 5 of 7 wide, and 1 is between
	all := func(int, int) bool { return true }
	edge := max(part, h/14)
	rx, ry := width/2+h*3/10, h/2+h*3/10
	fill(m, area{x, y, rx + edge, ry + edge, all}, rgb{70, 70, 74})
	fill(m, area{x, y, rx, ry, all}, rgb{255, 255, 255})
	for i, digit := range text {
		rows := glyphs()[digit-'0']
		cx := x - width/2 + i*h*6/7 + h*5/14
		fill(m, area{cx, y, h * 5 / 14, h / 2, func(dx, dy int) bool {
			column, row := (dx+h*5/14)*7/h, (dy+h/2)*7/h
			return column < 5 && row < 7 && rows[row]>>(4-column)&1 == 1
		}}, rgb{20, 20, 24})
	}
}

// glyphs are the digits in 5 × 7 cells: each row has its leftmost cell in bit 4.
func glyphs() [10][7]uint8 {
	return [10][7]uint8{
		{0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110},
		{0b00100, 0b01100, 0b10100, 0b00100, 0b00100, 0b00100, 0b11111},
		{0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111},
		{0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110},
		{0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
		{0b11111, 0b10000, 0b10000, 0b11110, 0b00001, 0b10001, 0b01110},
		{0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110},
		{0b11111, 0b00001, 0b00010, 0b00100, 0b00100, 0b01000, 0b01000},
		{0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
		{0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100},
	}
}
