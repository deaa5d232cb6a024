package train

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Distill is Gradients for a loss that is, per learned token,
//
//	(1 − share)·cross-entropy + share·KL(teacher ‖ m)
//
// over the whole vocabulary (Hinton et al., "Distilling the knowledge in a neural network", 2015,
// at temperature 1). The teacher is only read, but computes with its own buffers.
func (m *Model) Distill(ctx context.Context, batch []Sequence, teacher *Model, share float64) (loss float64, err error) {
	if err := m.canLearnFrom(teacher, share); err != nil {
		return 0, err
	}
	return m.run(ctx, batch, goal{gradients: true, teacher: teacher, share: share})
}

// Divergence returns the batch's weighted mean KL(teacher ‖ m) per token, in nats, and leaves gradients alone.
func (m *Model) Divergence(ctx context.Context, batch []Sequence, teacher *Model) (float64, error) {
	if err := m.canLearnFrom(teacher, 1); err != nil {
		return 0, err
	}
	return m.run(ctx, batch, goal{teacher: teacher, share: 1})
}

// canLearnFrom errs when the teacher cannot teach m.
func (m *Model) canLearnFrom(teacher *Model, share float64) error {
	switch {
	case teacher == nil || teacher == m:
		return fmt.Errorf("distill: the teacher must be another model")
	case !(share >= 0 && share <= 1):
		return fmt.Errorf("distill: a share of %v for the teacher: want a number from 0 to 1", share)
	case teacher.Config.Vocab != m.Config.Vocab:
		return fmt.Errorf("distill: the teacher has %d tokens, the model %d: they must have one vocabulary", teacher.Config.Vocab, m.Config.Vocab)
	case teacher.Config.Context < m.Config.Context:
		return fmt.Errorf("distill: the teacher knows contexts of %d tokens, the model of %d", teacher.Config.Context, m.Config.Context)
	}
	v, sees := m.Vision()
	if w, ok := teacher.Vision(); sees && (!ok || w.Patch != v.Patch || w.Mean != v.Mean || w.Std != v.Std) {
		return fmt.Errorf("distill: the teacher must take images as the model does, in patches of %d pixels and with the same colours", v.Patch)
	}
	return nil
}

// divergence returns the weighted loss of one row of logits given the teacher's, and leaves its gradient,
// p − (1 − share)·[target] − share·q for the probabilities p of m and q of the teacher, in row.
func (m *Model) divergence(row, taught []float32, want prediction, g goal) float64 {
	share := float32(g.share)
	at := row[want.target] - slices.Max(row)
	kl, total, taughtTotal := m.apart(row, taught, m.Config.Vocab)
	weight := want.weight * g.unit
	for k := range row {
		row[k] = weight * (row[k]/total - share*(taught[k]/taughtTotal))
	}
	row[want.target] -= weight * (1 - share)
	return float64(want.weight) * ((1-g.share)*(math.Log(float64(total))-float64(at)) + g.share*kl)
}

// apart returns KL(q ‖ p) for the softmaxes q of taught and p of row, and leaves them in these rows,
// times their totals. With t and l the logits less their largest, it is Σ q·(t − l) + log Σ eˡ − log Σ eᵗ.
func (t *tools) apart(row, taught []float32, vocab int) (kl float64, total, taughtTotal float32) {
	top, taughtTop := slices.Max(row), slices.Max(taught)
	gap := make([]float32, vocab)
	for k := range gap {
		gap[k] = (taught[k] - taughtTop) - (row[k] - top)
	}
	softmax := t.kernels.Primitives().SoftmaxRow
	total, taughtTotal = softmax(row), softmax(taught)
	var mean float64
	for k, d := range gap {
		mean += float64(taught[k]/taughtTotal) * float64(d)
	}
	return mean + math.Log(float64(total)) - math.Log(float64(taughtTotal)), total, taughtTotal
}
