package train

import (
	"math/rand/v2"
	"testing"

	"github.com/wattlaw/wattlaw/internal/model"
)

// BenchmarkStep is a step of a model of 10 million parameters over 8 sequences of 512 tokens. The
// rate counts 6 operations per parameter and token, attention left out.
func BenchmarkStep(b *testing.B) {
	c := model.Config{Architecture: "llama", Context: 1024, Width: 320, Layers: 7, FFN: 896, Heads: 5, KVHeads: 5,
		HeadDim: 64, RopeDims: 64, Vocab: 4096, Eps: 1e-5, RopeBase: 10000, RopeScale: 1}
	m, err := NewRandom(c, true, 1, Options{})
	if err != nil {
		b.Fatal(err)
	}
	const length, batch = 512, 8
	plan := Plan{Batch: batch, Rate: Schedule{Peak: 1e-3, WarmUp: 10, Steps: 1000}, Decay: 0.1, Clip: 1}
	tr, err := NewTrainer(m, plan, func(i uint64) (Sequence, error) {
		rng := rand.New(rand.NewPCG(1, i))
		s := Sequence{Tokens: make([]int32, length+1)}
		for k := range s.Tokens {
			s.Tokens[k] = int32(rng.IntN(c.Vocab))
		}
		return s, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	steps(b, tr, 1)
	for b.Loop() {
		steps(b, tr, 1)
	}
	tokens := float64(length*batch*b.N) / b.Elapsed().Seconds()
	b.ReportMetric(tokens, "tokens/s")
	b.ReportMetric(6*float64(m.Parameters())*tokens/1e9, "GFLOP/s")
	b.ReportMetric(float64(m.Parameters())/1e6, "Mparams")
}

// BenchmarkSeeingStep is a step over 16 images of 196 × 196 pixels, each with 100 tokens behind it.
func BenchmarkSeeingStep(b *testing.B) {
	c := model.Config{Architecture: "qwen2vl", Context: 1024, Width: 256, Layers: 5, FFN: 768, Heads: 4, KVHeads: 4, HeadDim: 64,
		RopeDims: 64, Vocab: 4096, Eps: 1e-6, RopeBase: 10000, RopeScale: 1, RopeSections: [3]int{8, 12, 12}}
	v := model.VisionConfig{Projector: model.ProjectorQwen2VL, Width: 192, Layers: 4, Heads: 4, FFN: 768, Output: 256, Patch: 14, Merge: 2,
		ImageSize: 196, Eps: 1e-6, Activation: model.QuickGELU, Std: [3]float32{1, 1, 1}}
	m, err := NewRandomSeeing(c, v, true, 1, Options{})
	if err != nil {
		b.Fatal(err)
	}
	const batch = 16
	plan := Plan{Batch: batch, Rate: Schedule{Peak: 1e-3, WarmUp: 10, Steps: 1000}, Decay: 0.1, Clip: 1}
	tr, err := NewTrainer(m, plan, func(i uint64) (s Sequence, err error) {
		rng := rand.New(rand.NewPCG(1, i%batch))
		s.see(viewOf(rng, 7, 7, 28), 28)
		s.read(rng, 101, c.Vocab)
		return s, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	steps(b, tr, 1)
	for b.Loop() {
		steps(b, tr, 1)
	}
	b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "images/s")
	b.ReportMetric(float64(m.Parameters())/1e6, "Mparams")
}
