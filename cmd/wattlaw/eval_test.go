package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/model"
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

// trainedModel writes a shape as files that do not say that their weights are random, so that
// its answers count, and returns the model's path, beside which its encoder lies. damage, when
// not "", is a tensor of either that gets a NaN.
func trainedModel(t *testing.T, ref, damage string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trained.gguf")
	mustRun(t, "models", "write", ref, path)
	for _, file := range []string{path, encoderPath(path)} {
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) && file != path {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		mark := []byte(model.RandomMark)
		data = bytes.ReplaceAll(data, mark, bytes.Repeat([]byte("x"), len(mark)))
		parsed, err := gguf.Parse(data, file)
		if err != nil {
			t.Fatal(err)
		}
		if tensor, ok := parsed.Tensor(damage); ok {
			binary.LittleEndian.PutUint32(parsed.Data(tensor), math.Float32bits(float32(math.NaN())))
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// scoresOf runs eval and returns the number of items of each metric of all groups together.
func scoresOf(t *testing.T, args ...string) map[string]int {
	t.Helper()
	var out struct {
		Tasks struct {
			Scores []struct {
				Metric, Group string
				Model         struct{ N int }
			}
		}
	}
	result := mustRun(t, append([]string{"eval", "--format", "json"}, args...)...)
	if err := json.Unmarshal([]byte(result), &out); err != nil {
		t.Fatalf("%v\n%s", err, result)
	}
	n := map[string]int{}
	for _, s := range out.Tasks.Scores {
		if s.Group == "" {
			n[s.Metric] = s.Model.N
		}
	}
	return n
}

// TestEvalCommandOnTheWorld asks about its stories and pictures, in both forms.
func TestEvalCommandOnTheWorld(t *testing.T) {
	model := trainedModel(t, "shape:tiny-qwen2vl@q8_0", "")
	dir := t.TempDir()
	stories, written, chosen := filepath.Join(dir, "stories.jsonl"), filepath.Join(dir, "written"), filepath.Join(dir, "chosen")
	mustRun(t, "world", "--n", "3", "--shots", "0", "--out", stories)
	mustRun(t, "world", "pictures", "--n", "2", "--size", "120x96", "--out", written)
	mustRun(t, "world", "pictures", "--n", "2", "--size", "120x96", "--form", "choice", "--out", chosen)
	sight := []string{"-m", model, "--mmproj", encoderPath(model), "--clamp", "tokens:16", "--resolution", "64"}
	for _, c := range []struct {
		args   []string
		metric string
		n      int
	}{
		{[]string{"-m", model, "--tasks", stories}, "exact_match", 3},
		{append(sight, "--tasks", filepath.Join(written, "tasks.jsonl")), "exact_match", 6},
		{append(sight, "--tasks", filepath.Join(chosen, "tasks.jsonl"), "--base", model), "choice_accuracy", 6},
	} {
		if got := scoresOf(t, c.args...); got[c.metric] != c.n {
			t.Errorf("%v: %v, want %d of %s", c.args, got, c.n, c.metric)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-m", model, "--tasks", filepath.Join(written, "tasks.jsonl")}, "tasks.jsonl:1: the task asks about an image and"},
		{append(sight, "--tasks", filepath.Join(written, "tasks.jsonl"), "--resolution", "big"), "--resolution"},
		{append(sight, "--tasks", stories, "--base-mmproj", "x"), "--base-mmproj"},
		{[]string{"-m", model, "--tasks", stories, "--clamp", "tokens:16"}, "takes no images"},
	} {
		if _, errs, code := wattlaw(t, append([]string{"eval"}, c.args...)...); code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, %q; want %q", c.args, code, errs, c.want)
		}
	}
	lost := filepath.Join(written, "test-1-0.png")
	if err := os.Remove(lost); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := wattlaw(t, append([]string{"eval", "--tasks", filepath.Join(written, "tasks.jsonl")}, sight...)...); code != 1 || !strings.Contains(errs, `tasks.jsonl:1: field "image": "test-1-0.png": open`) {
		t.Errorf("a picture is missing: exit %d, %q", code, errs)
	}
}

// TestEvalCommandNamesDamagedTensors finds a NaN in the language model, and in its encoder.
func TestEvalCommandNamesDamagedTensors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pictures")
	mustRun(t, "world", "pictures", "--n", "1", "--size", "120x96", "--out", dir)
	text := writeTemp(t, "prose.txt", strings.Repeat("The keeper counts the ships that pass at night. ", 30))
	for _, c := range []struct {
		tensor string
		args   []string
	}{
		{"output_norm.weight", []string{"--text", text, "--window", "64"}},
		{"v.post_ln.weight", []string{"--tasks", filepath.Join(dir, "tasks.jsonl")}},
	} {
		model := trainedModel(t, "shape:tiny-qwen2vl@f32", c.tensor)
		_, errs, code := wattlaw(t, append([]string{"eval", "-m", model, "--mmproj", encoderPath(model)}, c.args...)...)
		if code != 1 || !strings.Contains(errs, `value 0 of tensor "`+c.tensor+`" is NaN`) || !strings.Contains(errs, "the logit of token") {
			t.Errorf("%s: exit %d, %q", c.tensor, code, errs)
		}
	}
}

func TestEvalCommandRefuses(t *testing.T) {
	text := writeTemp(t, "short.txt", "too short")
	tasks := writeTemp(t, "tasks.jsonl", `{"type": "answer", "prompt": "Q", "answers": ["4"]}`)
	wrong := writeTemp(t, "wrong.jsonl", "\n"+`{"type": "answer", "prompt": "Q", "answers": ["4"], "colour": "red"}`)
	empty := writeTemp(t, "empty.jsonl", "\n")
	blank := writeTemp(t, "blank.jsonl", `{"prompt": "Q", "references": [" "]}`)
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
		{[]string{"--references", empty}, "empty.jsonl: holds no items"},
		{[]string{"--references", blank}, `blank.jsonl:1: field "references": text 1 is empty`},
		{[]string{"--tasks", empty}, "empty.jsonl: holds no items"},
		{[]string{"--tasks", text}, "short.txt:1: want a JSON object"},
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
