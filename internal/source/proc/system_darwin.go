package proc

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source"
)

// Flavors of mach/host_info.h.
const (
	hostCPULoadInfo = 3
	hostVMInfo64    = 4
)

// host asks the kernel for statistics of the whole machine.
type host struct {
	call, port uintptr
	flavor     uintptr
	size       uint32 // of words, in 32-bit integers
	words      *[128]uint32
	count      *uint32
}

func openHost(root, function string, flavor uintptr, size uint32) (*host, error) {
	if !isMachine(root) {
		return nil, errOffMachine
	}
	call, err := symbol(function)
	if err != nil {
		return nil, err
	}
	self, err := symbol("mach_host_self")
	if err != nil {
		return nil, err
	}
	port, _, _ := purego.SyscallN(self)
	return &host{call: call, port: port, flavor: flavor, size: size, words: &[128]uint32{}, count: new(uint32)}, nil
}

// read refreshes words.
func (h *host) read() error {
	*h.count = h.size
	result, _, _ := purego.SyscallN(h.call, h.port, h.flavor, uintptr(unsafe.Pointer(h.words)), uintptr(unsafe.Pointer(h.count)))
	runtime.KeepAlive(h)
	if int32(result) != 0 {
		return unix.EIO
	}
	return nil
}

func probeSystem(root string) (source.State, string, string) { return probeMachine(root) }
func probeMemory(root string) (source.State, string, string) { return probeMachine(root) }

func probeMachine(root string) (source.State, string, string) {
	if !isMachine(root) {
		return source.NoHardware, errOffMachine.Error(), ""
	}
	return source.Ready, "", ""
}

// openSystem reads host_cpu_load_info: ticks of 10 ms in the states user, system, idle and
// nice, summed over the cores in 32 bits.
func openSystem(root string) ([]source.Reading, func() error, error) {
	h, err := openHost(root, "host_statistics", hostCPULoadInfo, 4)
	if err != nil {
		return nil, nil, err
	}
	cores, err := unix.SysctlUint32("hw.logicalcpu")
	if err != nil {
		return nil, nil, fmt.Errorf("hw.logicalcpu: %w", err)
	}
	const user, system, nice, hertz = 0, 1, 3, 100
	busy := []int{user, system, nice}
	counters := make([]measure.Counter, len(busy))
	for i := range counters {
		counters[i].Range = 1 << 32
	}
	read := func() (float64, error) {
		if err := h.read(); err != nil {
			return 0, err
		}
		var ticks uint64
		for i, state := range busy {
			counters[i].Add(uint64(h.words[state]))
			ticks += counters[i].Total()
		}
		return float64(ticks) / hertz, nil
	}
	c := channel(SystemCPU, "system", measure.KindCPUTime, measure.ScopeSystem, fileRate, 1.0/hertz)
	c.Capacity = float64(cores)
	return []source.Reading{{Channel: c, Read: read}}, noClose, nil
}

// openMemory reads vm_statistics64: what is neither free nor inactive is in use.
func openMemory(root string) ([]source.Reading, func() error, error) {
	h, err := openHost(root, "host_statistics64", hostVMInfo64, 38) // HOST_VM_INFO64_REV1_COUNT
	if err != nil {
		return nil, nil, err
	}
	total, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return nil, nil, fmt.Errorf("hw.memsize: %w", err)
	}
	const free, inactive = 0, 2
	page := float64(os.Getpagesize())
	read := func() (float64, error) {
		if err := h.read(); err != nil {
			return 0, err
		}
		return float64(total) - (float64(h.words[free])+float64(h.words[inactive]))*page, nil
	}
	c := channel(SystemMemory, "memory", measure.KindMemory, measure.ScopeSystem, fileRate, page)
	c.Capacity = float64(total)
	return []source.Reading{{Channel: c, Read: read}}, noClose, nil
}
