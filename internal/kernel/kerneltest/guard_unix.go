//go:build unix

package kerneltest

import (
	"os"
	"syscall"
	"testing"
)

// guardedBytes returns n bytes that end at a page which cannot be accessed.
func guardedBytes(t testing.TB, n int) []byte {
	t.Helper()
	page := os.Getpagesize()
	size := (n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("map %d guarded bytes: %v", n, err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(m); err != nil {
			t.Errorf("unmap guarded bytes: %v", err)
		}
	})
	if err := syscall.Mprotect(m[size:], syscall.PROT_NONE); err != nil {
		t.Fatalf("protect the guard page: %v", err)
	}
	return m[size-n : size : size]
}
