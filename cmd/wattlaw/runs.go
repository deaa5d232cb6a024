package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/store"
	"github.com/wattlaw/wattlaw/internal/store/sqlite"
)

// newRunsCmd lists the runs of the store.
func newRunsCmd() *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List all runs, newest first",
		Long: `List the runs of the store, newest first: when they began, what they measured, how many of
their trials are finished, and how they ended. A run that is not complete goes on with
"wattlaw run --resume RUN"; a unique beginning of its id is enough.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			s, err := openStore(cmd.Context(), path)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			return listRuns(cmd.Context(), s, cmd.OutOrStdout(), asJSON)
		},
	}
	storeFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the runs' records as JSON")
	return cmd
}

// storeFlag adds the flag that names the store.
func storeFlag(cmd *cobra.Command, path *string) {
	usage := "file of the store (default: $WATTLAW_STORE, else a file of the user's)"
	if known, err := sqlite.DefaultPath(); err == nil {
		usage = "file of the store (default " + known + "; $WATTLAW_STORE overrides)"
	}
	cmd.Flags().StringVar(path, "store", "", usage)
}

// openStore opens the store at path, at its usual place when path is empty.
func openStore(ctx context.Context, path string) (*sqlite.DB, error) {
	if path == "" {
		var err error
		if path, err = sqlite.DefaultPath(); err != nil {
			return nil, err
		}
	}
	return sqlite.Open(ctx, path)
}

func listRuns(ctx context.Context, s store.Store, w io.Writer, asJSON bool) error {
	runs, err := s.Runs(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		if runs == nil {
			runs = []store.Run{}
		}
		return encoder.Encode(runs)
	}
	counts, err := s.TrialCounts(ctx)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		_, err := fmt.Fprintln(w, `no runs yet; begin with "wattlaw run"`)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RUN\tDATE\tMODEL\tTRIALS\tSTATUS")
	for _, run := range runs {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d of %d\t%s\n", run.ID, run.Created.Local().Format("2006-01-02 15:04"),
			models(run), counts[run.ID], run.Planned, statusText(run))
	}
	return table.Flush()
}

// models names what a run measured; a run that ended before it loaded anything has only
// its plan to tell.
func models(run store.Run) string {
	var plan struct{ Model []string }
	if json.Unmarshal(run.Plan, &plan) != nil || len(plan.Model) == 0 {
		return "–"
	}
	return strings.Join(plan.Model, ", ")
}

func statusText(run store.Run) string {
	reason, _, _ := strings.Cut(run.Reason, "\n")
	if reason == "" {
		return string(run.Status)
	}
	const longest = 60
	if short := []rune(reason); len(short) > longest {
		reason = string(short[:longest]) + "…"
	}
	return string(run.Status) + ": " + reason
}
