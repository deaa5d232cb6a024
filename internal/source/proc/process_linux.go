package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

func processDir(root string, pid int) string {
	return filepath.Join(root, "proc", strconv.Itoa(pid))
}

// isMachine reports whether root is this machine and not a captured tree.
func isMachine(root string) bool { return filepath.Clean(root) == "/" }

func errEnded(pid int) error { return fmt.Errorf("process %d has ended", pid) }

func probeProcess(root string, pid int) (source.State, string, string) {
	state, reason := source.Probe(filepath.Join(processDir(root, pid), "statm"))
	if state == source.NoHardware {
		reason = fmt.Sprintf("there is no process %d", pid)
	}
	return state, reason, ""
}

// openProcess prefers the CPU clock of the process to its files. The clock counts all
// threads, running ones up to now, in nanoseconds; /proc/PID/schedstat knows only the main
// thread and /proc/PID/stat counts in ticks of 10 ms.
func openProcess(root string, pid int) ([]source.Reading, func() error, error) {
	if isMachine(root) {
		if list, closer, err := openClock(pid); err == nil {
			return list, closer, nil
		}
	}
	file, err := source.OpenFile(filepath.Join(processDir(root, pid), "stat"), 1024)
	if err != nil {
		return nil, nil, err
	}
	ended := errEnded(pid)
	read := func() (float64, error) {
		b, err := file.Bytes()
		if err != nil {
			return 0, ended
		}
		seconds, ok := parsePidStat(b)
		if !ok {
			return 0, source.ErrFormat
		}
		return seconds, nil
	}
	c := channel(ProcessCPU, "process", measure.KindCPUTime, measure.ScopeProcess, 0, 1.0/userHertz)
	return []source.Reading{{Channel: c, Read: read}}, file.Close, nil
}

// clock is the CPU clock of one process. The descriptor stands for this very process: once
// that is gone, the clock of another one with the same number is not mistaken for it.
type clock struct {
	id    int32
	pidfd int
	ended error
}

func openClock(pid int) ([]source.Reading, func() error, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, nil, err
	}
	k := &clock{id: cpuClock(pid), pidfd: pidfd, ended: errEnded(pid)}
	if _, err := k.seconds(); err != nil {
		return nil, nil, errors.Join(err, unix.Close(pidfd))
	}
	c := channel(ProcessCPU, "process", measure.KindCPUTime, measure.ScopeProcess, 0, 1e-9)
	return []source.Reading{{Channel: c, Read: k.seconds}}, func() error { return unix.Close(pidfd) }, nil
}

// cpuClock is the clock id of a process's CPU time, as clock_getcpuclockid(3) makes it:
// the complement of the number, shifted, with CPUCLOCK_SCHED in the low bits.
func cpuClock(pid int) int32 { return int32(^pid)<<3 | 2 }

func (k *clock) seconds() (float64, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(k.id, &now); err != nil {
		return 0, k.ended
	}
	// Signal 0 only asks; without the right to ask, the process at least exists.
	if err := unix.PidfdSendSignal(k.pidfd, 0, nil, 0); err == unix.ESRCH {
		return 0, k.ended
	}
	return float64(now.Nano()) / 1e9, nil
}

// openRSS reads statm. Its file belongs to this very process and reads as ESRCH once that is
// gone. A process that has exited but was not waited for has a size of 0: it holds no
// memory any more, but that is no reading.
func openRSS(root string, pid int) ([]source.Reading, func() error, error) {
	file, err := source.OpenFile(filepath.Join(processDir(root, pid), "statm"), 256)
	if err != nil {
		return nil, nil, err
	}
	ended, page := errEnded(pid), float64(os.Getpagesize())
	read := func() (float64, error) {
		b, err := file.Bytes()
		if err != nil {
			return 0, ended
		}
		size, pages, ok := parseStatm(b)
		switch {
		case !ok:
			return 0, source.ErrFormat
		case size == 0:
			return 0, ended
		}
		return float64(pages) * page, nil
	}
	c := channel(ProcessRSS, "rss", measure.KindMemory, measure.ScopeProcess, fileRate, page)
	return []source.Reading{{Channel: c, Read: read}}, file.Close, nil
}

const ptraceFix = `sudo setcap cap_sys_ptrace+ep "$(command -v wattlaw)"`

func probePSS(root string, pid int) (source.State, string, string) {
	state, reason := source.Probe(filepath.Join(processDir(root, pid), "smaps_rollup"))
	if state == source.NoPermission {
		return state, reason, ptraceFix
	}
	return state, reason, ""
}

func openPSS(root string, pid int) ([]source.Reading, func() error, error) {
	file, err := source.OpenFile(filepath.Join(processDir(root, pid), "smaps_rollup"), 4096)
	if err != nil {
		return nil, nil, err
	}
	ended := errEnded(pid)
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
	c := channel(ProcessPSS, "pss", measure.KindMemory, measure.ScopeProcess, pssRate, 1024)
	return []source.Reading{{Channel: c, Read: read}}, file.Close, nil
}
