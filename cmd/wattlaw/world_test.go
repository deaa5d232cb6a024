package main

import (
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
	tasks, err := eval.ReadTasksFile(path)
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
	tasks, err := eval.ReadTasksFile(filepath.Join(dir, "tasks.jsonl"))
	if err != nil || len(tasks) != 6 {
		t.Fatalf("%d tasks, want two about each of 3 pictures: %v", len(tasks), err)
	}
	for _, task := range tasks {
		if task.Group != "number" && task.Group != "colour" || task.Kind != eval.Answer || !strings.HasPrefix(task.Prompt, "<image>Question: ") || !strings.HasSuffix(task.Prompt, "?\nAnswer:") {
			t.Errorf("%+v", task)
		}
		if picture, err := task.Picture(imaging.Size{}); err != nil || picture.Size() != (imaging.Size{Width: 120, Height: 96}) {
			t.Errorf("%s: %v, %v", task.Image, picture.Size(), err)
		}
	}
	choices := filepath.Join(t.TempDir(), "choices")
	mustRun(t, "world", "pictures", "--n", "2", "--size", "120x96", "--form", "choice", "--questions", "1", "--out", choices)
	if tasks, err := eval.ReadTasksFile(filepath.Join(choices, "tasks.jsonl")); err != nil || len(tasks) != 2 || tasks[0].Kind != eval.Choice {
		t.Errorf("%+v, %v", tasks, err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{args, "name another folder"},
		{[]string{"world", "pictures"}, "out"},
		{[]string{"world", "pictures", "--out", dir, "--n", "0"}, "0 pictures"},
		{[]string{"world", "pictures", "--out", dir, "--form", "essay"}, "--form"},
		{[]string{"world", "pictures", "--out", dir, "--size", "big"}, "--size"},
		{[]string{"world", "pictures", "--out", dir, "--digits", "500"}, "500 pixels"},
	} {
		if _, msg, code := wattlaw(t, c.args...); code == 0 || !strings.Contains(msg, c.want) {
			t.Errorf("%q: exit code %d, %q, want %q", c.args, code, msg, c.want)
		}
	}
}
