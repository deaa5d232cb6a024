package shape

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

// parse reads a reference and plans its parts; encoder is nil without one.
func parse(t *testing.T, ref string) (s Shape, language, encoder *model.Source) {
	t.Helper()
	s, f, err := Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	if s.Vision != nil {
		encoder = s.PlanVision(VisionFormat(f))
	}
	return s, s.Plan(f), encoder
}

// TestCutCounts: cut shapes have the parameters asked for, those of the study's compressed models
// exactly as many as stated here.
func TestCutCounts(t *testing.T) {
	cases := []struct {
		ref   string
		want  int64
		exact int64
	}{
		{"shape:llama-3.1-8b@q4_k_m~3.2b", 3_200_000_000, 3_201_044_544},
		{"shape:qwen2-vl-2b@f16~1.1b", 1_100_000_000, 794_465_792 + 305_519_616},
		{"shape:qwen2-vl-2b@q4_k_m~1.1B", 1_100_000_000, 0},
		{"shape:smollm2-1.7b@q8_0~685m", 685_000_000, 685_017_088},
		{"shape:smollm2-135m@q4_k_m~80000k", 80_000_000, 0},
		{"shape:qwen2.5-7b@q6_k~7.5b", 7_500_000_000, 0},
		{"shape:qwen2.5-vl-3b@q4_0~1500000000", 1_500_000_000, 0},
		{"shape:smolvlm-256m@bf16~0.12b", 120_000_000, 0},
		{"shape:tiny-qwen2@f32~700k", 700_000, 0},
	}
	for _, c := range cases {
		_, language, encoder := parse(t, c.ref)
		got := language.Parameters()
		if encoder != nil {
			got += encoder.Parameters()
		}
		if math.Abs(float64(got-c.want)) > cutTolerance*float64(c.want) || c.exact != 0 && got != c.exact {
			t.Errorf("%s has %d parameters, want %d, or exactly %d", c.ref, got, c.want, c.exact)
		}
		if !strings.Contains(language.Name, cutMark) || !strings.HasPrefix(language.Text("general.description"), model.RandomMark) {
			t.Errorf("%s is called %q and described as %q", c.ref, language.Name, language.Text("general.description"))
		}
	}
}

// TestCutShares: every matrix of the blocks has about the share that all have, and what is not in
// blocks is as it was.
func TestCutShares(t *testing.T) {
	for _, ref := range []string{"shape:llama-3.1-8b@q4_k_m~3.2b", "shape:qwen2-vl-2b@f16~1.1b"} {
		s, language, encoder := parse(t, ref)
		whole, f, err := Parse(ref[:strings.Index(ref, cutMark)])
		if err != nil {
			t.Fatal(err)
		}
		sources := map[*model.Source]*model.Source{language: whole.Plan(f)}
		if encoder != nil {
			sources[encoder] = whole.PlanVision(f)
		}
		for src, dense := range sources {
			checkShares(t, src, dense, s.cut.share)
		}
	}
}

func checkShares(t *testing.T, src, dense *model.Source, share float64) {
	t.Helper()
	layers, factors, err := src.Factorized()
	if err != nil {
		t.Fatal(err)
	}
	kept, all := map[string]int64{}, map[string]int64{} // by kind of matrix, over the blocks
	for i, layer := range layers {
		kind := layer[strings.LastIndexByte(layer, '.')+1:]
		switch kind { // which share a factor
		case "attn_q", "attn_k", "attn_v":
			kind = "qkv"
		case "ffn_gate":
			kind = "ffn_up"
		}
		if _, err := src.Factors(layer+".weight", factors[i].Rows, factors[i].Cols); err != nil {
			t.Error(err)
		}
		kept[kind] += factors[i].Parameters()
		all[kind] += dense.Tensor(layer + ".weight").Values()
	}
	for kind := range all {
		if got := float64(kept[kind]) / float64(all[kind]); math.Abs(got/share-1) > 0.02 {
			t.Errorf("%s: %s keeps %.4f of its parameters, want %.4f", src.Name, kind, got, share)
		}
	}
	for i := range dense.Tensors {
		was := &dense.Tensors[i]
		if is := src.Tensor(was.Name); blockLayer(was) == "" && (is == nil || is.DType != was.DType || is.Values() != was.Values()) {
			t.Errorf("%s: %s is %+v, was %+v", src.Name, was.Name, is, was)
		}
	}
}

