// Package powercap reads the energy counters of x86 processors (RAPL) from the kernel's
// powercap tree: https://docs.kernel.org/power/powercap/powercap.html
//
// Each zone has name, energy_uj (a running total in microjoules that wraps) and
// max_energy_range_uj. Zones nest: psys holds package holds core and uncore, so they are
// channels side by side and must never be added up. Since CVE-2020-8694 only root may read
// energy_uj while the other files stay open to all, which tells a forbidden counter from an
// absent one.
package powercap

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

const name = "powercap"

var (
	errMissing = errors.New("no RAPL zones; a virtual machine has none unless its host passes them on")
	errReset   = errors.New("the counter was reset; the step is lost")
)

// Source reads all zones of a machine.
type Source struct {
	root  string
	pause func(time.Duration) // between readings that look for mirrored counters
	zones []*zone
}

// New reads the zones below root ("/" for this machine).
func New(root string) *Source { return &Source{root: root, pause: time.Sleep} }

// Info implements source.Source.
func (s *Source) Info() source.Info {
	i := source.Info{Name: name, About: "energy counters of the processor (RAPL): package, core, uncore, dram, psys"}
	found := discover(s.root)
	if len(found) == 0 {
		i.State, i.Reason = source.NoHardware, errMissing.Error()
		return i
	}
	for _, z := range found {
		state, reason := source.Probe(filepath.Join(z.dir, "energy_uj"))
		if state == source.Ready {
			return source.Info{Name: i.Name, About: i.About, State: source.Ready}
		}
		i.State, i.Reason = state, reason
	}
	if i.State == source.NoPermission {
		i.Fix = "sudo chmod a+r " + filepath.Join(s.root, classDir, "*", "energy_uj")
	}
	return i
}

// Open implements source.Source. Zones that may not be read become unavailable channels as
// long as one other can be read.
func (s *Source) Open() error {
	found := discover(s.root)
	if len(found) == 0 {
		return fmt.Errorf("open source %s: %w", name, errMissing)
	}
	readable := 0
	var first error
	for _, z := range found {
		if err := z.open(); err == nil {
			readable++
		} else if first == nil {
			first = err
		}
	}
	s.zones = found
	if readable == 0 {
		return errors.Join(fmt.Errorf("open source %s: %w", name, first), s.Close())
	}
	distrust(found, isAMD(s.root), s.pause)
	return nil
}

// Channels implements source.Source.
func (s *Source) Channels() []measure.Channel {
	out := make([]measure.Channel, len(s.zones))
	for i, z := range s.zones {
		out[i] = z.channel
	}
	return out
}

// Read implements source.Source. Totals are in joules since Open.
func (s *Source) Read(dst []float64) error {
	if len(s.zones) == 0 {
		return source.ErrNotOpen
	}
	var failure error
	failed := 0
	for i, z := range s.zones {
		if dst[i] = z.read(); math.IsNaN(dst[i]) {
			failed++
			failure = cmp.Or(failure, z.failure)
		}
	}
	if failed == len(s.zones) {
		return cmp.Or(failure, errMissing)
	}
	return nil
}

// Failure implements source.Explainer.
func (s *Source) Failure(channel int) error { return s.zones[channel].failure }

// Close implements source.Source.
func (s *Source) Close() error {
	var err error
	for _, z := range s.zones {
		err = errors.Join(err, z.energy.Close())
	}
	s.zones = nil
	return err
}
