package estimate

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// Profile is a device's power as a function of its CPU load.
type Profile struct {
	Name        string
	Idle, Max   float64 // watts with no core and with every core busy
	Alpha       float64 // exponent of the load; 1 is a straight line
	Uncertainty float64 // relative standard uncertainty of the power
	Scope       measure.Scope
	Basis       string // where the figures come from
}

// Power is Idle + (Max − Idle)·u^Alpha in watts for a load u, held between 0 and 1.
func (p Profile) Power(u float64) float64 {
	return p.Idle + (p.Max-p.Idle)*math.Pow(max(0, min(u, 1)), p.Alpha)
}

func (p Profile) check() error {
	if !(p.Idle >= 0 && p.Max >= p.Idle && p.Max < 1e5 && p.Alpha > 0 && p.Alpha <= 4 && p.Uncertainty > 0) {
		return fmt.Errorf("profile %q: want 0 ≤ idle ≤ max watts, an exponent from 0 to 4 and an uncertainty, not %+v", p.Name, p)
	}
	return nil
}

func (p Profile) reason() string {
	return fmt.Sprintf("model %s: %.3g W idle, %.3g W busy, ±%.0f %%; %s", p.Name, p.Idle, p.Max, 100*p.Uncertainty, p.Basis)
}

// RaspberryPi5 is a bare board at its USB-C plug.
func RaspberryPi5() Profile {
	return Profile{
		Name: "raspberry-pi-5", Idle: 3, Max: 8, Alpha: 1, Uncertainty: 0.25, Scope: measure.ScopeBoard,
		Basis: "round figures of published USB-meter tests of bare boards; the maker states 800 mA at 5 V as typical",
	}
}

// AppleM2 is a whole machine without a display.
func AppleM2() Profile {
	return Profile{
		Name: "apple-m2", Idle: 7, Max: 50, Alpha: 1, Uncertainty: 0.4, Scope: measure.ScopeSystem,
		Basis: "Apple's figures for the Mac mini (M2, 2023), whose maximum includes more than the CPU",
	}
}

// Generic is the processor package of a machine of which only the number of logical cores
// is known: makers' thermal design powers come to 2 W (15 W laptop parts of 8 threads) to 5 W
// (125 W desktop parts of 24 threads) per logical core; a fifth of it is taken for idle.
func Generic(cores int) Profile {
	const busy, idle = 3.5, 0.7
	n := float64(max(1, cores))
	return Profile{
		Name: fmt.Sprintf("generic-%d-cores", max(1, cores)), Idle: idle * n, Max: busy * n, Alpha: 1, Uncertainty: 0.5,
		Scope: measure.ScopePackage,
		Basis: fmt.Sprintf("%.1f W per busy logical core, from thermal design powers of 2 to 5 W", busy),
	}
}

// GenericTDP is the processor package of a machine whose thermal design power is known.
func GenericTDP(watts float64) Profile {
	return Profile{
		Name: fmt.Sprintf("generic-%.0f-watts", watts), Idle: 0.2 * watts, Max: watts, Alpha: 1, Uncertainty: 0.35,
		Scope: measure.ScopePackage, Basis: "the thermal design power, a fifth of it idle",
	}
}

// Detect chooses the profile of the machine below root ("/" for this one).
func Detect(root string, cores int) Profile {
	model, err := source.ReadText(filepath.Join(root, "sys/firmware/devicetree/base/model"))
	switch {
	case err == nil && strings.Contains(model, "Raspberry Pi 5"):
		return RaspberryPi5()
	case strings.Contains(brand(), "Apple M2"):
		return AppleM2()
	}
	return Generic(cores)
}
