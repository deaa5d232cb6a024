package powercap

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/source/sourcetest"
)

const zoneDir = "sys/class/powercap/"

func energy(zone string, microjoules int64) sourcetest.Tree {
	return sourcetest.Tree{zoneDir + zone + "/energy_uj": strconv.FormatInt(microjoules, 10) + "\n"}
}

func TestContract(t *testing.T) {
	for _, file := range []string{"intel", "amd"} {
		tree := sourcetest.LoadTree(t, "testdata/"+file+".txtar")
		var counters []string
		for path := range tree {
			if strings.HasSuffix(path, "/energy_uj") {
				counters = append(counters, path)
			}
		}
		t.Run(file, func(t *testing.T) {
			sourcetest.Run(t, sourcetest.Case{
				New: func(root string) source.Source { return New(root) }, Tree: tree, Forbidden: counters,
			})
		})
	}
}

// opened opens a source on a tree; advance runs in its pauses.
func opened(t *testing.T, tree sourcetest.Tree, advance func(root string, round int)) (*Source, string) {
	t.Helper()
	root := t.TempDir()
	tree.Write(t, root)
	s := New(root)
	round := 0
	s.pause = func(time.Duration) {
		round++
		if advance != nil {
			advance(root, round)
		}
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, root
}

func names(s *Source, want measure.Quality) (out []string) {
	for _, c := range s.Channels() {
		if c.Quality == want {
			out = append(out, c.Name)
		}
	}
	return out
}

func read(t *testing.T, s *Source) []float64 {
	t.Helper()
	values := make([]float64, len(s.Channels()))
	if err := s.Read(values); err != nil {
		t.Fatal(err)
	}
	return values
}

func TestZonesAreCountedOnce(t *testing.T) {
	s, _ := opened(t, sourcetest.LoadTree(t, "testdata/intel.txtar"), nil)
	want := []string{"powercap.package-0", "powercap.psys", "powercap.package-0.core", "powercap.package-0.uncore"}
	if got := names(s, measure.Measured); !slices.Equal(got, want) {
		t.Errorf("channels %v, want %v", got, want)
	}
	scopes := []measure.Scope{measure.ScopePackage, measure.ScopePsys, measure.ScopeCore, measure.ScopeUncore}
	for i, c := range s.Channels() {
		if c.Scope != scopes[i] || math.Abs(c.Resolution-1.0/(1<<14)) > 1e-8 {
			t.Errorf("%s: scope %s, resolution %g J", c.Name, c.Scope, c.Resolution)
		}
	}
}

func TestTotalsGoThroughWraps(t *testing.T) {
	const span = 262143328850
	tree := sourcetest.LoadTree(t, "testdata/intel.txtar").With(energy("intel-rapl:0", span-2_000_000))
	s, root := opened(t, tree, nil)
	if v := read(t, s); v[0] != 0 {
		t.Errorf("the total begins at %g J", v[0])
	}
	energy("intel-rapl:0", 3_000_000).Write(t, root)
	if v := read(t, s); math.Abs(v[0]-5) > 1e-9 {
		t.Errorf("2 J before the wrap and 3 J after it are %g J", v[0])
	}
	energy("intel-rapl:0", 4_000_000).Write(t, root)
	read(t, s)
	energy("intel-rapl:0", 1_000_000).Write(t, root) // restarted, not wrapped
	if v := read(t, s); !math.IsNaN(v[0]) || s.Failure(0) == nil || math.IsNaN(v[1]) {
		t.Errorf("a reset reads %v (%v)", v, s.Failure(0))
	}
	energy("intel-rapl:0", 1_500_000).Write(t, root)
	if v := read(t, s); math.Abs(v[0]-6.5) > 1e-9 {
		t.Errorf("after the reset the total is %g J, want 6.5", v[0])
	}
}

func TestAMDTrustsPackagesOnly(t *testing.T) {
	// Both packages advance, each at its own pace.
	s, _ := opened(t, sourcetest.LoadTree(t, "testdata/amd.txtar"), func(root string, round int) {
		energy("intel-rapl:0", int64(7_000_000+61_000*round)).Write(t, root)
		energy("intel-rapl:1", int64(9_000_000+59_000*round)).Write(t, root)
	})
	if got := names(s, measure.Measured); !slices.Equal(got, []string{"powercap.package-0", "powercap.package-1"}) {
		t.Errorf("measured: %v", got)
	}
	if got := names(s, measure.Unavailable); !slices.Equal(got, []string{"powercap.package-0.core"}) {
		t.Errorf("unavailable: %v", got)
	}
}

func TestMirroredCountersAreKeptOnce(t *testing.T) {
	for name, offset := range map[string]int64{"same readings": 0, "same steps": 5_000_000} {
		t.Run(name, func(t *testing.T) {
			at := func(round int) sourcetest.Tree {
				v := int64(8_000_000 + 61_000*round*round)
				return energy("intel-rapl:0", v).With(energy("intel-rapl:1", v+offset))
			}
			tree := sourcetest.LoadTree(t, "testdata/amd.txtar").With(at(0))
			s, _ := opened(t, tree, func(root string, round int) { at(round).Write(t, root) })
			if got := names(s, measure.Measured); !slices.Equal(got, []string{"powercap.package-0"}) {
				t.Errorf("measured: %v", got)
			}
			last := s.Channels()[1]
			if last.Name != "powercap.package-1" || !strings.Contains(last.Reason, "same counter as package-0") {
				t.Errorf("the mirror is %+v", last)
			}
		})
	}
}

// Counters that stand still, as in a captured tree, prove nothing.
func TestIdleCountersAreNotMirrors(t *testing.T) {
	s, _ := opened(t, sourcetest.LoadTree(t, "testdata/amd.txtar"), nil)
	if got := names(s, measure.Measured); len(got) != 2 {
		t.Errorf("measured: %v", got)
	}
}

func TestMissingRangeMakesOneZoneUnavailable(t *testing.T) {
	tree := sourcetest.LoadTree(t, "testdata/intel.txtar").With(sourcetest.Tree{zoneDir + "intel-rapl:1/max_energy_range_uj": "none\n"})
	s, _ := opened(t, tree, nil)
	if got := names(s, measure.Unavailable); !slices.Equal(got, []string{"powercap.psys"}) {
		t.Errorf("unavailable: %v", got)
	}
	if v := read(t, s); !math.IsNaN(v[1]) || math.IsNaN(v[0]) {
		t.Errorf("readings %v", v)
	}
}
