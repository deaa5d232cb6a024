package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClampCommand(t *testing.T) {
	dir := t.TempDir()
	writePNG(t, filepath.Join(dir, "a.png"), 320, 240)
	writePNG(t, filepath.Join(dir, "b.png"), 100, 200)
	text := mustRun(t, "clamp", "-m", "shape:tiny-qwen2vl@q8_0", "--image-dir", dir, "--longest-side", "160", "--max-tokens", "64", "-r", "2", "-n", "2")
	for _, want := range []string{"2 images", "own (tokens:8-4096)", "tokens:8-64", "longest-side:160", "Accuracy is not shown"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	var out struct {
		Images []struct{ Name string }
		Limits []struct {
			Tokens float64 `json:"tokens_per_image"`
		}
	}
	scenes := mustRun(t, "clamp", "-m", "shape:tiny-smolvlm@q8_0", "--size", "128x96", "--max-tokens", "64", "-r", "1", "-n", "1", "--format", "json")
	if err := json.Unmarshal([]byte(scenes), &out); err != nil || len(out.Images) != 3 || len(out.Limits) != 2 || out.Limits[1].Tokens >= out.Limits[0].Tokens {
		t.Errorf("%s (%v)", scenes, err)
	}
}

func TestClampCommandWithTasks(t *testing.T) {
	model := trainedModel(t, "shape:tiny-qwen2vl@q8_0", "")
	pictures := filepath.Join(t.TempDir(), "pictures")
	mustRun(t, "world", "pictures", "--n", "3", "--size", "160x128", "--out", pictures)
	args := []string{"clamp", "-m", model, "--mmproj", encoderPath(model), "--tasks", filepath.Join(pictures, "tasks.jsonl"), "--max-tokens", "16,32", "-r", "1", "-n", "1"}
	text := mustRun(t, args...)
	for _, want := range []string{"3 images", "image tokens  right", "within 1 point of full accuracy", "Doubt: 9 tasks cannot tell 1 point"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	var out struct {
		Accuracy struct {
			Tasks  int
			Limits []struct{ Accuracy struct{ N int } }
		}
	}
	if err := json.Unmarshal([]byte(mustRun(t, append(args, "--format", "json", "--task-count", "4")...)), &out); err != nil || out.Accuracy.Tasks != 4 || len(out.Accuracy.Limits) != 3 || out.Accuracy.Limits[2].Accuracy.N != 4 {
		t.Errorf("%+v, %v", out, err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-m", "shape:tiny-qwen2vl@q8_0", "--tasks", filepath.Join(pictures, "tasks.jsonl"), "--max-tokens", "16", "-r", "1", "-n", "1"}, "random weights"},
		{[]string{"-m", "shape:tiny-qwen2vl@q8_0", "--tasks", "nosuch.jsonl"}, "--tasks: open nosuch.jsonl"},
	} {
		if _, errs, code := wattlaw(t, append([]string{"clamp"}, c.args...)...); code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, %q; want %q", c.args, code, errs, c.want)
		}
	}
}

func TestClampCommandRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("no image, but a text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-m", "shape:tiny@q8_0"}, "takes no images"},
		{[]string{"-m", "shape:tiny-qwen2vl@q8_0", "--image-dir", dir}, "notes.txt"},
		{[]string{"-m", "shape:tiny-qwen2vl@q8_0", "--image-dir", t.TempDir()}, "holds no files"},
		{[]string{"-m", "shape:tiny-qwen2vl@q8_0", "--size", "big"}, "WIDTHxHEIGHT"},
		{[]string{"-m", "shape:tiny-qwen2vl@q8_0", "--format", "xml"}, "xml"},
		{[]string{"-m", "shape:tiny-smolvlm@q8_0", "--size", "64x64", "--longest-side", "100"}, "limit its tokens instead"},
	} {
		if _, errs, code := wattlaw(t, append([]string{"clamp"}, c.args...)...); code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, %q; want %q", c.args, code, errs, c.want)
		}
	}
}
