package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/compress/heal"
)

// TestCompressCommand goes the whole way with a small model: a file that can be inspected, one that is healed,
// one for other runtimes, and a profile.
func TestCompressCommand(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	mustRun(t, "models", "write", "shape:tiny@f32", path("in.gguf"))
	text := strings.Repeat("Layers are cut in order, each with what the layers before it hand on. ", 200)
	if err := os.WriteFile(path("text"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"compress", "-m", path("in.gguf"), "--calibrate", path("text"), "--window", "32", "--sequences", "24"}
	run := func(more ...string) string {
		t.Helper()
		return mustRun(t, append(args[:len(args):len(args)], more...)...)
	}
	out := run("-o", path("out.gguf"), "--params", "60%", "--without", "allocate", "--format", "q8_0", "--heal", "1s")
	for _, want := range []string{"blk.0.attn_q, attn_k, attn_v", "nats a token", "healed", "time", "copied"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if text := mustRun(t, "inspect", path("out.gguf")); !strings.Contains(text, "llama-lr") || !strings.Contains(text, "wattlaw.compress.calibration") {
		t.Error(text)
	}
	for _, gone := range []string{"out.gguf" + workSuffix, "out.gguf" + healSuffix} {
		if _, err := os.Stat(path(gone)); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	run("-o", path("narrow.gguf"), "--params", "0.8", "--for", "llama.cpp")
	if text := mustRun(t, "inspect", path("narrow.gguf")); strings.Contains(text, "llama-lr") || !strings.Contains(text, "llama.feed_forward_length") {
		t.Error(text)
	}
	if out := run("-o", path("profile.json"), "--profile"); !strings.Contains(out, "25 %") {
		t.Error(out)
	}
	for _, name := range []string{"profile.json", "profile.svg"} {
		if info, err := os.Stat(path(name)); err != nil || info.Size() == 0 {
			t.Error(name, err)
		}
	}
}

// TestCompressRefuses says what is wrong before anything is computed.
func TestCompressRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	long := `{"type": "answer", "prompt": "` + strings.Repeat("a long story ", 3000) + `", "answers": ["yes"]}` + "\n"
	if err := os.WriteFile(path("long.jsonl"), []byte(long), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"shorten the task":             {"-m", "builtin:scribe", "-o", path("o"), "--params", "0.5", "--calibrate", path("long.jsonl")},
		"say one goal":                 {"-m", "builtin:scribe", "-o", path("o")},
		"a share must be less":         {"-m", "builtin:scribe", "-o", path("o"), "--params", "1.5"},
		"no step":                      {"-m", "builtin:scribe", "-o", path("o"), "--params", "0.5", "--without", "magic"},
		"no format":                    {"-m", "builtin:scribe", "-o", path("o"), "--params", "0.5", "--format", "q9"},
		"there is llama.cpp":           {"-m", "builtin:scribe", "-o", path("o"), "--params", "0.5", "--for", "moon"},
		"no folder":                    {"-m", "builtin:scribe", "-o", path("none/o"), "--params", "0.5"},
		"name both":                    {"-m", "builtin:scribe", "-o", path("o"), "--accuracy-drop", "1%"},
		"leave the goal out":           {"-m", "builtin:scribe", "-o", path("o"), "--params", "0.5", "--profile"},
		"--calibrate":                  {"-m", "shape:tiny@f32", "-o", path("o"), "--params", "0.5"},
		"leave --sites":                {"-m", "builtin:scribe", "-o", path("o"), "--profile", "--sites", "2"},
		"leave one out":                {"-m", "builtin:scribe", "-o", path("o"), "--params", "0.5", "--sites", "2", "--for", "llama.cpp"},
		"a time such as":               {"-m", "builtin:scribe", "-o", path("o"), "--params", "0.5", "--heal", "-1m"},
		"2 to 4":                       {"-m", "builtin:scribe", "-o", path("o"), "--params", "0.5", "--sites", "9"},
		"--window 5000":                {"-m", "builtin:scribe", "-o", path("o"), "--params", "0.5", "--window", "5000"},
		"want a positive number of na": {"-m", "builtin:scribe", "-o", path("o"), "--kl", "-1"},
	} {
		if _, errs, code := wattlaw(t, append([]string{"compress"}, args...)...); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%v: exit code %d, %q, want %q", args, code, errs, want)
		}
	}
}

// TestKeptGoal says of the model that is written whether it keeps a goal, which trials were judged by.
func TestKeptGoal(t *testing.T) {
	f := &compressFlags{kl: 0.05}
	j := &judge{compressFlags: &compressFlags{}, whole: 0.8}
	j.opt.Goal.Drop = 0.1
	if !j.enough(0.7) || j.enough(0.69) {
		t.Error("a tenth less than 0.8 is 0.7")
	}
	cut := func(kl float64) *compress.Report { return &compress.Report{Held: compress.Distance{KL: kl}} }
	for want, c := range map[string]struct {
		kl     float64
		healed *heal.Report
	}{
		"KL 0.04, at most 0.05 wanted":         {0.04, nil},
		"KL 0.06, at most 0.05 wanted: missed": {0.06, nil},
		"KL 0.01, at most 0.05 wanted":         {0.06, &heal.Report{After: 0.01, Better: true}},
		"KL 0.07, at most 0.05 wanted: missed": {0.07, &heal.Report{After: 0.08}},
	} {
		got, err := f.keptGoal(t.Context(), nil, compress.Pair{}, cut(c.kl), c.healed)
		if err != nil || !strings.HasPrefix(got, want) || strings.Contains(got, "missed") != strings.Contains(want, "missed") {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if got, err := new(compressFlags).keptGoal(t.Context(), nil, compress.Pair{}, cut(1), nil); err != nil || got != "" {
		t.Errorf("without a goal of quality: %q, %v", got, err)
	}
}
