//go:build linux || darwin

package source

import (
	"os"

	"golang.org/x/sys/unix"
)

// pread reads from the start of the file in one system call: a second one, to see the end
// of the file, would make the kernel write the whole text again.
func pread(f *os.File, buf []byte) (int, error) {
	for {
		n, err := unix.Pread(int(f.Fd()), buf, 0)
		if err != unix.EINTR {
			return n, err
		}
	}
}
