package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model/huggingface/huggingfacetest"
)

func TestConvertCommand(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	huggingfacetest.New(t, "qwen2vl").Write(t, dir)
	language, encoder, small := filepath.Join(out, "a.gguf"), filepath.Join(out, "b.gguf"), filepath.Join(out, "c.gguf")
	if text := mustRun(t, "convert", dir, language); !strings.Contains(text, "--mmproj FILE writes") {
		t.Error(text)
	}
	mustRun(t, "convert", dir, language, "--mmproj", encoder)
	tables := func(text string) string { // what inspect says below its headline
		_, rest, _ := strings.Cut(text, "\n")
		return rest
	}
	folder, files := mustRun(t, "inspect", dir), tables(mustRun(t, "inspect", language))
	if !strings.Contains(folder, files) {
		t.Errorf("inspect of the folder does not hold what it says of the file:\n%s\n\n%s", folder, files)
	}
	if !strings.Contains(folder, tables(mustRun(t, "inspect", encoder))) {
		t.Error("inspect of the folder does not hold what it says of the encoder")
	}
	if text := mustRun(t, "quantize", dir, small, "q8_0"); !strings.Contains(text, "Q8_0") {
		t.Error(text)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{dir, language, "--mmproj", language}, "cannot be both"},
		{[]string{out, language}, "config.json"},
		{[]string{dir, filepath.Join(out, "none", "a.gguf")}, "none"},
	} {
		if _, errs, code := wattlaw(t, append([]string{"convert"}, c.args...)...); code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %q, want %q", c.args, code, errs, c.want)
		}
	}
	if entries, _ := os.ReadDir(out); len(entries) != 3 {
		t.Errorf("%d files, want 3", len(entries))
	}
}
