package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// process holds the open files of one process. The files belong to this very process: once
// it is gone they read as ESRCH, even when its number has been given to another.
type process struct {
	pid   int
	clock int32
	stat  *source.File
	statm *source.File
	ended error // returned once the process is gone
	gone  bool
}

func processDir(root string, pid int) string {
	return filepath.Join(root, "proc", strconv.Itoa(pid))
}

func probeProcess(root string, pid int) (source.State, string, string) {
	state, reason := source.Probe(filepath.Join(processDir(root, pid), "statm"))
	return state, reason, ""
}

// openProcess prefers the CPU clock of the process to its files. The clock counts all
// threads, running ones up to now, in nanoseconds; /proc/PID/schedstat knows only the main
// thread and /proc/PID/stat counts in ticks of 10 ms.
func openProcess(root string, pid int) ([]reading, func() error, error) {
	dir := processDir(root, pid)
	p := &process{pid: pid, clock: cpuClock(pid), ended: fmt.Errorf("process %d has ended", pid)}
	var err error
	if p.statm, err = source.OpenFile(filepath.Join(dir, "statm"), 256); err != nil {
		return nil, nil, err
	}
	cpu := channel(ProcessCPU, "process", measure.KindCPUTime, measure.ScopeProcess)
	cpu.Resolution = 1e-9
	read := p.clockSeconds
	var now unix.Timespec
	if isMachine(root) {
		err = unix.ClockGettime(p.clock, &now)
	}
	if !isMachine(root) || err != nil {
		if p.stat, err = source.OpenFile(filepath.Join(dir, "stat"), 1024); err != nil {
			return nil, nil, joinClose(err, p.close)
		}
		read, cpu.Resolution = p.statSeconds, 1.0/userHertz
	}
	rss := channel(ProcessRSS, "process", measure.KindMemory, measure.ScopeProcess)
	rss.Resolution = float64(os.Getpagesize())
	return []reading{{cpu, read}, {rss, p.resident}}, p.close, nil
}

// cpuClock is the clock id of a process's CPU time, as clock_getcpuclockid(3) makes it:
// the complement of the number, shifted, with CPUCLOCK_SCHED in the low bits.
func cpuClock(pid int) int32 { return int32(^pid)<<3 | 2 }

// isMachine reports whether root is this machine and not a captured tree.
func isMachine(root string) bool { return filepath.Clean(root) == "/" }

func (p *process) clockSeconds() (float64, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(p.clock, &now); err != nil {
		p.gone = true
	}
	// The clock of a reused number must not be taken for this process's.
	if _, err := p.statm.Bytes(); err != nil || p.gone {
		p.gone = true
		return 0, p.ended
	}
	return float64(now.Nano()) / 1e9, nil
}

func (p *process) statSeconds() (float64, error) {
	b, err := p.stat.Bytes()
	if err != nil {
		return 0, p.ended
	}
	seconds, ok := parsePidStat(b)
	if !ok {
		return 0, source.ErrFormat
	}
	return seconds, nil
}

// resident is the resident set in bytes. A process that has exited but was not waited for
// has a size of 0: it holds no memory any more, but that is no reading.
func (p *process) resident() (float64, error) {
	b, err := p.statm.Bytes()
	if err != nil {
		return 0, p.ended
	}
	size, pages, ok := parseStatm(b)
	switch {
	case !ok:
		return 0, source.ErrFormat
	case size == 0:
		return 0, p.ended
	}
	return float64(pages) * float64(os.Getpagesize()), nil
}

func (p *process) close() error {
	return joinClose(p.stat.Close(), p.statm.Close)
}

func joinClose(err error, closer func() error) error {
	if closeErr := closer(); err == nil {
		return closeErr
	}
	return err
}

const ptraceFix = `sudo setcap cap_sys_ptrace+ep "$(command -v wattlaw)"`

func probePSS(root string, pid int) (source.State, string, string) {
	state, reason := source.Probe(filepath.Join(processDir(root, pid), "smaps_rollup"))
	if state == source.NoPermission {
		return state, reason, ptraceFix
	}
	return state, reason, ""
}

func openPSS(root string, pid int) ([]reading, func() error, error) {
	file, err := source.OpenFile(filepath.Join(processDir(root, pid), "smaps_rollup"), 4096)
	if err != nil {
		return nil, nil, err
	}
	ended := fmt.Errorf("process %d has ended", pid)
	pss := channel(ProcessPSS, "pss", measure.KindMemory, measure.ScopeProcess)
	pss.RateHz, pss.Resolution = pssRate, 1024
	read := func() (float64, error) {
		b, err := file.Bytes()
		if err != nil {
			return 0, ended
		}
		v, ok := parseKiB(b, "Pss")
		if !ok {
			return 0, source.ErrFormat
		}
		return float64(v), nil
	}
	return []reading{{pss, read}}, file.Close, nil
}
