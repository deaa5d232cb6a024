// Package inspect describes a GGUF file for people: metadata, tensors and totals.
package inspect

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/unit"
)

// maxText bounds a metadata value on a line; chat templates are long.
const maxText = 120

// Write describes the file at path.
func Write(w io.Writer, path string) (err error) {
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
	}()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s: GGUF version %d, %v, %d metadata values, %d tensors\n\n", path, f.Version, unit.Bytes(f.Size()), len(f.Keys()), len(f.Tensors()))
	fmt.Fprintln(table, "KEY\tTYPE\tVALUE")
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		fmt.Fprintf(table, "%s\t%s\t%s\n", key, typeOf(v), elide(v.String()))
	}
	fmt.Fprintln(table, "\nTENSOR\tTYPE\tSHAPE\tSIZE")
	totals := map[string]*total{}
	var all total
	for _, t := range f.Tensors() {
		fmt.Fprintf(table, "%s\t%v\t%s\t%v\n", t.Name, t.DType, dimensions(t.Shape), unit.Bytes(t.Size))
		name := t.DType.String()
		if totals[name] == nil {
			totals[name] = &total{}
		}
		totals[name].add(t)
		all.add(t)
	}
	fmt.Fprintln(table, "\nTYPE\tTENSORS\tPARAMETERS\tSIZE")
	for _, name := range slices.Sorted(maps.Keys(totals)) {
		totals[name].write(table, name)
	}
	all.write(table, "all")
	return table.Flush()
}

// total sums tensors.
type total struct {
	tensors, parameters int
	bytes               unit.Bytes
}

func (t *total) add(tensor gguf.Tensor) {
	t.tensors++
	t.parameters += tensor.Elements()
	t.bytes += unit.Bytes(tensor.Size)
}

func (t *total) write(w io.Writer, name string) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%v\n", name, t.tensors, t.parameters, t.bytes)
}

func typeOf(v gguf.Value) string {
	if elem, ok := v.Elem(); ok {
		return fmt.Sprintf("%v of %d %v", v.Type(), v.Len(), elem)
	}
	return v.Type().String()
}

// elide cuts a long text after a whole character.
func elide(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

func dimensions(shape []int) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), " × "), "[]")
}