// TestCutMixture: factors have the types of the mixture, and ranks fill their blocks.
func TestCutMixture(t *testing.T) {
	_, src, _ := parse(t, "shape:llama-3.1-8b@q4_k_m~3.2b")
	for name, want := range map[string]tensor.DType{
		"blk.0.attn_v.lr_b": tensor.Q6_K, "blk.4.attn_v.lr_b": tensor.Q4_K, "blk.0.ffn_down.lr_a": tensor.Q6_K,
		"blk.0.ffn_gate_up.lr_a": tensor.Q4_K, "blk.9.ffn_up.lr_b": tensor.Q4_K, "output.weight": tensor.Q6_K,
	} {
		if got := src.Tensor(name); got == nil || got.DType != want {
			t.Errorf("%s is %+v, want %v", name, got, want)
		}
	}
	for _, ref := range []string{"shape:smollm2-135m@q4_k_m~80m", "shape:smolvlm-256m@q4_0~150m", "shape:tiny@q8_0~520k"} {
		_, language, encoder := parse(t, ref)
		for _, src := range []*model.Source{language, encoder} {
			for i := 0; src != nil && i < len(src.Tensors); i++ {
				if tt := &src.Tensors[i]; strings.HasSuffix(tt.Name, ".lr_b") && tt.Shape[0]%32 != 0 {
					t.Errorf("%s: %s has rank %d", ref, tt.Name, tt.Shape[0])
				}
			}
		}
	}
}

// TestCutSpread: the product of random factors has the spread of the dense matrix.
func TestCutSpread(t *testing.T) {
	s, f, err := Parse("shape:tiny@f32~607k")
	if err != nil {
		t.Fatal(err)
	}
	src, err := s.Build(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	a, b := src.Tensor("blk.1.ffn_down.lr_a"), src.Tensor("blk.1.ffn_down.lr_b")
	inputs, rank, outputs := a.Shape[0], a.Shape[1], b.Shape[1]
	av, bv := floats(t, a), floats(t, b)
	squares := 0.0
	for o := range outputs {
		for i := range inputs {
			w := 0.0
			for r := range rank {
				w += bv[o*rank+r] * av[r*inputs+i]
			}
			squares += w * w
		}
	}
	dense := s.tensors(F32)
	s.cut = cut{}
	for _, p := range s.tensors(F32) {
		if p.Name == "blk.1.ffn_down.weight" {
			if got := math.Sqrt(squares / float64(inputs*outputs)); math.Abs(got/p.sigma-1) > 0.05 {
				t.Errorf("the product has a spread of %g, the matrix of %g", got, p.sigma)
			}
		}
	}
	again, err := s.Build(f, 1)
	if err != nil || len(again.Tensors) == len(dense) {
		t.Errorf("%v: %d tensors, cut %d", err, len(again.Tensors), len(dense))
	}
	if before := again.Tensor("token_embd.weight"); !bytes.Equal(before.Data, src.Tensor("token_embd.weight").Data) {
		t.Error("the embedding of the cut shape is not that of the dense one")
	}
}

func floats(t *testing.T, tt *model.Tensor) []float64 {
	t.Helper()
	values := make([]float32, tt.Values())
	if err := tensor.Dequantize(values, tt.DType, tt.Data); err != nil {
		t.Fatal(err)
	}
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

func TestCutRefusals(t *testing.T) {
	for ref, want := range map[string]string{
		"shape:tiny@q8_0~":                  "no number of parameters",
		"shape:tiny@q8_0~x":                 "no number of parameters",
		"shape:tiny@q8_0~-3m":               "no number of parameters",
		"shape:tiny@q8_0~NaN":               "no number of parameters",
		"shape:tiny@q8_0~Infb":              "no number of parameters",
		"shape:tiny@q8_0~1e300b":            "no number of parameters",
		"shape:tiny@q8_0~500k~2m":           "no number of parameters",
		"shape:tiny~500k@q8_0":              "no shape",
		"shape:tiny@q8_0~8b":                "cannot cut to 8b parameters: the shape has",
		"shape:llama-3.1-8b@q4_k_m~1b":      "of which 1.05 G are outside",
		"shape:tiny@q8_0~280k":              "ranks of whole blocks",
		"shape:minilm-l6@f16~10m":           "embeds texts",
		"shape:llama-3.1-8b@q4_k_m~8030.5m": "cannot cut",
	} {
		if _, _, err := Parse(ref); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ref) {
			t.Errorf("%s: error %v, want one with %q", ref, err, want)
		}
	}
}
