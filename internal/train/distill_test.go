package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wattlaw/wattlaw/internal/kernel"
)

// teacherOf has another shape and other weights than what it teaches.
func teacherOf(t testing.TB) *Model {
	c := small("qwen2")
	c.Width, c.Layers = 16, 1
	return lively(t, c, false, Options{Threads: 2})
}

// TestDistill holds loss and gradients against the oracle's.
func TestDistill(t *testing.T) {
	teacher := teacherOf(t)
	batch := examples(19)[:3]
	for _, share := range []float64{0, 0.3, 1} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			o := newOracle(lively(t, small("llama"), true, Options{Threads: 1}))
			o.teacher, o.share = newOracle(teacher), share
			want, wantLoss := o.gradients(batch), o.loss(batch)
			for _, set := range kernel.Available() {
				m := lively(t, small("llama"), true, Options{Kernels: set, Threads: 2, Rows: 8})
				loss, err := m.Distill(background, batch, teacher, share)
				if err != nil {
					t.Fatal(err)
				}
				compareGradients(t, m, loss, want, wantLoss)
				if got, err := m.Divergence(background, batch, teacher); share == 1 && (err != nil || math.Abs(got-loss) > 1e-6) {
					t.Errorf("divergence %v, want %v; %v", got, loss, err)
				}
			}
		})
	}
}

// TestDistillNothing: a model has nothing to learn from a copy of itself.
func TestDistillNothing(t *testing.T) {
	m, same := lively(t, small("llama"), true, Options{Threads: 1}), lively(t, small("llama"), true, Options{Threads: 1})
	loss, err := m.Distill(background, examples(19), same, 1)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(loss) > 1e-6 || m.gradientNorm() > 1e-6 {
		t.Errorf("divergence %v and gradient %v from a copy, want none", loss, m.gradientNorm())
	}
}

// TestTrainerDistills: what was lost of a model's weights comes back from the model.
func TestTrainerDistills(t *testing.T) {
	teacher := lively(t, small("llama"), true, Options{Threads: 1})
	m := lively(t, small("llama"), true, Options{Threads: 2})
	rng := rand.New(rand.NewPCG(2, 2))
	for _, p := range m.Params() {
		for i := range p.Value {
			p.Value[i] += float32(0.1 * rng.NormFloat64())
		}
	}
	plan := Plan{Recipe: "heal", Batch: 4, Rate: Schedule{Peak: 0.01, WarmUp: 3, Steps: 200}, Clip: 1, Teacher: teacher, Share: 1}
	tr, err := NewTrainer(m, plan, stream)
	if err != nil {
		t.Fatal(err)
	}
	first, last := steps(t, tr, 1), steps(t, tr, 199)
	if !(last.Loss < first.Loss/3) {
		t.Errorf("divergence %v → %v, want less than a third", first.Loss, last.Loss)
	}
	t.Logf("divergence %.4f → %.4f", first.Loss, last.Loss)
}

func TestDistillRefuses(t *testing.T) {
	m, teacher := lively(t, small("llama"), true, Options{Threads: 1}), teacherOf(t)
	larger, shorter := small("llama"), small("llama")
	larger.Vocab, shorter.Context = 20, 100
	for text, c := range map[string]struct {
		teacher *Model
		share   float64
	}{
		"another model":       {m, 1},
		"share of NaN":        {teacher, math.NaN()},
		"share of 1.5":        {teacher, 1.5},
		"20 tokens":           {lively(t, larger, true, Options{Threads: 1}), 1},
		"contexts of 100":     {lively(t, shorter, true, Options{Threads: 1}), 1},
		"must be another mod": {nil, 1},
	} {
		if _, err := m.Distill(background, examples(19), c.teacher, c.share); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
	plan := quick
	plan.Share = 0.5
	if _, err := NewTrainer(m, plan, stream); err == nil || !strings.Contains(err.Error(), "no teacher") {
		t.Errorf("error %v, want one that misses the teacher", err)
	}
	plan.Teacher, plan.Share = m, 1
	if _, err := NewTrainer(m, plan, stream); err == nil {
		t.Error("a model teaches itself")
	}
}
