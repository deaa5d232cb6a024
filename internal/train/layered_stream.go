package train

import (
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Stream is the residual stream of sequences before some part: one row per token but a sequence's last,
// or, within the encoder, per patch of its images, those of one embedding side by side.
type Stream struct {
	of   *Layered
	at   int // index of the part; unfinished after an error on the way
	list []*excerpt
	x    []float32
}

// unfinished is where a stream stands of which some sequences are past a part.
const unfinished = -1

// excerpt is what there is to know of one sequence; it does not change.
type excerpt struct {
	pass
	patches int
	learned []prediction // rows counted from the sequence's first token
}

// rows counts the rows before a part.
func (e *excerpt) rows(l *Layered, part int) int {
	if part < l.decoder {
		return e.patches
	}
	return len(e.tokens)
}

// Begin makes the stream before the first part that the sequences need: the encoder's, if any has
// images, otherwise the decoder's.
func (l *Layered) Begin(batch []Sequence) (*Stream, error) {
	s := &Stream{of: l, at: l.decoder}
	for i, sequence := range batch {
		if err := l.outline.check(i, sequence); err != nil {
			return nil, fmt.Errorf("begin: %w", err)
		}
		e := &excerpt{learned: sequence.predict(nil, 0)}
		e.append(l.outline, sequence.Tokens[:len(sequence.Tokens)-1], sequence.Images)
		for _, v := range e.views {
			rows, columns := l.outline.encoder.grid(v)
			e.patches += rows * columns * l.outline.encoder.config.Grouped()
			s.at = 0
		}
		s.list = append(s.list, e)
	}
	s.x = make([]float32, s.Rows()*s.width())
	for g := range s.groups() {
		rows := s.x[g.first*s.width() : (g.first+g.rows)*s.width()]
		if s.at < l.decoder {
			l.embedPatches(&g.pass, rows)
		} else if err := l.fill(&g.pass, rows, nil); err != nil {
			return nil, fmt.Errorf("begin: %w", err)
		}
	}
	return s, nil
}

// embedPatches fills x with the features of patches before the first block.
func (l *Layered) embedPatches(p *pass, x []float32) {
	e := l.outline.encoder
	if len(x) == 0 {
		return
	}
	e.look(e.layOut(p.views))
	e.apply(linalg.Dense(len(x)/e.config.Width, e.config.Width, x), e.pixels, e.patch)
}

// group is some whole sequences of a stream that are computed together.
type group struct {
	pass
	first, rows int // in the stream
	from, to    int // sequences of it
}

// groups yields the sequences in groups of at most Options.Rows rows, or of one sequence.
func (s *Stream) groups() func(yield func(group) bool) {
	return func(yield func(group) bool) {
		first, from, list := 0, 0, s.list
		for len(list) > 0 {
			n := together(len(list), s.of.outline.rows, func(i int) int { return list[i].rows(s.of, s.at) })
			g := group{first: first, from: from, to: from + n}
			for _, e := range list[:n] {
				g.join(&e.pass)
				g.rows += e.rows(s.of, s.at)
			}
			list, first, from = list[n:], first+g.rows, from+n
			if !yield(g) {
				return
			}
		}
	}
}

// join appends the sequences of another pass.
func (p *pass) join(q *pass) {
	for _, s := range q.spans {
		p.spans = append(p.spans, span{len(p.tokens) + s.first, s.n})
	}
	p.tokens, p.positions, p.views = append(p.tokens, q.tokens...), append(p.positions, q.positions...), append(p.views, q.views...)
}

// width counts the features of a row.
func (s *Stream) width() int {
	if s.at < s.of.decoder {
		return s.of.outline.encoder.config.Width
	}
	return s.of.outline.Config.Width
}

// Rows counts the rows of all sequences.
func (s *Stream) Rows() int {
	starts := s.Starts()
	return starts[len(starts)-1]
}

// Starts returns the first row of every sequence, and the number of all rows. Within the encoder a
// sequence without images has none.
func (s *Stream) Starts() []int {
	starts := []int{0}
	for i, e := range s.list {
		starts = append(starts, starts[i]+e.rows(s.of, s.at))
	}
	return starts
}

// Part returns the index of the part that the stream stands before.
func (s *Stream) Part() int { return s.at }

// X returns the live values, rows × width.
func (s *Stream) X() linalg.Matrix { return linalg.Dense(s.Rows(), s.width(), s.x) }

// Clone returns a copy, which goes its own way.
func (s *Stream) Clone() *Stream {
	c := *s
	c.x = slices.Clone(s.x)
	return &c
}

// Select returns a copy of some sequences, in the order named.
func (s *Stream) Select(sequences []int) *Stream {
	c := &Stream{of: s.of, at: s.at}
	starts, width := s.Starts(), s.width()
	rows := 0
	for _, i := range sequences {
		rows += starts[i+1] - starts[i]
	}
	c.x = make([]float32, 0, rows*width)
	for _, i := range sequences {
		c.list = append(c.list, s.list[i])
		c.x = append(c.x, s.x[starts[i]*width:starts[i+1]*width]...)
	}
	return c
}

// Join returns a copy of streams of one model, all before the same part, as one of all their sequences.
// It panics for others.
func Join(list ...*Stream) *Stream {
	c := &Stream{of: list[0].of, at: list[0].at}
	for _, s := range list {
		if s.of != c.of || s.at != c.at {
			panic(fmt.Sprintf("train: join streams before parts %d and %d, or of two models", c.at, s.at))
		}
		c.list, c.x = append(c.list, s.list...), append(c.x, s.x...)
	}
	return c
}
