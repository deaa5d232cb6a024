package proc

import (
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

func probeSystem(root string) (source.State, string, string) { return probeMachine(root) }
func probeMemory(root string) (source.State, string, string) { return probeMachine(root) }

func probeMachine(root string) (source.State, string, string) {
	if !isMachine(root) {
		return source.NoHardware, errOffMachine.Error(), ""
	}
	return source.Ready, "", ""
}

func noClose() error { return nil }

// openSystem reads GetSystemTimes, whose kernel time includes the idle time.
func openSystem(root string) ([]source.Reading, func() error, error) {
	if !isMachine(root) {
		return nil, nil, errOffMachine
	}
	times := &struct{ idle, kernel, user windows.Filetime }{}
	read := func() (float64, error) {
		ok, _, err := getSystemTimes.Call(uintptr(unsafe.Pointer(&times.idle)), uintptr(unsafe.Pointer(&times.kernel)), uintptr(unsafe.Pointer(&times.user)))
		if ok == 0 {
			return 0, err
		}
		return seconds(times.kernel) - seconds(times.idle) + seconds(times.user), nil
	}
	c := channel(SystemCPU, "system", measure.KindCPUTime, measure.ScopeSystem, fileRate, tick)
	c.Capacity = float64(windows.GetActiveProcessorCount(windows.ALL_PROCESSOR_GROUPS))
	return []source.Reading{{Channel: c, Read: read}}, noClose, nil
}

// memoryStatus is MEMORYSTATUSEX of sysinfoapi.h.
type memoryStatus struct {
	size              uint32
	load              uint32
	total, available  uint64
	pagefile          [2]uint64
	virtual           [2]uint64
	extendedAvailable uint64
}

func openMemory(root string) ([]source.Reading, func() error, error) {
	if !isMachine(root) {
		return nil, nil, errOffMachine
	}
	status := &memoryStatus{size: uint32(unsafe.Sizeof(memoryStatus{}))}
	read := func() (float64, error) {
		if ok, _, err := globalMemoryStatusEx.Call(uintptr(unsafe.Pointer(status))); ok == 0 {
			return 0, err
		}
		return float64(status.total - status.available), nil
	}
	if _, err := read(); err != nil {
		return nil, nil, err
	}
	c := channel(SystemMemory, "memory", measure.KindMemory, measure.ScopeSystem, fileRate, 4096)
	c.Capacity = float64(status.total)
	return []source.Reading{{Channel: c, Read: read}}, noClose, nil
}
