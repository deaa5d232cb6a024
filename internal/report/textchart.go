package report

import (
	"fmt"
	"math"
	"strings"
)

// textChart draws a law and its trials with characters: the line in Braille dots, two by
// four to a cell, and a bullet where trials lie.
func textChart(l *LawResult, points []point, width, height int) string {
	s := scaleFor(l.Unit, l.Coef["b"]*l.X.Hi)
	hi := l.at(l.X.Hi) * s.factor
	lo := min(0, l.at(0)*s.factor)
	for _, p := range points {
		lo, hi = min(lo, p.y), max(hi, p.y)
	}
	y := newAxis(lo, hi, 5, "")
	const margin = 9
	cols := max(10, width-margin)
	y.from, y.to = float64(4*height-1), 0
	x := axis{lo: 0, hi: l.X.Hi * 1.03, from: 0, to: float64(2*cols - 1)}
	c := newTextCanvas(cols, height)
	for dot := range 2 * cols {
		at := x.lo + (x.hi-x.lo)*float64(dot)/x.to
		c.dot(dot, y.at(l.at(at)*s.factor))
	}
	for _, p := range points {
		c.bullet(x.at(p.x), y.at(p.y))
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s in %s\n", describe(l.Metric).title, s.unit)
	c.write(&out, y, margin)
	out.WriteString(strings.Repeat(" ", margin-1) + "└" + strings.Repeat("─", cols) + "\n")
	out.WriteString(tickLine(x, margin, cols, l.X.Hi) + "\n")
	return out.String()
}

// textCanvas is rows of characters, each of two by four dots.
type textCanvas [][]rune

func newTextCanvas(cols, rows int) textCanvas {
	c := make(textCanvas, rows)
	for i := range c {
		c[i] = []rune(strings.Repeat("\u2800", cols))
	}
	return c
}

// dot sets the dot of a column at a height, both in dots from the top left; one outside is
// left out.
func (c textCanvas) dot(column int, height float64) {
	row := int(math.Round(height))
	if row >= 0 && row < 4*len(c) {
		c[row/4][column/2] |= brailleDot(column%2, row%4)
	}
}

// bullet marks the character in which a point lies.
func (c textCanvas) bullet(x, y float64) {
	column, row := int(math.Round(x))/2, int(math.Round(y))/4
	if row >= 0 && row < len(c) && column >= 0 && column < len(c[row]) {
		c[row][column] = '•'
	}
}

// write writes the rows behind an axis of values, which takes margin characters.
func (c textCanvas) write(out *strings.Builder, y axis, margin int) {
	labels := map[int]string{}
	for _, v := range y.ticks {
		labels[int(math.Round(y.at(v)))/4] = y.tickText(v)
	}
	for i, row := range c {
		line := strings.ReplaceAll(string(row), "\u2800", " ")
		out.WriteString(strings.TrimRight(fmt.Sprintf("%*s ┤%s", margin-2, labels[i], line), " ") + "\n")
	}
}

// tickLine writes the round values of x under the chart.
func tickLine(x axis, margin, cols int, hi float64) string {
	line := []rune(strings.Repeat(" ", margin+cols+8))
	for _, v := range newAxis(0, hi, max(2, cols/14), "").ticks {
		text := []rune(number(v, 0))
		if v == 0 {
			text = []rune("0")
		}
		if v > x.hi {
			break
		}
		at := margin + int(x.at(v))/2 - len(text)/2
		copy(line[max(0, min(at, len(line)-len(text))):], text)
	}
	return strings.TrimRight(string(line), " ") + " prompt tokens"
}

// brailleDot is the bit of a dot in a Braille cell (Unicode block U+2800: dots 1–3 and 7
// down the left column, 4–6 and 8 down the right one).
func brailleDot(col, row int) rune {
	return [2][4]rune{{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}[col][row]
}
