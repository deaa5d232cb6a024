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
	// Weights say how much the prediction of each token counts; 0 leaves it out, nil counts all
	// alike. The first entry means nothing.
	Weights []float32
	// Images stand in order and apart from each other. Their tokens have weight 0, and one of
	// text stands behind them.
	Images []Image
}

// maxWeight keeps sums of weights finite.
const maxWeight = 1e6

// lossRows is the number of predictions whose logits are held at once.
const lossRows = 256

// learned counts the predictions that matter.
func (s Sequence) learned() int {
	n := 0
	for t := range s.Tokens[1:] {
		if s.weight(t+1) > 0 {
			n++
		}
	}
	return n
}

// weight returns how much the prediction of token t counts.
func (s Sequence) weight(t int) float32 {
	if s.Weights == nil {
		return 1
	}
	return s.Weights[t]
}

// check errs for sequences that cannot be learned from.
func (m *Model) check(i int, s Sequence) error {
	switch n := len(s.Tokens); {
	case n < 2:
		return fmt.Errorf("sequence %d has %d tokens: at least two are needed to predict one", i, n)
	case n-1 > m.Config.Context:
		return fmt.Errorf("sequence %d has %d tokens, more than the context of %d and the last", i, n, m.Config.Context)
	case s.Weights != nil && len(s.Weights) != n:
		return fmt.Errorf("sequence %d has %d tokens, but weights of %d", i, n, len(s.Weights))
	}
	for at, w := range s.Weights {
		if !(w >= 0 && w <= maxWeight) {
			return fmt.Errorf("sequence %d: token %d has weight %v: want a number from 0 to %g", i, at, w, maxWeight)
		}
	}
	seen, err := m.checkImages(s)
	if err != nil {
		return fmt.Errorf("sequence %d: %w", i, err)
	}
	for at, id := range s.Tokens {
		if (id < 0 || int(id) >= m.Config.Vocab) && !(seen != nil && seen[at]) {
			return fmt.Errorf("sequence %d: token %d at position %d is outside the vocabulary of %d", i, id, at, m.Config.Vocab)
		}
	}
	return nil
}

// total checks a batch and adds its weights up.
func (m *Model) total(batch []Sequence) (total float64, err error) {
	for i, s := range batch {
		if err := m.check(i, s); err != nil {
			return 0, err
		}
		for t := range s.Tokens[1:] {
			total += float64(s.weight(t + 1))
		}
	}
	if total == 0 {
		return 0, fmt.Errorf("a batch of %d sequences has no token to be learned", len(batch))
	}
	return total, nil
}

// Gradients replaces the parameters' gradients by those of the batch's weighted mean
// cross-entropy per token, in nats, and returns it. When ctx ends it stops between two passes with the cause.
func (m *Model) Gradients(ctx context.Context, batch []Sequence) (loss float64, err error) {
	return m.run(ctx, batch, goal{gradients: true})
}

// Loss returns the batch's weighted mean cross-entropy per token, in nats, and leaves gradients alone.
func (m *Model) Loss(ctx context.Context, batch []Sequence) (float64, error) {
	return m.run(ctx, batch, goal{})
}

// goal is what a run computes.
type goal struct {
	gradients bool
	teacher   *Model  // nil for none
	share     float64 // of the divergence from the teacher in the loss
	unit      float32 // of weight in the gradient
}

func (m *Model) run(ctx context.Context, batch []Sequence, g goal) (float64, error) {
	if g.gradients {
		m.clearGradients()
	}
	total, err := m.total(batch)
	if err != nil {
		return 0, err
	}
	g.unit = float32(1 / total)
	var sum float64
	for len(batch) > 0 {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		n := together(len(batch), m.rows, func(i int) int { return len(batch[i].Tokens) - 1 })
		sum += m.passOver(batch[:n], g)
		batch = batch[n:]
	}
	return sum / total, nil
}

// together returns how many of n sequences, from the first, have no more rows than limit; at least one.
func together(n, limit int, rows func(i int) int) int {
	sum := 0
	for i := range n {
		if sum += rows(i); i > 0 && sum > limit {
			return i
		}
	}
	return n
}

// prediction is a row of a pass whose next token is learned.
type prediction struct {
	row    int
	target int32
	weight float32
}

// predict appends the predictions of a sequence whose rows begin with first.
func (s Sequence) predict(list []prediction, first int) []prediction {
	for t, id := range s.Tokens[1:] {
		if w := s.weight(t + 1); w > 0 {
			list = append(list, prediction{first + t, id, w})
		}
	}
	return list
}

