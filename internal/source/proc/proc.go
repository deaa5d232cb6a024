// Package proc reads what the operating system counts by itself: CPU time and memory of one
// process and of the whole machine. On Linux that is clock_gettime and /proc, on macOS
// libproc and host_statistics, on Windows GetProcessTimes and its relatives.
//
// Each quantity is a source of its own, so that each is read at the rate it deserves: the
// CPU clock of a process costs a microsecond and is read at every tick; the files of /proc
// cost ten and are read ten times per second, which loses nothing of running totals.
package proc

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// Names of the channels.
const (
	ProcessCPU   = "process.cpu"   // user and system time of all threads
	ProcessRSS   = "process.rss"   // resident set
	ProcessPSS   = "process.pss"   // resident set with shared pages divided among their users
	SystemCPU    = "system.cpu"    // busy time of all cores
	SystemSteal  = "system.steal"  // time that a hypervisor gave to others while work was waiting
	SystemMemory = "system.memory" // total − available
)

const (
	fileRate = 10.0 // readings per second of what costs a file of /proc
	pssRate  = 0.02 // the kernel walks all pages of the process for it: milliseconds per gigabyte
)

// Source reads one thing that the operating system counts.
type Source struct {
	source.List
	name, about string
	probe       func() (state source.State, reason, fix string)
	open        func() (list []source.Reading, closer func() error, err error)
}

// NewProcess reads the CPU time of process pid below root ("/" for this machine).
func NewProcess(root string, pid int) *Source {
	return &Source{
		name: "process", about: "CPU time of one process, all its threads",
		probe: func() (source.State, string, string) { return probeProcess(root, pid) },
		open:  func() ([]source.Reading, func() error, error) { return openProcess(root, pid) },
	}
}

// NewRSS reads the resident memory of process pid below root.
func NewRSS(root string, pid int) *Source {
	return &Source{
		name: "rss", about: "resident memory of one process",
		probe: func() (source.State, string, string) { return probeProcess(root, pid) },
		open:  func() ([]source.Reading, func() error, error) { return openRSS(root, pid) },
	}
}

// NewPSS reads the proportional set size of process pid below root.
func NewPSS(root string, pid int) *Source {
	return &Source{
		name: "pss", about: "resident memory of one process, shared pages divided among their users",
		probe: func() (source.State, string, string) { return probePSS(root, pid) },
		open:  func() ([]source.Reading, func() error, error) { return openPSS(root, pid) },
	}
}

// NewSystem reads the CPU time of the whole machine below root.
func NewSystem(root string) *Source {
	return &Source{
		name: "system", about: "busy and stolen CPU time of the whole machine",
		probe: func() (source.State, string, string) { return probeSystem(root) },
		open:  func() ([]source.Reading, func() error, error) { return openSystem(root) },
	}
}

// NewMemory reads the memory in use of the whole machine below root.
func NewMemory(root string) *Source {
	return &Source{
		name: "memory", about: "memory in use of the whole machine: total less available",
		probe: func() (source.State, string, string) { return probeMemory(root) },
		open:  func() ([]source.Reading, func() error, error) { return openMemory(root) },
	}
}

// Info implements source.Source.
func (s *Source) Info() source.Info {
	i := source.Info{Name: s.name, About: s.about}
	i.State, i.Reason, i.Fix = s.probe()
	return i
}

// Open implements source.Source.
func (s *Source) Open() error {
	list, closer, err := s.open()
	if err != nil {
		return fmt.Errorf("open source %s: %w", s.name, err)
	}
	s.Set(list, closer)
	return nil
}

// channel fills in what all channels of this package share.
func channel(name, from string, kind measure.Kind, scope measure.Scope, rate, resolution float64) measure.Channel {
	return measure.Channel{
		Name: name, Source: from, Kind: kind, Scope: scope, Quality: measure.Measured,
		RateHz: rate, Resolution: resolution,
	}
}
