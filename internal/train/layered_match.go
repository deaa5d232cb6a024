package train

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/tn"
)

// SetFactors makes b·a the layer's weights from now on, b outputs × rank and a rank × inputs; the layer is
// computed with both. Layers of one site that are given the same memory as a have it in common.
func (p *Loaded) SetFactors(layer string, b, a linalg.Matrix) {
	if b.Cols != a.Rows || a.Rows < 1 {
		panic(fmt.Sprintf("train: factors of %d × %d and %d × %d for layer %q", b.Rows, b.Cols, a.Rows, a.Cols, layer))
	}
	l := p.layer(layer)
	first := p.sharedFactor(layer, a)
	if first == nil {
		first = &Param{Name: layer + ".a", Shape: []int{a.Cols, a.Rows}, Value: compact(a)}
	}
	second := &Param{Name: layer + ".b", Shape: []int{b.Cols, b.Rows}, Value: compact(b)}
	schedule := tn.NewSchedule(tn.LowRank(b.Rows, a.Cols), []int{a.Rows}, tn.FromLast)
	l.weight, l.factors = nil, &factors{rows: b.Rows, cols: a.Cols, schedule: schedule, cores: []*Param{first, second}}
}

// sharedFactor returns a as another layer of the site has it; nil when none has.
func (p *Loaded) sharedFactor(layer string, a linalg.Matrix) *Param {
	sites := p.body.sites()
	for i, s := range p.Part().Sites {
		if !slices.Contains(s.Layers, layer) {
			continue
		}
		for _, l := range sites[i] {
			if l.factors == nil {
				continue
			}
			q := l.factors.cores[0]
			if q.Shape[0] == a.Cols && q.Shape[1] == a.Rows && a.Stride == a.Cols && &q.Value[0] == &a.Data[0] {
				return q
			}
		}
	}
	return nil
}

// Factors returns the live factors that the layer was given, and no data when it is dense.
func (p *Loaded) Factors(layer string) (b, a linalg.Matrix) {
	f := p.layer(layer).factors
	if f == nil {
		return b, a
	}
	return f.core(1, f.cores[1].Value), f.core(0, f.cores[0].Value)
}

// MatchOptions say how a part is matched to a target.
type MatchOptions struct {
	Steps int
	Batch int     // sequences of a step, drawn without repetition until all had their turn; 0 for all
	Rate  float64 // the highest learning rate: Adam moves a value about so far in a step
	Seed  uint64
	// Skip leaves out the first tokens of every sequence: attention sinks, whose features are so
	// large that they would drown the others.
	Skip int
}

// schedule warms up over a tenth of the steps and ends at a tenth of the rate.
func (o MatchOptions) schedule() Schedule {
	return Schedule{Peak: o.Rate, Floor: o.Rate / 10, WarmUp: o.Steps / 10, Steps: o.Steps}
}

// Match improves the part's factors, norms and biases by Adam, so that what it makes of in comes close to
// target, which stands behind the part; dense weights stay. It returns the mean squared difference of a
// value before and after. A part that did not come closer, or after an error, stays as it was; so do both streams.
func (p *Loaded) Match(ctx context.Context, in, target *Stream, opt MatchOptions) (before, after float64, err error) {
	fail := func(err error) (float64, float64, error) {
		return 0, 0, fmt.Errorf("match part %q: %w", p.Part().Name, err)
	}
	plan, err := Plan{Batch: 1, Rate: opt.schedule()}.withDefaults()
	if err != nil {
		return fail(err)
	}
	if err := p.canMatch(in, target); err != nil {
		return fail(err)
	}
	trial := p.Clone()
	m := matching{Loaded: trial, opt: opt, learner: &Model{tools: p.of.outline.tools, params: trial.learnable()}}
	if before, err = m.pass(ctx, in, target, false); err != nil {
		return fail(err)
	}
	if err := m.learn(ctx, in, target, plan); err != nil {
		return fail(err)
	}
	if after, err = m.pass(ctx, in, target, false); err != nil {
		return fail(err)
	}
	if !(after < before) {
		return before, before, nil
	}
	for _, q := range m.learner.params {
		q.Grad = nil
	}
	p.body = trial.body
	return before, after, nil
}

// canMatch errs when target is not what stands behind the part for the sequences of in.
func (p *Loaded) canMatch(in, target *Stream) error {
	if err := p.check(in); err != nil {
		return err
	}
	_, last := p.body.(*readout)
	switch {
	case last:
		return fmt.Errorf("no stream stands behind it; distill the model instead")
	case target.of != p.of || target.at != p.part+1:
		return fmt.Errorf("the target must stand before %q of the same model", p.of.parts[p.part+1].Name)
	case !slices.EqualFunc(in.list, target.list, func(a, b *excerpt) bool {
		return a.patches == b.patches && slices.Equal(a.tokens, b.tokens)
	}):
		return fmt.Errorf("the target is of other sequences")
	case in.Rows() == 0:
		return fmt.Errorf("the sequences have no rows here")
	}
	return nil
}

