package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/wattlaw/wattlaw/internal/bench"
	"github.com/wattlaw/wattlaw/internal/compress"
	"github.com/wattlaw/wattlaw/internal/model"
)

func TestParseVariant(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "notes~2") // a file is a file
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	q4 := model.Q4_0
	share := func(x float64) compress.Options {
		return compress.Options{Goal: compress.Goal{Measure: compress.Parameters, Share: x}}
	}
	with := func(o compress.Options, change func(*compress.Options)) compress.Options { change(&o); return o }
	for ref, want := range map[string]variant{
		"builtin:scribe~40%":     {base: "builtin:scribe", opt: share(0.4)},
		"dir/m.gguf~3.2B":        {base: "dir/m.gguf", opt: compress.Options{Goal: compress.Goal{Measure: compress.Parameters, Amount: 3.2e9}}},
		"m~1/a.gguf~0.5:sites=3": {base: "m~1/a.gguf", opt: with(share(0.5), func(o *compress.Options) { o.Sites = 3 })},
		"a~50%:plain":            {base: "a", opt: with(share(0.5), func(o *compress.Options) { o.Without = compress.Steps() })},
		"a~50%:anchored:heal=4m": {base: "a", heal: 4 * time.Minute, opt: with(share(0.5), func(o *compress.Options) {
			o.Without = []compress.Step{compress.Allocation, compress.QuantizeLoop, compress.Share, compress.Sweep}
		})},
		"a~50%:without=share+sweep:format=q4_0:sequences=7:calibrate=" + file: {base: "a", sequences: 7, calibrate: file, opt: with(share(0.5), func(o *compress.Options) {
			o.Without, o.Format = []compress.Step{compress.Share, compress.Sweep}, &q4
		})},
	} {
		want.text = ref
		if want.sequences == 0 {
			want.sequences = variantSequences
		}
		if got, ok, err := parseVariant(ref); err != nil || !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, %v; want %+v", ref, got, ok, err, want)
		}
	}
	for _, ref := range []string{"builtin:scribe", "m.gguf", "shape:tiny@q8_0~50k", file, `C:\PROGRA~1\m.gguf`, "m.gguf~", "/home/~old/m.gguf", "~0.5"} {
		if v, ok, err := parseVariant(ref); err != nil || ok {
			t.Errorf("%s: %+v, %v, %v; want a model as it is", ref, v, ok, err)
		}
	}
	for ref, want := range map[string]string{
		"builtin:scribe~":              "parameters to keep",
		"builtin:scribe~most":          "parameters to keep",
		"m.gguf~150%":                  "less than all",
		"m.gguf~50%:plane":             `option "plane": there is none`,
		"m.gguf~50%:plain=1":           "there is none",
		"m.gguf~50%:sites=9":           "from 2 to 4",
		"m.gguf~50%:heal=4":            "a time such as 4m",
		"m.gguf~50%:without=magic":     "no step",
		"m.gguf~50%:format=q9":         "no format",
		"m.gguf~50%:sequences=1":       "from 2",
		"m.gguf~50%:calibrate=nowhere": "nowhere",
	} {
		if _, _, err := parseVariant(ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not say %q", ref, err, want)
		}
	}
}

// TestPlansNameVariants: what the built-in plans name can be made.
func TestPlansNameVariants(t *testing.T) {
	for _, p := range bench.NamedPlans() {
		if err := checkVariants(p.Plan.Model); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	if _, _, err := execute(t, "--print-plan", "--compare", "builtin:scribe,builtin:scribe~x"); err == nil || !strings.Contains(err.Error(), "parameters to keep") {
		t.Errorf("error %v", err)
	}
}

// TestVariantsAreMadeOnce cuts and heals a small model, and measures it; what was made is taken again.
func TestVariantsAreMadeOnce(t *testing.T) {
	dir := t.TempDir()
	original, text := filepath.Join(dir, "in.gguf"), filepath.Join(dir, "text")
	mustRun(t, "models", "write", "shape:tiny@f32", original)
	if err := os.WriteFile(text, []byte(strings.Repeat("Layers are cut in order, each with what the layers before it hand on. ", 60)), 0o600); err != nil {
		t.Fatal(err)
	}
	name := original + "~60%:without=allocate:sequences=8"
	f := &runFlags{store: filepath.Join(dir, "s.db")}
	said := ""
	get := func(ref string) (bench.Made, string) {
		t.Helper()
		made, found, err := f.model(t.Context(), ref, func(text string) { said += text })
		if err != nil || len(found) == 0 || found[0].Subject != "variants" {
			t.Fatalf("%s: %+v, %v", ref, found, err)
		}
		return made, found[0].Text
	}
	healed, how := get(name + ":heal=100ms:calibrate=" + text)
	for _, want := range []string{"of the parameters", "nats a token to " + original, "healed for 100ms", "moments"} {
		if !strings.Contains(how, want) {
			t.Errorf("%q is not in %s", want, how)
		}
	}
	if !strings.Contains(said, "compressing") || !strings.Contains(said, "healing") {
		t.Errorf("said %q", said)
	}
	cut, how := get(name + ":calibrate=" + text)
	if cut == healed || !isFile(cut.Model) || !isFile(healed.Model) || !strings.Contains(how, "made by an earlier run") || f.made[name+":calibrate="+text] != cut {
		t.Errorf("made %v and %v: %s", healed, cut, how)
	}
	// A file that is gone is made again, to the same bits.
	before, err := os.ReadFile(cut.Model)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(cut.Model); err != nil {
		t.Fatal(err)
	}
	again, how := get(name + ":calibrate=" + text)
	if after, err := os.ReadFile(again.Model); err != nil || !bytes.Equal(before, after) || strings.Contains(how, "earlier") {
		t.Errorf("made again: %v, %s", err, how)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "models", "*")); err != nil || len(files) != 4 { // two models, each with how it came about
		t.Error(files, err)
	}
	stdout, _, err := execute(t, append(tinyRun(dir), "--model", name+":calibrate="+text, "--repeats", "1", "--min-window", "0.05")[2:]...)
	if err != nil || !strings.Contains(stdout, name) || strings.Contains(stdout, "compressing") {
		t.Errorf("%v\n%s", err, stdout)
	}
	controls, remarks, err := f.controls(t.Context(), "r", comparing(original, name+":calibrate="+text), func(string) {})
	if err != nil || len(controls) != 1 || len(remarks) != 2 || !strings.Contains(remarks[1].Text, "nats a token to "+original) {
		t.Errorf("controls %+v, %+v, %v", controls, remarks, err)
	}
	if made, found, err := f.model(t.Context(), original, nil); err != nil || made != (bench.Made{}) || found != nil {
		t.Errorf("a model as it is: %v, %v, %v", made, found, err)
	}
	if _, _, err := f.model(t.Context(), original+"~60%", nil); err == nil || !strings.Contains(err.Error(), "--calibrate") {
		t.Errorf("without texts: %v", err)
	}
}
