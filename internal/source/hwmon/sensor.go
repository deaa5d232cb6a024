package hwmon

import (
	"cmp"
	"errors"
	"path/filepath"
	"strings"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// absurd is a power in watts that none of these sensors can mean: drivers show the largest
// number of their register, for instance 4294967295000 µW, when they have no reading.
const absurd = 10_000.0

var (
	errSentinel = errors.New("the sensor shows the largest number it has: it has no reading")
	errReset    = errors.New("the counter was reset; the step is lost")
)

// chips says what some chips sit on. Others measure one rail of unknown extent.
func chips() map[string]measure.Scope {
	return map[string]measure.Scope{
		"powerz":       measure.ScopeWall,    // ChargerLAB USB meters: the whole device at the plug
		"power_meter":  measure.ScopeSystem,  // ACPI power meter: the whole machine
		"macsmc_hwmon": measure.ScopeSystem,  // Apple SMC under Linux: the whole machine
		"fam15h_power": measure.ScopePackage, // AMD family 15h
	}
}

// pairs names the chips that give no power but one current and one voltage that belong
// together: the distance of their numbers (in0 and curr1, or in1 and curr1).
func pairs() map[string]int {
	return map[string]int{"powerz": -1, "ina3221": 0}
}

// graphics are chips on graphics cards: their power is none of the processor's.
func graphics() []string { return []string{"amdgpu", "nouveau", "radeon", "i915", "xe"} }

// sensor is one power or energy reading before it is opened.
type sensor struct {
	name  string // "chip.power1"
	kind  measure.Kind
	scope measure.Scope
	rate  float64
	files []string // one of power or energy, or current and voltage
}

func compareNames(a, b sensor) int { return cmp.Compare(a.name, b.name) }

func sensorsOf(dir, chip string) (out []sensor) {
	scope, known := chips()[chip]
	if !known {
		scope = measure.ScopeRail
	}
	add := func(item string, kind measure.Kind, files ...string) {
		out = append(out, sensor{chip + "." + item, kind, scope, rateOf(dir), files})
	}
	for _, path := range glob(dir, "power*_input") {
		add(item(path), measure.KindPower, path)
	}
	for _, path := range glob(dir, "power*_average") {
		add(strings.TrimSuffix(filepath.Base(path), "_average"), measure.KindPower, path)
	}
	for _, path := range glob(dir, "energy*_input") {
		add(item(path), measure.KindEnergy, path)
	}
	if _, ok := pairs()[chip]; !ok || len(out) > 0 {
		return out
	}
	for n := 1; n <= 8; n++ { // no chip of these has more
		current := glob(dir, "curr"+digit(n)+"_input")
		voltage := glob(dir, "in"+digit(n+pairs()[chip])+"_input")
		if len(current) == 1 && len(voltage) == 1 {
			add("power"+digit(n), measure.KindPower, current[0], voltage[0])
		}
	}
	return out
}

func glob(dir, pattern string) []string {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil
	}
	return found
}

func item(path string) string { return strings.TrimSuffix(filepath.Base(path), "_input") }

func digit(n int) string { return string(rune('0' + n)) }

// open opens the sensor's files. The channel is described even when that fails.
func (s sensor) open() (source.Reading, func() error, error) {
	r := source.Reading{Channel: measure.Channel{
		Name: name + "." + s.name, Source: name, Kind: s.kind, Scope: s.scope,
		Quality: measure.Measured, RateHz: s.rate, Resolution: 1e-6,
	}}
	var files []*source.File
	closer := func() (err error) {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
		return err
	}
	for _, path := range s.files {
		f, err := source.OpenFile(path, 32)
		if err != nil {
			return r, nil, errors.Join(err, closer())
		}
		files = append(files, f)
	}
	switch {
	case len(files) == 2:
		r.Read = func() (float64, error) { return product(files[0], files[1]) }
	case s.kind == measure.KindEnergy:
		counter := &measure.Counter{}
		r.Read = func() (float64, error) { return total(files[0], counter) }
	default:
		r.Read = func() (float64, error) { return watts(files[0], 1e-6) }
	}
	return r, closer, nil
}

func watts(f *source.File, unit float64) (float64, error) {
	v, err := f.Int()
	if err != nil {
		return 0, err
	}
	return plausible(float64(v) * unit)
}

// product is milliamperes times millivolts. The two are read one after the other.
func product(current, voltage *source.File) (float64, error) {
	i, err := current.Int()
	if err != nil {
		return 0, err
	}
	u, err := voltage.Int()
	if err != nil {
		return 0, err
	}
	return plausible(float64(i) * float64(u) * 1e-6)
}

func plausible(w float64) (float64, error) {
	if w > absurd || w < -absurd {
		return 0, errSentinel
	}
	return w, nil
}

// total is the energy since opening in joules. The kernel unwraps these registers itself.
func total(f *source.File, counter *measure.Counter) (float64, error) {
	v, err := f.Int()
	if err != nil {
		return 0, err
	}
	if v < 0 {
		return 0, source.ErrFormat
	}
	if _, how := counter.Add(uint64(v)); how == measure.Reset {
		return 0, errReset
	}
	return float64(counter.Total()) / 1e6, nil
}
