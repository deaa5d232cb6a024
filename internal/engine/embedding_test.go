package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/model/shape"
)

const tinyBert = "shape:tiny-bert@f32"

// TestEmbeddingsAreUnitVectors embeds with every format.
func TestEmbeddingsAreUnitVectors(t *testing.T) {
	for _, f := range shape.Formats() {
		e := loadEmbedder(t, "shape:tiny-bert@"+f.String(), Options{})
		vectors := embed(t, e, "one text", "another text", "one text")
		for _, v := range vectors {
			if c := Cosine(v, v); len(v) != e.Width() || math.Abs(c-1) > 1e-6 {
				t.Errorf("%v: %d features, length² %v", f, len(v), c)
			}
		}
		if !slices.Equal(vectors[0], vectors[2]) && Cosine(vectors[0], vectors[2]) < 1-1e-5 {
			t.Errorf("%v: one text has two embeddings", f)
		}
		if Cosine(vectors[0], vectors[1]) > 0.999 {
			t.Errorf("%v: two texts have one embedding", f)
		}
		if info := e.Info(); info.Name != e.Name() || !info.Meaningless || info.Architecture != "bert" || info.Context != 64 {
			t.Errorf("info %+v", info)
		}
	}
}

// TestCompanyDoesNotMatter embeds texts alone, together, on one worker and on three, in small
// batches and in large ones. Which tokens a worker computes together may round differently.
func TestCompanyDoesNotMatter(t *testing.T) {
	texts := append(bertTexts(), strings.Repeat("word ", 25), strings.Repeat("river ", 12))
	base := loadEmbedder(t, tinyBert, Options{Threads: 1})
	var want [][]float32
	for _, text := range texts {
		want = append(want, embed(t, base, text)...)
	}
	for _, opt := range []Options{{Threads: 1}, {Threads: 3}, {Threads: 2, Batch: 50}, {Threads: 2, Batch: 1}, {Threads: 2, Batch: 1 << 20}} {
		for i, v := range embed(t, loadEmbedder(t, tinyBert, opt), texts...) {
			for j := range v {
				if d := math.Abs(float64(v[j] - want[i][j])); d > 1e-4 {
					t.Fatalf("%+v: feature %d of text %d differs by %g", opt, j, i, d)
				}
			}
		}
	}
}

// TestWholeContext embeds a text of exactly as many tokens as there are positions, of more
// than a worker takes at once, and refuses one more.
func TestWholeContext(t *testing.T) {
	s := shape.Shape{Name: "long", Pre: "bert", Types: 1, Pooling: model.PoolMean, Config: model.Config{
		Architecture: "bert", Context: 1200, Width: 32, Layers: 1, FFN: 32, Heads: 2, KVHeads: 2, HeadDim: 16, Vocab: 120, Eps: 1e-12}}
	path := writeShape(t, s, nil)
	e := loadEmbedder(t, path, Options{Threads: 2})
	embed(t, e, strings.Repeat("a ", 1198))
	_, err := e.Embed(t.Context(), []string{"a", strings.Repeat("a ", 1199)})
	if err == nil || !strings.Contains(err.Error(), "text 2 of 2: its 1201 tokens do not fit the 1200") {
		t.Errorf("one token too many: %v", err)
	}
	short := loadEmbedder(t, path, Options{Context: 10})
	if _, err := short.Embed(t.Context(), []string{strings.Repeat("a ", 9)}); err == nil || !strings.Contains(err.Error(), "11 tokens do not fit the 10") {
		t.Errorf("beyond the context asked for: %v", err)
	}
}

func TestNoTextsAndEndedContexts(t *testing.T) {
	e := loadEmbedder(t, tinyBert, Options{})
	if vectors := embed(t, e); len(vectors) != 0 {
		t.Errorf("%d vectors of nothing", len(vectors))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	if _, err := e.Embed(ctx, []string{"a"}); !errors.Is(err, stop) {
		t.Errorf("after the end of the context: %v", err)
	}
}

// writeShape writes a shape as a file, after change, and returns its path.
func writeShape(t *testing.T, s shape.Shape, change func(*model.Source)) string {
	t.Helper()
	src, err := s.Build(shape.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(src)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := src.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWeightsThatAreNoNumbers(t *testing.T) {
	s, _, err := shape.Parse(tinyBert)
	if err != nil {
		t.Fatal(err)
	}
	path := writeShape(t, s, func(src *model.Source) {
		binary.LittleEndian.PutUint32(src.Tensor("blk.1.ffn_down.bias").Data, math.Float32bits(float32(math.NaN())))
	})
	_, err = loadEmbedder(t, path, Options{}).Embed(t.Context(), []string{"a"})
	if err == nil || !strings.Contains(err.Error(), "text 1 of 1") || !strings.Contains(err.Error(), "weights hold NaN") {
		t.Errorf("a bias that is NaN: %v", err)
	}
}

// TestEmbeddersAndGenerators refuses either in the place of the other, and says what to do.
func TestEmbeddersAndGenerators(t *testing.T) {
	if e, err := Load(tinyBert, Options{}); err == nil || !strings.Contains(err.Error(), "wattlaw embed --text") {
		t.Errorf("loaded as a language model: %v, %v", e, err)
	}
	for ref, opt := range map[string]Options{
		"shape:tiny@q8_0": {}, "nothing.gguf": {}, "shape:none@f16": {}, tinyBert: {Context: 65},
		"shape:tiny-bert@f16": {Threads: -1}, "shape:tiny-bert@q8_0": {Kernel: "abacus"},
	} {
		if e, err := LoadEmbedder(ref, opt); err == nil {
			t.Errorf("%s, %+v: loaded %v", ref, opt, e.Info())
		}
	}
	path := writeShape(t, bertCases()[0].shape, func(src *model.Source) { src.Vocab.UNK = -1 })
	if _, err := LoadEmbedder(path, Options{}); err != nil {
		t.Errorf("a vocabulary with a token 100 and no UNK: %v", err)
	}
	path = writeShape(t, bertCases()[0].shape, func(src *model.Source) { src.Vocab.Tokens = append(src.Vocab.Tokens, "more", "than") })
	if _, err := LoadEmbedder(path, Options{}); err == nil {
		t.Error("more tokens than rows were accepted")
	}
	tokens, err := LoadTokenizer(tinyBert)
	if err != nil || tokens.Size() != 515 {
		t.Errorf("tokenizer of an encoder: %v, %v", tokens, err)
	}
}
