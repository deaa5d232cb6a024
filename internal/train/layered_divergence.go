package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Divergence is how predictions differ from the original's, of every learned token.
type Divergence struct {
	KL      []float64 // KL(original ‖ other) over the whole vocabulary, in nats
	SameTop []bool    // the likeliest token is the same
	Loss    []float64 // cross-entropy of the other's prediction, in nats
}

// Divergence compares what the head q, of this part or another model's, predicts from got with what p
// predicts from want, for tokens whose weight is not 0, in the order of their rows. Both streams are of the
// same sequences, and stand before "output".
func (p *Loaded) Divergence(ctx context.Context, want *Stream, q *Loaded, got *Stream) (d Divergence, err error) {
	original, err := p.head(want)
	if err != nil {
		return d, err
	}
	other, err := q.head(got)
	if err != nil {
		return d, err
	}
	rows := want.learned()
	switch {
	case original.output.outputs() != other.output.outputs():
		return d, fmt.Errorf("heads of %d and %d tokens: want one vocabulary", original.output.outputs(), other.output.outputs())
	case !slices.Equal(rows, got.learned()):
		return d, fmt.Errorf("the streams are of different sequences")
	}
	for chunk := range slices.Chunk(rows, lossRows) {
		if err := context.Cause(ctx); err != nil {
			return d, err
		}
		taught, logits := p.of.predict(0, original, want, chunk), q.of.predict(1, other, got, chunk)
		d.compare(p.of.outline.tools, logits, taught, chunk)
	}
	return d, nil
}

// head returns the head that can compute a stream.
func (p *Loaded) head(s *Stream) (*readout, error) {
	h, ok := p.body.(*readout)
	if !ok {
		return nil, fmt.Errorf("part %q predicts nothing; want %q", p.Part().Name, "output")
	}
	return h, p.check(s)
}

// learned lists the predictions that matter, by their rows in the stream.
func (s *Stream) learned() (list []prediction) {
	starts := s.Starts()
	for i, e := range s.list {
		for _, r := range e.learned {
			r.row += starts[i]
			list = append(list, r)
		}
	}
	return list
}

// predict computes the logits of rows of a stream, in one of two places.
func (l *Layered) predict(place int, h *readout, s *Stream, rows []prediction) linalg.Matrix {
	m, width := l.outline, l.outline.Config.Width
	b := &m.buffers
	b.gathered, b.outNorm = resize(b.gathered, len(rows)*width), resize(b.outNorm, len(rows)*width)
	for i, r := range rows {
		copy(b.gathered[i*width:(i+1)*width], s.x[r.row*width:])
	}
	m.rmsNorm(b.outNorm, b.gathered, h.norm, m.Config.Eps)
	logits := m.tools.logits(l.logits[place], b.outNorm, len(rows), h.output)
	l.logits[place] = logits.Data
	return logits
}

// compare appends what there is to say of rows of logits, which it overwrites.
func (d *Divergence) compare(t *tools, logits, taught linalg.Matrix, rows []prediction) {
	first, n := len(d.KL), len(rows)
	d.KL, d.SameTop, d.Loss = append(d.KL, make([]float64, n)...), append(d.SameTop, make([]bool, n)...), append(d.Loss, make([]float64, n)...)
	t.spread(n, 1, func(i, _ int) {
		row, other := logits.Data[i*logits.Stride:(i+1)*logits.Stride], taught.Data[i*taught.Stride:(i+1)*taught.Stride]
		top, otherTop := slices.Max(row), slices.Max(other)
		at := row[rows[i].target] - top
		d.SameTop[first+i] = slices.Index(row, top) == slices.Index(other, otherTop)
		kl, total, _ := t.apart(row, other, logits.Cols)
		d.KL[first+i], d.Loss[first+i] = max(kl, 0), math.Log(float64(total))-float64(at) // NaN stays NaN
	})
}
