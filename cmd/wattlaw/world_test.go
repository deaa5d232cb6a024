package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/eval"
	"github.com/wattlaw/wattlaw/internal/imaging"
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

func TestWorldPicturesCommand(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "pictures")
	args := []string{"world", "pictures", "--n", "3", "--size", "120x96", "--digits", "9", "--kind", "number,colour", "--out", dir}
	mustRun(t, args...)
	data, err := os.ReadFile(filepath.Join(dir, questionsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines, want two questions about each of 3 pictures:\n%s", len(lines), data)
	}
	for _, line := range lines {
		var q struct {
			Image, Kind, Question string
			Answers, Choices      []string
			Digit                 int
		}
		if err := json.Unmarshal([]byte(line), &q); err != nil || q.Kind != "number" && q.Kind != "colour" || q.Question == "" || len(q.Answers) == 0 || len(q.Choices) < 2 || q.Digit != 9 {
			t.Errorf("%v in %s", err, line)
		}
		file, err := os.ReadFile(filepath.Join(dir, q.Image))
		if err != nil {
			t.Fatal(err)
		}
		if size, err := imaging.DecodeSize(file); err != nil || size != (imaging.Size{Width: 120, Height: 96}) {
			t.Errorf("%s: %v, %v", q.Image, size, err)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{args, "name another folder"},
		{[]string{"world", "pictures"}, "out"},
		{[]string{"world", "pictures", "--out", dir, "--n", "0"}, "0 pictures"},
		{[]string{"world", "pictures", "--out", dir, "--size", "big"}, "--size"},
		{[]string{"world", "pictures", "--out", dir, "--digits", "500"}, "500 pixels"},
	} {
		if _, msg, code := wattlaw(t, c.args...); code == 0 || !strings.Contains(msg, c.want) {
			t.Errorf("%q: exit code %d, %q, want %q", c.args, code, msg, c.want)
		}
	}
}
