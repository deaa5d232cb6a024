package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
)

// AnswerRow is one row of answers.parquet. Absent figures have no key in their map.
type AnswerRow struct {
	Run             string             `parquet:"run,dict"`
	Seq             int64              `parquet:"seq"`
	Config          string             `parquet:"config,dict"`
	Task            string             `parquet:"task"`
	Group           string             `parquet:"group,dict"`
	Resolution      string             `parquet:"resolution,dict"`
	Text            string             `parquet:"text"`
	Right           bool               `parquet:"right"`
	TokensIn        int64              `parquet:"tokens_in"`
	TokensOut       int64              `parquet:"tokens_out"`
	Started         time.Time          `parquet:"started,timestamp(microsecond)"`
	NominalPixels   *int64             `parquet:"nominal_px,optional"`
	EffectivePixels *int64             `parquet:"effective_px,optional"`
	ImageTokens     *int64             `parquet:"image_tokens,optional"`
	Figures         map[string]float64 `parquet:"figures"`
	Estimates       map[string]float64 `parquet:"estimates"`
}

// WriteAnswersParquet writes one row per answered task.
func WriteAnswersParquet(w io.Writer, r *Result) error {
	rows := make([]AnswerRow, len(r.Answers))
	for i, a := range r.Answers {
		rows[i] = AnswerRow{
			Run: r.Run.ID, Seq: int64(a.Seq), Config: a.Config, Task: a.Task, Group: a.Group, Resolution: a.Resolution,
			Text: a.Text, Right: a.Right, TokensIn: int64(a.TokensIn), TokensOut: int64(a.TokensOut), Started: a.Started.UTC(),
			NominalPixels: wide(a.NominalPixels), EffectivePixels: wide(a.EffectivePixels), ImageTokens: wide(a.ImageTokens),
			Figures: a.Figures, Estimates: a.Estimates,
		}
	}
	out := parquet.NewGenericWriter[AnswerRow](w, parquet.Compression(&parquet.Zstd))
	if _, err := out.Write(rows); err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	return out.Close()
}

// WriteAnswersCSV writes one row per answered task. An absent figure is an empty cell; the
// columns of costs depend on what the run has, estimates under "estimated." and their names.
func WriteAnswersCSV(w io.Writer, r *Result) error {
	measured, estimated := map[string]bool{}, map[string]bool{}
	for _, a := range r.Answers {
		for name := range a.Figures {
			measured[name] = true
		}
		for name := range a.Estimates {
			estimated[name] = true
		}
	}
	figures, estimates := slices.Sorted(maps.Keys(measured)), slices.Sorted(maps.Keys(estimated))
	row := []string{"seq", "config", "task", "group", "resolution", "text", "right", "tokens_in", "tokens_out", "started", "nominal_px", "effective_px", "image_tokens"}
	row = append(row, figures...)
	for _, name := range estimates {
		row = append(row, "estimated."+name)
	}
	out := csv.NewWriter(w)
	if err := out.Write(row); err != nil {
		return err
	}
	for _, a := range r.Answers {
		row = append(row[:0], strconv.Itoa(a.Seq), a.Config, a.Task, a.Group, a.Resolution, a.Text, strconv.FormatBool(a.Right),
			strconv.Itoa(a.TokensIn), strconv.Itoa(a.TokensOut), a.Started.UTC().Format(time.RFC3339Nano),
			count(a.NominalPixels), count(a.EffectivePixels), count(a.ImageTokens))
		for _, name := range figures {
			row = append(row, keyed(a.Figures, name))
		}
		for _, name := range estimates {
			row = append(row, keyed(a.Estimates, name))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// keyed writes a value that a map may lack.
func keyed(m map[string]float64, name string) string {
	v, ok := m[name]
	if !ok {
		return ""
	}
	return cell(&v)
}

// count writes a number that may be absent.
func count(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// wide is a number that may be absent, as Parquet has it.
func wide(n *int) *int64 {
	if n == nil {
		return nil
	}
	v := int64(*n)
	return &v
}
