// Package hwmon reads power and energy sensors of the kernel's hardware monitoring:
// https://docs.kernel.org/hwmon/sysfs-interface.html
//
// powerN_input is microwatts, energyN_input microjoules in total, currN_input milliamperes
// and inN_input millivolts. Chips are told apart by name: their numbers change between boots.
package hwmon

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

const name = "hwmon"

var errMissing = errors.New("no power or energy sensor below /sys/class/hwmon")

// Source reads all power and energy sensors of a machine.
type Source struct {
	source.List
	root string
}

// New reads the chips below root ("/" for this machine).
func New(root string) *Source { return &Source{root: root} }

// Info implements source.Source.
func (s *Source) Info() source.Info {
	i := source.Info{Name: name, About: "power and energy sensors of boards, rails and USB meters", State: source.NoHardware, Reason: errMissing.Error()}
	for _, found := range discover(s.root) {
		i.State, i.Reason = source.Probe(found.files[0])
		if i.State == source.Ready {
			return i
		}
	}
	if i.State == source.NoPermission {
		i.Fix = "sudo chmod a+r " + filepath.Join(s.root, "sys/class/hwmon/hwmon*/{power,energy,curr,in}*_input")
	}
	return i
}

// Open implements source.Source. A sensor that cannot be opened is an unavailable channel as
// long as another one can.
func (s *Source) Open() error {
	var readings []source.Reading
	var closers []func() error
	var first error
	names := source.Unique{}
	usable := false
	for _, found := range discover(s.root) {
		r, closer, err := found.open()
		r.Channel.Name = names.Name(r.Channel.Name)
		if err != nil {
			first = errors.Join(first, err)
			r.Channel.Quality, r.Channel.Reason = measure.Unavailable, err.Error()
			r.Read = func() (float64, error) { return 0, err }
		} else {
			closers = append(closers, closer)
			usable = true
		}
		readings = append(readings, r)
	}
	switch {
	case len(readings) == 0:
		return fmt.Errorf("open source %s: %w", name, errMissing)
	case !usable:
		return fmt.Errorf("open source %s: %w", name, first)
	}
	s.Set(readings, closers...)
	return nil
}

// discover lists the sensors of all chips that are of use here.
func discover(root string) []sensor {
	dirs, err := filepath.Glob(filepath.Join(root, "sys/class/hwmon/hwmon*"))
	if err != nil {
		return nil
	}
	var out []sensor
	for _, dir := range dirs {
		chip, err := source.ReadText(filepath.Join(dir, "name"))
		if err != nil || chip == "" || slices.Contains(graphics(), chip) {
			continue
		}
		out = append(out, sensorsOf(dir, chip)...)
	}
	slices.SortStableFunc(out, func(a, b sensor) int { return compareNames(a, b) })
	return out
}

// rateOf is how often a chip takes a new reading: update_interval is in milliseconds.
func rateOf(dir string) float64 {
	text, err := source.ReadText(filepath.Join(dir, "update_interval"))
	if err != nil {
		return 0
	}
	ms, err := strconv.ParseFloat(text, 64)
	if err != nil || !(ms >= 1 && ms <= 1e5) {
		return 0
	}
	return 1000 / ms
}
