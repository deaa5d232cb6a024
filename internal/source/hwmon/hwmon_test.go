package hwmon

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/source/sourcetest"
)

const board = "testdata/board.txtar"

func forbidden() []string {
	const dir = "sys/class/hwmon/hwmon"
	return []string{dir + "1/power1_input", dir + "2/power1_input", dir + "3/curr1_input", dir + "3/in0_input", dir + "4/energy1_input"}
}

func TestContract(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{
		New: func(root string) source.Source { return New(root) }, Tree: sourcetest.LoadTree(t, board), Forbidden: forbidden(),
	})
}

func opened(t *testing.T, tree sourcetest.Tree) (*Source, string) {
	t.Helper()
	root := t.TempDir()
	tree.Write(t, root)
	s := New(root)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, root
}

func TestValues(t *testing.T) {
	s, root := opened(t, sourcetest.LoadTree(t, board))
	want := map[string]struct {
		value, rate float64
		scope       measure.Scope
	}{
		"hwmon.ina226.power1":   {5.125, 50, measure.ScopeRail},
		"hwmon.ina226.power1-2": {0.875, 0, measure.ScopeRail},
		"hwmon.powerz.power1":   {6.12, 0, measure.ScopeWall},
		"hwmon.ina260.energy1":  {2.5, 0, measure.ScopeRail},
	}
	values := make([]float64, len(s.Channels()))
	if err := s.Read(values); err != nil {
		t.Fatal(err)
	}
	sourcetest.Tree{"sys/class/hwmon/hwmon4/energy1_input": "125500000\n"}.Write(t, root)
	if err := s.Read(values); err != nil {
		t.Fatal(err)
	}
	for i, c := range s.Channels() {
		w, ok := want[c.Name]
		if !ok || math.Abs(values[i]-w.value) > 1e-9 || c.RateHz != w.rate || c.Scope != w.scope {
			t.Errorf("%s = %g %s at %g Hz, scope %s; want %+v", c.Name, values[i], c.Kind.Unit(), c.RateHz, c.Scope, w)
		}
		delete(want, c.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing %v", want)
	}
}

func TestSentinelIsNoReading(t *testing.T) {
	tree := sourcetest.LoadTree(t, board).With(sourcetest.Tree{"sys/class/hwmon/hwmon1/power1_input": "4294967295000\n"})
	s, _ := opened(t, tree)
	values := make([]float64, len(s.Channels()))
	if err := s.Read(values); err != nil {
		t.Fatal(err)
	}
	for i, c := range s.Channels() {
		if absent := c.Name == "hwmon.ina226.power1"; math.IsNaN(values[i]) != absent {
			t.Errorf("%s = %g", c.Name, values[i])
		} else if absent && s.Failure(i) != errSentinel {
			t.Errorf("%s is absent because of %v", c.Name, s.Failure(i))
		}
	}
}

// A sensor that is gone by the time of opening must not take the others with it.
func TestUnopenableSensorIsUnavailable(t *testing.T) {
	root := t.TempDir()
	sourcetest.LoadTree(t, board).Write(t, root)
	path := filepath.Join(root, "sys/class/hwmon/hwmon3/curr1_input")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", path); err != nil {
		t.Skip(err)
	}
	s := New(root)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for _, c := range s.Channels() {
		if gone := c.Name == "hwmon.powerz.power1"; gone != (c.Quality == measure.Unavailable) || gone != (c.Reason != "") {
			t.Errorf("%s is %s: %s", c.Name, c.Quality, c.Reason)
		}
	}
}
