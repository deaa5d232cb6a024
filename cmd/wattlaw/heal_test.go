package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHealCommand heals a model that was rounded coarsely.
func TestHealCommand(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	mustRun(t, "models", "write", "shape:tiny@f32", path("in.gguf"))
	mustRun(t, "quantize", path("in.gguf"), path("small.gguf"), "q4_0")
	if err := os.WriteFile(path("text"), []byte(strings.Repeat("What the original predicts is learned. ", 60)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"heal", "-m", path("small.gguf"), "--base", path("in.gguf"), "-o", path("out.gguf"), "--calibrate", path("text"),
		"--window", "32", "--sequences", "20", "--batch", "2"}
	out, errs, code := wattlaw(t, append(args, "--steps", "3", "--rate", "0.0001")...)
	if code != 0 || !strings.Contains(out, "nats a token on held-out sequences, in 3 steps") || !strings.Contains(errs, "healing: 100 % done, step 3") {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	if _, err := os.Stat(path("out.gguf" + healSuffix)); err == nil {
		t.Error("the checkpoint is still there")
	}
	if text := mustRun(t, "inspect", path("out.gguf")); !strings.Contains(text, "Q4_0") {
		t.Error(text)
	}
	for want, more := range map[string][]string{
		"want a time or a number of steps": nil,
		"is input and output":              {"--steps", "1", "-o", path("in.gguf")},
		"it has a vocabulary of":           {"--steps", "1", "--base", "builtin:scribe"},
		"none.gguf":                        {"--steps", "1", "-m", path("none.gguf")},
	} {
		if _, errs, code := wattlaw(t, append(args, more...)...); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%v: exit code %d, %q, want %q", more, code, errs, want)
		}
	}
}
