package measure

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

const printClock = "WATTLAW_TEST_PRINT_CLOCK"

// emulator names the program that runs this test where the processor cannot: the child
// needs it too.
const emulator = "WATTLAW_TEST_EMULATOR"

func TestMain(m *testing.M) {
	if os.Getenv(printClock) != "" {
		os.Stdout.WriteString(strconv.FormatInt(Now(), 10))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Time stamps of a child process must lie between two of its parent.
func TestNowIsSharedByProcesses(t *testing.T) {
	command := append(strings.Fields(os.Getenv(emulator)), os.Args[0])
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), printClock+"=1")
	before := Now()
	out, err := cmd.Output()
	after := Now()
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil || child <= before || child >= after {
		t.Errorf("child saw %d (%v), parent %d before and %d after", child, err, before, after)
	}
}

func TestNowAdvancesWithTime(t *testing.T) {
	start, mark := time.Now(), Now()
	time.Sleep(20 * time.Millisecond)
	inner := Now() - mark
	if outer := time.Since(start).Nanoseconds(); inner < 20e6 || inner > outer {
		t.Errorf("clock advanced by %d ns within %d ns", inner, outer)
	}
	if n := testing.AllocsPerRun(100, func() { Now() }); n != 0 {
		t.Errorf("Now allocates %.0f times", n)
	}
}
