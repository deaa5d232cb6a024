package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEmbedTexts(t *testing.T) {
	dir := t.TempDir()
	model, vectors := filepath.Join(dir, "bert.gguf"), filepath.Join(dir, "v.f32")
	mustRun(t, "models", "write", "shape:tiny-bert@f16", model)
	var v []float32
	if err := json.Unmarshal([]byte(mustRun(t, "embed", "-m", model, "--text", "one text")), &v); err != nil || len(v) != 64 {
		t.Errorf("one text gives %d values, %v", len(v), err)
	}
	out := mustRun(t, "embed", "-m", "shape:tiny-bert@f16", "--text", "one text", "--text", "two texts, with a comma", "--text", "one text", "-o", vectors)
	info, err := os.Stat(vectors)
	if err != nil || info.Size() != 3*64*4 || !strings.Contains(out, "3 texts × 64") {
		t.Errorf("vectors %v, %v; %q", info, err, out)
	}
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 5 || strings.Count(out, "1.000000") != 5 || !strings.Contains(out, `"two texts, with a comma"`) {
		t.Errorf("cosines:\n%s", out)
	}
}

func TestEmbedRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "image text"},
		{[]string{"--text", "a", "--image", "b.png"}, "image text"},
		{[]string{"--image", "b.png"}, "--out"},
		{[]string{"--text", "a", "--mmproj", "x.gguf"}, "leave them out"},
		{[]string{"--text", strings.Repeat("a ", 100)}, "102 tokens do not fit the 64"},
	} {
		_, errs, code := wattlaw(t, append([]string{"embed", "-m", "shape:tiny-bert@q8_0"}, c.args...)...)
		if code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, %q; want %q in it", c.args, code, errs, c.want)
		}
	}
	_, errs, code := wattlaw(t, "embed", "-m", "shape:tiny@q8_0", "--text", "a")
	if code != 1 || !strings.Contains(errs, `"llama" does not embed texts`) {
		t.Errorf("a language model: exit %d, %q", code, errs)
	}
	_, errs, code = wattlaw(t, "generate", "-m", "shape:tiny-bert@q8_0", "-p", "a")
	if code != 1 || !strings.Contains(errs, "wattlaw embed --text") {
		t.Errorf("generating with an encoder: exit %d, %q", code, errs)
	}
}
