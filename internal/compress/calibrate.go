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

// part is a calibration on every n-th of the sequences.
func (d Calibration) part(n int) Calibration {
	return Calibration{Sequences: every(d.Sequences, n), Held: d.Held, Hash: d.Hash}
}

func every[T any](list []T, n int) (some []T) {
	for i := 0; i < len(list); i += n {
		some = append(some, list[i])
	}
	return some
}

// Split holds every tenth of a list of sequences out, at least one.
func Split(list []train.Sequence) (c Calibration, err error) {
	if len(list) < 2 {
		return c, fmt.Errorf("calibration: %d sequences: at least two are needed, one to be held out", len(list))
	}
	tenth := min(10, len(list))
	for i, s := range list {
		if i%tenth == tenth-1 {
			c.Held = append(c.Held, s)
		} else {
			c.Sequences = append(c.Sequences, s)
		}
	}
	c.Hash = hashSequences(list)
	return c, nil
}

// check errs when there are fewer rows than the widest site has inputs: their Gram matrix would say
// nothing of some directions.
func (c *compressor) check(d Calibration) error {
	if len(d.Held) == 0 {
		return fmt.Errorf("calibration: no sequence is held out to measure on")
	}
	if !slices.ContainsFunc(d.Held, predicts) {
		return fmt.Errorf("calibration: of the %d sequences that are held out none has a token of weight above 0 to measure on", len(d.Held))
	}
	cutsEncoder := slices.ContainsFunc(c.sites, func(s *site) bool { return c.encoding(s.part) })
	if cutsEncoder && !slices.ContainsFunc(d.Held, func(s train.Sequence) bool { return len(s.Images) > 0 }) {
		return fmt.Errorf("calibration: of the %d sequences that are held out none has an image, so that nothing would tell what cuts of the encoder do: add tasks with images, every tenth sequence is held out", len(d.Held))
	}
	tokens, patches := 0, 0
	for _, s := range d.Sequences {
		tokens += len(s.Tokens) - 2
		for _, im := range s.Images {
			if c.patch == 0 {
				return fmt.Errorf("calibration has images, and the model no encoder of them: name its encoder, or calibrate on text")
			}
			patches += im.View.Size.Width * im.View.Size.Height / c.patch
		}
	}
	if !c.does(Whiten) {
		return nil
	}
	for _, s := range slices.SortedStableFunc(slices.Values(c.sites), func(a, b *site) int { return cmp.Compare(b.inputs, a.inputs) }) {
		rows, what := tokens, "tokens"
		switch {
		case c.parts[s.part].Name == "v.merger":
			rows, what = patches/c.grouped, "embeddings of images"
		case c.encoding(s.part):
			rows, what = patches, "patches of images"
		}
		if rows < s.inputs {
			return fmt.Errorf("calibration has %d %s besides what is held out, and layer %s reads %d features: at least as many are needed, better ten times as many",
				rows, what, s.layers[0], s.inputs)
		}
	}
	return nil
}

// predicts says whether the prediction of any of a sequence's tokens counts.
func predicts(s train.Sequence) bool {
	return len(s.Tokens) > 1 && (s.Weights == nil || slices.ContainsFunc(s.Weights[min(1, len(s.Weights)):], func(w float32) bool { return w > 0 }))
}

// lane is sequences on their way through the parts, under the original weights and under the cut ones.
type lane struct{ original, compressed *train.Stream }

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
	return &lane{s, s.Clone()}, nil
}

