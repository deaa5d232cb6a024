package progress

import (
	"fmt"
	"math"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// palette holds the sequences that switch colours; the zero value has none.
type palette struct{ strong, faint, bar, cpu, memory, power, doubt, off string }

var colours = palette{
	strong: "\x1b[1m", faint: "\x1b[2m", bar: "\x1b[36m", cpu: "\x1b[34m", memory: "\x1b[35m", power: "\x1b[33m",
	doubt: "\x1b[33m", off: "\x1b[0m",
}

// Sequences of a terminal that is redrawn. A synchronized update (mode 2026) spares the
// eye half-drawn frames; terminals that do not know it ignore it.
const (
	beginUpdate = "\x1b[?2026h"
	endUpdate   = "\x1b[?2026l"
	eraseBelow  = "\r\x1b[J"
)

// draw replaces the lines on the terminal with the current state.
func (v *View) draw() {
	if !v.opt.Terminal {
		return
	}
	width := max(20, v.opt.Width()) - 1 // a full line would wrap in some terminals
	lines := v.lines(width)
	var frame strings.Builder
	frame.WriteString(beginUpdate + v.erase())
	v.drawn = v.drawn[:0]
	for _, line := range lines {
		line = ansi.Truncate(line, width, "…")
		v.drawn = append(v.drawn, ansi.StringWidth(line))
		frame.WriteString(line + v.tint.off + "\n")
	}
	frame.WriteString(endUpdate)
	v.write(frame.String())
}

// erase moves to the first of the drawn lines and clears from there. When the terminal has
// become narrower, its lines have wrapped and stand on more rows than were drawn.
func (v *View) erase() string {
	if len(v.drawn) == 0 {
		return ""
	}
	width, rows := max(1, v.opt.Width()), 0
	for _, w := range v.drawn {
		rows += max(1, (w+width-1)/width)
	}
	return fmt.Sprintf("\x1b[%dA", rows) + eraseBelow
}

// lines is the state of the run in lines of at most the given width.
func (v *View) lines(width int) []string {
	lines := []string{v.headline(width), v.barLine(width)}
	now := string(v.stage)
	if v.text != "" {
		now += ": " + v.text
	}
	if v.running {
		t := v.trial
		now = fmt.Sprintf("%s, %s complexity, repeat %d", subject(t.X, t.Size, t.Kind), t.Complexity, t.Repeat+1)
		if width >= 70 {
			now += ", " + t.Config
		}
	}
	lines = append(lines, v.row("now", clean(now)))
	if v.last != "" {
		lines = append(lines, v.row("last", v.last))
	}
	top := float64(v.cores)
	lines = append(lines, v.meter(width, "cpu", quantity(v.live.SystemCPU, "%.2f cores"), v.cpu, 0, top, v.tint.cpu),
		v.meter(width, "model", quantity(v.live.ProcessCPU, "%.2f cores"), v.own, 0, top, v.tint.cpu),
		v.meter(width, "memory", bytesText(v.live.RAM), v.memory, math.NaN(), math.NaN(), v.tint.memory))
	if power := quantity(v.live.Power, "%.1f W"); v.live.Estimated && !math.IsNaN(v.live.Power) {
		lines = append(lines, v.meter(width, "power", power+" est.", v.power, 0, math.NaN(), v.tint.power))
	} else {
		lines = append(lines, v.meter(width, "power", power, v.power, 0, math.NaN(), v.tint.power))
	}
	return lines
}

func (v *View) headline(width int) string {
	left, right := "wattlaw  "+v.name, ""
	if v.total > 0 {
		right = fmt.Sprintf("trial %d of %d", min(v.done+1, v.total), v.total)
	}
	gap := width - ansi.StringWidth(left) - ansi.StringWidth(right)
	if gap < 2 {
		return v.tint.strong + right + v.tint.off
	}
	return v.tint.strong + left + v.tint.off + strings.Repeat(" ", gap) + right
}

func (v *View) barLine(width int) string {
	part := 0.0
	if v.total > 0 {
		part = min(1, max(0, float64(v.done)/float64(v.total)))
	}
	text := fmt.Sprintf(" %3.0f %%", 100*part) + leftText(v.eta, "  ")
	cells := max(5, min(60, width-ansi.StringWidth(text)))
	full := int(math.Round(part * float64(cells)))
	return v.tint.bar + strings.Repeat("━", full) + v.tint.off + v.tint.faint + strings.Repeat("─", cells-full) + v.tint.off + text
}

func (v *View) row(label, text string) string {
	return fmt.Sprintf("%s%-7s%s %s", v.tint.faint, label, v.tint.off, text)
}

// meter is a label, a value and the sparkline of its history. Bounds that are NaN follow
// the data.
func (v *View) meter(width int, label, value string, history ring, lo, hi float64, colour string) string {
	line := v.row(label, value)
	const column = 24
	if pad := column - ansi.StringWidth(line); pad > 0 {
		line += strings.Repeat(" ", pad)
	}
	cells := min(len(history.values), width-column)
	if cells < 4 {
		return line
	}
	return line + colour + sparkline(history.values[len(history.values)-cells:], lo, hi) + v.tint.off
}

// quantity writes a value, "–" when this machine does not yield it.
func quantity(value float64, format string) string {
	if math.IsNaN(value) {
		return "–"
	}
	return fmt.Sprintf(format, value)
}

func bytesText(v float64) string {
	if !(v >= 0 && v < math.MaxInt64) {
		return "–"
	}
	return unit.Bytes(v).String()
}

// ring keeps the latest values.
type ring struct{ values []float64 }

func newRing() ring { return ring{make([]float64, 0, history)} }

func (r *ring) push(value float64) {
	if len(r.values) == history {
		copy(r.values, r.values[1:])
		r.values = r.values[:history-1]
	}
	r.values = append(r.values, value)
}

// sparkline draws values between lo and hi; absent ones leave a gap.
func sparkline(values []float64, lo, hi float64) string {
	const blocks = "▁▂▃▄▅▆▇█"
	marks := []rune(blocks)
	least, most := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			least, most = min(least, v), max(most, v)
		}
	}
	if math.IsNaN(lo) {
		lo = least
	}
	if math.IsNaN(hi) || hi <= lo {
		hi = most
	}
	var out strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			out.WriteByte(' ')
		case !(hi > lo):
			out.WriteRune(marks[0])
		default:
			at := (v - lo) / (hi - lo) * float64(len(marks))
			out.WriteRune(marks[max(0, min(len(marks)-1, int(at)))])
		}
	}
	return out.String()
}

var _ bench.Progress = (*View)(nil).Event