// learnable gives the part its own copies of what is learned, with gradients, and lists them.
func (p *Loaded) learnable() (params []*Param) {
	own := map[*Param]*Param{} // what layers share they go on sharing
	take := func(at **Param) {
		if *at == nil {
			return
		}
		q := own[*at]
		if q == nil {
			q = &Param{Name: (*at).Name, Shape: (*at).Shape, Value: slices.Clone((*at).Value), Grad: make([]float32, len((*at).Value))}
			own[*at], params = q, append(params, q)
		}
		*at = q
	}
	for _, site := range p.body.sites() {
		for _, l := range site {
			take(&l.bias)
			if l.factors == nil {
				continue
			}
			f := *l.factors
			f.cores = slices.Clone(f.cores)
			for i := range f.cores {
				take(&f.cores[i])
			}
			l.factors = &f
		}
	}
	for _, at := range p.body.rest() {
		take(at)
	}
	return params
}

// matching is a part on its way to a target.
type matching struct {
	*Loaded
	opt     MatchOptions
	learner *Model    // of the parameters that are learned, and no more
	out     []float32 // and, once it is known, the gradient of the difference
	target  []float32
}

func (m *matching) learn(ctx context.Context, in, target *Stream, plan Plan) error {
	n, moments := len(in.list), newAdam(m.learner.params)
	size := m.opt.Batch
	if size <= 0 || size > n {
		size = n
	}
	rng := rand.New(rand.NewPCG(m.opt.Seed, 0))
	var order []int
	for step := 1; step <= plan.Rate.Steps; step++ {
		if len(order) < size {
			order = rng.Perm(n)
		}
		batch := order[:size]
		order = order[size:]
		for _, p := range m.learner.params {
			clear(p.Grad)
		}
		loss, err := m.pass(ctx, in.Select(batch), target.Select(batch), true)
		if err != nil {
			return err
		}
		if !finite(loss) {
			return fmt.Errorf("step %d: the difference is %v: lower the rate", step, loss)
		}
		m.learner.update(moments, plan, step, plan.Rate.Rate(step-1), 1)
	}
	return nil
}

// pass returns the mean squared difference of a value, and may add gradients, those of half of it.
func (m *matching) pass(ctx context.Context, in, target *Stream, gradients bool) (float64, error) {
	counted := m.counted(in)
	if counted == 0 {
		return 0, nil // sequences without images, or shorter than what is skipped
	}
	var sum float64
	row := 0 // of target
	err := m.groups(ctx, in, func(g group, x []float32) error {
		first := row
		row += rowsBehind(g, target)
		if g.rows == 0 {
			return nil
		}
		out := m.forward(g, x)
		m.aim(g, target, first)
		sum += m.differ(g, out, 1/float32(counted))
		if gradients {
			m.body.back(m.of.outline, &g.pass, x, out)
		}
		return nil
	})
	return sum / float64(counted), err
}

// rowsBehind counts the rows of a group in the target.
func rowsBehind(g group, target *Stream) int {
	if target.at < target.of.decoder {
		return g.rows
	}
	return len(g.tokens)
}

// counted counts the values of a stream's target that are compared.
func (m *matching) counted(in *Stream) (n int) {
	l := m.of
	for _, e := range in.list {
		switch {
		case m.merges():
			n += e.patches / l.outline.encoder.config.Grouped() * l.outline.Config.Width
		case m.part < l.decoder:
			n += e.patches * l.outline.encoder.config.Width
		default:
			n += max(len(e.tokens)-m.opt.Skip, 0) * l.outline.Config.Width
		}
	}
	return n
}

// forward computes a group's rows behind the part; the merger's are the embeddings only.
func (m *matching) forward(g group, x []float32) []float32 {
	m.out = resize(m.out, len(x))
	for _, compute := range m.body.steps(m.of.outline, &g.pass, x, m.out) {
		compute()
	}
	if m.merges() {
		m.out = append(m.out[:0], m.of.outline.encoder.embeddings...)
	}
	return m.out
}

// aim gathers the rows of the target that a group is compared with, from its first one.
func (m *matching) aim(g group, target *Stream, first int) {
	width := target.width()
	rows := target.x[first*width : (first+rowsBehind(g, target))*width]
	if !m.merges() {
		m.target = rows
		return
	}
	m.target = nil
	for i, id := range g.tokens {
		if id == fromImage {
			m.target = append(m.target, rows[i*width:(i+1)*width]...)
		}
	}
}

// differ returns the sum of squared differences, and leaves them, times scale, in out.
func (m *matching) differ(g group, out []float32, scale float32) (sum float64) {
	if m.part >= m.of.decoder {
		width := m.of.outline.Config.Width
		for _, s := range g.spans { // rows that are skipped differ by nothing
			skip := s.first * width
			copy(out[skip:skip+min(m.opt.Skip, s.n)*width], m.target[skip:])
		}
	}
	sums := make([]float64, (len(out)+grain-1)/grain)
	m.of.outline.spread(len(out), grain, func(i, j int) {
		var sum float64
		for k := i; k < j; k++ {
			d := out[k] - m.target[k]
			sum += float64(d) * float64(d)
			out[k] = d * scale
		}
		sums[i/grain] = sum
	})
	for _, s := range sums {
		sum += s
	}
	return sum
}
