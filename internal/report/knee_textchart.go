package report

import (
	"fmt"
	"math"
	"strings"
)

// kneeTextChart draws cost against nominal pixels with characters: the curve in Braille dots,
// a bullet where trials lie, and the knee under the axis, its interval drawn heavy.
func kneeTextChart(k *kneeView, width, height int) string {
	const margin = 9
	s, span := k.scale(), k.span()
	cols := max(10, width-margin)
	y := newAxis(k.foot(s.factor), k.top()*s.factor, 5, "")
	y.from, y.to = float64(4*height-1), 0
	x := pixelAxis(span.Lo, span.Hi, max(2, cols/9), "")
	x.from, x.to = 0, float64(2*cols-1)
	c := newTextCanvas(cols, height)
	for dot, at := range x.samples(x.lo, x.hi, 2*cols) {
		if !k.fitted() || at < span.Lo || at > span.Hi {
			continue
		}
		c.dot(dot, y.at(k.fit.Cost(at)*s.factor))
	}
	column := func(v float64) int { return int(math.Round(x.at(x.clip(v)))) / 2 }
	for _, t := range k.trials {
		c.bullet(x.at(x.clip(t.nominal)), y.at(t.cost*s.factor))
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s in %s\n", describe(k.metric).title, s.unit)
	c.write(&out, y, margin)
	rule := []rune(strings.Repeat("─", cols))
	legend := ""
	marks := []rune(strings.Repeat(" ", cols))
	if p := k.fit.Predicted; p >= x.lo && p <= x.hi {
		marks[column(p)] = '△'
		legend = "△ predicted " + pixelsText(p)
	}
	if k.fit.Found {
		for i := column(max(k.fit.At.CI.Lo, x.lo)); i <= column(k.fit.At.CI.Hi); i++ {
			rule[i] = '━'
		}
		e := pixelEstimate(k.fit.At)
		if marks[column(k.fit.At.Value)] == '△' {
			legend = strings.Replace(legend, "△ ", "", 1)
		}
		marks[column(k.fit.At.Value)] = '▲'
		legend = strings.TrimSuffix("▲ knee "+e.withUnit()+", ━ its interval, "+legend, ", ")
	}
	indent := strings.Repeat(" ", margin)
	out.WriteString(indent[1:] + "└" + string(rule) + "\n")
	if legend != "" {
		out.WriteString(strings.TrimRight(indent+string(marks), " ") + "\n")
	}
	out.WriteString(pixelTickLine(x, margin, cols) + "\n")
	if legend != "" {
		out.WriteString(indent + legend + "\n")
	}
	return out.String()
}

// pixelTickLine writes the round values of x under the chart.
func pixelTickLine(x axis, margin, cols int) string {
	line := []rune(strings.Repeat(" ", margin+cols+8))
	for _, v := range x.ticks {
		text := []rune(x.tickText(v))
		at := margin + int(x.at(v))/2 - len(text)/2
		copy(line[max(0, min(at, len(line)-len(text))):], text)
	}
	return strings.TrimRight(string(line), " ") + " pixels"
}
