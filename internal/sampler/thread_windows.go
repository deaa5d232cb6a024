package sampler

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// Procedures of kernel32, resolved once; they are never changed.
var (
	kernel32          = syscall.NewLazyDLL("kernel32.dll")
	getCurrentThread  = kernel32.NewProc("GetCurrentThread")
	getThreadTimes    = kernel32.NewProc("GetThreadTimes")
	setThreadPriority = kernel32.NewProc("SetThreadPriority")
)

const threadPriorityHighest = 2

// raisePriority asks for a higher priority of the calling thread and says what came of it.
func raisePriority() string {
	thread, _, _ := getCurrentThread.Call()
	if ok, _, err := setThreadPriority.Call(thread, threadPriorityHighest); ok == 0 {
		return fmt.Sprintf("unchanged: %v", err)
	}
	return "highest of its class"
}

func sleepUntil(deadline int64) { time.Sleep(time.Duration(deadline - measure.Now())) }

// threadTime is the CPU time of the calling thread in nanoseconds, in the system's steps of
// about 16 ms.
func threadTime() int64 {
	var created, exited, kernel, user syscall.Filetime
	thread, _, _ := syscall.SyscallN(getCurrentThread.Addr())
	_, _, _ = syscall.SyscallN(getThreadTimes.Addr(), thread,
		uintptr(unsafe.Pointer(&created)), uintptr(unsafe.Pointer(&exited)),
		uintptr(unsafe.Pointer(&kernel)), uintptr(unsafe.Pointer(&user)))
	ticks := func(f syscall.Filetime) int64 { return int64(f.HighDateTime)<<32 | int64(f.LowDateTime) }
	return 100 * (ticks(kernel) + ticks(user))
}
