package proc

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// errOffMachine is returned where a captured tree would have to stand in for the machine.
var errOffMachine = errors.New("only the machine itself can be read on macOS")

func isMachine(root string) bool { return filepath.Clean(root) == "/" }

// rusageInfo is rusage_info_v0 of sys/resource.h. Times are in units of the Mach clock.
type rusageInfo struct {
	uuid                   [16]byte
	user, system           uint64
	packageWakes, intrWake uint64
	pageIns, wired         uint64
	resident, footprint    uint64
	started, exited        uint64
}

// task reads one process through libproc. started tells it from a later one of the same number.
type task struct {
	pid     int
	rusage  uintptr // proc_pid_rusage
	unit    float64 // seconds per unit of the Mach clock
	info    *rusageInfo
	started uint64
	ended   error
}

func openTask(root string, pid int) (*task, error) {
	if !isMachine(root) {
		return nil, errOffMachine
	}
	rusage, err := symbol("proc_pid_rusage")
	if err != nil {
		return nil, err
	}
	timebase, err := symbol("mach_timebase_info")
	if err != nil {
		return nil, err
	}
	ratio := &struct{ numerator, denominator uint32 }{}
	purego.SyscallN(timebase, uintptr(unsafe.Pointer(ratio)))
	if ratio.denominator == 0 {
		return nil, errors.New("mach_timebase_info gave no ratio")
	}
	t := &task{pid: pid, rusage: rusage, info: &rusageInfo{}, ended: fmt.Errorf("process %d has ended", pid)}
	t.unit = float64(ratio.numerator) / float64(ratio.denominator) / 1e9
	if err := t.read(); err != nil {
		return nil, fmt.Errorf("process %d does not exist or belongs to another user", pid)
	}
	t.started = t.info.started
	return t, nil
}

// symbol finds a function of libSystem, which every program has loaded.
func symbol(name string) (uintptr, error) {
	address, err := purego.Dlsym(purego.RTLD_DEFAULT, name)
	if err != nil {
		return 0, fmt.Errorf("find %s: %w", name, err)
	}
	return address, nil
}

// read refreshes info.
func (t *task) read() error {
	const flavorV0 = 0
	result, _, _ := purego.SyscallN(t.rusage, uintptr(t.pid), flavorV0, uintptr(unsafe.Pointer(t.info)))
	runtime.KeepAlive(t.info)
	if int32(result) != 0 || (t.started != 0 && t.info.started != t.started) {
		return t.ended
	}
	return nil
}

func probeProcess(root string, pid int) (source.State, string, string) {
	if _, err := openTask(root, pid); err != nil {
		return source.NoHardware, err.Error(), ""
	}
	return source.Ready, "", ""
}

func noClose() error { return nil }

func openProcess(root string, pid int) ([]source.Reading, func() error, error) {
	t, err := openTask(root, pid)
	if err != nil {
		return nil, nil, err
	}
	read := func() (float64, error) {
		if err := t.read(); err != nil {
			return 0, err
		}
		return float64(t.info.user+t.info.system) * t.unit, nil
	}
	c := channel(ProcessCPU, "process", measure.KindCPUTime, measure.ScopeProcess, 0, t.unit)
	return []source.Reading{{Channel: c, Read: read}}, noClose, nil
}

func openRSS(root string, pid int) ([]source.Reading, func() error, error) {
	t, err := openTask(root, pid)
	if err != nil {
		return nil, nil, err
	}
	read := func() (float64, error) {
		if err := t.read(); err != nil {
			return 0, err
		}
		return float64(t.info.resident), nil
	}
	c := channel(ProcessRSS, "rss", measure.KindMemory, measure.ScopeProcess, fileRate, 16384)
	return []source.Reading{{Channel: c, Read: read}}, noClose, nil
}

var errNoPSS = errors.New("macOS does not count shared pages in parts")

func probePSS(string, int) (source.State, string, string) {
	return source.NoHardware, errNoPSS.Error(), ""
}

func openPSS(string, int) ([]source.Reading, func() error, error) { return nil, nil, errNoPSS }
