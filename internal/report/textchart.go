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
	cells := make([][]rune, height)
	for i := range cells {
		cells[i] = []rune(strings.Repeat("\u2800", cols))
	}
	for dot := range 2 * cols {
		at := x.lo + (x.hi-x.lo)*float64(dot)/x.to
		row := int(math.Round(y.at(l.at(at) * s.factor)))
		if row >= 0 && row < 4*height {
			cells[row/4][dot/2] |= brailleDot(dot%2, row%4)
		}
	}
	for _, p := range points {
		col, row := int(math.Round(x.at(p.x)))/2, int(math.Round(y.at(p.y)))/4
		if row >= 0 && row < height && col >= 0 && col < cols {
			cells[row][col] = '•'
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s in %s\n", describe(l.Metric).title, s.unit)
	labels := map[int]string{}
	for _, v := range y.ticks {
		labels[int(math.Round(y.at(v)))/4] = y.tickText(v)
	}
	for i, row := range cells {
		line := strings.ReplaceAll(string(row), "\u2800", " ")
		out.WriteString(strings.TrimRight(fmt.Sprintf("%*s ┤%s", margin-2, labels[i], line), " ") + "\n")
	}
	out.WriteString(strings.Repeat(" ", margin-1) + "└" + strings.Repeat("─", cols) + "\n")
	out.WriteString(tickLine(x, margin, cols, l.X.Hi) + "\n")
	return out.String()
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
