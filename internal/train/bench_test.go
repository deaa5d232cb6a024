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
