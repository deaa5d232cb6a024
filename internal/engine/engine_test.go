package engine

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
)

func load(t testing.TB, ref string, opt Options) *Engine {
	t.Helper()
	e, err := Load(ref, opt)
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

// prompt returns n token ids that are spread over the vocabulary.
func prompt(n, vocab int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32((i*i*31 + i*7 + 3) % vocab)
	}
	return ids
}

func allLogits(t *testing.T, e *Engine, tokens []int32, batch int) [][]float32 {
	t.Helper()
	var rows [][]float32
	err := e.AllLogits(t.Context(), tokens, batch, func(position int, logits []float32) error {
		if position != len(rows) {
			t.Fatalf("logits of position %d came as number %d", position, len(rows))
		}
		rows = append(rows, slices.Clone(logits))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(tokens) {
		t.Fatalf("%d rows of logits for %d tokens", len(rows), len(tokens))
	}
	return rows
}

// largestDifference returns the largest |a−b| over all logits, and their standard deviation.
func largestDifference(a, b [][]float32) (difference, spread float64) {
	n, sum, squares := 0.0, 0.0, 0.0
	for i := range a {
		for j, v := range a[i] {
			difference = max(difference, math.Abs(float64(v)-float64(b[i][j])))
			n++
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
	}
	return difference, math.Sqrt(squares/n - sum/n*sum/n)
}

var tinyModels = []string{"shape:tiny@f32", "shape:tiny@bf16", "shape:tiny@q8_0", "shape:tiny@q4_k_m", "shape:tiny-qwen2@f16", "shape:tiny-qwen2@q4_0"}

// TestLogitsAreFiniteAndSpread holds the random weights' variance to its purpose.
func TestLogitsAreFiniteAndSpread(t *testing.T) {
	for _, ref := range tinyModels {
		e := load(t, ref, Options{})
		rows := allLogits(t, e, prompt(50, e.Info().Vocabulary), 0)
		_, spread := largestDifference(rows, rows)
		if !(spread > 0.5 && spread < 10) {
			t.Errorf("%s: logits spread by %v", ref, spread)
		}
	}
}

// TestAnyBatchSplitGivesTheSameLogits compares prefill in batches with token by token. The
// limits are those of parity: float sums in another order, and int8 activations that
// round the other way because of them.
func TestAnyBatchSplitGivesTheSameLogits(t *testing.T) {
	for _, ref := range tinyModels {
		e := load(t, ref, Options{Batch: 64})
		tokens := prompt(100, e.Info().Vocabulary)
		one := allLogits(t, e, tokens, 1)
		for _, batch := range []int{3, 4, 7, 33, 64} {
			if kl := meanDivergence(one, allLogits(t, e, tokens, batch)); kl > divergenceLimit(ref) {
				t.Errorf("%s: batches of %d diverge from single tokens by KL %g", ref, batch, kl)
			}
		}
	}
}

func divergenceLimit(ref string) float64 {
	if strings.HasSuffix(ref, "f32") || strings.HasSuffix(ref, "@f16") {
		return 1e-6
	}
	return 1e-4
}

// TestEvalContinuesWhatAllLogitsSees compares the last row of a prompt longer than a batch
// with what prefill and decode return for it.
func TestEvalContinuesWhatAllLogitsSees(t *testing.T) {
	e := load(t, "shape:tiny@f32", Options{Batch: 32})
	tokens := prompt(100, e.Info().Vocabulary)
	want := allLogits(t, e, tokens, 0)[99:]
	for _, split := range []int{1, 40, 99, 100} {
		e.Reset()
		var got []float32
		for _, part := range [][]int32{tokens[:split], tokens[split:]} {
			if len(part) == 0 {
				continue
			}
			var err error
			if got, err = e.Eval(t.Context(), part); err != nil {
				t.Fatal(err)
			}
		}
		if kl := meanDivergence(want, [][]float32{got}); kl > divergenceLimit("f32") {
			t.Errorf("split at %d diverges by KL %g", split, kl)
		}
	}
}

// TestThreadsDoNotChangeResults demands equal bits for any number of workers.
func TestThreadsDoNotChangeResults(t *testing.T) {
	for _, ref := range tinyModels {
		var want [][]float32
		for _, threads := range []int{1, 2, 3, 5} {
			e := load(t, ref, Options{Threads: threads})
			tokens := prompt(90, e.Info().Vocabulary)
			got := append(allLogits(t, e, tokens, 0), allLogits(t, e, tokens[:9], 1)...)
			if want == nil {
				want = got
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%s: row %d with %d threads differs from one thread", ref, i, threads)
					break
				}
			}
		}
	}
}

// TestKernelsAgree generates greedily with every instruction set of this machine. Each
// choice must be the reference's own up to a tie within the tolerance: then the texts are
// identical but where two tokens are as good as equal.
func TestKernelsAgree(t *testing.T) {
	for _, ref := range tinyModels {
		oracle := load(t, ref, Options{Kernel: "ref", Threads: 1})
		tokens := prompt(40, oracle.Info().Vocabulary)
		want := allLogits(t, oracle, tokens, 0)
		request := Request{Tokens: tokens, MaxTokens: 24, IgnoreEOS: true}
		text, err := oracle.Generate(t.Context(), request, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range kernel.Available() {
			e := load(t, ref, Options{Kernel: set.Name()})
			if kl := meanDivergence(want, allLogits(t, e, tokens, 0)); kl > divergenceLimit(ref) {
				t.Errorf("%s on %s: logits diverge from ref by KL %g", ref, set.Name(), kl)
			}
			got, err := e.Generate(t.Context(), request, nil)
			if err != nil {
				t.Fatal(err)
			}
			if i := firstDifference(got.Tokens, text.Tokens); i >= 0 {
				logits, err := oracle.replay(append(slices.Clone(tokens), text.Tokens[:i]...))
				if err != nil {
					t.Fatal(err)
				}
				gap := float64(logits[text.Tokens[i]] - logits[got.Tokens[i]])
				if gap > 0.1 {
					t.Errorf("%s on %s: token %d is %d, ref chose %d by %g", ref, set.Name(), i, got.Tokens[i], text.Tokens[i], gap)
				}
			}
		}
	}
}

// replay computes the logits after tokens as a new sequence.
func (e *Engine) replay(tokens []int32) ([]float32, error) {
	e.Reset()
	return e.Eval(context.Background(), tokens)
}

func firstDifference(a, b []int32) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}
