package shape

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/wattlaw/wattlaw/internal/unit"
)

// WriteCatalogue lists the shapes with their parameters and the bytes of each format.
func WriteCatalogue(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "SHAPE\tARCHITECTURE\tPARAMETERS\tCONTEXT")
	for _, f := range Formats() {
		fmt.Fprintf(table, "\t@%v", f)
	}
	fmt.Fprintln(table)
	for _, s := range Catalogue() {
		fmt.Fprintf(table, "%s%s\t%s\t%s\t%d", Prefix, s.Name, s.Config.Architecture,
			unit.Format(float64(s.Plan(Q8_0).Parameters()), ""), s.Config.Context)
		for _, f := range Formats() {
			fmt.Fprintf(table, "\t%v", unit.Bytes(s.Plan(f).Bytes()))
		}
		fmt.Fprintln(table)
	}
	fmt.Fprintf(table, "\nName a model as SHAPE@FORMAT, e.g. %s. Its weights are random: it costs what the real\nmodel costs, and its text is meaningless. SHAPE@FORMAT%sPARAMETERS, e.g. %s, is the shape with\nlow-rank layers and that many parameters in all: what it costs when it is compressed.\n",
		Prefix+"smollm2-135m@q8_0", cutMark, Prefix+"llama-3.1-8b@q4_k_m"+cutMark+"3.2b")
	return table.Flush()
}
