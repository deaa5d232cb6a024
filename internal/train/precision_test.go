package train

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/linalg"
)

// counting is a training set with something to learn: every sequence counts in steps of its own.
func counting(i uint64) (Sequence, error) {
	rng := rand.New(rand.NewPCG(2, i))
	at, step := rng.IntN(19), 1+rng.IntN(3)
	s := Sequence{Tokens: make([]int32, 30)}
	for k := range s.Tokens {
		s.Tokens[k] = int32((at + k*step) % 19)
	}
	return s, nil
}

// TestBFloat16: rounding the products' factors costs a training no more than 3 % of its loss, and
// threads change no bit of it; where the CPU has no such products, the model is refused.
func TestBFloat16(t *testing.T) {
	for _, set := range kernel.Available() {
		if !set.BFloat16() {
			_, err := NewRandom(small("llama"), true, 1, Options{Kernels: set, Precision: linalg.BFloat16})
			if err == nil || !strings.Contains(err.Error(), "bfloat16") || !strings.Contains(err.Error(), set.Name()) {
				t.Errorf("%s: error %v, want one that names the precision and the set", set.Name(), err)
			}
			continue
		}
		train := func(p linalg.Precision, threads int) (*Trainer, float64) {
			c := small("llama")
			c.Width, c.FFN = 32, 48
			m, err := NewRandom(c, true, 1, Options{Kernels: set, Threads: threads, Precision: p})
			if err != nil {
				t.Fatal(err)
			}
			plan := Plan{Batch: 8, Rate: Schedule{Peak: 0.01, WarmUp: 5, Steps: 60}, Clip: 1}
			tr, err := NewTrainer(m, plan, counting)
			if err != nil {
				t.Fatal(err)
			}
			return tr, steps(t, tr, 60).Loss
		}
		_, want := train(linalg.Float32, 2)
		rounded, got := train(linalg.BFloat16, 2)
		if !(math.Abs(got-want) <= 0.03*want) || got == want {
			t.Errorf("%s: a loss of %v, in float32 of %v: want one within 3 %%, and not the same", set.Name(), got, want)
		}
		t.Logf("%s: a loss of %.5f, in float32 of %.5f", set.Name(), got, want)
		alone, _ := train(linalg.BFloat16, 1)
		sameState(t, "one thread", alone, rounded)
	}
}
