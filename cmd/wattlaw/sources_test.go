package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/source"
)

// An empty machine has no hardware for anything, with a reason for each, and nothing is zero.
func TestSourcesOfAnEmptyMachine(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("only where the machine is a tree of files can it be empty")
	}
	reports, err := probeSources(allSources(t.TempDir(), os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if r.State != source.NoHardware || r.Reason == "" || len(r.Channels) != 0 {
			t.Errorf("%+v", r)
		}
	}
	var out bytes.Buffer
	if err := printSources(&out, reports); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"powercap", "no hardware", "No energy is measured"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the list lacks %q:\n%s", want, out.String())
		}
	}
}

// A machine with one counter says so, in the table and in JSON.
func TestSourcesWithACounter(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("needs a machine that is a tree of files")
	}
	root := t.TempDir()
	zone := filepath.Join(root, "sys/class/powercap/intel-rapl:0")
	if err := os.MkdirAll(zone, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"name": "package-0", "max_energy_range_uj": "262143328850", "energy_uj": "5"} {
		if err := os.WriteFile(filepath.Join(zone, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	reports, err := probeSources(allSources(root, 1))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := printSources(&out, reports); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "powercap.package-0") || strings.Contains(s, "No energy is measured") {
		t.Errorf("the list is\n%s", s)
	}
}

func TestSourcesCommand(t *testing.T) {
	for _, args := range [][]string{{}, {"--json"}} {
		cmd := newSourcesCmd()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetArgs(args)
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		if len(args) == 0 {
			continue
		}
		var reports []sourceReport
		if err := json.Unmarshal(out.Bytes(), &reports); err != nil || len(reports) != len(allSources("/", 1)) {
			t.Errorf("%d sources, %v", len(reports), err)
		}
	}
}
