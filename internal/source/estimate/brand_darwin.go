package estimate

import "golang.org/x/sys/unix"

// brand is the name of the processor, empty when it is not known.
func brand() string {
	s, err := unix.Sysctl("machdep.cpu.brand_string")
	if err != nil {
		return ""
	}
	return s
}
