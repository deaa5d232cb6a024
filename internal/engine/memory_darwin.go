package engine

import "golang.org/x/sys/unix"

// availableMemory returns the machine's memory: macOS compresses and pages rather than
// refuse, so only what can never fit is told apart.
func availableMemory() (int64, bool) {
	n, err := unix.SysctlUint64("hw.memsize")
	return int64(n), err == nil
}
