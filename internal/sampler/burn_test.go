package sampler

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// The test binary is started again with one of these set to work as a program under test.
const (
	burnEnv = "WATTLAW_TEST_BURN"
	dutyEnv = "WATTLAW_TEST_DUTY"
)

// burnAllCores starts one process that keeps every core busy, as a runtime under test does,
// and returns the call that ends it.
func burnAllCores(tb testing.TB) (release func()) {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), burnEnv+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	}
}

// burnChild works on all cores until its input ends, which it does with its parent.
func burnChild() {
	for range runtime.NumCPU() {
		go func() {
			//lint:ignore SA5002 burning a core is what it is for
			for {
			}
		}()
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(dutyEnv) != "":
		if err := dutyChild(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
	case os.Getenv(burnEnv) != "":
		burnChild()
	default:
		os.Exit(m.Run())
	}
}
