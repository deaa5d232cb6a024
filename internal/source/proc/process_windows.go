package proc

import (
	"errors"
	"fmt"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// tick is the step of CPU times on Windows in seconds: one interrupt of the clock.
const tick = 1.0 / 64

// errOffMachine is returned where a captured tree would have to stand in for the machine.
var errOffMachine = errors.New("only the machine itself can be read on Windows")

// Procedures of kernel32, resolved once; they are never changed.
var (
	kernel32             = windows.NewLazySystemDLL("kernel32.dll")
	getProcessMemoryInfo = kernel32.NewProc("K32GetProcessMemoryInfo")
	getSystemTimes       = kernel32.NewProc("GetSystemTimes")
	globalMemoryStatusEx = kernel32.NewProc("GlobalMemoryStatusEx")
)

func isMachine(root string) bool { return filepath.ToSlash(filepath.Clean(root)) == "/" }

func openHandle(root string, pid int) (windows.Handle, error) {
	if !isMachine(root) {
		return 0, errOffMachine
	}
	return windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid))
}

func probeProcess(root string, pid int) (source.State, string, string) {
	handle, err := openHandle(root, pid)
	switch {
	case err == nil:
		err = windows.CloseHandle(handle)
	case errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return source.NoPermission, fmt.Sprintf("process %d belongs to another user", pid), "run wattlaw as administrator"
	}
	if err != nil {
		return source.NoHardware, fmt.Sprintf("process %d: %v", pid, err), ""
	}
	return source.Ready, "", ""
}

// ended returns an error once the process behind a handle has exited.
func ended(handle windows.Handle, gone error) error {
	if event, err := windows.WaitForSingleObject(handle, 0); err != nil || event == windows.WAIT_OBJECT_0 {
		return gone
	}
	return nil
}

func openProcess(root string, pid int) ([]source.Reading, func() error, error) {
	handle, err := openHandle(root, pid)
	if err != nil {
		return nil, nil, err
	}
	gone := fmt.Errorf("process %d has ended", pid)
	read := func() (float64, error) {
		if err := ended(handle, gone); err != nil {
			return 0, err
		}
		var created, exited, kernel, user windows.Filetime
		if err := windows.GetProcessTimes(handle, &created, &exited, &kernel, &user); err != nil {
			return 0, gone
		}
		return seconds(kernel) + seconds(user), nil
	}
	c := channel(ProcessCPU, "process", measure.KindCPUTime, measure.ScopeProcess, 0, tick)
	return []source.Reading{{Channel: c, Read: read}}, func() error { return windows.CloseHandle(handle) }, nil
}

// seconds turns a duration in units of 100 ns into seconds.
func seconds(f windows.Filetime) float64 {
	return float64(uint64(f.HighDateTime)<<32|uint64(f.LowDateTime)) / 1e7
}

// memoryCounters is PROCESS_MEMORY_COUNTERS of psapi.h.
type memoryCounters struct {
	size           uint32
	pageFaults     uint32
	peakWorkingSet uintptr
	workingSet     uintptr
	quotas         [4]uintptr
	pagefile       uintptr
	peakPagefile   uintptr
}

func openRSS(root string, pid int) ([]source.Reading, func() error, error) {
	handle, err := openHandle(root, pid)
	if err != nil {
		return nil, nil, err
	}
	gone := fmt.Errorf("process %d has ended", pid)
	counters := &memoryCounters{size: uint32(unsafe.Sizeof(memoryCounters{}))}
	read := func() (float64, error) {
		if err := ended(handle, gone); err != nil {
			return 0, err
		}
		ok, _, err := getProcessMemoryInfo.Call(uintptr(handle), uintptr(unsafe.Pointer(counters)), uintptr(counters.size))
		if ok == 0 {
			return 0, err
		}
		return float64(counters.workingSet), nil
	}
	c := channel(ProcessRSS, "rss", measure.KindMemory, measure.ScopeProcess, fileRate, 4096)
	return []source.Reading{{Channel: c, Read: read}}, func() error { return windows.CloseHandle(handle) }, nil
}

var errNoPSS = errors.New("Windows does not count shared pages in parts")

func probePSS(string, int) (source.State, string, string) {
	return source.NoHardware, errNoPSS.Error(), ""
}

func openPSS(string, int) ([]source.Reading, func() error, error) { return nil, nil, errNoPSS }
