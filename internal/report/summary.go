package report

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/store"
)

// SummaryOptions say how the summary is laid out.
type SummaryOptions struct {
	Width  int    // columns; 0 means 80
	Color  bool   // use terminal colours
	Report string // where the HTML report lies; "" leaves the line out
}

// TerminalOptions fits the summary to w: the width of the terminal, and colours unless
// NO_COLOR is set; 80 columns without colours where w is no terminal.
func TerminalOptions(w io.Writer) SummaryOptions {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return SummaryOptions{Width: 80}
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		width = 80
	}
	return SummaryOptions{Width: min(width, 120), Color: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// maxSummaryDoubts is how many doubts the summary spells out; the report has all.
const maxSummaryDoubts = 8

// WriteSummary writes the result for a terminal: the laws with their intervals, a small
// chart, and what there is to doubt.
func WriteSummary(w io.Writer, r *Result, o SummaryOptions) error {
	if o.Width <= 0 {
		o.Width = 80
	}
	s := &summary{SummaryOptions: o}
	for i := range r.Configs {
		s.config(r, &r.Configs[i])
	}
	s.clamps(r)
	s.comparisons(r)
	s.accuracy(r)
	if len(r.Configs) == 0 {
		s.line("", "No configuration was measured.")
		s.line("", "")
	}
	s.checks(r)
	s.doubts(r)
	if o.Report != "" {
		// A path is not wrapped, so that it can be copied.
		s.out.WriteString(s.styled(dim, "report") + "      " + printable(o.Report) + "\n")
	}
	_, err := io.WriteString(w, s.out.String())
	return err
}

type summary struct {
	SummaryOptions
	out strings.Builder
}

// line writes text in a style of the terminal, wrapped to its width.
func (s *summary) line(style, text string) {
	text = ansi.Wrap(printable(text), max(20, s.Width), "")
	for line := range strings.Lines(text + "\n") {
		s.out.WriteString(s.styled(style, strings.TrimRight(line, "\n")) + "\n")
	}
}

func (s *summary) styled(style, text string) string {
	if !s.Color || style == "" || text == "" {
		return text
	}
	return style + text + "\x1b[0m"
}

const (
	strong = "\x1b[1m"
	dim    = "\x1b[2m"
	yellow = "\x1b[33m"
)

// pair writes a label and its text, with further lines indented under the text.
func (s *summary) pair(label, text string) {
	const column = 12
	wrapped := ansi.Wrap(printable(text), max(20, s.Width-column), "")
	label = s.styled(dim, label) + strings.Repeat(" ", max(1, column-ansi.StringWidth(label)))
	for line := range strings.Lines(wrapped + "\n") {
		s.out.WriteString(label + line)
		label = strings.Repeat(" ", column)
	}
}

func (s *summary) config(r *Result, c *ConfigResult) {
	trials := 0
	for _, t := range r.Trials {
		if t.Config == c.ID {
			trials++
		}
	}
	title := fmt.Sprintf("%s: %d trials", c.ID, trials)
	if r.Run.Status != store.StatusComplete {
		title += fmt.Sprintf(", run is %s (%d planned)", r.Run.Status, r.Run.Planned)
	}
	if c.Meaningless {
		title += " (random weights: costs are real, text is not)"
	}
	s.line(strong, title)
	s.line("", "")
	if sweep := newSweep(r, c); sweep != nil {
		s.sweep(sweep, c)
		return
	}
	for _, l := range c.Laws {
		if l.Metric == store.MetricCPUCoreSeconds {
			s.line("", l.Statement)
			s.line("", "")
		}
	}
	s.laws(c)
	for _, u := range c.Unfitted {
		if !isEnergy(u.Metric) {
			s.pair("–", describe(u.Metric).title+": no law: "+u.Reason)
		}
	}
	s.line("", "")
	for i := range c.Laws {
		if l := &c.Laws[i]; l.Metric == store.MetricCPUCoreSeconds {
			s.out.WriteString(textChart(l, lawPoints(r, c.ID, l, byComplexity), min(s.Width, 72), 12))
			s.line("", "")
		}
	}
	if text := complexityText(c, byTokens); len(text) > 0 {
		s.pair("complexity", strings.Join(text, " "))
	}
}

// textColumn is a column of a table in the terminal. Those with a high rank go first where
// the terminal is narrow; rank 0 stays.
type textColumn[T any] struct {
	head string
	rank int
	cell func(T) string
}

var summaryColumns = [...]textColumn[*LawResult]{
	{"cost", 0, func(l *LawResult) string {
		name := shortTitle(l.Metric)
		if l.Quality == measure.Estimated {
			name += " (estimate)"
		}
		return printable(name)
	}},
	{"per token", 0, func(l *LawResult) string { return estimateOf(l, "b").withUnit() }},
	{"95 % interval", 1, func(l *LawResult) string { return estimateOf(l, "b").interval }},
	{"fixed", 2, func(l *LawResult) string { return estimateOf(l, "a").withUnit() }},
	{"95 % interval", 3, func(l *LawResult) string { return estimateOf(l, "a").interval }},
	{"R²", 4, func(l *LawResult) string { return fixedOr(l.R2, 4) }},
	{"linear to", 5, func(l *LawResult) string { return fixedOr(l.LinearTo, 0) }},
}

// laws writes the table of laws with as many columns as fit.
func (s *summary) laws(c *ConfigResult) {
	if len(c.Laws) == 0 {
		s.line("", "No law could be fitted.")
		return
	}
	laws := make([]*LawResult, len(c.Laws))
	for i := range c.Laws {
		laws[i] = &c.Laws[i]
	}
	textTable(s, summaryColumns[:], laws)
}

// textTable writes a table with as many of its columns as fit.
func textTable[T any](s *summary, columns []textColumn[T], rows []T) {
	columns = slices.Clone(columns)
	widths := make([]int, len(columns))
	for {
		total := 0
		for i, column := range columns {
			widths[i] = ansi.StringWidth(column.head)
			for _, r := range rows {
				widths[i] = max(widths[i], ansi.StringWidth(column.cell(r)))
			}
			total += widths[i] + 2
		}
		last := slices.MaxFunc(columns, func(a, b textColumn[T]) int { return a.rank - b.rank })
		if total-2 <= s.Width || last.rank == 0 {
			break
		}
		columns = slices.DeleteFunc(columns, func(c textColumn[T]) bool { return c.rank == last.rank })
	}
	row := func(style string, cell func(textColumn[T]) string) {
		var line strings.Builder
		for i, column := range columns {
			text := cell(column)
			pad := strings.Repeat(" ", widths[i]-ansi.StringWidth(text))
			if i == 0 {
				line.WriteString(text + pad)
			} else {
				line.WriteString("  " + pad + text)
			}
		}
		s.out.WriteString(s.styled(style, strings.TrimRight(line.String(), " ")) + "\n")
	}
	row(dim, func(c textColumn[T]) string { return c.head })
	for _, r := range rows {
		row("", func(column textColumn[T]) string { return column.cell(r) })
	}
}

// checks writes how far the measuring itself may be trusted.
func (s *summary) checks(r *Result) {
	closure := "–  no trial has both the samples and the counter"
	if c := r.Closure; c != nil {
		closure = fmt.Sprintf("%s median, %s largest: area under the CPU samples against the counter", percent(c.Median), percent(c.Max))
	}
	s.pair("closure", closure)
	observer := "–  the sampler did not run"
	if o := r.Observer; o.CoreFraction != nil {
		observer = fmt.Sprintf("%s of one core, %d of %d ticks late", percent(*o.CoreFraction), o.LateTicks, o.Ticks)
	}
	s.pair("observer", observer)
	energy, missing := false, ""
	for _, source := range r.Sources {
		if !source.yieldsEnergy() {
			continue
		}
		energy = energy || source.Quality == measure.Measured
		if source.Quality == measure.Unavailable {
			missing += "; " + source.Name + ": " + source.Reason
		}
	}
	if !energy {
		s.pair("energy", "–  not measured"+missing)
	}
}

func (s *summary) doubts(r *Result) {
	for i, d := range r.Doubts {
		if i == maxSummaryDoubts {
			s.pair("", fmt.Sprintf("and %d more in the report", len(r.Doubts)-i))
			break
		}
		text := shortTitle(d.Where) + ": " + d.Text
		if d.Count > 1 {
			text += fmt.Sprintf(" (%d times)", d.Count)
		}
		label := "doubts"
		if i > 0 {
			label = ""
		}
		s.pair(label, text)
	}
	if len(r.Doubts) == 0 {
		s.pair("doubts", "none recorded")
	}
}

// printable replaces what could steer a terminal: names come from model files.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) && r != ' ' && r != '\u00a0' {
			return '�'
		}
		return r
	}, text)
}
