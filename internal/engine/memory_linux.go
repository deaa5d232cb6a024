package engine

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// availableMemory returns the bytes that can be allocated without swapping, and whether
// that is known.
func availableMemory() (int64, bool) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	return parseAvailable(f)
}

// parseAvailable finds MemAvailable (https://docs.kernel.org/filesystems/proc.html#meminfo).
func parseAvailable(r io.Reader) (int64, bool) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "MemAvailable:"); ok {
			var kib int64
			_, err := fmt.Sscanf(rest, "%d kB", &kib)
			return kib << 10, err == nil
		}
	}
	return 0, false
}
