package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeTemp writes a file of the test and returns its path.
func writeTemp(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEvalCommand(t *testing.T) {
	text := writeTemp(t, "prose.txt", strings.Repeat("The keeper counts the ships that pass at night. ", 30))
	table := mustRun(t, "eval", "-m", "shape:tiny@q4_0", "--base", "shape:tiny@f16", "--text", text, "--window", "128")
	for _, want := range []string{"prose.txt: ", "windows of 128", "perplexity of the original", "KL divergence, mean", "same top token", "random weights"} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
	var out struct {
		Schema string
		Texts  []struct {
			Windows    int
			Perplexity struct{ Value float64 }
			Divergence *struct{}
		}
	}
	result := mustRun(t, "eval", "-m", "shape:tiny@q8_0", "--text", text, "--text", text, "--window", "128", "--format", "json")
	if err := json.Unmarshal([]byte(result), &out); err != nil || out.Schema != "wattlaw/eval/1" || len(out.Texts) != 2 || !(out.Texts[1].Perplexity.Value > 1) || out.Texts[0].Divergence != nil {
		t.Errorf("%v\n%s", err, result)
	}
}

func TestEvalCommandRefuses(t *testing.T) {
	text := writeTemp(t, "short.txt", "too short")
	tasks := writeTemp(t, "tasks.jsonl", `{"type": "answer", "prompt": "Q", "answers": ["4"]}`)
	wrong := writeTemp(t, "wrong.jsonl", "\n"+`{"type": "answer", "prompt": "Q", "answers": ["4"], "colour": "red"}`)
	references := writeTemp(t, "references.jsonl", `{"prompt": "Q", "references": ["4"]}`)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "nothing to evaluate"},
		{[]string{"--text", text}, "needs at least 1024"},
		{[]string{"--text", text + "x"}, "short.txtx"},
		{[]string{"--text", text, "--window", "-1"}, "windows of -1 tokens"},
		{[]string{"--text", text, "--window", "5000"}, "5000"},
		{[]string{"--text", text, "--base", "shape:tiny-qwen2@q8_0"}, "vocabulary"},
		{[]string{"--text", text, "--base", "shape:nosuch@q8_0"}, "--base"},
		{[]string{"--tasks", tasks}, "random weights"},
		{[]string{"--tasks", wrong}, `wrong.jsonl:2: field "colour": there is no such field here`},
		{[]string{"--references", references}, "random weights"},
		{[]string{"--references", tasks}, `field "references": is missing`},
		{[]string{"--references", references, "--embedder", "http://"}, "embeddings endpoint"},
		{[]string{"--references", references, "--embedder-model", "x"}, "name the endpoint"},
		{[]string{"--references", references, "--embedder", "shape:tiny-bert@f32"}, "--embedder: shape:tiny-bert@f32 has random weights"},
		{[]string{"--references", references, "--embedder", "shape:tiny@f32"}, "--embedder: "},
		{[]string{"--references", references, "--embedder", "nosuch.gguf", "--embedder-model", "x"}, "is no URL"},
		{[]string{"--tasks", tasks, "--embedder", "http://127.0.0.1:1"}, "name them with --references"},
		{[]string{"--text", text, "--format", "xml"}, "xml"},
	} {
		if _, errs, code := wattlaw(t, append([]string{"eval", "-m", "shape:tiny@q8_0"}, c.args...)...); code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, %q; want %q", c.args, code, errs, c.want)
		}
	}
}
