package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/wattlaw/wattlaw/internal/report"
)

// exportFlags is what the user asks of the export command.
type exportFlags struct {
	store, format, out string
	samples, answers   bool
	comparisons        bool
}

// newExportCmd writes one run's trials or samples for other programs.
func newExportCmd() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a run's trials, samples or answers as CSV, JSON or Parquet",
		Long: `Write the trials of a stored run as CSV or Parquet, or its whole result as JSON (the content
of result.json). With --samples, write every reading around the trials instead, with --answers
the tasks that were answered, with what each answer cost, with --comparisons what differs between
models that were compared. The fields are described in docs/result-schema.md.`,
		Example: "  wattlaw export 20261123T2315 --format csv\n  wattlaw export 20261123T2315 --format parquet --samples --out samples.parquet",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			write, err := f.writer()
			if err != nil {
				return err
			}
			s, err := openStore(cmd.Context(), f.store)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			page, err := loadPage(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			if f.out != "" && f.out != "-" {
				return report.WriteFile(f.out, func(w io.Writer) error { return write(w, page) })
			}
			stdout := cmd.OutOrStdout()
			if file, ok := stdout.(*os.File); ok && f.format == "parquet" && term.IsTerminal(int(file.Fd())) {
				return errors.New("export: Parquet is no text; name a file with --out")
			}
			return write(stdout, page)
		},
	}
	storeFlag(cmd, &f.store)
	cmd.Flags().StringVarP(&f.format, "format", "f", "csv", "csv, json or parquet")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "file to write (default: standard output)")
	cmd.Flags().BoolVar(&f.samples, "samples", false, "export the samples instead of the trials")
	cmd.Flags().BoolVar(&f.answers, "answers", false, "export the answers to tasks instead of the trials")
	cmd.Flags().BoolVar(&f.comparisons, "comparisons", false, "export the comparisons of models instead of the trials")
	return cmd
}

// writer returns what writes the format, before anything is opened.
func (f exportFlags) writer() (func(io.Writer, report.Page) error, error) {
	switch {
	case f.samples && f.answers, f.comparisons && (f.samples || f.answers):
		return nil, errors.New("export: any two of --samples, --answers and --comparisons are two exports; leave one out")
	case f.format == "csv" && f.comparisons:
		return func(w io.Writer, p report.Page) error { return report.WriteComparisonsCSV(w, p.Result) }, nil
	case f.comparisons:
		return nil, errors.New("export: comparisons are written as csv; the JSON of a run has them among the rest")
	case f.format == "csv" && f.answers:
		return func(w io.Writer, p report.Page) error { return report.WriteAnswersCSV(w, p.Result) }, nil
	case f.format == "parquet" && f.answers:
		return func(w io.Writer, p report.Page) error { return report.WriteAnswersParquet(w, p.Result) }, nil
	case f.format == "json" && f.answers:
		return nil, errors.New("export: answers are written as csv or parquet; the JSON of a run has them among the rest")
	case f.format == "csv" && f.samples:
		return func(w io.Writer, p report.Page) error { return report.WriteSamplesCSV(w, p.Result, p.Samples) }, nil
	case f.format == "parquet" && f.samples:
		return func(w io.Writer, p report.Page) error { return report.WriteSamplesParquet(w, p.Result, p.Samples) }, nil
	case f.format == "json" && f.samples:
		return nil, errors.New("export: samples are written as csv or parquet, not json")
	case f.format == "csv":
		return func(w io.Writer, p report.Page) error { return report.WriteTrialsCSV(w, p.Result) }, nil
	case f.format == "json":
		return func(w io.Writer, p report.Page) error { return report.WriteJSON(w, p.Result) }, nil
	case f.format == "parquet":
		return func(w io.Writer, p report.Page) error { return report.WriteTrialsParquet(w, p.Result) }, nil
	}
	return nil, fmt.Errorf("export: unknown format %q: want csv, json or parquet", f.format)
}
