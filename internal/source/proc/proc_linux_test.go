package proc

import (
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wattlaw/wattlaw/internal/source"
	"github.com/wattlaw/wattlaw/internal/source/sourcetest"
)

const pid = 4242 // of the captured process

func constructors() map[string]func(root string) source.Source {
	return map[string]func(root string) source.Source{
		"process": func(root string) source.Source { return NewProcess(root, pid) },
		"rss":     func(root string) source.Source { return NewRSS(root, pid) },
		"pss":     func(root string) source.Source { return NewPSS(root, pid) },
		"system":  func(root string) source.Source { return NewSystem(root) },
		"memory":  func(root string) source.Source { return NewMemory(root) },
	}
}

func TestContractOnCapturedTree(t *testing.T) {
	tree := sourcetest.LoadTree(t, "testdata/machine.txtar")
	for name, construct := range constructors() {
		t.Run(name, func(t *testing.T) {
			c := sourcetest.Case{New: construct, Tree: tree}
			if name == "pss" {
				c.Forbidden = []string{"proc/4242/smaps_rollup"}
			}
			sourcetest.Run(t, c)
		})
	}
}

func TestContractOnThisMachine(t *testing.T) {
	self := os.Getpid()
	for name, s := range map[string]source.Source{
		"process": NewProcess("/", self), "rss": NewRSS("/", self), "pss": NewPSS("/", self),
		"system": NewSystem("/"), "memory": NewMemory("/"),
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, sourcetest.Case{New: func(string) source.Source { return s }, Live: true})
		})
	}
}

// The captured figures, worked out by hand.
func TestValuesOfCapturedTree(t *testing.T) {
	root := t.TempDir()
	sourcetest.LoadTree(t, "testdata/machine.txtar").Write(t, root)
	page := float64(os.Getpagesize())
	want := map[string]float64{
		ProcessCPU: 13.00, ProcessRSS: 131072 * page, ProcessPSS: 498765 << 10,
		SystemCPU: 135.50, SystemSteal: 0.40, SystemMemory: (8245184 - 6144000) << 10,
	}
	capacity := map[string]float64{SystemCPU: 4, SystemSteal: 4, SystemMemory: 8245184 << 10}
	for _, construct := range constructors() {
		s := construct(root)
		if err := s.Open(); err != nil {
			t.Fatal(err)
		}
		values := make([]float64, len(s.Channels()))
		if err := s.Read(values); err != nil {
			t.Fatal(err)
		}
		for i, c := range s.Channels() {
			if math.Abs(values[i]-want[c.Name]) > 1e-9 || c.Capacity != capacity[c.Name] {
				t.Errorf("%s = %g of %g, want %g of %g", c.Name, values[i], c.Capacity, want[c.Name], capacity[c.Name])
			}
			delete(want, c.Name)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(want) > 0 {
		t.Errorf("no channel yields %v", want)
	}
}

// A process that ends is reported as ended, whether or not its parent has waited for it.
func TestEndedProcess(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sources := []source.Source{NewProcess("/", cmd.Process.Pid), NewRSS("/", cmd.Process.Pid), NewPSS("/", cmd.Process.Pid)}
	value := make([]float64, 1)
	for _, s := range sources {
		if err := s.Open(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if err := s.Read(value); err != nil || !(value[0] >= 0) {
			t.Errorf("alive: %g, %v", value[0], err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as wanted
	for _, s := range sources {
		err := s.Read(value)
		if err == nil || !strings.Contains(err.Error(), "has ended") || !math.IsNaN(value[0]) {
			t.Errorf("%s of an ended process reads %g, %v", s.Info().Name, value[0], err)
		}
		if i := s.Info(); i.State != source.NoHardware || i.Reason == "" {
			t.Errorf("an ended process is %+v", i)
		}
	}
}

// The clock must count all threads: the kernel's schedstat of the process does not.
func TestProcessCountsAllThreads(t *testing.T) {
	s := NewProcess("/", os.Getpid())
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	value := make([]float64, 1)
	read := func() float64 {
		if err := s.Read(value); err != nil {
			t.Fatal(err)
		}
		return value[0]
	}
	before, spent := read(), make(chan float64)
	for range 3 {
		go func() { spent <- spin(0.1) }()
	}
	var total float64
	for range 3 {
		total += <-spent
	}
	if got := read() - before; got < total {
		t.Errorf("three threads used %.3f s, the process %.3f s", total, got)
	}
}

func TestParsersRefuseNonsense(t *testing.T) {
	for _, bad := range []string{"", "cpu", "cpu  1 2 3", "cpu0 1 2 3 4 5 6 7 8", "cpu  1 2 3 x 5 6 7 8", "cpu  99999999999999999999 2 3 4 5 6 7 8"} {
		if v, ok := parseStat([]byte(bad)); ok {
			t.Errorf("stat %q gives %v", bad, v)
		}
	}
	for _, bad := range []string{"", "1 (x)", "1 (x) R 1 2 3", ") ) ) )"} {
		if v, ok := parsePidStat([]byte(bad)); ok {
			t.Errorf("pid stat %q gives %v", bad, v)
		}
	}
	for _, bad := range []string{"", "Pss", "Pss:", "Pss: x", "Pss_Dirty: 5 kB", "APss: 5 kB", "Pss: -5 kB"} {
		if v, ok := parseKiB([]byte(bad), "Pss"); ok {
			t.Errorf("%q gives %v", bad, v)
		}
	}
}

// spin uses CPU time on one thread and returns how much that was by the thread's own clock.
func spin(seconds float64) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clock := func() float64 {
		var now unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
		return float64(now.Nano()) / 1e9
	}
	start := clock()
	for clock()-start < seconds {
	}
	return clock() - start
}
