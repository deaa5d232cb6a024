package engine

import (
	"math"
	"strings"
	"testing"
)

// TestCutShapes runs shapes whose blocks are low-rank pairs, language models and encoders.
func TestCutShapes(t *testing.T) {
	for _, c := range []struct {
		ref        string
		parameters float64
	}{
		{"shape:tiny@q8_0~520k", 520e3}, {"shape:tiny-qwen2@bf16~700k", 700e3}, {"shape:tiny-qwen2vl@f32~200k", 200e3},
		{"shape:tiny-qwen25vl@f16~210k", 210e3}, {"shape:tiny-smolvlm@f32~165k", 165e3},
	} {
		t.Run(c.ref, func(t *testing.T) {
			e := load(t, c.ref, Options{})
			info := e.Info()
			if !strings.HasSuffix(info.Architecture, "-lr") || !info.Meaningless || math.Abs(float64(info.Parameters)/c.parameters-1) > 0.01 {
				t.Errorf("info %+v", info)
			}
			rows := allLogits(t, e, prompt(20, info.Vocabulary), 0)
			checkFinite(t, rows[len(rows)-1])
			if info.Vision != nil {
				embeddings, _ := encodeWith(t, c.ref, Options{}, picture(90, 60))
				checkFinite(t, embeddings)
			}
		})
	}
}

// checkFinite wants numbers that differ.
func checkFinite(t *testing.T, values []float32) {
	t.Helper()
	low, high := values[0], values[0]
	for _, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Fatalf("a value of %v", v)
		}
		low, high = min(low, v), max(high, v)
	}
	if low == high {
		t.Errorf("all %d values are %v", len(values), low)
	}
}
