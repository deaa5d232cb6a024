package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
)

// exactMatch returns the share of tasks that a model answers exactly.
func exactMatch(t *testing.T, args ...string) float64 {
	t.Helper()
	var out struct {
		Tasks struct {
			Scores []struct {
				Metric string
				Group  *string
				Model  struct{ Value float64 }
			}
		}
	}
	result := mustRun(t, append([]string{"eval", "--format", "json"}, args...)...)
	if err := json.Unmarshal([]byte(result), &out); err != nil {
		t.Fatal(err)
	}
	for _, s := range out.Tasks.Scores {
		if s.Metric == "exact_match" && s.Group == nil {
			return s.Model.Value
		}
	}
	t.Fatalf("no exact match of all tasks in\n%s", result)
	return 0
}

// encoderPath is where the encoder of the model at path lies: tests call their models "model".
func encoderPath(path string) string { return model.EncoderPath(path) }

// TestBuiltinModelsAnswer asks the built-in models questions of the test split, far fewer than their
// cards rest on: they must be right about as often, which nothing that is broken would be.
func TestBuiltinModelsAnswer(t *testing.T) {
	dir := t.TempDir()
	stories := filepath.Join(dir, "stories.jsonl")
	mustRun(t, "world", "--n", "100", "--shots", "0", "--out", stories)
	if got, want := exactMatch(t, "-m", "builtin:scribe", "--tasks", stories), leastScribe; got < want {
		t.Errorf("builtin:scribe is right in %.0f %%, want at least %.0f %%", 100*got, 100*want)
	}
	pictures := filepath.Join(dir, "pictures")
	mustRun(t, "world", "pictures", "--n", "40", "--size", "288x288", "--out", pictures)
	tasks := filepath.Join(pictures, "tasks.jsonl")
	full := exactMatch(t, "-m", "builtin:gazer", "--tasks", tasks)
	if full < leastGazer {
		t.Errorf("builtin:gazer is right in %.0f %%, want at least %.0f %%", 100*full, 100*leastGazer)
	}
}

// What the models must reach of 100 and of 120 questions: their cards' figures less three standard errors.
const (
	leastScribe = 0.51
	leastGazer  = 0.82
)

func TestModelsCommand(t *testing.T) {
	list := mustRun(t, "models")
	for _, want := range []string{"builtin:scribe", "builtin:gazer", "shape:smollm2-135m"} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is not in\n%s", want, list)
		}
	}
	if card := mustRun(t, "models", "card", "builtin:scribe"); !strings.HasPrefix(card, "# builtin:scribe") {
		t.Errorf("card:\n%s", card)
	}
	if _, errs, code := wattlaw(t, "models", "card", "builtin:poet"); code == 0 || !strings.Contains(errs, "builtin:scribe") {
		t.Errorf("exit %d: %s", code, errs)
	}
	path := filepath.Join(t.TempDir(), "gazer.gguf")
	mustRun(t, "models", "write", "builtin:gazer", path)
	for _, file := range []string{path, encoderPath(path)} {
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	seen := mustRun(t, "inspect", "builtin:gazer")
	for _, want := range []string{"qwen2vl", "encoder of images", "What happens to an image"} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is not in the description", want)
		}
	}
}

func TestTrainCommand(t *testing.T) {
	dir := t.TempDir()
	out := mustRun(t, "train", "--recipe", "scribe", "--miniature", "--dir", dir)
	if !strings.Contains(out, "wider 3/3: loss") || !strings.Contains(out, "validation answers right") {
		t.Errorf("output:\n%s", out)
	}
	mustRun(t, "train", "curve", filepath.Join(dir, "scribe-miniature.jsonl"), filepath.Join(dir, "figures"))
	if _, err := os.Stat(filepath.Join(dir, "figures", "scribe-miniature-right.svg")); err != nil {
		t.Error(err)
	}
	if _, errs, code := wattlaw(t, "train", "--recipe", "poet", "--dir", dir); code == 0 || !strings.Contains(errs, "scribe") {
		t.Errorf("exit %d: %s", code, errs)
	}
}
