package eval

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wattlaw/wattlaw/internal/engine"
)

// Formats lists the names that Result.Write knows.
func Formats() []string { return []string{"table", "json"} }

// CheckFormat errs when name is none of Formats.
func CheckFormat(name string) error {
	if slices.Contains(Formats(), name) {
		return nil
	}
	return fmt.Errorf("eval: no output format %q; there are %s", name, strings.Join(Formats(), ", "))
}

// Write writes the result in one of Formats.
func (r Result) Write(w io.Writer, format string) error {
	if err := CheckFormat(format); err != nil {
		return err
	}
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	out := &writer{}
	out.line("model     %s", describe(r.Model))
	if r.Base != nil {
		out.line("original  %s", describe(*r.Base))
	}
	for _, t := range r.Texts {
		out.text(t)
	}
	if r.Tasks != nil {
		out.line("\n%s", counted(len(r.Tasks.Choices)+len(r.Tasks.Answers), "task"))
		out.scores(r.Tasks.Scores)
	}
	if r.References != nil {
		out.line("\n%s with references", counted(len(r.References.Answers), "answer"))
		out.scores(r.References.Scores)
		out.line("chrF2 compares letters: it is lexical and knows nothing of meaning.")
		if r.References.Embedder != "" {
			out.line("cosine: embeddings of %s.", r.References.Embedder)
		}
	}
	out.finish(r)
	_, err := io.WriteString(w, out.b.String())
	return err
}