// advance moves all streams past a part. What nothing more will read is not computed.
func (c *compressor) advance(ctx context.Context, l lanes, part int, original, cut *train.Loaded) error {
	if part == len(c.parts)-1 {
		return nil
	}
	defer c.clock.time("forward")()
	for _, lane := range []*lane{l.calibration, l.held} {
		for _, s := range []struct {
			stream *train.Stream
			by     *train.Loaded
		}{{lane.original, original}, {lane.compressed, cut}} {
			if s.stream.Part() > part { // text does not pass the encoder, and targets may have been read on the way
				continue
			}
			if err := s.by.Forward(ctx, s.stream, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// groups divides a stream's sequences into such of no more than c.Rows rows.
func (c *compressor) groups(s *train.Stream) (list [][]int) {
	var g []int
	starts := s.Starts()
	for i := range starts[1:] {
		if len(g) > 0 && starts[i+1]-starts[g[0]] > c.Rows {
			list, g = append(list, g), nil
		}
		g = append(g, i)
	}
	return append(list, g)
}

// sinks lists the rows of a stream that enter no Gram matrix.
func (c *compressor) sinks(s *train.Stream) []int {
	if c.encoding(s.Part()) {
		return nil
	}
	return s.Starts()
}

// appendRows appends the rows of x, the first of which is row first of a stream, but for sinks.
func appendRows(to []float32, x linalg.Matrix, first int, sinks []int) []float32 {
	next, _ := slices.BinarySearch(sinks, first)
	for i := range x.Rows {
		if next < len(sinks) && sinks[next] == first+i {
			next++
			continue
		}
		to = append(to, x.Data[i*x.Stride:i*x.Stride+x.Cols]...)
	}
	return to
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
	if anchored && c.closes(s) {
		return m, c.passing(ctx, m, l, s, original, cut)
	}
	return m, c.selecting(ctx, m, l, s, original, cut, w)
}

// selecting adds what the layers of a site see and are to make, if that is wanted, to m, and leaves streams alone.
func (c *compressor) selecting(ctx context.Context, m *Moments, l *lane, s *site, original, cut *train.Loaded, w linalg.Matrix) error {
	for _, g := range c.groups(l.original) {
		x, err := c.input(ctx, &c.buffers[0], l.original.Select(g), s, original)
		if err != nil {
			return err
		}
		var y linalg.Matrix
		if m.r.Rows > 0 {
			c.buffers[1] = resized(c.buffers[1], x.Rows*w.Rows)
			y = linalg.Dense(x.Rows, w.Rows, c.buffers[1])
			c.g.Gemm(linalg.Plain, linalg.Transposed, 1, x, w, 0, y)
			if x, err = c.input(ctx, &c.buffers[0], l.compressed.Select(g), s, cut); err != nil {
				return err
			}
		}
		if err := m.Add(c.g, x, y); err != nil {
			return err
		}
	}
	return nil
}

// closes says whether a site is one layer whose outputs are the last that a part makes, and another part
// stands behind.
func (c *compressor) closes(s *site) bool {
	return len(s.layers) == 1 && s.index == len(c.parts[s.part].Sites)-1 && s.part < len(c.parts)-1
}

// passing does the same for a site that closes its part: what it is to make is read while the original's stream
// passes the part, as it has to anyway.
func (c *compressor) passing(ctx context.Context, m *Moments, l *lane, s *site, original, cut *train.Loaded) error {
	sinks := c.sinks(l.original)
	y := c.buffers[1][:0]
	defer func() { c.buffers[1] = y }()
	return original.Pass(ctx, l.original, train.Taps{
		Output: func(layer string, first int, made linalg.Matrix) {
			if layer == s.layers[0] {
				y = appendRows(y, made, first, sinks)
			}
		},
		Group: func(sequences []int) error {
			x, err := c.input(ctx, &c.buffers[0], l.compressed.Select(sequences), s, cut)
			if err == nil {
				err = m.Add(c.g, x, linalg.Dense(x.Rows, m.r.Rows, y))
			}
			y = y[:0]
			return err
		},
	})
}

// input returns what a site's layers see of sequences, in buf.
func (c *compressor) input(ctx context.Context, buf *[]float32, from *train.Stream, s *site, p *train.Loaded) (linalg.Matrix, error) {
	values := (*buf)[:0]
	sinks := c.sinks(from)
	err := p.Until(ctx, from, s.index, func(first int, x linalg.Matrix) error {
		values = appendRows(values, x, first, sinks)
		return nil
	})
	*buf = values
	return linalg.Dense(len(values)/s.inputs, s.inputs, values), err
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
