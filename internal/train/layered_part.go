package train

import (
	"context"
	"fmt"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
)

// Loaded is a part with its weights in memory.
type Loaded struct {
	of   *Layered
	part int
	body body
}

// Load reads the weights of a part, by its index in Parts, as float32. Weights that are no numbers are
// refused with the name of their tensor.
func (l *Layered) Load(part int) (*Loaded, error) {
	if part < 0 || part >= len(l.parts) {
		return nil, fmt.Errorf("load part %d: the model has %d", part, len(l.parts))
	}
	s := l.source
	if part < l.decoder {
		s = l.mmproj
	}
	p := &Loaded{of: l, part: part, body: l.bodies[part].clone()}
	r := reader{source: s, tools: l.outline.tools}
	for _, site := range p.body.sites() {
		for _, layer := range site {
			r.linear(layer)
		}
	}
	for _, at := range p.body.rest() {
		r.read(at)
	}
	if r.err != nil {
		return nil, r.err
	}
	return p, nil
}

// reader reads parameters, and keeps the first error.
type reader struct {
	source *model.Source
	*tools
	err error
}

// read replaces a parameter that has no value by one that has.
func (r *reader) read(at **Param) {
	if r.err != nil || *at == nil {
		return
	}
	p := &Param{Name: (*at).Name, Shape: (*at).Shape}
	if p.Value, r.err = r.source.Values(p.Name, p.Shape...); r.err == nil {
		r.err = r.source.CheckValues(p.Name, 0, p.Value)
	}
	*at = p
}

// linear reads a layer's weights, be they stored as factors, and its bias.
func (r *reader) linear(l *linear) {
	names := namer{source: r.source, err: r.err}
	stored := names.layer(l.weight.Name, l.inputs(), l.outputs())
	r.err = names.err
	r.read(&l.bias)
	if stored.factors == nil {
		r.read(&l.weight)
		return
	}
	for i := range stored.factors.cores {
		r.read(&stored.factors.cores[i])
	}
	if r.err == nil {
		l.weight = &Param{Name: l.weight.Name, Shape: l.weight.Shape, Value: r.product(stored.factors)}
	}
}

// product multiplies the factors of a layer out, as what they make of the identity.
func (t *tools) product(f *factors) []float32 {
	w := make([]float32, f.rows*f.cols)
	n := min(f.block(), 256)
	unit, y := make([]float32, n*f.cols), make([]float32, n*f.rows)
	for first := 0; first < f.cols; first += n {
		k := min(n, f.cols-first)
		clear(unit)
		for i := range k {
			unit[i*f.cols+first+i] = 1
		}
		t.applyFactors(linalg.Dense(k, f.rows, y), unit, f)
		t.spread(f.rows, rowGrain, func(i, j int) {
			for row := i; row < j; row++ {
				for c := range k {
					w[row*f.cols+first+c] = y[c*f.rows+row]
				}
			}
		})
	}
	return w
}

// Part says what is loaded, as it is stored.
func (p *Loaded) Part() Part { return p.of.parts[p.part] }

// layer finds a layer by name; it panics when the part has none of that name.
func (p *Loaded) layer(name string) *linear {
	sites := p.body.sites()
	for i, s := range p.Part().Sites {
		for j, layer := range s.Layers {
			if layer == name {
				return sites[i][j]
			}
		}
	}
	panic(fmt.Sprintf("train: part %q has no layer %q", p.Part().Name, name))
}

// Weight returns a layer's live weights, outputs × inputs; of a factorized layer, their product.
func (p *Loaded) Weight(layer string) linalg.Matrix {
	l := p.layer(layer)
	if l.factors != nil {
		return linalg.Dense(l.outputs(), l.inputs(), p.of.outline.product(l.factors))
	}
	return l.weight.matrix(l.weight.Value)
}

// Bias returns a layer's live bias, nil without one.
func (p *Loaded) Bias(layer string) []float32 {
	if l := p.layer(layer); l.bias != nil {
		return l.bias.Value
	}
	return nil
}

// Set makes w, outputs × inputs, the layer's weights from now on; its memory is shared when its rows lie
// side by side. The layers of a feed-forward network may get another width, all together.
func (p *Loaded) Set(layer string, w linalg.Matrix) {
	l := p.layer(layer)
	l.weight, l.factors = &Param{Name: layer + ".weight", Shape: []int{w.Cols, w.Rows}, Value: compact(w)}, nil
}

// SetBias makes b the bias of a layer that has one: for one that got fewer outputs.
func (p *Loaded) SetBias(layer string, b []float32) {
	p.layer(layer).bias = &Param{Name: layer + ".bias", Shape: []int{len(b)}, Value: b}
}

// compact returns the values of a matrix row by row, without a copy if they lie so.
func compact(w linalg.Matrix) []float32 {
	if w.Stride == w.Cols {
		return w.Data[:w.Rows*w.Cols]
	}
	values := make([]float32, 0, w.Rows*w.Cols)
	for i := range w.Rows {
		values = append(values, w.Data[i*w.Stride:i*w.Stride+w.Cols]...)
	}
	return values
}

// Clone returns a part that shares the weights until they are set.
func (p *Loaded) Clone() *Loaded { return &Loaded{of: p.of, part: p.part, body: p.body.clone()} }

