package workload

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/imaging"
)

// rgb is a colour as 0xRRGGBB.
type rgb uint32

func (c rgb) channels() (r, g, b uint8) { return uint8(c >> 16), uint8(c >> 8), uint8(c) }

// mix returns a with t/256 of b in it.
func mix(a, b rgb, t int) rgb {
	// Two channels at a time: there is room for eight more bits between red and blue.
	const redBlue, green = 0xff00ff, 0x00ff00
	u, v := uint64(256-t), uint64(t)
	rb := (uint64(a&redBlue)*u + uint64(b&redBlue)*v) >> 8
	g := (uint64(a&green)*u + uint64(b&green)*v) >> 8
	return rgb(rb&redBlue | g&green)
}

// unit is the subdivision of a pixel in which outlines are given.
const unit = 16

// outline is a shape as one stretch a line, in 1/16 pixels; ring has a hole in it.
type outline struct {
	top, bottom int // 1/16 pixels
	// at returns the stretch at height y, empty when lo >= hi.
	at func(y int) (lo, hi int)
	// hole returns the stretch to leave out; nil when there is none.
	hole func(y int) (lo, hi int)
}

// canvas is an image with what is needed to fill outlines with smooth edges.
type canvas struct {
	imaging.RGB
	edge, step []int32 // coverage of the present row, in 1/64: of single pixels, and its changes
}

func newCanvas(s imaging.Size) *canvas {
	return &canvas{imaging.NewRGB(s), make([]int32, s.Width+1), make([]int32, s.Width+1)}
}

// fill paints an outline, its colour running from one to another from top to bottom, with
// opacity of 256.
func (c *canvas) fill(o outline, from, to rgb, opacity int) {
	first, last := max(o.top/unit, 0), min(o.bottom/unit, c.Height-1)
	for y := first; y <= last; y++ {
		lo, hi := c.Width, 0
		for sub := unit / 8; sub < unit; sub += unit / 4 {
			at := unit*y + sub
			if at < o.top || at >= o.bottom {
				continue
			}
			a, b := o.at(at)
			a, b = max(a, 0), min(b, unit*c.Width)
			if a >= b {
				continue
			}
			c.cover(a, b, 1)
			lo, hi = min(lo, a/unit), max(hi, (b+unit-1)/unit)
			if o.hole != nil {
				p, q := o.hole(at)
				c.cover(max(p, a), min(q, b), -1)
			}
		}
		t := 256 * max(unit*y-o.top, 0) / max(o.bottom-o.top, 1)
		c.blend(y, lo, hi, mix(from, to, min(t, 256)), opacity)
	}
}

// cover adds a stretch, in 1/16 pixels, to the coverage of the present row.
func (c *canvas) cover(a, b int, sign int32) {
	if a >= b {
		return
	}
	p, q := a/unit, (b-1)/unit
	if p == q {
		c.edge[p] += sign * int32(b-a)
		return
	}
	c.edge[p] += sign * int32(unit*(p+1)-a)
	c.edge[q] += sign * int32(b-unit*q)
	c.step[p+1] += sign * unit
	c.step[q] -= sign * unit
}

// blend paints pixels lo to hi of a row by their coverage and clears it.
func (c *canvas) blend(y, lo, hi int, colour rgb, opacity int) {
	const whole = 4 * unit // coverage of a pixel fully inside
	full := int32(0)
	for x := lo; x < hi; x++ {
		full += c.step[x]
		t := int(full+c.edge[x]) * opacity / whole
		c.edge[x], c.step[x] = 0, 0
		c.put(x, y, colour, t)
	}
	if hi > lo {
		c.step[hi] = 0
	}
}

// put mixes t/256 of a colour into a pixel.
func (c *canvas) put(x, y int, colour rgb, t int) {
	p := c.Pix[3*(y*c.Width+x):]
	if t < 256 {
		colour = mix(rgb(p[0])<<16|rgb(p[1])<<8|rgb(p[2]), colour, t)
	}
	p[0], p[1], p[2] = colour.channels()
}

// ground fills the canvas from top to bottom.
func (c *canvas) ground(top, bottom rgb) {
	for y := range c.Height {
		row := c.Pix[3*y*c.Width : 3*(y+1)*c.Width]
		r, g, b := mix(top, bottom, 256*y/c.Height).channels()
		for x := 0; x < len(row); x += 3 {
			row[x], row[x+1], row[x+2] = r, g, b
		}
	}
}

// point is a position in 1/16 pixels.
type point struct{ x, y int }

// ellipse returns an ellipse, or a ring when hole, a percentage of the radii, is not 0.
func ellipse(centre point, rx, ry, hole int) outline {
	half := func(y, rx, ry int) (lo, hi int) {
		dy := y - centre.y
		if ry == 0 || dy <= -ry || dy >= ry {
			return 0, 0
		}
		w := rx * int(math.Sqrt(float64(ry*ry-dy*dy))) / ry
		return centre.x - w, centre.x + w
	}
	o := outline{top: centre.y - ry, bottom: centre.y + ry}
	o.at = func(y int) (lo, hi int) { return half(y, rx, ry) }
	if hole > 0 {
		o.hole = func(y int) (lo, hi int) { return half(y, rx*hole/100, ry*hole/100) }
	}
	return o
}

// polygon returns a convex polygon.
func polygon(corners []point) outline {
	o := outline{top: math.MaxInt, bottom: math.MinInt}
	for _, p := range corners {
		o.top, o.bottom = min(o.top, p.y), max(o.bottom, p.y)
	}
	o.at = func(y int) (lo, hi int) {
		lo, hi = math.MaxInt, math.MinInt
		for i, a := range corners {
			b := corners[(i+1)%len(corners)]
			if a.y > b.y {
				a, b = b, a
			}
			if y < a.y || y >= b.y {
				continue
			}
			x := a.x + (b.x-a.x)*(y-a.y)/(b.y-a.y)
			lo, hi = min(lo, x), max(hi, x)
		}
		return lo, hi
	}
	return o
}

// quarter is the sine in steps of 1/64 turn, times 1<<14, up to a quarter turn.
func quarter() [17]int {
	return [17]int{0, 1606, 3196, 4756, 6270, 7723, 9102, 10394, 11585, 12665, 13623, 14449, 15137, 15679, 16069, 16305, 16384}
}

// around returns the point at a distance from a centre, in a direction of 64 to the turn.
func around(centre point, radius, direction int) point {
	sine := func(d int) int {
		d &= 63
		table := quarter()
		switch {
		case d <= 16:
			return table[d]
		case d <= 32:
			return table[32-d]
		case d <= 48:
			return -table[d-32]
		}
		return -table[64-d]
	}
	return point{centre.x + radius*sine(direction+16)/(1<<14), centre.y + radius*sine(direction)/(1<<14)}
}
