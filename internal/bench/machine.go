package bench

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/wattlaw/wattlaw/internal/store"
)

// inferenceFeatures are the instruction sets that decide how fast inference can be, as
// Linux names them in /proc/cpuinfo (x86 flags, arm64 features).
var inferenceFeatures = [...]string{
	"sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni",
	"avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
	"asimd", "asimddp", "asimdhp", "i8mm", "bf16", "sve", "sve2",
}

// containers share the kernel of their machine and are no virtual machines, though the
// inventory lists them as such.
var containers = [...]string{"docker", "podman", "lxc", "rkt", "containerd", "systemd-nspawn", "openvz", "linux-vserver"}

// inventory describes this machine. What cannot be found stays empty: the inventory never
// keeps a run from starting. Root is "/" but in tests.
func inventory(ctx context.Context, root string) store.Machine {
	m := store.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU()}
	m.Hostname, _ = os.Hostname()
	if info, err := host.InfoWithContext(ctx); err == nil {
		m.OS = strings.TrimSpace(info.Platform + " " + info.PlatformVersion)
		m.Kernel = info.KernelVersion
		if info.VirtualizationRole == "guest" && !slices.Contains(containers[:], info.VirtualizationSystem) {
			m.Virtual = info.VirtualizationSystem
		}
	}
	if infos, err := cpu.InfoWithContext(ctx); err == nil && len(infos) > 0 {
		m.CPU = strings.TrimSpace(infos[0].ModelName)
		for _, feature := range inferenceFeatures {
			if slices.Contains(infos[0].Flags, feature) {
				m.Features = append(m.Features, feature)
			}
		}
		// A guest may hide its hypervisor's name but not the processor flag.
		if m.Virtual == "" && slices.Contains(infos[0].Flags, "hypervisor") {
			m.Virtual = "unnamed hypervisor"
		}
	}
	if memory, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		m.RAM = int64(memory.Total)
	}
	m.Board = firstLine(root, "sys/firmware/devicetree/base/model", "sys/class/dmi/id/product_name")
	m.Governor = strings.Join(governors(root), ", ")
	return m
}

// firstLine returns the trimmed content of the first of the files that has any.
func firstLine(root string, paths ...string) string {
	for _, path := range paths {
		data, err := os.ReadFile(filepath.Join(root, path))
		text, _, _ := strings.Cut(strings.Trim(string(data), "\x00 \n"), "\n")
		if err == nil && text != "" {
			return text
		}
	}
	return ""
}

// governors returns the different frequency governors of the cores, sorted.
func governors(root string) []string {
	files, _ := filepath.Glob(filepath.Join(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"))
	var out []string
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			out = append(out, strings.TrimSpace(string(data)))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
