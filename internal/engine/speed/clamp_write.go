package speed

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wattlaw/wattlaw/internal/imaging"
	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// ClampFormats lists the names that ClampResult.Write knows.
func ClampFormats() []string { return []string{"table", "json"} }

// CheckClampFormat errs when name is none of ClampFormats.
func CheckClampFormat(name string) error {
	if slices.Contains(ClampFormats(), name) {
		return nil
	}
	return fmt.Errorf("clamp: no output format %q; there are %s", name, strings.Join(ClampFormats(), ", "))
}

// Write writes the result in one of ClampFormats.
func (r ClampResult) Write(w io.Writer, format string) error {
	if err := CheckClampFormat(format); err != nil {
		return err
	}
	rows, err := r.rows()
	if err != nil {
		return err
	}
	if format == "json" {
		return r.writeJSON(w, rows)
	}
	return r.writeTable(w, rows)
}

// clampRow is one limit as every format shows it: medians over the rounds of means per
// image. Seconds are null where they are unknown.
type clampRow struct {
	Clamp   imaging.Clamp    `json:"clamp"`
	Own     bool             `json:"own"`
	Layouts []imaging.Layout `json:"layouts"`
	Pixels  float64          `json:"pixels_per_image"` // effective
	Tokens  float64          `json:"tokens_per_image"`
	Encode  *float64         `json:"encode_s"`
	Prefill *float64         `json:"prefill_s"`
	Total   *float64         `json:"total_s"`
	Cores   *float64         `json:"core_s"`
	Ratio   *stat.Summary    `json:"ratio,omitempty"` // to the model's own limit; absent for that itself
	Kept    *float64         `json:"answer_kept"`
}

// costs of one kind, by round.
func (t ClampTest) costs(of func(Cost) float64) []float64 {
	var values []float64
	for _, c := range t.Rounds {
		values = append(values, of(c))
	}
	return values
}

// basis tells what ratios are of, and picks it: core-seconds, which other programs disturb
// less, or seconds where the system does not count them.
func (r ClampResult) basis() (string, func(Cost) float64) {
	for _, t := range r.Tests {
		for _, c := range t.Rounds {
			if !(c.Cores > 0) {
				return "seconds", func(c Cost) float64 { return c.Total }
			}
		}
	}
	return "core-seconds", func(c Cost) float64 { return c.Cores }
}

