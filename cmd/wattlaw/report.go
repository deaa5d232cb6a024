package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/report"
	"github.com/wattlaw/wattlaw/internal/store"
)

// newReportCmd writes the report of stored runs.
func newReportCmd() *cobra.Command {
	var path, out string
	cmd := &cobra.Command{
		Use:   "report RUN…",
		Short: "Write the report of a run, or one that compares several",
		Long: `Evaluate stored runs anew and write the report: report.html, result.json, trials.csv, Parquet
files and figures. With several runs, report.html compares their laws and each run's own
files lie in a folder of its name. RUN is an id as "wattlaw runs" lists them, or a unique
beginning of one.`,
		Example: "  wattlaw report 20261123T2315\n  wattlaw report 20261123T2315 20261124T0900 --out comparison",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			s, err := openStore(cmd.Context(), path)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			return writeReports(cmd.Context(), s, args, out, cmd.OutOrStdout())
		},
	}
	storeFlag(cmd, &path)
	cmd.Flags().StringVarP(&out, "out", "o", "", "folder of the report (default wattlaw-out/RUN, wattlaw-out/comparison for several)")
	return cmd
}

// writeReports writes one run's report into out, or a comparison with the runs' own files
// below it.
func writeReports(ctx context.Context, s store.Store, ids []string, out string, w io.Writer) error {
	var pages []report.Page
	seen := map[string]bool{}
	for _, id := range ids {
		page, err := loadPage(ctx, s, id)
		if err != nil {
			return err
		}
		if run := page.Result.Run.ID; !seen[run] {
			seen[run] = true
			pages = append(pages, page)
		}
	}
	options := report.TerminalOptions(w)
	if len(pages) == 1 {
		page := pages[0]
		if out == "" {
			out = filepath.Join("wattlaw-out", page.Result.Run.ID)
		}
		if err := report.WriteAll(out, page.Result, page.Samples); err != nil {
			return err
		}
		options.Report = filepath.Join(out, "report.html")
		return report.WriteSummary(w, page.Result, options)
	}
	if out == "" {
		out = filepath.Join("wattlaw-out", "comparison")
	}
	for _, page := range pages {
		if err := report.WriteAll(filepath.Join(out, page.Result.Run.ID), page.Result, page.Samples); err != nil {
			return err
		}
		if err := report.WriteSummary(w, page.Result, options); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	file := filepath.Join(out, "report.html")
	if err := report.WriteFile(file, func(w io.Writer) error { return report.WriteHTML(w, pages) }); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "comparison:", file)
	return err
}

// loadPage evaluates one stored run.
func loadPage(ctx context.Context, s store.Store, id string) (report.Page, error) {
	run, err := s.Run(ctx, id)
	if err != nil {
		return report.Page{}, err
	}
	trials, err := s.Trials(ctx, run.ID)
	if err != nil {
		return report.Page{}, err
	}
	answers, err := s.Answers(ctx, run.ID)
	if err != nil {
		return report.Page{}, err
	}
	samples := func(seq int) (store.Samples, error) { return s.Samples(ctx, run.ID, seq) }
	result, err := report.Build(run, trials, answers, samples)
	return report.Page{Result: result, Samples: samples}, err
}