func describe(i engine.Info) string {
	return fmt.Sprintf("%s (%s, %s, %s, %d threads)", i.Name, i.Architecture, i.Quant, i.Kernel, i.Threads)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// writer writes a table for terminals of 80 columns.
type writer struct {
	b      strings.Builder
	doubts []doubt
}

// doubt is a reason for caution and the rows that it is about.
type doubt struct {
	text string
	of   []string
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

// rows writes cells in columns, but for empty rows, which separate.
func (w *writer) rows(rows [][]string) {
	t := tabwriter.NewWriter(&w.b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = t.Flush() // a strings.Builder takes everything
}

// doubt keeps what must be read beside a number. Rows of one doubt share a line.
func (w *writer) doubt(row string, f Figure) {
	for _, text := range f.Doubts {
		i := slices.IndexFunc(w.doubts, func(d doubt) bool { return d.text == text })
		if i < 0 {
			i = len(w.doubts)
			w.doubts = append(w.doubts, doubt{text: text})
		}
		if row = strings.TrimSpace(row); !slices.Contains(w.doubts[i].of, row) {
			w.doubts[i].of = append(w.doubts[i].of, row)
		}
	}
}

func (w *writer) text(t TextResult) {
	w.line("\n%s: %d tokens, %s of %d, %d tokens scored", t.Name, t.Tokens, counted(t.Windows, "window"), t.Window, t.Scored)
	rows := [][]string{{"", "value", "± standard error", "95 % interval"}}
	row := func(name string, f Figure, scale float64, unit string) {
		rows = append(rows, []string{name, number(f.Value*scale, unit), errorOf(f, scale, unit), interval(f, scale, unit)})
	}
	row("perplexity", t.Perplexity, 1, "")
	w.doubt(t.Name, t.Perplexity)
	if d := t.Divergence; d != nil {
		row("perplexity of the original", d.BasePerplexity, 1, "")
		row("ratio", d.Ratio, 1, "")
		row("ln of the ratio", d.LogRatio, 1, "")
		row("KL divergence, mean", d.KL.Mean, 1, "")
		row("  median", d.KL.Median(), 1, "")
		row("  99 %", d.KL.At(0.99), 1, "")
		w.doubt("99 % of KL", d.KL.At(0.99))
		rows = append(rows, []string{"  largest", number(d.KL.Max, "")})
		row("same top token", d.SameTop, 100, " %")
		row("Δp, mean", d.DeltaP.Mean, 100, " %")
		row("  root mean square", d.RMS, 100, " %")
		for _, q := range []float64{0.01, 0.05, 0.5, 0.95, 0.99} {
			row(fmt.Sprintf("  %g %%", 100*q), d.DeltaP.At(q), 100, " %")
		}
	}
	w.rows(rows)
}

func (w *writer) scores(scores []Score) {
	paired := len(scores) > 0 && scores[0].Base != nil
	head := []string{"", "items", "value", "95 % interval"}
	if paired {
		head = []string{"", "items", "model", "original", "difference, 95 % interval"}
	}
	rows := [][]string{head}
	for _, s := range scores {
		name := s.name()
		row := []string{name, fmt.Sprint(s.Model.N), s.value(s.Model.Value)}
		w.doubt(name, s.Model)
		if paired {
			difference := s.signed(s.Difference.Value) + " " + s.interval(*s.Difference, true)
			row = append(row, s.value(s.Base.Value), difference)
			w.doubt(name, *s.Difference)
		} else {
			row = append(row, s.interval(s.Model, false))
		}
		if s.Chance != nil && s.Group == "" {
			row = append(row, "chance "+s.value(*s.Chance))
		}
		rows = append(rows, row)
	}
	w.rows(rows)
}

func (s Score) name() string {
	names := map[Metric]string{
		MetricChoice: "choices, per byte", MetricChoiceRaw: "choices, raw", MetricExact: "exact match",
		MetricF1: "F1", MetricChrF: "chrF2", MetricCosine: "cosine",
	}
	name := names[s.Metric]
	if s.Group != "" {
		name = "  " + s.Group
	}
	if s.Trim > 0 {
		name += fmt.Sprintf(", trimmed by %g %%", 100*s.Trim)
	}
	return name
}

// value writes similarities as such and the rest in percent.
func (s Score) value(v float64) string {
	if s.Metric == MetricChrF || s.Metric == MetricCosine {
		return fmt.Sprintf("%.3f", v)
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}

func (s Score) signed(v float64) string {
	if v < 0 {
		return "-" + s.value(-v)
	}
	return "+" + s.value(v)
}

func (s Score) interval(f Figure, signed bool) string {
	if f.CI == nil {
		return "–"
	}
	write := s.value
	if signed {
		write = s.signed
	}
	return fmt.Sprintf("[%s, %s]", strings.TrimSuffix(write(f.CI.Lo), " %"), write(f.CI.Hi))
}

// finish writes the doubts, each once.
func (w *writer) finish(r Result) {
	if len(r.Doubts)+len(w.doubts) > 0 {
		w.line("")
	}
	for _, d := range r.Doubts {
		w.line("%s", wrap("Doubt: "+d+".", 80, "  "))
	}
	for _, d := range w.doubts {
		w.line("%s", wrap("Doubt of "+strings.Join(d.of, "; ")+": "+d.text+".", 80, "  "))
	}
}

// wrap breaks a text at spaces so that lines keep to a width.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case used == 0:
		case used+1+n > width:
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}

// number writes five significant digits, and small figures of tests as powers of ten.
func number(v float64, unit string) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0" + unit
	case a < 1e-4 || a >= 1e7:
		return fmt.Sprintf("%.2e", v) + unit
	case a >= 1e4:
		return fmt.Sprintf("%.0f", v) + unit
	default:
		digits := 4 - int(math.Floor(math.Log10(a)))
		return fmt.Sprintf("%.*f", digits, v) + unit
	}
}

func errorOf(f Figure, scale float64, unit string) string {
	if f.Error == nil {
		return ""
	}
	return "± " + short(*f.Error*scale) + unit
}

func interval(f Figure, scale float64, unit string) string {
	if f.CI == nil {
		return "–"
	}
	return fmt.Sprintf("[%s, %s]", number(f.CI.Lo*scale, ""), number(f.CI.Hi*scale, unit))
}

// short writes two significant digits.
func short(v float64) string {
	if v < 1e-4 {
		return fmt.Sprintf("%.2g", v)
	}
	digits := max(0, 1-int(math.Floor(math.Log10(v))))
	return fmt.Sprintf("%.*f", digits, v)
}
