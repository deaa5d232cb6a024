package workload

import (
	"math"
	"math/rand/v2"
)

// drawShapes scatters shapes over a ground: about a dozen in a square image, one in each
// cell of a loose grid, so that images of all sizes show much the same.
func drawShapes(c *canvas, rng *rand.Rand) {
	p := pick(rng, palettes())
	c.ground(p.top, p.bottom)
	cell := max(1, int(math.Sqrt(float64(c.Width*c.Height)/12)))
	columns, rows := max(1, (c.Width+cell/2)/cell), max(1, (c.Height+cell/2)/cell)
	order := rng.Perm(len(p.colours))
	for i := range columns * rows {
		x, y := i%columns, i/columns
		jitter := func(n, side, of int) int { return (unit*side*(2*n+1)/of + unit*cell*(rng.IntN(61)-30)/50) / 2 }
		centre := point{jitter(x, c.Width, columns), jitter(y, c.Height, rows)}
		radius := unit * cell * (24 + rng.IntN(30)) / 100
		at := anyShape(rng)
		colour := p.colours[order[(x+2*y)%len(order)]] // neighbours differ
		shift := radius / 12
		c.fill(at(point{centre.x + shift, centre.y + 2*shift}, radius), 0, 0, 56)
		c.fill(at(centre, radius), mix(colour, 0xffffff, 56), mix(colour, 0, 24), 256)
	}
}

// anyShape returns a shape that can be put anywhere in any size.
func anyShape(rng *rand.Rand) func(centre point, radius int) outline {
	direction, sides := rng.IntN(64), 3+rng.IntN(4)
	switch rng.IntN(6) {
	case 0:
		return func(p point, r int) outline { return ellipse(p, r, r, 0) }
	case 1:
		wide := 60 + rng.IntN(90)
		return func(p point, r int) outline { return ellipse(p, r*wide/100, r*60/wide, 0) }
	case 2:
		hole := 40 + rng.IntN(35)
		return func(p point, r int) outline { return ellipse(p, r, r, hole) }
	case 3: // a bar
		narrow := 5 + rng.IntN(6)
		return func(p point, r int) outline {
			return polygon([]point{
				around(p, r, direction-narrow), around(p, r, direction+narrow),
				around(p, r, direction+32-narrow), around(p, r, direction+32+narrow),
			})
		}
	}
	return func(p point, r int) outline {
		corners := make([]point, sides)
		for i := range corners {
			corners[i] = around(p, r, direction+64*i/sides)
		}
		return polygon(corners)
	}
}
