package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/wattlaw/wattlaw/internal/store"
)

// SamplesFunc returns the series around one trial.
type SamplesFunc = func(seq int) (store.Samples, error)

// WriteAll writes result.json, trials.csv, trials.parquet, samples.parquet, report.html,
// answers.csv and answers.parquet where tasks were answered, comparisons.csv and pareto.csv where several models were measured, and the figures (PNG and SVG, below figures/) into dir, which it creates. Every file
// appears whole or not at all; the first failure ends the writing and leaves the files
// written before it.
func WriteAll(dir string, r *Result, samples SamplesFunc) error {
	files := []outFile{
		{"result.json", func(w io.Writer) error { return WriteJSON(w, r) }},
		{"trials.csv", func(w io.Writer) error { return WriteTrialsCSV(w, r) }},
		{"report.html", func(w io.Writer) error { return WriteHTML(w, []Page{{r, samples}}) }},
		{"trials.parquet", func(w io.Writer) error { return WriteTrialsParquet(w, r) }},
		{"samples.parquet", func(w io.Writer) error { return WriteSamplesParquet(w, r, samples) }},
	}
	if len(r.Comparisons) > 0 {
		files = append(files, []outFile{
			{"comparisons.csv", func(w io.Writer) error { return WriteComparisonsCSV(w, r) }},
			{"pareto.csv", func(w io.Writer) error { return WriteParetoCSV(w, r) }},
		}...)
	}
	if len(r.Answers) > 0 {
		files = append(files, []outFile{
			{"answers.csv", func(w io.Writer) error { return WriteAnswersCSV(w, r) }},
			{"answers.parquet", func(w io.Writer) error { return WriteAnswersParquet(w, r) }},
		}...)
	}
	for _, f := range files {
		if err := WriteFile(filepath.Join(dir, f.name), f.write); err != nil {
			return err
		}
	}
	return writeFigures(filepath.Join(dir, "figures"), r, samples)
}

// outFile is one file of a report.
type outFile struct {
	name  string
	write func(io.Writer) error
}

// WriteFile writes a file through a temporary one beside it, so that a crash or a full
// disk leaves either the old file or the new one. It creates the folder.
func WriteFile(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	file, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w; the run is safe in the store: mend this, then write the report again with \"wattlaw report\"",
				path, errors.Join(err, ignoreGone(os.Remove(file.Name()))))
		}
	}()
	buffered := bufio.NewWriterSize(file, 1<<16)
	err = write(buffered)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = file.Chmod(0o644)
	}
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	return err
}

func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// WriteJSON writes result.json.
func WriteJSON(w io.Writer, r *Result) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// ReadJSON reads what WriteJSON wrote and refuses other schemas.
func ReadJSON(rd io.Reader) (*Result, error) {
	var r Result
	if err := json.NewDecoder(rd).Decode(&r); err != nil {
		return nil, fmt.Errorf("result: %w", err)
	}
	if r.Schema != Schema {
		return nil, fmt.Errorf("result: schema %q: this version reads %q", r.Schema, Schema)
	}
	return &r, nil
}
