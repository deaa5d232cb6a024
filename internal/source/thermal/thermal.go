// Package thermal reads the temperatures of the kernel's thermal zones:
// https://docs.kernel.org/driver-api/thermal/sysfs-api.html
package thermal

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

const (
	name = "thermal"
	rate = 1.0 // readings per second: silicon is faster, but its limits are not

	coldest, hottest = -40.0, 150.0 // °C; what lies outside is a sensor without a reading
)

var (
	errMissing     = errors.New("no thermal zone; a virtual machine does not see its host's")
	errImplausible = errors.New("the sensor shows a temperature that no chip survives")
)

// Source reads each zone and the hottest of all.
type Source struct {
	source.List
	root string
}

// New reads the zones below root ("/" for this machine).
func New(root string) *Source { return &Source{root: root} }

func (s *Source) zones() []string {
	files, err := filepath.Glob(filepath.Join(s.root, "sys/class/thermal/thermal_zone*/temp"))
	if err != nil {
		return nil
	}
	return files
}

// Info implements source.Source.
func (s *Source) Info() source.Info {
	i := source.Info{Name: name, About: "temperatures of the thermal zones, and the hottest", State: source.NoHardware, Reason: errMissing.Error()}
	if files := s.zones(); len(files) > 0 {
		i.State, i.Reason = source.Probe(files[0])
	}
	return i
}

// Open implements source.Source.
func (s *Source) Open() error {
	files := s.zones()
	if len(files) == 0 {
		return fmt.Errorf("open source %s: %w", name, errMissing)
	}
	last := make([]float64, len(files))
	var readings []source.Reading
	var closers []func() error
	names := source.Unique{"max": 1}
	for i, path := range files {
		file, err := source.OpenFile(path, 32)
		if err != nil {
			for _, closer := range closers {
				err = errors.Join(err, closer())
			}
			return fmt.Errorf("open source %s: %w", name, err)
		}
		closers = append(closers, file.Close)
		kind, err := source.ReadText(filepath.Join(filepath.Dir(path), "type"))
		if err != nil || kind == "" {
			kind = filepath.Base(filepath.Dir(path))
		}
		readings = append(readings, source.Reading{Channel: channel(names.Name(kind)), Read: func() (float64, error) {
			v, err := celsius(file)
			last[i] = v
			return v, err
		}})
	}
	// The zones are read before the hottest is asked for, so it needs no reading of its own.
	readings = append(readings, source.Reading{Channel: channel("max"), Read: func() (float64, error) { return hottestOf(last) }})
	s.Set(readings, closers...)
	return nil
}

func channel(zone string) measure.Channel {
	return measure.Channel{
		Name: name + "." + zone, Source: name, Kind: measure.KindTemperature, Scope: measure.ScopeSystem,
		Quality: measure.Measured, RateHz: rate, Resolution: 0.001,
	}
}

// celsius reads a file of millidegrees, NaN with an error when it has no sane reading.
func celsius(f *source.File) (float64, error) {
	v, err := f.Int()
	if err != nil {
		return math.NaN(), err
	}
	c := float64(v) / 1000
	if c < coldest || c > hottest {
		return math.NaN(), errImplausible
	}
	return c, nil
}

func hottestOf(zones []float64) (float64, error) {
	highest := math.Inf(-1)
	for _, v := range zones {
		if v > highest { // false for NaN
			highest = v
		}
	}
	if math.IsInf(highest, -1) {
		return 0, errImplausible
	}
	return highest, nil
}
