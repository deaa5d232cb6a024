package proc

import (
	"os"
	"path/filepath"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

func probeSystem(root string) (source.State, string, string) {
	state, reason := source.Probe(filepath.Join(root, "proc", "stat"))
	return state, reason, ""
}

// stat reads busy and stolen time from one reading of /proc/stat.
type stat struct {
	file  *source.File
	times cpuTimes
	err   error
}

func openSystem(root string) ([]source.Reading, func() error, error) {
	path := filepath.Join(root, "proc", "stat")
	all, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	s := &stat{}
	if s.file, err = source.OpenFile(path, 512); err != nil { // the first line is enough
		return nil, nil, err
	}
	busy := channel(SystemCPU, "system", measure.KindCPUTime, measure.ScopeSystem, fileRate, 1.0/userHertz)
	steal := channel(SystemSteal, "system", measure.KindCPUTime, measure.ScopeSystem, fileRate, 1.0/userHertz)
	busy.Capacity = float64(countCores(all))
	steal.Capacity = busy.Capacity
	return []source.Reading{{Channel: busy, Read: s.busy}, {Channel: steal, Read: s.stolen}}, s.file.Close, nil
}

// busy reads the file; stolen, which comes after it, takes its part of the same reading.
func (s *stat) busy() (float64, error) {
	b, err := s.file.Bytes()
	if err == nil {
		var ok bool
		if s.times, ok = parseStat(b); !ok {
			err = source.ErrFormat
		}
	}
	s.err = err
	return s.times.busy, err
}

func (s *stat) stolen() (float64, error) { return s.times.steal, s.err }

func probeMemory(root string) (source.State, string, string) {
	state, reason := source.Probe(filepath.Join(root, "proc", "meminfo"))
	return state, reason, ""
}

// openMemory reads total − available (proc_meminfo(5)): what could not be had without
// swapping.
func openMemory(root string) ([]source.Reading, func() error, error) {
	file, err := source.OpenFile(filepath.Join(root, "proc", "meminfo"), 4096)
	if err != nil {
		return nil, nil, err
	}
	read := func() (float64, error) {
		b, err := file.Bytes()
		if err != nil {
			return 0, err
		}
		total, ok := parseKiB(b, "MemTotal")
		available, ok2 := parseKiB(b, "MemAvailable")
		if !ok || !ok2 {
			return 0, source.ErrFormat
		}
		return float64(total - available), nil
	}
	c := channel(SystemMemory, "memory", measure.KindMemory, measure.ScopeSystem, fileRate, 1024)
	if b, err := file.Bytes(); err == nil {
		total, _ := parseKiB(b, "MemTotal")
		c.Capacity = float64(total)
	}
	return []source.Reading{{Channel: c, Read: read}}, file.Close, nil
}
