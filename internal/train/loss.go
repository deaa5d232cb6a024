package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Sequence is one example: every token but the first is predicted from those before it.
type Sequence struct {
	Tokens []int32
	// Learn says of each token whether its prediction counts; nil counts all. The first entry
	// means nothing.
	Learn []bool
}

// lossRows is the number of predictions whose logits are held at once.
const lossRows = 256

// learned counts the predictions that matter.
func (s Sequence) learned() int {
	if s.Learn == nil {
		return len(s.Tokens) - 1
	}
	n := 0
	for _, ok := range s.Learn[1:] {
		if ok {
			n++
		}
	}
	return n
}

// check errs for sequences that cannot be learned from.
func (m *Model) check(i int, s Sequence) error {
	switch n := len(s.Tokens); {
	case n < 2:
		return fmt.Errorf("sequence %d has %d tokens: at least two are needed to predict one", i, n)
	case n-1 > m.Config.Context:
		return fmt.Errorf("sequence %d has %d tokens, more than the context of %d and the last", i, n, m.Config.Context)
	case s.Learn != nil && len(s.Learn) != n:
		return fmt.Errorf("sequence %d has %d tokens, but says of %d whether they are learned", i, n, len(s.Learn))
	}
	for at, id := range s.Tokens {
		if id < 0 || int(id) >= m.Config.Vocab {
			return fmt.Errorf("sequence %d: token %d at position %d is outside the vocabulary of %d", i, id, at, m.Config.Vocab)
		}
	}
	return nil
}

// count checks a batch and counts its predictions.
func (m *Model) count(batch []Sequence) (total int, err error) {
	for i, s := range batch {
		if err := m.check(i, s); err != nil {
			return 0, err
		}
		total += s.learned()
	}
	if total == 0 {
		return 0, fmt.Errorf("a batch of %d sequences has no token to be learned", len(batch))
	}
	return total, nil
}

// Gradients replaces the parameters' gradients by those of the batch's mean cross-entropy per
// learned token, in nats, and returns it. When ctx ends it stops between two passes with the cause.
func (m *Model) Gradients(ctx context.Context, batch []Sequence) (loss float64, err error) {
	return m.run(ctx, batch, goal{gradients: true})
}

// Loss returns the batch's mean cross-entropy per learned token, in nats, and leaves gradients alone.
func (m *Model) Loss(ctx context.Context, batch []Sequence) (float64, error) {
	return m.run(ctx, batch, goal{})
}

// goal is what a run computes.
type goal struct {
	gradients bool
	teacher   *Model  // nil for none
	share     float64 // of the divergence from the teacher in the loss
	weight    float32 // of one token in the gradient
}

func (m *Model) run(ctx context.Context, batch []Sequence, g goal) (float64, error) {
	if g.gradients {
		for _, p := range m.params {
			clear(p.Grad)
		}
	}
	total, err := m.count(batch)
	if err != nil {
		return 0, err
	}
	g.weight = float32(1 / float64(total))
	var sum float64
	for len(batch) > 0 {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		rows, n := 0, 0
		for n < len(batch) && (n == 0 || rows+len(batch[n].Tokens)-1 <= m.rows) {
			rows += len(batch[n].Tokens) - 1
			n++
		}
		sum += m.passOver(batch[:n], g)
		batch = batch[n:]
	}
	return sum / float64(total), nil
}

// passOver computes sequences together and returns the sum of their losses.
func (m *Model) passOver(batch []Sequence, g goal) float64 {
	var p pass
	var rows []int      // whose predictions are learned
	var targets []int32 // what they should be
	for _, s := range batch {
		n := len(s.Tokens) - 1
		first := len(p.tokens)
		p.spans = append(p.spans, span{first, n})
		p.tokens = append(p.tokens, s.Tokens[:n]...)
		for t, id := range s.Tokens[1:] {
			if s.Learn == nil || s.Learn[t+1] {
				rows, targets = append(rows, first+t), append(targets, id)
			}
		}
	}
	m.forward(&p)
	if g.teacher != nil {
		g.teacher.forward(&p)
	}
	b := &m.buffers
	if g.gradients {
		b.dnorm = resize(b.dnorm, len(p.tokens)*m.Config.Width)
		clear(b.dnorm)
	}
	var sum float64
	for i := 0; i < len(rows); i += lossRows {
		j := min(i+lossRows, len(rows))
		sum += m.score(rows[i:j], targets[i:j], g)
	}
	if g.gradients {
		m.backward(&p)
	}
	return sum
}

// outputs fills buffers.logits with the logits of some rows of the pass, each padded with −∞ to
// a multiple of 16, and returns them.
func (m *Model) outputs(rows []int) (logits linalg.Matrix) {
	width, vocab, b := m.Config.Width, m.Config.Vocab, &m.buffers
	stride, n := (vocab+15)&^15, len(rows)
	b.gathered, b.logits = resize(b.gathered, n*width), resize(b.logits, n*stride)
	for i, r := range rows {
		copy(b.gathered[i*width:(i+1)*width], b.outNorm[r*width:])
		for k := i*stride + vocab; k < (i+1)*stride; k++ {
			b.logits[k] = float32(math.Inf(-1))
		}
	}
	logits = part(b.logits, n, stride, 0, vocab)
	m.apply(logits, b.gathered, m.output)
	return logits
}

// score returns the sum of the losses of rows. With gradients it adds those of the output layer,
// and writes dnorm for the rows.
func (m *Model) score(rows []int, targets []int32, g goal) (sum float64) {
	width, b, n := m.Config.Width, &m.buffers, len(rows)
	logits := m.outputs(rows)
	if g.teacher != nil {
		g.teacher.outputs(rows)
	}
	b.losses = resize(b.losses, n)
	m.spread(n, 1, func(i, _ int) {
		row := logits.Data[i*logits.Stride : (i+1)*logits.Stride]
		if g.teacher == nil {
			b.losses[i] = m.crossEntropy(row, targets[i], g)
			return
		}
		b.losses[i] = m.divergence(row, g.teacher.buffers.logits[i*logits.Stride:(i+1)*logits.Stride], targets[i], g)
	})
	for _, l := range b.losses {
		sum += l
	}
	if g.gradients {
		b.dgathered = resize(b.dgathered, n*width)
		m.weigh(m.output, logits, b.gathered)
		m.back(b.dgathered, 0, logits, m.output)
		for i, r := range rows {
			copy(b.dnorm[r*width:(r+1)*width], b.dgathered[i*width:])
		}
	}
	return sum
}

// crossEntropy returns −log p[target], p = softmax(row), and leaves its gradient in row.
func (m *Model) crossEntropy(row []float32, target int32, g goal) float64 {
	at := row[target] - slices.Max(row)
	total := m.kernels.Primitives().SoftmaxRow(row)
	shrink := g.weight / total
	for k := range row {
		row[k] *= shrink
	}
	row[target] -= g.weight
	return math.Log(float64(total)) - float64(at)
}

// Logits returns the logits after every token of one sequence, row by row: what the engine
// computes with the same weights.
func (m *Model) Logits(tokens []int32) ([]float32, error) {
	if err := m.check(0, Sequence{Tokens: append(slices.Clone(tokens), 0)}); err != nil {
		return nil, err
	}
	m.forward(&pass{tokens: tokens, spans: []span{{0, len(tokens)}}})
	out := make([]float32, len(tokens)*m.Config.Vocab)
	m.apply(linalg.Dense(len(tokens), m.Config.Vocab, out), m.buffers.outNorm, m.output)
	return out, nil
}