// check errs when the part cannot compute the stream: it stands elsewhere, or layers were set that do
// not fit together.
func (p *Loaded) check(s *Stream) error {
	part := p.Part()
	switch {
	case s.of != p.of:
		return fmt.Errorf("part %q: the stream belongs to another model", part.Name)
	case s.at == unfinished:
		return fmt.Errorf("part %q: the stream is of no use after an error; begin it again", part.Name)
	case s.at != p.part:
		return fmt.Errorf("part %q: the stream stands before %q", part.Name, p.of.parts[s.at].Name)
	}
	sites := p.body.sites()
	for i, site := range part.Sites {
		for j, layer := range sites[i] {
			inputs, outputs := site.Inputs, site.Outputs[j]
			if len(sites) == 4 { // a block, whose feed-forward network may have become narrower
				switch i {
				case 2:
					outputs = sites[3][0].inputs()
				case 3:
					inputs = layer.inputs()
				}
			}
			switch {
			case layer.inputs() != inputs || layer.outputs() != outputs:
				return fmt.Errorf("layer %q has weights of %d × %d, want %d × %d", site.Layers[j], layer.outputs(), layer.inputs(), outputs, inputs)
			case layer.bias != nil && len(layer.bias.Value) != outputs:
				return fmt.Errorf("layer %q has %d biases, want %d", site.Layers[j], len(layer.bias.Value), outputs)
			}
		}
	}
	return nil
}

// Forward advances s past the part, in place, in groups of whole sequences of at most Options.Rows rows.
// tap, if not nil, is Taps.Input. Past "output" there is nothing: s stays before it. After an error s is of no use.
func (p *Loaded) Forward(ctx context.Context, s *Stream, tap func(site, first int, x linalg.Matrix) error) error {
	return p.Pass(ctx, s, Taps{Input: tap})
}

// Taps see what passes while a part computes a stream, group by group. Matrices are valid during the call
// only, and first is their first row in the stream (of the merger: in its embeddings). Any may be nil.
type Taps struct {
	// Input sees what the layers of each site multiply, rows × Site.Inputs.
	Input func(site, first int, x linalg.Matrix) error
	// Output sees what a layer makes of that, before its bias, rows × its outputs.
	Output func(layer string, first int, y linalg.Matrix)
	// Group is called behind each group, with its sequences by their places in the stream. It may compute
	// with other parts and streams of the model.
	Group func(sequences []int) error
}

// Pass is Forward with more to be seen.
func (p *Loaded) Pass(ctx context.Context, s *Stream, taps Taps) error {
	if err := p.check(s); err != nil {
		return err
	}
	from, to := *s, *s
	s.at = unfinished
	merges := p.merges()
	if to.at = min(p.part+1, len(p.of.parts)-1); merges {
		to.x = make([]float32, to.Rows()*to.width())
	}
	rest := to.x // of what the merger fills
	err := p.groups(ctx, &from, func(g group, in []float32) error {
		if err := p.compute(g, in, taps); err != nil {
			return err
		}
		if merges {
			x := rest[:len(g.tokens)*to.width()]
			rest = rest[len(x):]
			if err := p.of.fill(&g.pass, x, p.of.outline.encoder.embeddings); err != nil {
				return err
			}
		}
		if taps.Group == nil {
			return nil
		}
		var sequences []int
		for i := g.from; i < g.to; i++ {
			sequences = append(sequences, i)
		}
		return taps.Group(sequences)
	})
	if err == nil {
		*s = to
	}
	return err
}

// merges says that the part turns patches into embeddings.
func (p *Loaded) merges() bool { _, ok := p.body.(*merger); return ok }

// groups calls f for each group of a stream with its rows, until ctx ends.
func (p *Loaded) groups(ctx context.Context, s *Stream, f func(g group, in []float32) error) error {
	width := s.width()
	for g := range s.groups() {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := f(g, s.x[g.first*width:(g.first+g.rows)*width]); err != nil {
			return err
		}
	}
	return nil
}

// compute advances the rows of a group in place.
func (p *Loaded) compute(g group, in []float32, taps Taps) error {
	if g.rows == 0 { // sequences without images, within the encoder
		return nil
	}
	first := 0 // row of the last site's input
	sites := p.body.sites()
	for i, compute := range p.body.steps(p.of.outline, &g.pass, in, in) {
		if i > 0 && taps.Output != nil {
			p.of.outline.watch = func(l linear, y linalg.Matrix) {
				j := slices.IndexFunc(sites[i-1], func(q *linear) bool { return q.weight == l.weight && q.factors == l.factors })
				taps.Output(p.Part().Sites[i-1].Layers[j], first, y)
			}
		}
		x := compute()
		p.of.outline.watch = nil
		if i >= len(p.Part().Sites) {
			continue
		}
		var m linalg.Matrix
		if first, m = p.input(i, g, x); taps.Input == nil {
			continue
		}
		if err := taps.Input(i, first, m); err != nil {
			return err
		}
	}
	return nil
}

// input views x as what a site's layers multiply, from its first row in the stream.
func (p *Loaded) input(site int, g group, x []float32) (first int, m linalg.Matrix) {
	width := p.body.sites()[site][0].inputs()
	rows := len(x) / width
	return g.first / (g.rows / rows), linalg.Dense(rows, width, x)
}

// Until taps the input of one site only, leaves s alone, and computes nothing behind it.
func (p *Loaded) Until(ctx context.Context, s *Stream, site int, tap func(first int, x linalg.Matrix) error) error {
	if err := p.check(s); err != nil {
		return err
	}
	if n := len(p.Part().Sites); site < 0 || site >= n {
		return fmt.Errorf("part %q has %d sites, and no site %d", p.Part().Name, n, site)
	}
	return p.groups(ctx, s, func(g group, in []float32) error {
		if g.rows == 0 {
			return nil
		}
		var x []float32
		for _, compute := range p.body.steps(p.of.outline, &g.pass, in, nil)[:site+1] {
			x = compute()
		}
		return tap(p.input(site, g, x))
	})
}
