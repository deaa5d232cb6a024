package eval

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/model/shape"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// tinyFile writes the weights of shape:tiny@f32, its matrices in the given format, and returns
// the path. Shapes of different formats have different weights; these are the same, rounded.
// EVAL_KEEP names a folder to write to, for runs of other tools on the same files.
func tinyFile(t *testing.T, format tensor.DType) string {
	t.Helper()
	s, f, err := shape.Parse("shape:tiny@f32")
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range src.Tensors {
		if w := &src.Tensors[i]; len(w.Shape) == 2 && format != w.DType {
			values := make([]float32, w.Values())
			if err := tensor.Dequantize(values, w.DType, w.Data); err != nil {
				t.Fatal(err)
			}
			w.DType = format
			w.Data = make([]byte, w.Bytes())
			if err := tensor.Quantize(w.Data, format, values); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := os.Getenv("EVAL_KEEP")
	if dir == "" {
		dir = t.TempDir()
	}
	path := filepath.Join(dir, "tiny-"+format.String()+".gguf")
	if err := src.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// toolFigure is what llama.cpp's perplexity tool prints: a value and its standard error, 0
// where it states none.
type toolFigure struct{ Value, Error float64 }

// parity is one run of the tool: testdata/README.md says how it was made.
type parity struct {
	Model, Base tensor.DType
	Windows     int
	Figures     map[string]toolFigure
}

// figuresOf are the result's figures by the names of the fixture.
func figuresOf(t TextResult) map[string]float64 {
	d := t.Divergence
	all := map[string]float64{
		"ppl": t.Perplexity.Value, "ppl_base": d.BasePerplexity.Value, "ln_ratio": d.LogRatio.Value,
		"kl_mean": d.KL.Mean.Value, "kl_max": d.KL.Max, "kl_median": d.KL.Median().Value, "kl_99": d.KL.At(0.99).Value, "kl_90": d.KL.At(0.9).Value, "kl_10": d.KL.At(0.1).Value,
		"dp_mean": 100 * d.DeltaP.Mean.Value, "dp_rms": 100 * d.RMS.Value, "dp_max": 100 * d.DeltaP.Max, "dp_min": 100 * d.DeltaP.Min,
		"dp_99": 100 * d.DeltaP.At(0.99).Value, "dp_1": 100 * d.DeltaP.At(0.01).Value, "dp_75": 100 * d.DeltaP.At(0.75).Value,
		"same_top": 100 * d.SameTop.Value,
	}
	return all
}

// errorsOf are the standard errors that both state.
func errorsOf(t TextResult) map[string]float64 {
	d := t.Divergence
	return map[string]float64{
		"ppl": *t.Perplexity.Error, "ppl_base": *d.BasePerplexity.Error, "ln_ratio": *d.LogRatio.Error, "kl_mean": *d.KL.Mean.Error,
		"dp_mean": 100 * *d.DeltaP.Mean.Error, "dp_rms": 100 * *d.RMS.Error, "same_top": 100 * *d.SameTop.Error,
	}
}

// TestParityWithLlamaCpp evaluates the same weights on the same text. Figures must lie within
// the tool's own error bars, and those be equal to 5 %. Quantiles, for which it states none, hang
// on single tokens at the tails and may differ by a tenth: both engines round activations to
// 8 bits, not always the same way. In float32 perplexities are equal to 1e-5.
func TestParityWithLlamaCpp(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "llamacpp.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []parity
	if err := json.Unmarshal(data, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "text.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Model.String()+" of "+c.Base.String(), func(t *testing.T) {
			var models [2]*engine.Engine
			for i, format := range []tensor.DType{c.Model, c.Base} {
				if models[i], err = engine.Load(tinyFile(t, format), engine.Options{Context: DefaultWindow}); err != nil {
					t.Fatal(err)
				}
				defer models[i].Close()
			}
			r, err := Run(t.Context(), models[0], models[1], Plan{Texts: []Text{{Name: "text.txt", Data: text}}})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, c, r.Texts[0])
		})
	}
}

func compare(t *testing.T, c parity, got TextResult) {
	if got.Windows != c.Windows {
		t.Errorf("%d windows, the tool has %d", got.Windows, c.Windows)
	}
	values, errors := figuresOf(got), errorsOf(got)
	if c.Base == tensor.F32 && math.Abs(values["ppl_base"]/c.Figures["ppl_base"].Value-1) > 1e-5 {
		t.Errorf("in float32 the perplexity is %v, the tool's %v", values["ppl_base"], c.Figures["ppl_base"].Value)
	}
	if len(c.Figures) != len(values) {
		t.Errorf("the fixture has %d figures, want %d", len(c.Figures), len(values))
	}
	for name, tool := range c.Figures {
		v, ok := values[name]
		if !ok {
			t.Errorf("there is no figure %s", name)
			continue
		}
		digits := 6e-7 // what printing leaves open
		if strings.HasPrefix(name, "dp") || name == "same_top" {
			digits = 6e-4
		}
		limit := tool.Error + digits
		if tool.Error == 0 {
			limit = 0.1*math.Abs(tool.Value) + digits // single tokens at the tails
		}
		t.Logf("%-9s tool %.6f ± %.6f, here %.6f ± %.6f", name, tool.Value, tool.Error, v, errors[name])
		if math.Abs(v-tool.Value) > limit {
			t.Errorf("%s: %v, the tool %v ± %v", name, v, tool.Value, tool.Error)
		}
		if math.Abs(errors[name]-tool.Error) > 0.05*tool.Error+digits {
			t.Errorf("%s: standard error %v, the tool's %v", name, errors[name], tool.Error)
		}
	}
}
