package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/eval"
)

func TestWorldCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tasks.jsonl")
	args := []string{"world", "--n", "20", "--kind", "where,count", "--words", "150"}
	if out := mustRun(t, append(args, "--out", path)...); out != "" {
		t.Errorf("wrote %q to standard output as well", out)
	}
	tasks, err := readLines(path, eval.ReadTasks)
	if err != nil || len(tasks) != 20 {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	for _, task := range tasks {
		if task.Group != "where" && task.Group != "count" {
			t.Errorf("group %q was not asked for", task.Group)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if mustRun(t, args...) != string(data) {
		t.Error("the same flags yield other tasks")
	}
	if strings.Contains(string(data), mustRun(t, "world", "--n", "1", "--seed", "2", "--kind", "where")) {
		t.Error("another seed yields the same task")
	}
}

func TestWorldCommandRefuses(t *testing.T) {
	kept := writeTemp(t, "kept.jsonl", "precious")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--kind", "why"}, `"why"`},
		{[]string{"--split", "dev"}, `"dev"`},
		{[]string{"--words", "5"}, "5 words"},
		{[]string{"--n", "0", "--out", kept}, "0 tasks"},
		{[]string{"--out", filepath.Join(kept, "nowhere")}, "nowhere"},
	} {
		if _, msg, code := wattlaw(t, append([]string{"world"}, c.args...)...); code == 0 || !strings.Contains(msg, c.want) {
			t.Errorf("world %q: exit code %d, %q, want %q", c.args, code, msg, c.want)
		}
	}
	if data, err := os.ReadFile(kept); err != nil || string(data) != "precious" {
		t.Errorf("a file was lost to flags that are refused: %q, %v", data, err)
	}
}
