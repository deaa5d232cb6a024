package engine

import (
	"flag"
	"fmt"
	"testing"
)

var benchThreads = flag.Int("threads", 0, "compute threads of benchmarks (default: one per CPU)")

var benchModels = []string{"shape:smollm2-135m@q8_0", "shape:smollm2-135m@q4_0", "shape:qwen2.5-0.5b@q8_0", "shape:qwen2.5-0.5b@q4_0"}

func BenchmarkPrefill(b *testing.B) {
	for _, ref := range benchModels {
		b.Run(ref, func(b *testing.B) {
			e := load(b, ref, Options{Threads: *benchThreads})
			tokens := prompt(512, e.Info().Vocabulary)
			for b.Loop() {
				e.Reset()
				if _, err := e.Eval(b.Context(), tokens); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(tokens))/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, ref := range benchModels {
		for _, past := range []int{0, 512} {
			b.Run(fmt.Sprintf("%s/past=%d", ref, past), func(b *testing.B) {
				e := load(b, ref, Options{Threads: *benchThreads})
				if past > 0 {
					if _, err := e.Eval(b.Context(), prompt(past, e.Info().Vocabulary)); err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					if e.Position() == e.Info().Context {
						e.Reset()
					}
					if _, err := e.Eval(b.Context(), []int32{int32(e.Position())}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}
