package speed

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/wattlaw/wattlaw/internal/stat"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// Formats lists the names that Write knows.
func Formats() []string { return []string{"table", "json", "csv", "md", "go"} }

// CheckFormat errs when name is none of Formats.
func CheckFormat(name string) error {
	if slices.Contains(Formats(), name) {
		return nil
	}
	return fmt.Errorf("bench: no output format %q; there are %s", name, strings.Join(Formats(), ", "))
}

// Write writes the result in one of Formats. "go" is the format of Go benchmarks, one line
// per run, which benchstat compares (https://go.dev/design/14313-benchmark-format).
func (r Result) Write(w io.Writer, format string) error {
	switch format {
	case "table":
		return r.writeTable(w)
	case "json":
		return r.writeJSON(w)
	case "csv":
		return r.writeCSV(w)
	case "md":
		return r.writeMarkdown(w)
	case "go":
		return r.writeGo(w)
	}
	return CheckFormat(format)
}

// row is one test as every format but "go" shows it. Rates are tokens per second.
type row struct {
	Model       string    `json:"model"`
	Quant       string    `json:"quant"`
	Bytes       int64     `json:"bytes"`
	Parameters  int64     `json:"parameters"`
	Kernel      string    `json:"kernel"`
	Threads     int       `json:"threads"`
	Test        string    `json:"test"`
	Tokens      int       `json:"tokens"`
	Repeats     int       `json:"repeats"`
	Mean        float64   `json:"mean_tokens_per_s"`
	SD          *float64  `json:"sd_tokens_per_s"` // null for a single run
	Median      float64   `json:"median_tokens_per_s"`
	CPUPerToken *float64  `json:"cpu_s_per_token"` // null where unknown
	Seconds     []float64 `json:"seconds"`
}

func (r Result) rows() []row {
	var rows []row
	for _, t := range r.Tests {
		rates := t.Rates()
		rows = append(rows, row{
			Model: r.Model.Name, Quant: r.Model.Quant, Bytes: r.Model.Bytes, Parameters: r.Model.Parameters,
			Kernel: r.Model.Kernel, Threads: r.Model.Threads, Test: t.Name, Tokens: t.Tokens, Repeats: len(rates),
			Mean: stat.Mean(rates), SD: known(stat.SD(rates)), Median: stat.Median(rates),
			CPUPerToken: known(float64(t.CPUPerToken())), Seconds: t.Seconds,
		})
	}
	return rows
}

// known returns nil for NaN, which JSON cannot hold.
func known(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// spread formats mean ± sd.
func (r row) spread() string {
	if r.SD == nil {
		return fmt.Sprintf("%.2f", r.Mean)
	}
	return fmt.Sprintf("%.2f ± %.2f", r.Mean, *r.SD)
}

func (r row) cpu() string {
	if r.CPUPerToken == nil {
		return "–"
	}
	return unit.Seconds(*r.CPUPerToken).String()
}

// cells are the columns for people.
func (r row) cells() []string {
	return []string{r.Model, r.Quant, unit.Bytes(r.Bytes).String(), r.Kernel, strconv.Itoa(r.Threads), r.Test,
		r.spread(), fmt.Sprintf("%.2f", r.Median), r.cpu()}
}

func heads() []string {
	return []string{"model", "format", "size", "kernel", "threads", "test", "tokens/s", "median", "CPU/token"}
}

func (r Result) writeTable(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.Join(heads(), "\t"))
	for _, row := range r.rows() {
		fmt.Fprintln(table, strings.Join(row.cells(), "\t"))
	}
	return table.Flush()
}

func (r Result) writeMarkdown(w io.Writer) error {
	text := "| " + strings.Join(heads(), " | ") + " |\n" + strings.Repeat("|---", len(heads())) + "|\n"
	for _, row := range r.rows() {
		text += "| " + strings.Join(row.cells(), " | ") + " |\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

func (r Result) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r.rows())
}

func (r Result) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	lines := [][]string{{"model", "quant", "bytes", "parameters", "kernel", "threads", "test", "tokens", "repeats",
		"mean_tokens_per_s", "sd_tokens_per_s", "median_tokens_per_s", "cpu_s_per_token"}}
	number := func(v *float64) string {
		if v == nil {
			return "" // absent is never zero
		}
		return strconv.FormatFloat(*v, 'g', 6, 64)
	}
	for _, row := range r.rows() {
		lines = append(lines, []string{row.Model, row.Quant, fmt.Sprint(row.Bytes), fmt.Sprint(row.Parameters), row.Kernel,
			fmt.Sprint(row.Threads), row.Test, fmt.Sprint(row.Tokens), fmt.Sprint(row.Repeats),
			number(&row.Mean), number(row.SD), number(&row.Median), number(row.CPUPerToken)})
	}
	return out.WriteAll(lines) // flushes
}

func (r Result) writeGo(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "goos: %s\ngoarch: %s\npkg: github.com/wattlaw/wattlaw\nkernel: %s\n", runtime.GOOS, runtime.GOARCH, r.Model.Kernel)
	model := strings.Join(strings.Fields(r.Model.Name), "_")
	for _, t := range r.Tests {
		for i, rate := range t.Rates() {
			fmt.Fprintf(&b, "Benchmark%s/model=%s/threads=%d 1 %.0f ns/op %.4g tokens/s",
				strings.ToUpper(t.Name[:1])+t.Name[1:], model, r.Model.Threads, t.Seconds[i]*1e9, rate)
			if cpu := t.CPUSeconds[i]; !math.IsNaN(cpu) {
				fmt.Fprintf(&b, " %.4g cpu-s/token", cpu/float64(t.Tokens))
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
