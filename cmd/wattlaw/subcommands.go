package main

import "github.com/spf13/cobra"

// subcommands is the explicit list of what wattlaw can do, in the order of the help text.
func subcommands() []*cobra.Command {
	return []*cobra.Command{
		newRunCmd(), newRunsCmd(), newReportCmd(), newExportCmd(), newLawCmd(),
		newModelsCmd(), newInspectCmd(), newConvertCmd(), newQuantizeCmd(), newCompressCmd(), newHealCmd(), newBenchCmd(), newClampCmd(), newEvalCmd(), newWorldCmd(), newTrainCmd(), newGenerateCmd(), newEmbedCmd(), newServeCmd(),
		newTokenizeCmd(), newLogitsCmd(), newSourcesCmd(),
	}
}
