package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

// bertCase is a small encoder of text and the formats in which it is compared.
type bertCase struct {
	shape   shape.Shape
	formats []shape.Format
}

// bertCases have both poolings, one and two token types, heads of 16, 32 and 12 features,
// and, in floats, widths that no vector register divides.
func bertCases() []bertCase {
	all := []shape.Format{shape.F32, shape.F16, shape.Q8_0}
	mean := shape.Shape{Name: "bert-mean", Pre: "bert", Types: 2, Pooling: model.PoolMean, Config: model.Config{
		Architecture: "bert", Context: 48, Width: 64, Layers: 2, FFN: 96, Heads: 4, KVHeads: 4, HeadDim: 16, Vocab: 203, Eps: 1e-12}}
	cls := mean
	cls.Name, cls.Types, cls.Pooling = "bert-cls", 1, model.PoolCLS
	cls.Config.FFN, cls.Config.Layers, cls.Config.Heads, cls.Config.KVHeads, cls.Config.HeadDim = 64, 1, 2, 2, 32
	odd := mean
	odd.Name = "bert-odd"
	odd.Config.Width, odd.Config.FFN, odd.Config.Heads, odd.Config.KVHeads, odd.Config.HeadDim = 36, 50, 3, 3, 12
	return []bertCase{{mean, all}, {cls, all}, {odd, all[:1]}}
}

// bertTexts are what the reference embeds, one a line of testdata/bert.texts.
func bertTexts() []string {
	return []string{
		"The cat sat on the mat.", "A cat was sitting on a mat", "THE CAT SAT ON THE MAT!", "energy grows with the number of tokens",
		"", "a", "1234567890 + 42 = ?", "Ünïcödé lettérs", "日本 hello 世界", "\xff broken \xc3 bytes",
		"in the beginning there was a very long sentence, and it went on", "[SEP] between [SEP] markers", "☃ unknown ☃ words",
	}
}

// bertLimits are how far the cosine to the reference may lie below 1, and a cosine between two
// texts from the reference's. Beside float16 weights llama.cpp rounds activations to float16,
// which is 1e-8 in the cosine. In Q8_0 both round alike, and agree to 1e-13, until the last bit
// of a sum decides how an activation is rounded.
func bertLimits(f shape.Format) (reference, pairs float64) {
	if f == shape.Q8_0 {
		return 1e-5, 1e-3
	}
	return 1e-7, 1e-4
}

// TestEmbeddingsEqualLlamaCpp compares embeddings with reference vectors of the same files
// and texts, and the cosines between texts with those of the reference.
func TestEmbeddingsEqualLlamaCpp(t *testing.T) {
	if *update {
		writeBertModels(t)
	}
	for _, c := range bertCases() {
		for _, f := range c.formats {
			name := c.shape.Name + "-" + f.String()
			t.Run(name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), name+".gguf")
				if err := os.WriteFile(path, gunzip(t, name+".gguf.gz"), 0o600); err != nil {
					t.Fatal(err)
				}
				width, want := c.shape.Config.Width, floats(t, gunzip(t, name+".vectors.gz"))
				if len(want) != width*len(bertTexts()) {
					t.Fatalf("%d reference values for %d texts × %d", len(want), len(bertTexts()), width)
				}
				for _, set := range kernel.Available() {
					got := embed(t, loadEmbedder(t, path, Options{Kernel: set.Name(), Threads: 2}), bertTexts()...)
					compareVectors(t, set.Name(), want, got, f)
				}
			})
		}
	}
}

// compareVectors compares each vector with its reference, and each cosine between two texts
// with the reference's.
func compareVectors(t *testing.T, set string, reference []float32, got [][]float32, f shape.Format) {
	t.Helper()
	limit, most := bertLimits(f)
	want := make([][]float32, len(got))
	for i, v := range got {
		want[i] = reference[i*len(v) : (i+1)*len(v)]
	}
	worst, pairs, alike := 0.0, 0.0, 0.0
	for i := range got {
		worst = max(worst, 1-Cosine(got[i], want[i]))
		for j := range i {
			cosine := Cosine(want[i], want[j])
			pairs = max(pairs, abs(Cosine(got[i], got[j])-cosine))
			alike += cosine / float64(len(got)*(len(got)-1)/2)
		}
	}
	t.Logf("%s: cosine to the reference ≥ 1 − %.2g; cosines between texts differ by ≤ %.2g", set, worst, pairs)
	if !(worst <= limit) || !(pairs <= most) {
		t.Errorf("%s: cosine to the reference 1 − %.3g (limit %g), between texts %.3g (limit %g)", set, worst, limit, pairs, most)
	}
	if alike > 0.95 {
		t.Errorf("the reference's texts have a mean cosine of %g: it could not tell mistakes apart", alike)
	}
}

func abs(x float64) float64 { return max(x, -x) }

func loadEmbedder(t testing.TB, ref string, opt Options) *Embedder {
	t.Helper()
	e, err := LoadEmbedder(ref, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func embed(t testing.TB, e *Embedder, texts ...string) [][]float32 {
	t.Helper()
	vectors, err := e.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(vectors), len(texts))
	}
	return vectors
}

// writeBertModels writes each model, and the texts; see the README of testdata.
func writeBertModels(t *testing.T) {
	for _, c := range bertCases() {
		for _, f := range c.formats {
			src, err := c.shape.Build(f, 1)
			if err != nil {
				t.Fatal(err)
			}
			writePacked(t, src, c.shape.Name+"-"+f.String()+".gguf.gz")
		}
	}
	lines := strings.Join(bertTexts(), "\n") + "\n"
	if err := os.WriteFile(filepath.Join("testdata", "bert.texts"), []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
}
