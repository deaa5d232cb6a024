package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/source/cpufreq"
	"github.com/wattlaw/wattlaw/internal/source/estimate"
	"github.com/wattlaw/wattlaw/internal/source/hwmon"
	"github.com/wattlaw/wattlaw/internal/source/powercap"
	"github.com/wattlaw/wattlaw/internal/source/proc"
	"github.com/wattlaw/wattlaw/internal/source/thermal"
)

// allSources is the explicit list of sources, for the machine below root ("/" for this one)
// and the process pid. None of them is open.
func allSources(root string, pid int) []source.Source {
	return []source.Source{
		proc.NewProcess(root, pid),
		proc.NewRSS(root, pid),
		proc.NewPSS(root, pid),
		proc.NewSystem(root),
		proc.NewMemory(root),
		cpufreq.New(root),
		thermal.New(root),
		powercap.New(root),
		hwmon.New(root),
		estimate.New(estimate.Detect(root, runtime.NumCPU()), proc.NewSystem(root)),
	}
}

// sourceReport is what the command says of one source.
type sourceReport struct {
	Name     string            `json:"name"`
	About    string            `json:"about"`
	State    source.State      `json:"state"`
	Reason   string            `json:"reason,omitempty"`
	Fix      string            `json:"fix,omitempty"`
	Channels []measure.Channel `json:"channels"`
}

// newSourcesCmd lists what can be measured on this machine.
func newSourcesCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sources",
		Short: "List what can be measured on this machine, and why something cannot",
		Long: `List every source of readings with its state (ready, no hardware, no permission, faulty), the
channels that it yields, the reason why it yields none, and the command that grants a
missing permission. Sources of single processes are probed on this program itself.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reports, err := probeSources(allSources("/", os.Getpid()))
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(reports)
			}
			return printSources(cmd.OutOrStdout(), reports)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON, with all properties of the channels")
	return cmd
}

// probeSources asks each source for its state and, where it is ready, for its channels. A
// source that is ready but does not open is faulty.
func probeSources(sources []source.Source) ([]sourceReport, error) {
	reports := make([]sourceReport, 0, len(sources))
	for _, s := range sources {
		i := s.Info()
		r := sourceReport{Name: i.Name, About: i.About, State: i.State, Reason: i.Reason, Fix: i.Fix, Channels: []measure.Channel{}}
		if i.State == source.Ready {
			if err := s.Open(); err != nil {
				r.State, r.Reason = source.Faulty, err.Error()
			} else {
				r.Channels = s.Channels()
			}
			if err := s.Close(); err != nil {
				return nil, fmt.Errorf("close source %s: %w", i.Name, err)
			}
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// printSources writes one line per channel, and the reason where there is none.
func printSources(w io.Writer, reports []sourceReport) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SOURCE\tSTATE\tCHANNEL\tSCOPE\tUNIT\tQUALITY\tRATE")
	for _, r := range reports {
		if len(r.Channels) == 0 {
			fmt.Fprintf(table, "%s\t%s\t%s\t\t\t\t\n", r.Name, r.State, "–")
		}
		for i, c := range r.Channels {
			name, state := r.Name, string(r.State)
			if i > 0 {
				name, state = "", ""
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, state, c.Name, c.Scope, c.Kind.Unit(), c.Quality, rateText(c.RateHz))
		}
	}
	return errors.Join(table.Flush(), printReasons(w, reports))
}

func rateText(hz float64) string {
	if hz == 0 {
		return "as sampled"
	}
	return fmt.Sprintf("%g Hz", hz)
}

// printReasons writes why something is absent or only estimated, and what can be done.
func printReasons(w io.Writer, reports []sourceReport) error {
	var b strings.Builder
	measured := false
	for _, r := range reports {
		if r.Reason != "" {
			fmt.Fprintf(&b, "%s: %s\n", r.Name, r.Reason)
		}
		if r.Fix != "" {
			fmt.Fprintf(&b, "  grant it with: %s\n", r.Fix)
		}
		for _, c := range r.Channels {
			if c.Reason != "" {
				fmt.Fprintf(&b, "%s: %s: %s\n", c.Name, c.Quality, c.Reason)
			}
			energy := c.Kind == measure.KindEnergy || c.Kind == measure.KindPower
			measured = measured || (energy && c.Quality == measure.Measured)
		}
	}
	if !measured {
		b.WriteString("No energy is measured on this machine: joules can only be estimated here.\n")
	}
	_, err := fmt.Fprintf(w, "\n%s", b.String())
	return err
}