// passOver computes sequences together and returns the weighted sum of their losses.
func (m *Model) passOver(batch []Sequence, g goal) float64 {
	var p pass
	var learned []prediction
	for _, s := range batch {
		learned = s.predict(learned, p.append(m, s.Tokens[:len(s.Tokens)-1], s.Images))
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
	for i := 0; i < len(learned); i += lossRows {
		sum += m.score(learned[i:min(i+lossRows, len(learned))], g)
	}
	if g.gradients {
		m.backward(&p)
	}
	return sum
}

// outputs fills buffers.logits with the logits of some rows of the pass, and returns them.
func (m *Model) outputs(rows []prediction) (logits linalg.Matrix) {
	width, b := m.Config.Width, &m.buffers
	b.gathered = resize(b.gathered, len(rows)*width)
	for i, r := range rows {
		copy(b.gathered[i*width:(i+1)*width], b.outNorm[r.row*width:])
	}
	logits = m.tools.logits(b.logits, b.gathered, len(rows), m.output)
	b.logits = logits.Data
	return logits
}

// logits applies a head to n rows of x. The rows it makes, in dst's memory if that suffices, are padded
// with −∞ to a multiple of 16.
func (t *tools) logits(dst, x []float32, n int, head linear) linalg.Matrix {
	vocab := head.outputs()
	stride := (vocab + 15) &^ 15
	dst = resize(dst, n*stride)
	for i := range n {
		for k := i*stride + vocab; k < (i+1)*stride; k++ {
			dst[k] = float32(math.Inf(-1))
		}
	}
	logits := part(dst, n, stride, 0, vocab)
	t.linear(logits, x, head)
	return logits
}

// score returns the weighted sum of the losses of rows. With gradients it adds those of the output layer,
// and writes dnorm for the rows.
func (m *Model) score(rows []prediction, g goal) (sum float64) {
	width, b, n := m.Config.Width, &m.buffers, len(rows)
	logits := m.outputs(rows)
	if g.teacher != nil {
		g.teacher.outputs(rows)
	}
	b.losses = resize(b.losses, n)
	m.spread(n, 1, func(i, _ int) {
		row := logits.Data[i*logits.Stride : (i+1)*logits.Stride]
		if g.teacher == nil {
			b.losses[i] = m.crossEntropy(row, rows[i], g)
			return
		}
		b.losses[i] = m.divergence(row, g.teacher.buffers.logits[i*logits.Stride:(i+1)*logits.Stride], rows[i], g)
	})
	for _, l := range b.losses {
		sum += l
	}
	if g.gradients {
		b.dgathered = resize(b.dgathered, n*width)
		m.linearBack(b.dgathered, 0, logits, b.gathered, m.output)
		for i, r := range rows {
			copy(b.dnorm[r.row*width:(r.row+1)*width], b.dgathered[i*width:])
		}
	}
	return sum
}

// crossEntropy returns weight·(−log p[target]), p = softmax(row), and leaves its gradient in row.
func (m *Model) crossEntropy(row []float32, want prediction, g goal) float64 {
	at := row[want.target] - slices.Max(row)
	total := m.kernels.Primitives().SoftmaxRow(row)
	weight := want.weight * g.unit
	shrink := weight / total
	for k := range row {
		row[k] *= shrink
	}
	row[want.target] -= weight
	return float64(want.weight) * (math.Log(float64(total)) - float64(at))
}

// Logits returns the logits after every token of one sequence, row by row: what the engine
// computes with the same weights.
func (m *Model) Logits(tokens []int32, images ...Image) ([]float32, error) {
	s := Sequence{Tokens: append(slices.Clone(tokens), 0), Weights: make([]float32, len(tokens)+1), Images: images}
	if err := m.check(0, s); err != nil {
		return nil, err
	}
	var p pass
	p.append(m, tokens, images)
	m.forward(&p)
	out := make([]float32, len(tokens)*m.Config.Vocab)
	m.linear(linalg.Dense(len(tokens), m.Config.Vocab, out), m.buffers.outNorm, m.output)
	return out, nil
}

// Likeliest returns the token that the model expects most in every place of a sequence whose weight
// is not 0, in order, given all tokens before it.
func (m *Model) Likeliest(s Sequence) ([]int32, error) {
	if err := m.check(0, s); err != nil {
		return nil, err
	}
	var p pass
	p.append(m, s.Tokens[:len(s.Tokens)-1], s.Images)
	m.forward(&p)
	var out []int32
	for t := range s.Tokens[1:] {
		if s.weight(t+1) == 0 {
			continue
		}
		logits := m.outputs([]prediction{{row: t}}).Data[:m.Config.Vocab]
		out = append(out, int32(slices.Index(logits, slices.Max(logits))))
	}
	return out, nil
}
