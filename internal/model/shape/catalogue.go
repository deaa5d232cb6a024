// Package shape builds models of published architectures' exact shapes with random
// weights, in memory: what a model costs on a machine does not depend on the weights'
// values, so its cost can be known before it is downloaded. Their text is meaningless.
package shape

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wattlaw/wattlaw/internal/model"
)

// Prefix begins every reference to a shape model.
const Prefix = "shape:"

// Shape is one entry of the catalogue.
type Shape struct {
	Name   string
	Config model.Config
	Tied   bool // the output layer is the embedding matrix
	// Factor is llama 3's context extension, 0 for none (see ropeFactors).
	Factor float64
	Pre    string // kind of the synthetic vocabulary: its pre-tokenizer, or "bert"
	// Vision is the encoder of images that belongs to the model; nil without one.
	Vision *model.VisionConfig
	// Types and Pooling are of encoders of text: the rows of the table of token types, and how
	// vectors of tokens become one of the text.
	Types   int
	Pooling model.Pooling

	cut cut // set by Parse
}

// Catalogue lists the shapes that users may name. The numbers are those of the models'
// published config.json files.
func Catalogue() []Shape {
	return []Shape{
		smollm2("smollm2-135m", 576, 30, 1536, 9, 3, 100000),
		smollm2("smollm2-360m", 960, 32, 2560, 15, 5, 100000),
		smollm2("smollm2-1.7b", 2048, 24, 8192, 32, 32, 130000),
		qwen25("qwen2.5-0.5b", 896, 24, 4864, 14, 2, 64, 151936, true),
		qwen25("qwen2.5-1.5b", 1536, 28, 8960, 12, 2, 128, 151936, true),
		qwen25("qwen2.5-7b", 3584, 28, 18944, 28, 4, 128, 152064, false),
		llama3("llama-3.2-1b", 2048, 16, 8192, 32, 64, 32, true),
		llama3("llama-3.2-3b", 3072, 28, 8192, 24, 128, 32, true),
		llama3("llama-3.1-8b", 4096, 32, 14336, 32, 128, 8, false),
		qwenVL("qwen2-vl-2b", 1536, 28, 8960, 12, qwen2Vision(1536)),
		qwenVL("qwen2.5-vl-3b", 2048, 36, 11008, 16, qwen25Vision(2048)),
		smolVLM("smolvlm-256m", 576, 30, 1536, 9, 3, siglip(768, 12, 3072, 12, 16, 512, 4, 2048, 576)),
		smolVLM("smolvlm-500m", 960, 32, 2560, 15, 5, siglip(768, 12, 3072, 12, 16, 512, 4, 2048, 960)),
		smolVLM2b(),
		minilm(),
	}
}

// tiny lists shapes for tests and demonstrations of the machinery; no published model has them.
func tiny() []Shape {
	return []Shape{
		{Name: "tiny", Pre: "smollm", Config: model.Config{
			Architecture: "llama", Context: 2048, Width: 256, Layers: 2, FFN: 512, Heads: 4, KVHeads: 2, HeadDim: 64,
			RopeDims: 64, Vocab: 512, Eps: 1e-5, RopeBase: 10000, RopeScale: 1}},
		{Name: "tiny-qwen2", Pre: "qwen2", Config: model.Config{
			Architecture: "qwen2", Context: 2048, Width: 256, Layers: 2, FFN: 512, Heads: 6, KVHeads: 2, HeadDim: 32,
			RopeDims: 32, Vocab: 515, Eps: 1e-6, RopeBase: 1e6, RopeScale: 1}},
		tinyVLM("tiny-qwen2vl", model.ProjectorQwen2VL, model.QuickGELU),
		tinyVLM("tiny-qwen25vl", model.ProjectorQwen25VL, model.SiLU),
		tinyVLM("tiny-smolvlm", model.ProjectorIdefics3, model.GELU),
		tinyBert(),
	}
}

func smollm2(name string, width, layers, ffn, heads, kvHeads int, ropeBase float64) Shape {
	return Shape{Name: name, Tied: true, Pre: "smollm", Config: model.Config{
		Architecture: "llama", Context: 8192, Width: width, Layers: layers, FFN: ffn, Heads: heads, KVHeads: kvHeads,
		HeadDim: 64, RopeDims: 64, Vocab: 49152, Eps: 1e-5, RopeBase: ropeBase, RopeScale: 1}}
}

func qwen25(name string, width, layers, ffn, heads, kvHeads, headDim, vocab int, tied bool) Shape {
	return Shape{Name: name, Tied: tied, Pre: "qwen2", Config: model.Config{
		Architecture: "qwen2", Context: 32768, Width: width, Layers: layers, FFN: ffn, Heads: heads, KVHeads: kvHeads,
		HeadDim: headDim, RopeDims: headDim, Vocab: vocab, Eps: 1e-6, RopeBase: 1e6, RopeScale: 1}}
}

func llama3(name string, width, layers, ffn, heads, headDim int, factor float64, tied bool) Shape {
	return Shape{Name: name, Tied: tied, Factor: factor, Pre: "llama-bpe", Config: model.Config{
		Architecture: "llama", Context: 131072, Width: width, Layers: layers, FFN: ffn, Heads: heads, KVHeads: 8,
		HeadDim: headDim, RopeDims: headDim, Vocab: 128256, Eps: 1e-5, RopeBase: 500000, RopeScale: 1}}
}

// Parse reads a reference such as "shape:smollm2-135m@q8_0", or "shape:llama-3.1-8b@q4_k_m~3.2b" for the
// shape with low-rank pairs in its blocks and 3.2 billion parameters in all.
func Parse(ref string) (Shape, Format, error) {
	name, format, ok := strings.Cut(strings.TrimPrefix(ref, Prefix), "@")
	if !strings.HasPrefix(ref, Prefix) || !ok {
		return Shape{}, 0, fmt.Errorf("model %q: want %sNAME@FORMAT, e.g. %ssmollm2-135m@q8_0, or %sNAME@FORMAT%sPARAMETERS", ref, Prefix, Prefix, Prefix, cutMark)
	}
	format, parameters, isCut := strings.Cut(format, cutMark)
	f, err := ParseFormat(format)
	if err != nil {
		return Shape{}, 0, fmt.Errorf("model %q: %w", ref, err)
	}
	var names []string
	for _, s := range Catalogue() {
		names = append(names, s.Name)
	}
	all := append(Catalogue(), tiny()...)
	i := slices.IndexFunc(all, func(s Shape) bool { return s.Name == name })
	if i < 0 {
		return Shape{}, 0, fmt.Errorf("model %q: no shape %q; there are %s", ref, name, strings.Join(names, ", "))
	}
	s := all[i]
	if isCut {
		if s, err = s.cutTo(parameters, f); err != nil {
			return Shape{}, 0, fmt.Errorf("model %q: %w", ref, err)
		}
	}
	return s, f, nil
}

// ropeFactors returns the divisors of the rotary frequencies of llama 3.1 and 3.2 (rope_scaling of
// the published configurations).
func ropeFactors(c model.Config, factor float64) []float32 {
	const original, low, high = 8192, 1, 4
	return c.Llama3Factors(factor, original, low, high)
}
