package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wattlaw/wattlaw/internal/bench"
)

// parsePlan is what the run command makes of its arguments.
func parsePlan(t *testing.T, file string, args ...string) (bench.Plan, error) {
	t.Helper()
	plan := bench.DefaultPlan()
	cmd := &cobra.Command{}
	planFlags(cmd.Flags(), &plan)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if file == "" {
		return plan, nil
	}
	path := filepath.Join(t.TempDir(), "plan.toml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := bench.ReadPlan(path)
	if err == nil {
		err = putUnder(cmd, read, &plan)
	}
	return plan, err
}

func TestFlagsOverThePlanFile(t *testing.T) {
	got, err := parsePlan(t, "tokens = [1, 2]\nrepeats = 9\nmodel = ['a']\nseed = 4\n[warm_up]\nmax = 3\n",
		"--tokens", "7,8,9", "--tokens", "10", "-r", "2", "--strict", "--warm-up-cv", "0.2")
	if err != nil {
		t.Fatal(err)
	}
	want := bench.DefaultPlan()
	want.Tokens, want.Repeats, want.Strict, want.WarmUp.CV = []int{7, 8, 9, 10}, 2, true, 0.2 // flags
	want.Model, want.Seed, want.WarmUp.Max = []string{"a"}, 4, 3                              // file
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got, err = parsePlan(t, ""); err != nil || !reflect.DeepEqual(got, bench.DefaultPlan()) {
		t.Errorf("without arguments: %+v, %v", got, err)
	}
	if _, err = parsePlan(t, "repeat = 1", "-r", "2"); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("unknown key: %v; want an error that names the line", err)
	}
}

// TestEveryKeyHasItsFlag compares the flags with the keys of the effective plan.
func TestEveryKeyHasItsFlag(t *testing.T) {
	plan := bench.DefaultPlan()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	planFlags(flags, &plan)
	text, err := plan.TOML()
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := toml.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	n := 0
	var walk func(prefix string, keys map[string]any)
	walk = func(prefix string, keys map[string]any) {
		for key, value := range keys {
			name := prefix + strings.ReplaceAll(key, "_", "-")
			if table, ok := value.(map[string]any); ok {
				walk(name+"-", table)
			} else if n++; flags.Lookup(name) == nil {
				t.Errorf("key %q has no flag --%s", key, name)
			}
		}
	}
	walk("", keys)
	flags.VisitAll(func(*pflag.Flag) { n-- })
	if n != 0 {
		t.Errorf("there are %d more keys than flags", n)
	}
}
