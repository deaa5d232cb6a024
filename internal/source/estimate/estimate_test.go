package estimate

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/source/sourcetest"
)

// machine is a load source of four cores that the test sets.
type machine struct {
	cpu    float64
	err    error
	opened bool
	scope  measure.Scope
}

func (m *machine) Info() source.Info { return source.Info{Name: "machine", State: source.Ready} }
func (m *machine) Open() error       { m.opened = true; return nil }
func (m *machine) Close() error      { m.opened = false; return nil }
func (m *machine) Channels() []measure.Channel {
	return []measure.Channel{
		{Name: "rss", Kind: measure.KindMemory, Scope: measure.ScopeProcess},
		{Name: "cpu", Kind: measure.KindCPUTime, Scope: m.scope, Capacity: 4, Resolution: 0.01},
	}
}
func (m *machine) Read(dst []float64) error { dst[0], dst[1] = 1, m.cpu; return m.err }

func TestContract(t *testing.T) {
	sourcetest.Run(t, sourcetest.Case{
		New:  func(string) source.Source { return New(Generic(4), &machine{scope: measure.ScopeSystem}) },
		Live: true,
	})
}

// With a straight line the total depends on time and CPU time only, not on when it is read.
func TestEnergyFollowsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := &machine{scope: measure.ScopeSystem}
		p := Profile{Name: "x", Idle: 3, Max: 11, Alpha: 1, Uncertainty: 0.1, Scope: measure.ScopeBoard}
		s := New(p, load)
		now := int64(1e9)
		s.now = func() int64 { return now }
		if err := s.Open(); err != nil {
			t.Fatal(err)
		}
		value := make([]float64, 1)
		if err := s.Read(value); err != nil || value[0] != 0 {
			t.Fatalf("the total begins at %g, %v", value[0], err)
		}
		var seconds, busy float64
		for range rapid.IntRange(1, 30).Draw(t, "readings") {
			dt := rapid.Float64Range(0.01, 1).Draw(t, "dt")
			u := rapid.Float64Range(0, 1).Draw(t, "load")
			now += int64(dt * 1e9)
			load.cpu += u * 4 * dt
			seconds, busy = seconds+dt, busy+u*dt
			if err := s.Read(value); err != nil {
				t.Fatal(err)
			}
		}
		if want := 3*seconds + 8*busy; math.Abs(value[0]-want) > 1e-6*want {
			t.Fatalf("%g J, want %g", value[0], want)
		}
	})
}

func TestAbsentLoadIsCaughtUp(t *testing.T) {
	load := &machine{scope: measure.ScopeSystem}
	s := New(Profile{Name: "x", Idle: 2, Max: 4, Alpha: 1, Uncertainty: 0.1}, load)
	now := int64(1e9)
	s.now = func() int64 { return now }
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	value := make([]float64, 1)
	for _, step := range []struct {
		err  error
		cpu  float64
		want float64
	}{{nil, 0, 0}, {errors.New("gone"), 0, math.NaN()}, {nil, math.NaN(), math.NaN()}, {nil, 6, 3*2 + 2*1.5}} {
		load.err, load.cpu = step.err, step.cpu
		err := s.Read(value)
		if absent := math.IsNaN(step.want); absent != (err != nil) || absent != math.IsNaN(value[0]) || (!absent && math.Abs(value[0]-step.want) > 1e-9) {
			t.Errorf("after %+v: %g J, %v", step, value[0], err)
		}
		now += 1e9
	}
	if err := s.Close(); err != nil || load.opened {
		t.Errorf("close: %v, load still open: %v", err, load.opened)
	}
}

func TestRefusals(t *testing.T) {
	load := &machine{scope: measure.ScopeProcess}
	if err := New(Generic(4), load).Open(); err == nil || load.opened {
		t.Errorf("a load without the machine's CPU time was accepted: %v", err)
	}
	for _, p := range []Profile{{}, {Idle: 5, Max: 3, Alpha: 1, Uncertainty: 0.1}, {Max: math.NaN(), Alpha: 1, Uncertainty: 0.1}, {Max: 5, Alpha: 0, Uncertainty: 0.1}, {Max: 5, Alpha: 1}} {
		if err := New(p, &machine{scope: measure.ScopeSystem}).Open(); err == nil {
			t.Errorf("profile %+v was accepted", p)
		}
	}
}

func TestDetect(t *testing.T) {
	root := t.TempDir()
	if p := Detect(root, 6); p.Name != "generic-6-cores" && p.Name != "apple-m2" {
		t.Errorf("an unknown machine is %s", p.Name)
	}
	sourcetest.Tree{"sys/firmware/devicetree/base/model": "Raspberry Pi 5 Model B Rev 1.0\x00"}.Write(t, root)
	p := Detect(root, 4)
	if p.Name != "raspberry-pi-5" || p.Power(0) != p.Idle || p.Power(1) != p.Max || p.Power(7) != p.Max {
		t.Errorf("a Raspberry Pi 5 is %+v", p)
	}
	for _, p := range []Profile{RaspberryPi5(), AppleM2(), Generic(0), Generic(64), GenericTDP(65)} {
		if err := p.check(); err != nil || p.Basis == "" || !strings.Contains(p.reason(), "W idle") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}
