package powercap

import (
	"cmp"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

const classDir = "sys/class/powercap"

// counterBits is the width of the energy register behind a zone (Intel SDM vol. 3B, 16.10):
// the range divided by it is the unit that the counter advances in.
const counterBits = 32

// plausible is the part of the range that a counter may pass between two readings. At the
// usual rates it is far less; a counter that restarts after suspend is not taken for a wrap.
const plausible = 4

// zone is one energy counter.
type zone struct {
	dir      string
	path     string // unique name, e.g. "package-0" or "package-0.core"
	channel  measure.Channel
	energy   *source.File
	span     uint64 // max_energy_range_uj
	counter  measure.Counter
	failure  error
	readable bool
}

// discover lists the zones in a stable order, each counter once: the memory-mapped interface
// repeats zones of the register interface and is used only for what that does not have.
func discover(root string) []*zone {
	dirs, err := filepath.Glob(filepath.Join(root, classDir, "intel-rapl*:*"))
	if err != nil {
		return nil
	}
	byDir := map[string]string{}                  // directory name → path of names
	slices.SortFunc(dirs, func(a, b string) int { // registers before mmio, parents before children
		a, b = filepath.Base(a), filepath.Base(b)
		return cmp.Or(cmp.Compare(control(a), control(b)), cmp.Compare(strings.Count(a, ":"), strings.Count(b, ":")), cmp.Compare(a, b))
	})
	var out []*zone
	seen := map[string]bool{}
	for _, dir := range dirs {
		domain, err := source.ReadText(filepath.Join(dir, "name"))
		if err != nil || domain == "" {
			continue
		}
		base := filepath.Base(dir)
		path := domain
		if parent, ok := byDir[base[:strings.LastIndexByte(base, ':')]]; ok {
			path = parent + "." + domain
		}
		byDir[base] = path
		if seen[path] {
			continue
		}
		seen[path] = true
		out = append(out, newZone(dir, path, domain))
	}
	return out
}

// control is the control type at the start of a zone's directory name: "intel-rapl" or
// "intel-rapl-mmio".
func control(base string) string {
	prefix, _, _ := strings.Cut(base, ":")
	return prefix
}

func newZone(dir, path, domain string) *zone {
	return &zone{dir: dir, path: path, channel: measure.Channel{
		Name: name + "." + path, Source: name, Kind: measure.KindEnergy, Scope: scopeOf(domain), Quality: measure.Measured,
	}}
}

// scopeOf translates the names that the kernel gives to RAPL domains.
func scopeOf(domain string) measure.Scope {
	switch {
	case strings.HasPrefix(domain, "package"):
		return measure.ScopePackage
	case domain == "core":
		return measure.ScopeCore
	case domain == "uncore":
		return measure.ScopeUncore
	case domain == "dram":
		return measure.ScopeDRAM
	case domain == "psys":
		return measure.ScopePsys
	}
	return measure.ScopeSoC
}

// open opens the counter and takes its range. A failure makes the channel unavailable.
func (z *zone) open() error {
	text, err := source.ReadText(filepath.Join(z.dir, "max_energy_range_uj"))
	if err == nil {
		z.span, err = strconv.ParseUint(text, 10, 62)
	}
	if err == nil {
		z.energy, err = source.OpenFile(filepath.Join(z.dir, "energy_uj"), 32)
	}
	if err == nil {
		_, err = z.energy.Int()
	}
	if err != nil {
		z.refuse(err.Error())
		return err
	}
	z.counter = measure.Counter{Range: z.span, MaxStep: z.span / plausible}
	z.channel.Resolution = float64(z.span) / (1<<counterBits - 1) * 1e-6
	z.readable = true
	return nil
}

// refuse makes the channel unavailable for a reason.
func (z *zone) refuse(reason string) {
	z.channel.Quality, z.channel.Reason = measure.Unavailable, reason
	z.readable = false
}

// read returns the running total in joules, NaN when the counter cannot be read.
func (z *zone) read() float64 {
	if !z.readable {
		return math.NaN()
	}
	raw, err := z.energy.Int()
	if err == nil && raw < 0 {
		err = source.ErrFormat
	}
	if err != nil {
		z.failure = err
		return math.NaN()
	}
	if _, how := z.counter.Add(uint64(raw)); how == measure.Reset {
		z.failure = errReset
		return math.NaN() // this once: the total goes on from the next reading
	}
	return float64(z.counter.Total()) / 1e6
}
