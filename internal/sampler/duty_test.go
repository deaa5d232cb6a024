//go:build linux || darwin

package sampler

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/measure"
	"github.com/wattlaw/wattlaw/internal/source/proc"
)

// A program that keeps 37 % of one core busy for 10 s and holds 512 MiB for 5 s of them is
// sampled like any runtime. CPU and memory areas must agree within 1 % with what the program
// was told to do and measured itself.
func TestKnownDuty(t *testing.T) {
	s, r := sampleDuty(t)
	all := s.Window(measure.Window{Start: r.Window.Start, End: max(r.Window.End, r.Memory.End)}, time.Second)
	cpu, rss := series(t, all, proc.ProcessCPU), series(t, all, proc.ProcessRSS)

	const told = dutyFraction * dutySeconds
	within(t, "CPU time by the program itself", r.CPU, told, 0.005)
	area := measure.AUC(cpu.Rate(r.Window), r.Window, 0)
	within(t, "CPU area against the program", area.Value, r.CPU, 0.01)
	within(t, "CPU area against the order", area.Value, told, 0.01)
	within(t, "CPU counter against the program", measure.CounterDelta(cpu, r.Window).Value, r.CPU, 0.01)
	if c := measure.Closure(cpu, r.Window); !c.OK() || c.Value > 0.005 {
		t.Errorf("closure %+v", c)
	}

	before := measure.AUC(rss, measure.Window{Start: r.Window.Start, End: r.Memory.Start - 2e8}, 0)
	if !before.OK() {
		t.Fatal(before.Reason)
	}
	idle := before.Value / (float64(r.Memory.Start-2e8-r.Window.Start) / 1e9)
	// A period more on both sides, so that the whole rise and fall lie inside.
	memory := measure.AUC(rss, r.Memory.Widen(2e8), idle)
	within(t, "memory area", memory.Value, r.ByteSecs, 0.01)
	within(t, "memory held by the program itself", r.ByteSecs, dutyBytes*(r.Memory.Seconds()+dutyHold)/2, 0.02)
	o := s.Observer()
	t.Logf("CPU %.4f core·s (program %.4f), memory %.4f GiB·s (program %.4f), %d ticks, %d late, %.4f %% of a core",
		area.Value, r.CPU, memory.Value/(1<<30), r.ByteSecs/(1<<30), o.Ticks, o.LateTicks, 100*o.CoreFraction)
}

// sampleDuty runs the program under a sampler and returns both when it has worked.
func sampleDuty(t *testing.T) (*Sampler, dutyReport) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dutyEnv+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the program: %v", err)
		}
	}()
	s := start(t, DefaultRate, proc.NewProcess("/", cmd.Process.Pid), proc.NewRSS("/", cmd.Process.Pid))
	time.Sleep(300 * time.Millisecond)
	if _, err := stdin.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	var r dutyReport
	if err := json.NewDecoder(stdout).Decode(&r); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // samples beyond the end
	return s, r
}

func within(t *testing.T, what string, got, want, relative float64) {
	t.Helper()
	if !(math.Abs(got-want) <= relative*math.Abs(want)) {
		t.Errorf("%s = %.6g, want %.6g within %.1f %%", what, got, want, 100*relative)
	}
}
