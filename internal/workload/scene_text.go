package workload

import (
	"iter"
	"math/rand/v2"
	"strings"

	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/font/inconsolata"
)

// drawText writes a page: a headline and paragraphs, as large as fits, for a small image
// a few words.
func drawText(c *canvas, rng *rand.Rand) {
	p := pick(rng, palettes())
	ink, paper := rgb(0x1d1f24), mix(p.top, 0xffffff, 160)
	if p.top < 0x800000 { // dark ground, light ink
		ink, paper = 0xe8e6df, p.bottom
	}
	c.ground(paper, mix(paper, p.bottom, 40))
	small := min(c.Width, c.Height)
	scale := max(1, small/360)
	margin := small / 16
	next, stop := iter.Pull(Sentences(Medium, rng.Uint64()))
	defer stop()
	say := func(sentences int) string {
		var words []string
		for range sentences {
			s, _ := next()
			words = append(words, s)
		}
		return strings.Join(words, " ")
	}
	w := pen{c: c, left: margin, right: c.Width - margin, bottom: c.Height - margin, y: margin}
	w.use(inconsolata.Bold8x16, scale+(scale+1)/2, pick(rng, p.colours))
	w.paragraph(strings.TrimRight(say(1), "."), 3)
	w.y += 8 * scale
	w.use(inconsolata.Regular8x16, scale, ink)
	for w.y+w.lineHeight() <= w.bottom && w.columns() > 0 {
		w.paragraph(say(2+rng.IntN(4)), 1<<20)
		w.y += 10 * scale
	}
}

// pen writes lines of text from y downwards.
type pen struct {
	c                   *canvas
	face                *basicfont.Face
	scale               int
	ink                 rgb
	left, right, bottom int
	y                   int
	masks               map[int][]uint8 // of the characters used, by position in the face
}

// use changes face, size and colour.
func (w *pen) use(f *basicfont.Face, scale int, ink rgb) {
	w.face, w.scale, w.ink, w.masks = f, scale, ink, map[int][]uint8{}
}

func (w *pen) lineHeight() int { return w.scale * w.face.Height * 5 / 4 }

// columns returns how many characters a line has room for.
func (w *pen) columns() int { return max(0, (w.right-w.left)/(w.scale*w.face.Advance)) }

// paragraph writes a text broken into lines, at most so many, as far as there is room.
func (w *pen) paragraph(text string, lines int) {
	columns := w.columns()
	if columns == 0 {
		return
	}
	line := ""
	flush := func() {
		if lines > 0 && line != "" && w.y+w.lineHeight() <= w.bottom {
			w.write(line)
			w.y += w.lineHeight()
			lines--
		}
		line = ""
	}
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > columns {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
		for len(line) > columns { // a word longer than a line
			rest := line[columns:]
			line = line[:columns]
			flush()
			line = rest
		}
	}
	flush()
}

// write puts one line at the present height.
func (w *pen) write(line string) {
	width := w.scale * w.face.Width
	for i, r := range line {
		mask, x0 := w.glyph(glyphOf(w.face, r)), w.left+i*w.scale*w.face.Advance
		for j, t := range mask {
			x, y := x0+j%width, w.y+j/width
			if t > 0 && x < w.c.Width && y < w.c.Height {
				w.c.put(x, y, w.ink, int(t)+int(t>>7))
			}
		}
	}
}

// glyphOf returns the position of a character in the face's mask; another one is a blank.
func glyphOf(f *basicfont.Face, r rune) int {
	for _, g := range f.Ranges {
		if r >= g.Low && r < g.High {
			return int(r-g.Low) + g.Offset
		}
	}
	return 0
}

// glyph returns the mask of a character, enlarged with linear interpolation in whole
// numbers; each is made once a face.
func (w *pen) glyph(n int) []uint8 {
	if m, ok := w.masks[n]; ok {
		return m
	}
	f := w.face
	high := f.Ascent + f.Descent
	at := func(x, y int) int {
		if x < 0 || y < 0 || x >= f.Width || y >= high {
			return 0
		}
		_, _, _, a := f.Mask.At(x, n*high+y).RGBA()
		return int(a >> 8)
	}
	s := w.scale
	out := make([]uint8, 0, f.Width*s*high*s)
	for y := range high * s {
		// Twice the position in the mask, less half a pixel.
		fy, ry := floor(2*y+1-s, 2*s)
		for x := range f.Width * s {
			fx, rx := floor(2*x+1-s, 2*s)
			a := at(fx, fy)*(2*s-rx) + at(fx+1, fy)*rx
			b := at(fx, fy+1)*(2*s-rx) + at(fx+1, fy+1)*rx
			out = append(out, uint8((a*(2*s-ry)+b*ry)/(4*s*s)))
		}
	}
	w.masks[n] = out
	return out
}

// floor returns the quotient rounded down and what is left.
func floor(a, b int) (q, rest int) {
	q = a / b
	if a%b < 0 {
		q--
	}
	return q, a - q*b
}
