package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/report"
	"github.com/wattlaw/wattlaw/internal/store"
)

// TestRunTasks answers questions about pictures through the real server, at two resolutions, and
// finds them in the report and the export.
func TestRunTasks(t *testing.T) {
	dir := t.TempDir()
	model := trainedModel(t, "shape:tiny-qwen2vl@q8_0", "")
	pictures := filepath.Join(dir, "pictures")
	mustRun(t, "world", "pictures", "--n", "2", "--size", "120x96", "--out", pictures)
	args := []string{
		"--model", model, "--mmproj", encoderPath(model), "--tasks", filepath.Join(pictures, "tasks.jsonl"), "--task-count", "5",
		"--resolutions", "32,64", "--output-tokens", "1", "--repeats", "1", "--min-window", "0", "--baseline-seconds", "0", "--warm-up-max", "1",
		"--cool-down-timeout", "0.3", "--store", filepath.Join(dir, "s.db"), "--out", filepath.Join(dir, "out"),
	}
	stdout, _, err := execute(t, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if !strings.Contains(stdout, "answer 10 of 10") || !strings.Contains(stdout, "Accuracy: 5 tasks of") {
		t.Errorf("the run says\n%s", stdout)
	}
	file, err := os.Open(filepath.Join(dir, "out", "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	result, err := report.ReadJSON(file)
	if err != nil || len(result.Answers) != 10 || result.Tasks == nil || result.Tasks.N != 5 || len(result.Configs[0].Accuracy) != 2 {
		t.Fatalf("%v: %d answers to %+v", err, len(result.Answers), result.Tasks)
	}
	for _, a := range result.Answers {
		want := map[string]int{"32x32": 32 * 26, "64x64": 64 * 51}[a.Resolution]
		if a.NominalPixels == nil || *a.NominalPixels != want || a.Figures[store.MetricCPUCoreSeconds] <= 0 || a.TokensIn == 0 {
			t.Errorf("%+v, want %d pixels", a, want)
		}
	}
	table, err := csv.NewReader(strings.NewReader(mustRun(t, "export", result.Run.ID, "--store", filepath.Join(dir, "s.db"), "--answers"))).ReadAll()
	if err != nil || len(table) != 11 || table[1][2] != result.Answers[0].Task {
		t.Errorf("%d lines, %v", len(table), err)
	}
}

func TestRunTasksRefuses(t *testing.T) {
	dir := t.TempDir()
	choice := writeTemp(t, "choice.jsonl", `{"type": "choice", "prompt": "Q", "choices": ["a", "b"], "answer": 0}`)
	wrong := writeTemp(t, "wrong.jsonl", `{"type": "answer", "prompt": "Q", "answers": []}`)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--tasks", choice}, `choice.jsonl:1: field "type": is "choice", and a run takes tasks of type "answer" alone`},
		{[]string{"--tasks", wrong}, `wrong.jsonl:1: field "answers": has 0 texts`},
		{[]string{"--tasks", "nosuch.jsonl"}, "plan: tasks: open nosuch.jsonl"},
		{[]string{"--tasks", "builtin:songs"}, "there are builtin:stories and builtin:pictures"},
		{[]string{"--tasks", "builtin:stories", "--task-count", "2"}, "shape:tiny@q8_0 has random weights"},
		{[]string{"--tasks", "builtin:pictures", "--task-count", "2"}, "asks about an image and shape:tiny@q8_0 takes none"},
	} {
		if _, _, err := execute(t, tinyRun(dir, c.args...)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
	if _, msg, code := wattlaw(t, "export", "x", "--samples", "--answers", "--store", filepath.Join(dir, "s.db")); code == 0 || !strings.Contains(msg, "two exports") {
		t.Errorf("%q", msg)
	}
}
