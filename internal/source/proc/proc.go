// Package proc reads what the operating system counts by itself: CPU time and memory of one
// process and of the whole machine. On Linux that is clock_gettime and /proc, on macOS
// libproc and host_statistics, on Windows GetProcessTimes and its relatives.
package proc

import (
	"fmt"
	"math"

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

// reading is one channel with the call that reads it. The call must not allocate.
type reading struct {
	channel measure.Channel
	read    func() (float64, error)
}

// readings is the part that all sources of this package share: a fixed list of readings,
// with the last failure of each.
type readings struct {
	list    []reading
	failure []error
	close   func() error
}

// opened is what a platform hands back after opening.
func (r *readings) set(list []reading, closer func() error) {
	r.list, r.close = list, closer
	r.failure = make([]error, len(list))
}

// Channels implements source.Source.
func (r *readings) Channels() []measure.Channel {
	out := make([]measure.Channel, len(r.list))
	for i, one := range r.list {
		out[i] = one.channel
	}
	return out
}

// Read implements source.Source. It fails when no channel could be read, with the reason of
// the first.
func (r *readings) Read(dst []float64) error {
	if len(r.list) == 0 {
		return errNotOpen
	}
	failed := 0
	for i := range r.list {
		v, err := r.list[i].read()
		if err != nil {
			v, r.failure[i] = math.NaN(), err
			failed++
		}
		dst[i] = v
	}
	if failed == len(r.list) {
		return r.failure[0]
	}
	return nil
}

// Failure implements source.Explainer.
func (r *readings) Failure(channel int) error { return r.failure[channel] }

// Close implements source.Source.
func (r *readings) Close() error {
	if r.close == nil {
		return nil
	}
	err := r.close()
	r.list, r.close = nil, nil
	return err
}

var errNotOpen = fmt.Errorf("proc: read before open")

// Process reads CPU time and resident memory of one process.
type Process struct {
	readings
	root string
	pid  int
}

// NewProcess reads the process pid below root ("/" for this machine).
func NewProcess(root string, pid int) *Process { return &Process{root: root, pid: pid} }

// Info implements source.Source.
func (p *Process) Info() source.Info {
	i := source.Info{Name: "process", About: "CPU time and resident memory of one process"}
	i.State, i.Reason, i.Fix = probeProcess(p.root, p.pid)
	return i
}

// Open implements source.Source.
func (p *Process) Open() error {
	list, closer, err := openProcess(p.root, p.pid)
	if err != nil {
		return fmt.Errorf("open process %d: %w", p.pid, err)
	}
	p.set(list, closer)
	return nil
}

// System reads CPU time and memory in use of the whole machine.
type System struct {
	readings
	root string
}

// NewSystem reads the machine below root ("/" for this machine).
func NewSystem(root string) *System { return &System{root: root} }

// Info implements source.Source.
func (s *System) Info() source.Info {
	i := source.Info{Name: "system", About: "CPU time and memory in use of the whole machine"}
	i.State, i.Reason, i.Fix = probeSystem(s.root)
	return i
}

// Open implements source.Source.
func (s *System) Open() error {
	list, closer, err := openSystem(s.root)
	if err != nil {
		return fmt.Errorf("open system: %w", err)
	}
	s.set(list, closer)
	return nil
}

// pssRate is how often PSS is read: the kernel walks all pages of the process for it.
const pssRate = 0.1

// PSS reads the proportional set size of one process.
type PSS struct {
	readings
	root string
	pid  int
}

// NewPSS reads the process pid below root ("/" for this machine).
func NewPSS(root string, pid int) *PSS { return &PSS{root: root, pid: pid} }

// Info implements source.Source.
func (p *PSS) Info() source.Info {
	i := source.Info{Name: "pss", About: "resident memory of one process with shared pages divided among their users"}
	i.State, i.Reason, i.Fix = probePSS(p.root, p.pid)
	return i
}

// Open implements source.Source.
func (p *PSS) Open() error {
	list, closer, err := openPSS(p.root, p.pid)
	if err != nil {
		return fmt.Errorf("open pss of process %d: %w", p.pid, err)
	}
	p.set(list, closer)
	return nil
}

// channel fills in what most channels of this package share.
func channel(name, from string, kind measure.Kind, scope measure.Scope) measure.Channel {
	return measure.Channel{Name: name, Source: from, Kind: kind, Scope: scope, Quality: measure.Measured}
}
