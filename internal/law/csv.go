package law

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Columns names the columns of a table of trials. Weight may be empty: all weights are 1.
type Columns struct{ X, Y, Weight string }

// Table is what ReadCSV found.
type Table struct {
	Points []Point
	// Left lists the lines that had an empty cell in a wanted column: a trial without the
	// figure, not a zero.
	Left []int
}

// Doubts says in words what was left out.
func (t Table) Doubts() []string {
	if len(t.Left) == 0 {
		return nil
	}
	return []string{doubt("%d line(s) without a value were left out, the first is line %d", len(t.Left), t.Left[0])}
}

// ReadCSV reads trials from comma-separated values with a header line, by column name.
// Every error names the line and the column of name.
func ReadCSV(r io.Reader, name string, columns Columns) (Table, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return Table{}, fmt.Errorf("%s: empty; want a header line with column names", name)
	}
	if err != nil {
		return Table{}, fmt.Errorf("%s: %w", name, err)
	}
	at, err := columns.find(header)
	if err != nil {
		return Table{}, fmt.Errorf("%s: line 1: %w", name, err)
	}
	var t Table
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return Table{}, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := rows.FieldPos(0)
		if len(t.Points) == maxPoints {
			return Table{}, fmt.Errorf("%s: line %d: more than %d trials", name, line, maxPoints)
		}
		point, empty, err := at.point(row)
		switch {
		case err != nil:
			return Table{}, fmt.Errorf("%s: line %d, %w", name, line, err)
		case empty:
			t.Left = append(t.Left, line)
		default:
			t.Points = append(t.Points, point)
		}
	}
}

// field is one wanted column: its name and index.
type field struct {
	name  string
	index int
}

// fields are x, y and, when wanted, the weight.
type fields []field

// find locates the wanted columns in a header.
func (c Columns) find(header []string) (fields, error) {
	names := make([]string, len(header))
	for i, h := range header {
		names[i] = strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))
	}
	wanted := []string{c.X, c.Y}
	if c.Weight != "" {
		wanted = append(wanted, c.Weight)
	}
	var out fields
	for _, w := range wanted {
		i := slices.Index(names, w)
		if i < 0 {
			return nil, fmt.Errorf("no column %q; there are: %s", w, strings.Join(names, ", "))
		}
		if slices.Contains(names[i+1:], w) {
			return nil, fmt.Errorf("column %q appears twice", w)
		}
		out = append(out, field{name: w, index: i})
	}
	return out, nil
}

// point reads one row; empty is true when a wanted cell is blank.
func (f fields) point(row []string) (p Point, empty bool, err error) {
	p.Weight = 1
	targets := []*float64{&p.X, &p.Y, &p.Weight}
	for i, c := range f {
		text := strings.TrimSpace(row[c.index])
		if text == "" {
			return Point{}, true, nil
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return Point{}, false, fmt.Errorf("column %q: %q is not a finite number; leave the cell empty when there is no value", c.name, text)
		}
		*targets[i] = v
	}
	return p, false, nil
}