func (r ClampResult) rows() ([]clampRow, error) {
	_, of := r.basis()
	base := r.Tests[0].costs(of)
	var rows []clampRow
	for _, t := range r.Tests {
		middle := func(of func(Cost) float64) *float64 { return known(stat.Median(t.costs(of))) }
		row := clampRow{
			Clamp: t.Clamp, Own: t.Own, Layouts: t.Layouts, Kept: known(t.Kept),
			Encode: middle(func(c Cost) float64 { return c.Encode }), Prefill: middle(func(c Cost) float64 { return c.Prefill }),
			Total: middle(func(c Cost) float64 { return c.Total }), Cores: middle(func(c Cost) float64 { return c.Cores }),
		}
		for _, l := range t.Layouts {
			row.Pixels += float64(l.Pixels) / float64(len(t.Layouts))
			row.Tokens += float64(l.Tokens) / float64(len(t.Layouts))
		}
		if !t.Own {
			var ratios []float64
			for i, v := range t.costs(of) {
				ratios = append(ratios, v/base[i])
			}
			summary, err := stat.Summarize(ratios, stat.Options{})
			if err != nil {
				return nil, fmt.Errorf("clamp %v: %w", t.Clamp, err)
			}
			row.Ratio = &summary
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (r ClampResult) writeTable(w io.Writer, rows []clampRow) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s, %s, %d threads): %s; answers of %s; medians of %s, per image\n\n", r.Model.Name, r.Model.Quant,
		r.Model.Kernel, r.Model.Threads, r.pictures(), counted(r.OutputTokens, "token"), counted(len(r.Tests[0].Rounds), "round"))
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "limit\tseen as\tpixels\ttokens\tencode\tprefill\ttotal\tcore-seconds\tratio")
	trained := !r.Model.Meaningless
	if trained {
		fmt.Fprint(table, "\tanswer kept")
	}
	fmt.Fprintln(table)
	for _, row := range rows {
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%.0f\t%s\t%s\t%s\t%s\t%s", row.name(), row.seen(), row.Pixels, row.Tokens,
			seconds(row.Encode), seconds(row.Prefill), seconds(row.Total), seconds(row.Cores), row.ratio())
		if trained {
			fmt.Fprintf(table, "\t%s", percent(row.Kept))
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, line := range r.remarks(rows) {
		b.WriteString("\n" + line)
	}
	if r.Accuracy != nil {
		b.WriteString("\n\n" + strings.Join(r.Accuracy.Lines(), "\n"))
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

func (r ClampResult) pictures() string {
	if len(r.Pictures) == 1 {
		return fmt.Sprintf("%s of %v", r.Pictures[0].Name, r.Pictures[0].Image.Size())
	}
	return counted(len(r.Pictures), "image")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// remarks is what must be read beside the numbers.
func (r ClampResult) remarks(rows []clampRow) (lines []string) {
	of, _ := r.basis()
	for _, row := range rows {
		if row.Ratio != nil {
			lines = append(lines, fmt.Sprintf("Ratios are of %s, to the model's own limit, with the interval of their median over the rounds.", of))
			for _, warning := range row.Ratio.Warnings {
				lines = append(lines, "Doubt: "+warning+".")
			}
			break
		}
	}
	for _, row := range rows {
		if !row.Own && slices.Equal(row.Layouts, rows[0].Layouts) {
			lines = append(lines, fmt.Sprintf("Limit %v changes no image: all are below it.", row.Clamp))
		}
	}
	if r.Accuracy == nil {
		lines = append(lines, r.accuracy())
	}
	return lines
}

// accuracy says what the result does not.
func (r ClampResult) accuracy() string {
	if r.Model.Meaningless {
		return "Accuracy is not shown: these weights are random and their answers say nothing. What a limit costs does not depend on that; whether it is safe needs the trained model."
	}
	return "\"Answer kept\" is the part of the answers, from the first token on, that is as under the model's own limit. It is no accuracy: check the answers of your own task before choosing a limit."
}

// name of a limit.
func (r clampRow) name() string {
	if r.Own {
		return fmt.Sprintf("own (%v)", r.Clamp)
	}
	return r.Clamp.String()
}

// seen is what the images become, if they become the same.
func (r clampRow) seen() string {
	first := r.Layouts[0].Seen()
	for _, l := range r.Layouts {
		if l.Seen() != first {
			return "various"
		}
	}
	return first
}

func (r clampRow) ratio() string {
	if r.Ratio == nil {
		return "1"
	}
	if r.Ratio.N == 1 {
		return fmt.Sprintf("%.3f", r.Ratio.Median)
	}
	return fmt.Sprintf("%.3f [%.3f, %.3f]", r.Ratio.Median, r.Ratio.CI.Lo, r.Ratio.CI.Hi)
}

func seconds(v *float64) string {
	if v == nil {
		return "–"
	}
	return unit.Seconds(*v).String()
}

func percent(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", 100*(*v))
}

func (r ClampResult) writeJSON(w io.Writer, rows []clampRow) error {
	type picture struct {
		Name string       `json:"name"`
		Size imaging.Size `json:"size"`
	}
	of, _ := r.basis()
	out := struct {
		Model    any        `json:"model"`
		Pictures []picture  `json:"images"`
		Output   int        `json:"output_tokens"`
		Rounds   int        `json:"rounds"`
		RatioOf  string     `json:"ratio_of"`
		Limits   []clampRow `json:"limits"`
		Accuracy any        `json:"accuracy,omitempty"`
		Remarks  []string   `json:"remarks"`
	}{Model: r.Model, Output: r.OutputTokens, Rounds: len(r.Tests[0].Rounds), RatioOf: of, Limits: rows, Accuracy: r.Accuracy, Remarks: r.remarks(rows)}
	for _, p := range r.Pictures {
		out.Pictures = append(out.Pictures, picture{p.Name, p.Image.Size()})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
