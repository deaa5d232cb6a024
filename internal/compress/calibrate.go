package compress

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/train"
)

// Calibration is what a model is run on.
type Calibration struct {
	// Sequences are what Gram matrices are made of: all tokens but the first of each, which models
	// use as a sink of attention, so that its activations are like no other's.
	Sequences []train.Sequence
	// Held are sequences that enter no Gram matrix. Divergence is measured on their tokens of weight
	// above 0.
	Held []train.Sequence
	// Hash identifies both, for the record.
	Hash string
}

// Split holds every tenth of a list of sequences out, at least one.
func Split(list []train.Sequence) (c Calibration, err error) {
	if len(list) < 2 {
		return c, fmt.Errorf("calibration: %d sequences: at least two are needed, one to be held out", len(list))
	}
	every := min(10, len(list))
	for i, s := range list {
		if i%every == every-1 {
			c.Held = append(c.Held, s)
		} else {
			c.Sequences = append(c.Sequences, s)
		}
	}
	c.Hash = hashSequences(list)
	return c, nil
}

// check errs when there are fewer rows than the widest site has inputs: their Gram matrix would say
// nothing of some directions. Without any picture, the encoder's sites are given up.
func (c *compressor) check(l lanes) error {
	if l.held.original.Rows() == 0 {
		return fmt.Errorf("calibration: no sequence is held out to measure on")
	}
	if first := l.calibration.original.Part(); first > 0 {
		c.sites = slices.DeleteFunc(c.sites, func(s *site) bool { return s.part < first })
		for i, s := range c.sites {
			s.at = i
		}
	}
	if !c.does(Whiten) {
		return nil
	}
	for _, s := range slices.SortedStableFunc(slices.Values(c.sites), func(a, b *site) int { return cmp.Compare(b.inputs, a.inputs) }) {
		rows, what := l.calibration.tokens, "tokens"
		if c.encoding(s.part) {
			rows, what = l.calibration.original.Rows(), "patches of images"
			if c.parts[s.part].Name == "v.merger" {
				rows, what = rows/c.grouped, "embeddings of images"
			}
		}
		if rows < s.inputs {
			return fmt.Errorf("calibration has %d %s besides what is held out, and layer %s reads %d features: at least as many are needed, better ten times as many",
				rows, what, s.layers[0], s.inputs)
		}
	}
	return nil
}

// lane is sequences on their way through the parts, under the original weights and under the cut ones.
type lane struct {
	original, compressed *train.Stream
	tokens               int // that enter Gram matrices
}

// lanes are both kinds.
type lanes struct{ calibration, held *lane }

func (c *compressor) begin(d Calibration) (l lanes, err error) {
	for _, lane := range []struct {
		to   **lane
		list []train.Sequence
	}{{&l.calibration, d.Sequences}, {&l.held, d.Held}} {
		if *lane.to, err = c.lane(lane.list); err != nil {
			return l, err
		}
	}
	return l, nil
}

func (c *compressor) lane(list []train.Sequence) (*lane, error) {
	defer c.clock.time("embed")()
	s, err := c.layered.Begin(list)
	if err != nil {
		return nil, err
	}
	l := &lane{original: s, compressed: s.Clone()}
	for _, s := range list {
		l.tokens += len(s.Tokens) - 2
	}
	return l, nil
}

// advance moves all streams past a part. What nothing more will read is not computed.
func (c *compressor) advance(ctx context.Context, l lanes, part int, original, cut *train.Loaded) error {
	if part == len(c.parts)-1 {
		return nil
	}
	defer c.clock.time("forward")()
	for _, lane := range []*lane{l.calibration, l.held} {
		if lane.original.Part() > part { // text does not pass the encoder
			continue
		}
		if err := original.Forward(ctx, lane.original, nil); err != nil {
			return err
		}
		if err := cut.Forward(ctx, lane.compressed, nil); err != nil {
			return err
		}
	}
	return nil
}

// group is sequences that are computed together, and the rows of theirs that count.
type group struct {
	list []int
	keep []int // rows of the group that enter the Gram matrix; nil for all
}

// groups divides a stream's sequences into such of no more than c.Rows rows.
func (c *compressor) groups(s *train.Stream) (list []group) {
	var g group
	rows := 0
	flush := func() {
		if len(g.list) > 0 {
			list = append(list, g)
		}
		g, rows = group{}, 0
	}
	starts := s.Starts()
	for i := range starts[1:] {
		n := starts[i+1] - starts[i]
		if rows > 0 && rows+n > c.Rows {
			flush()
		}
		g.list = append(g.list, i)
		if !c.encoding(s.Part()) {
			for k := 1; k < n; k++ {
				g.keep = append(g.keep, rows+k)
			}
		}
		rows += n
	}
	flush()
	return list
}

// moments accumulates what the cut of a site needs: of what its layers see in the cut model and are to
// make in the original, or of what they see in the original alone.
func (c *compressor) moments(ctx context.Context, l *lane, s *site, original, cut *train.Loaded, w linalg.Matrix) (*Moments, error) {
	defer c.clock.time("moments")()
	anchored := c.does(Anchor)
	outputs := 0
	if anchored {
		outputs = w.Rows
	}
	m := NewMoments(s.inputs, outputs)
	var seen, meant []float32
	for _, g := range c.groups(l.original) {
		x, err := c.input(ctx, &seen, l.original, g, s, original)
		if err != nil {
			return nil, err
		}
		var y linalg.Matrix
		if anchored {
			meant = resized(meant, x.Rows*w.Rows)
			y = linalg.Dense(x.Rows, w.Rows, meant)
			c.g.Gemm(linalg.Plain, linalg.Transposed, 1, x, w, 0, y)
			if x, err = c.input(ctx, &seen, l.compressed, g, s, cut); err != nil {
				return nil, err
			}
		}
		if err := m.Add(c.g, x, y); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// input returns what a site's layers see of a group, in buf.
func (c *compressor) input(ctx context.Context, buf *[]float32, from *train.Stream, g group, s *site, p *train.Loaded) (linalg.Matrix, error) {
	var values []float32
	rows := 0
	next := 0 // of g.keep
	values = (*buf)[:0]
	err := p.Until(ctx, from.Select(g.list), s.index, func(first int, x linalg.Matrix) error {
		for i := range x.Rows {
			if g.keep != nil {
				if next == len(g.keep) || g.keep[next] != first+i {
					continue
				}
				next++
			}
			values = append(values, x.Data[i*x.Stride:i*x.Stride+x.Cols]...)
			rows++
		}
		return nil
	})
	*buf = values
	return linalg.Dense(rows, s.inputs, values), err
}

// resized returns n values in x's memory if it suffices.
func resized[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

// encoding says whether a part belongs to the encoder of images.
func (c *compressor) encoding(part int) bool { return c.parts[part].Name[0] == 'v' }
