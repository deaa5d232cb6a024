package proc

import (
	"os"
	"path/filepath"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

type system struct {
	stat, meminfo *source.File
	times         cpuTimes
	total         int64
}

func probeSystem(root string) (source.State, string, string) {
	for _, name := range []string{"stat", "meminfo"} {
		if state, reason := source.Probe(filepath.Join(root, "proc", name)); state != source.Ready {
			return state, reason, ""
		}
	}
	return source.Ready, "", ""
}

func openSystem(root string) ([]reading, func() error, error) {
	s := &system{}
	all, err := os.ReadFile(filepath.Join(root, "proc", "stat"))
	if err != nil {
		return nil, nil, err
	}
	if s.stat, err = source.OpenFile(filepath.Join(root, "proc", "stat"), 512); err != nil {
		return nil, nil, err
	}
	if s.meminfo, err = source.OpenFile(filepath.Join(root, "proc", "meminfo"), 4096); err != nil {
		return nil, nil, joinClose(err, s.close)
	}
	if b, err := s.meminfo.Bytes(); err == nil {
		s.total, _ = parseKiB(b, "MemTotal")
	}
	cpu := channel(SystemCPU, "system", measure.KindCPUTime, measure.ScopeSystem)
	cpu.Resolution, cpu.Capacity = 1.0/userHertz, float64(countCores(all))
	steal := channel(SystemSteal, "system", measure.KindCPUTime, measure.ScopeSystem)
	steal.Resolution, steal.Capacity = cpu.Resolution, cpu.Capacity
	memory := channel(SystemMemory, "system", measure.KindMemory, measure.ScopeSystem)
	memory.Resolution, memory.Capacity = 1024, float64(s.total)
	return []reading{{cpu, s.busy}, {steal, s.stolen}, {memory, s.used}}, s.close, nil
}

// busy reads /proc/stat once for itself and for stolen, which is read after it.
func (s *system) busy() (float64, error) {
	s.times = cpuTimes{-1, -1}
	b, err := s.stat.Bytes()
	if err != nil {
		return 0, err
	}
	times, ok := parseStat(b)
	if !ok {
		return 0, source.ErrFormat
	}
	s.times = times
	return times.busy, nil
}

func (s *system) stolen() (float64, error) {
	if s.times.steal < 0 {
		return 0, source.ErrFormat
	}
	return s.times.steal, nil
}

// used is total − available (proc_meminfo(5)): what could not be had without swapping.
func (s *system) used() (float64, error) {
	b, err := s.meminfo.Bytes()
	if err != nil {
		return 0, err
	}
	available, ok := parseKiB(b, "MemAvailable")
	if !ok || s.total == 0 {
		return 0, source.ErrFormat
	}
	return float64(s.total - available), nil
}

func (s *system) close() error { return joinClose(s.stat.Close(), s.meminfo.Close) }
