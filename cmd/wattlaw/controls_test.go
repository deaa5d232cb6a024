package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/report"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tn"
)

// originalAndSmall writes a tiny shape in float16, with its encoder if it has one, and the same with
// low-rank pairs in Q8_0 in all else.
func originalAndSmall(t *testing.T, name string) (original, small string) {
	t.Helper()
	dir := t.TempDir()
	original, small = filepath.Join(dir, "original.gguf"), filepath.Join(dir, "small.gguf")
	mustRun(t, "models", "write", shape.Prefix+name+"@f16", original)
	s, f, err := shape.Parse(shape.Prefix + name + "@q8_0")
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	var cuts []model.Cut
	for _, layer := range []string{"blk.0.ffn_down", "blk.1.ffn_down"} {
		cuts = append(cuts, model.Cut{Layers: []string{layer}, Limits: tn.UpTo(32, 2), DType: tensor.Q8_0})
	}
	if src, _, err = model.Factorize(linalg.NewMultiplierOf[float64](kernel.Best(), 1), src, cuts); err != nil {
		t.Fatal(err)
	}
	if err := src.WriteFile(small); err != nil {
		t.Fatal(err)
	}
	if s.Vision != nil {
		data, err := os.ReadFile(model.EncoderPath(original))
		if err == nil {
			err = os.WriteFile(model.EncoderPath(small), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return original, small
}

func comparing(models ...string) bench.Plan {
	p := bench.DefaultPlan()
	p.Compare = models
	return p.Effective()
}

func weightsOf(t *testing.T, path string) int64 {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return model.EncoderFromFile(f).Bytes()
}

func TestControlHasTheBytes(t *testing.T) {
	original, small := originalAndSmall(t, "tiny-qwen2vl")
	f := &runFlags{store: filepath.Join(t.TempDir(), "s.db")}
	said := ""
	plan := comparing(original, small)
	got, remarks, err := f.controls(t.Context(), "r", plan, func(text string) { said += text })
	if err != nil || len(got) != 1 || len(remarks) != 1 || said == "" {
		t.Fatalf("%+v, %+v, %v", got, remarks, err)
	}
	c := got[0]
	if c.Of != original || len(c.For) != 1 || c.For[0] != small || c.Name != "original in "+c.Format+" (same bytes as small)" || c.Projector != model.EncoderPath(original) {
		t.Errorf("control %+v", c)
	}
	if want, has := weightsOf(t, small), weightsOf(t, c.Model); float64(has) < 0.7*float64(want) || float64(has) > 1.3*float64(want) {
		t.Errorf("%s has %d bytes of weights, want about %d", c.Format, has, want)
	}
	// A resumed run finds the file again, also where it is gone.
	if err := os.Remove(c.Model); err != nil {
		t.Fatal(err)
	}
	plan.Controls = got
	if again, _, err := f.controls(t.Context(), "r", plan, func(string) {}); err != nil || len(again) != 1 || !isFile(c.Model) {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestControlsOfShapesAndBuiltIns(t *testing.T) {
	dir := t.TempDir()
	f := &runFlags{store: filepath.Join(dir, "s.db")}
	_, small := originalAndSmall(t, "tiny")
	for _, c := range []struct {
		models       []string
		name, remark string
	}{
		{[]string{"shape:tiny@f32", "shape:tiny@q8_0"}, "", "in fewer bits itself"},
		{[]string{"shape:tiny@q8_0", "shape:tiny@f32"}, "", "needs no control"},
		{[]string{"shape:tiny@f32", small}, "tiny@f32 in q6_k (same bytes as small)", "is the control for"},
		{[]string{"builtin:scribe", small}, "scribe in", "is the control for"},
	} {
		got, remarks, err := f.controls(t.Context(), "r", comparing(c.models...), func(string) {})
		if err != nil || len(remarks) != 1 || !strings.Contains(remarks[0].Text, c.remark) || (c.name == "") != (len(got) == 0) {
			t.Errorf("%v: %+v, %+v, %v", c.models, got, remarks, err)
		} else if c.name != "" && !strings.HasPrefix(got[0].Name, c.name) {
			t.Errorf("%v: %q, want %q", c.models, got[0].Name, c.name)
		}
	}
	if _, _, err := f.controls(t.Context(), "r", comparing("builtin:none", small), func(string) {}); err == nil {
		t.Error("a control of no model")
	}
}

// TestRunCompare sets a factorized model against its original on the real engine.
func TestRunCompare(t *testing.T) {
	dir := t.TempDir()
	original, small := originalAndSmall(t, "tiny")
	args := append(tinyRun(dir)[2:], "--compare", original+","+small, "--min-window", "0.05")
	stdout, _, err := execute(t, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if !strings.Contains(stdout, "small.gguf in place of original.gguf") || !strings.Contains(stdout, "fewer bits?") {
		t.Errorf("the run says\n%s", stdout)
	}
	file, err := os.Open(filepath.Join(dir, "out", "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := report.ReadJSON(file)
	if err != nil || len(r.Configs) != 3 || r.Configs[2].Control == nil || len(r.Comparisons) != 3 || len(r.Pareto) != 1 {
		t.Fatalf("%v: %d configurations, %d comparisons", err, len(r.Configs), len(r.Comparisons))
	}
	if left, err := filepath.Glob(filepath.Join(dir, "runs", "*")); err != nil || len(left) > 0 {
		t.Errorf("a complete run leaves %v", left)
	}
	table, err := csv.NewReader(strings.NewReader(mustRun(t, "export", r.Run.ID, "--store", filepath.Join(dir, "s.db"), "--comparisons"))).ReadAll()
	if err != nil || len(table) < 30 {
		t.Errorf("%d lines, %v", len(table), err)
	}
	if _, _, err := execute(t, append(args, "--model", "x")...); err == nil || !strings.Contains(err.Error(), "leave --model out") {
		t.Errorf("--model and --compare: %v", err)
	}
}
