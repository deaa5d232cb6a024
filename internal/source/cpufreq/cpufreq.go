// Package cpufreq reads the clock of the cores from the kernel's frequency policies:
// https://docs.kernel.org/admin-guide/pm/cpufreq.html
package cpufreq

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

const (
	name = "cpufreq"
	rate = 5.0 // readings per second: governors decide about as often
)

var errMissing = errors.New("no frequency policy; in a virtual machine the host sets the clock")

// Source reads the mean frequency over all cores.
type Source struct {
	source.List
	root string
}

// New reads the policies below root ("/" for this machine).
func New(root string) *Source { return &Source{root: root} }

func (s *Source) policies() []string {
	files, err := filepath.Glob(filepath.Join(s.root, "sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq"))
	if err != nil {
		return nil
	}
	return files
}

// Info implements source.Source.
func (s *Source) Info() source.Info {
	i := source.Info{Name: name, About: "mean clock frequency of the cores", State: source.NoHardware, Reason: errMissing.Error()}
	if files := s.policies(); len(files) > 0 {
		i.State, i.Reason = source.Probe(files[0])
	}
	return i
}

// policy is one set of cores that share a clock.
type policy struct {
	file  *source.File
	cores float64
}

// Open implements source.Source.
func (s *Source) Open() error {
	files := s.policies()
	if len(files) == 0 {
		return fmt.Errorf("open source %s: %w", name, errMissing)
	}
	var all []policy
	var closers []func() error
	for _, path := range files {
		file, err := source.OpenFile(path, 32)
		if err != nil {
			for _, closer := range closers {
				err = errors.Join(err, closer())
			}
			return fmt.Errorf("open source %s: %w", name, err)
		}
		all = append(all, policy{file, coresOf(filepath.Dir(path))})
		closers = append(closers, file.Close)
	}
	c := measure.Channel{
		Name: "cpufreq.mean", Source: name, Kind: measure.KindFrequency, Scope: measure.ScopeSystem,
		Quality: measure.Measured, RateHz: rate, Resolution: 1000,
	}
	s.Set([]source.Reading{{Channel: c, Read: func() (float64, error) { return mean(all) }}}, closers...)
	return nil
}

// coresOf counts the cores of a policy, 1 when the kernel does not say.
func coresOf(dir string) float64 {
	text, err := source.ReadText(filepath.Join(dir, "affected_cpus"))
	if n := len(bytes.Fields([]byte(text))); err == nil && n > 0 {
		return float64(n)
	}
	return 1
}

// mean is the frequency in hertz averaged over cores; the files hold kilohertz.
func mean(all []policy) (float64, error) {
	var sum, cores float64
	for _, p := range all {
		khz, err := p.file.Int()
		if err != nil {
			return 0, err
		}
		sum += float64(khz) * 1000 * p.cores
		cores += p.cores
	}
	return sum / cores, nil
}
