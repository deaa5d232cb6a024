package measure

import (
	"math/bits"
	"syscall"
	"unsafe"
)

// Procedures of kernel32, resolved once; they are never changed.
var (
	kernel32                  = syscall.NewLazyDLL("kernel32.dll")
	queryPerformanceCounter   = kernel32.NewProc("QueryPerformanceCounter")
	queryPerformanceFrequency = kernel32.NewProc("QueryPerformanceFrequency")
)

// Now returns nanoseconds of the monotonic clock that all processes of this machine share
// since it was started (Linux: CLOCK_MONOTONIC; macOS: CLOCK_UPTIME_RAW; Windows:
// QueryPerformanceCounter). Time stamps of different processes may be compared; time
// stamps of different boots or machines may not.
func Now() int64 {
	var count, frequency int64
	// Neither call fails on any Windows that Go supports.
	_, _, _ = syscall.SyscallN(queryPerformanceCounter.Addr(), uintptr(unsafe.Pointer(&count)))
	_, _, _ = syscall.SyscallN(queryPerformanceFrequency.Addr(), uintptr(unsafe.Pointer(&frequency)))
	hi, lo := bits.Mul64(uint64(count), 1e9)
	ns, _ := bits.Div64(hi, lo, uint64(frequency)) // count·1e9 needs more than 64 bits after minutes
	return int64(ns)
}
