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
	for _, p := range m.params {
		clear(p.Grad)
	}
	return m.run(ctx, batch, true)
}

// Loss returns the batch's mean cross-entropy per learned token, in nats, and leaves gradients alone.
func (m *Model) Loss(ctx context.Context, batch []Sequence) (float64, error) {
	return m.run(ctx, batch, false)
}

func (m *Model) run(ctx context.Context, batch []Sequence, gradients bool) (float64, error) {
	total, err := m.count(batch)
	if err != nil {
		return 0, err
	}
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
		sum += m.passOver(batch[:n], 1/float64(total), gradients)
		batch = batch[n:]
	}
	return sum / float64(total), nil
}

// passOver computes sequences together and returns the sum of their losses.
func (m *Model) passOver(batch []Sequence, weight float64, gradients bool) float64 {
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
	b := &m.buffers
	if gradients {
		b.dnorm = resize(b.dnorm, len(p.tokens)*m.Config.Width)
		clear(b.dnorm)
	}
	var sum float64
	for i := 0; i < len(rows); i += lossRows {
		j := min(i+lossRows, len(rows))
		sum += m.crossEntropy(rows[i:j], targets[i:j], float32(weight), gradients)
	}
	if gradients {
		m.backward(&p)
	}
	return sum
}

// crossEntropy returns Σ −log softmax(logits)[target] over rows. With gradients it adds weight
// times those of the output layer, and writes dnorm for the rows.
func (m *Model) crossEntropy(rows []int, targets []int32, weight float32, gradients bool) (sum float64) {
	width, vocab, b := m.Config.Width, m.Config.Vocab, &m.buffers
	stride, n := (vocab+15)&^15, len(rows)
	b.gathered, b.logits, b.losses = resize(b.gathered, n*width), resize(b.logits, n*stride), resize(b.losses, n)
	for i, r := range rows {
		copy(b.gathered[i*width:(i+1)*width], b.outNorm[r*width:])
	}
	logits := part(b.logits, n, stride, 0, vocab)
	m.apply(logits, b.gathered, m.output)
	softmax := m.kernels.Primitives().SoftmaxRow
	m.spread(n, 1, func(i, _ int) {
		row := b.logits[i*stride : (i+1)*stride]
		for k := vocab; k < stride; k++ {
			row[k] = float32(math.Inf(-1))
		}
		target := row[targets[i]] - slices.Max(row)
		total := softmax(row)
		b.losses[i] = math.Log(float64(total)) - float64(target)
		if !gradients {
			return
		}
		shrink := weight / total
		for k := range row {
			row[k] *= shrink
		}
		row[targets[i]] -= weight
	})
	for _, l := range b.losses {
		sum += l
	}
	if gradients {
		b.dgathered = resize(b.dgathered, n*width)
		m.weigh(m.output, logits, b.gathered)
		m.back(b.dgathered, 0, logits, m.output)
		for i, r := range rows {
			copy(b.dnorm[r*width:(r+1)*width], b.dgathered[i*width:])
		}
	}
	return sum
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
