package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"
)

// run is the whole program: it parses args, runs one subcommand and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRootCmd()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := fang.Execute(ctx, root, fang.WithVersion(version()), fang.WithErrorHandler(printError))
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		return 130 // what a shell reports for an interrupted program
	default:
		return 1
	}
}

// printError writes the error as one plain line: errors here already say what failed,
// where, and what to do.
func printError(w io.Writer, _ fang.Styles, err error) {
	fmt.Fprintln(w, "wattlaw:", err)
}

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "wattlaw",
		Short: "Measure what local language models cost on this CPU, and the law by which it grows",
		Long: `wattlaw runs language models on this machine's CPU, samples processor, memory and power
while they work, and fits the law by which cost grows with token length.

Start with "wattlaw run": it needs no model file and takes about three minutes.`,
		SilenceUsage: true,
	}
	root.AddCommand(subcommands()...)
	return root
}

// version is the module version of an installed binary, or the commit of a built one.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}
