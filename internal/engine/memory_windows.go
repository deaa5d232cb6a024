package engine

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// memoryStatus is MEMORYSTATUSEX of sysinfoapi.h.
type memoryStatus struct {
	length, load                      uint32
	totalPhysical, availablePhysical  uint64
	totalPageFile, availablePageFile  uint64
	totalVirtual, availableVirtual    uint64
	availableExtendedVirtualAlwaysNil uint64
}

// availableMemory returns the bytes of physical memory that are free or can be freed.
func availableMemory() (int64, bool) {
	status := memoryStatus{}
	status.length = uint32(unsafe.Sizeof(status))
	call := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	ok, _, _ := call.Call(uintptr(unsafe.Pointer(&status)))
	return int64(status.availablePhysical), ok != 0
}
