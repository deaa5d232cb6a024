package thermal

import (
	"math"
	"testing"

	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/source/sourcetest"
)

const dir = "sys/class/thermal/thermal_zone"

func tree() sourcetest.Tree {
	return sourcetest.Tree{
		dir + "0/type": "acpitz\n", dir + "0/temp": "42500\n",
		dir + "1/type": "x86_pkg_temp\n", dir + "1/temp": "61000\n",
		dir + "2/type": "acpitz\n", dir + "2/temp": "-5000\n",
	}
}

func TestContract(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{New: func(root string) source.Source { return New(root) }, Tree: tree()})
}

func TestZonesAndHottest(t *testing.T) {
	root := t.TempDir()
	// A sensor that shows −274 °C has no reading, and must not hide the others.
	tree().With(sourcetest.Tree{dir + "0/temp": "-274000\n"}).Write(t, root)
	s := New(root)
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"thermal.acpitz": math.NaN(), "thermal.x86_pkg_temp": 61, "thermal.acpitz-2": -5, "thermal.max": 61}
	values := make([]float64, len(s.Channels()))
	if err := s.Read(values); err != nil {
		t.Fatal(err)
	}
	for i, c := range s.Channels() {
		w, ok := want[c.Name]
		if !ok || (values[i] != w && !(math.IsNaN(w) && math.IsNaN(values[i]) && s.Failure(i) != nil)) {
			t.Errorf("%s = %g, want %g", c.Name, values[i], w)
		}
		delete(want, c.Name)
	}
	if len(want) > 0 {
		t.Errorf("missing %v", want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
