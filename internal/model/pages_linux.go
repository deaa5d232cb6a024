package model

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Allocate returns n zeroed bytes for data that is read from front to back again and
// again. It asks for huge pages, which spare address translations and let the processor
// read ahead across what would be page borders (madvise(2), MADV_HUGEPAGE).
func Allocate(n int64) []byte {
	b := make([]byte, n)
	page := uintptr(os.Getpagesize())
	skip := (page - uintptr(unsafe.Pointer(unsafe.SliceData(b)))%page) % page
	if whole := (uintptr(n) - min(skip, uintptr(n))) / page * page; whole > 0 {
		_ = unix.Madvise(b[skip:skip+whole], unix.MADV_HUGEPAGE) // only a hint: a kernel without them says no
	}
	return b
}
