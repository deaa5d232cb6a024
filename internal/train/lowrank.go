package train

import (
	"slices"

	"github.com/wattlaw/wattlaw/internal/linalg"
	"github.com/wattlaw/wattlaw/internal/model"
	"github.com/wattlaw/wattlaw/internal/tn"
)

// factors hold a linear layer as the cores of a matrix product operator, a low-rank pair among them
// (model.Factors). Several layers may have the first core in common: it gets the gradients of all.
type factors struct {
	rows, cols int
	schedule   tn.Schedule
	cores      []*Param // of the schedule's stages
}

// core views x, the values or gradients of a stage's core, as the matrix that multiplies.
func (f *factors) core(i int, x []float32) linalg.Matrix {
	st := f.schedule.Stages[i]
	return linalg.Dense(st.Rows, st.Features(), x)
}

// has says whether a parameter is a weight of the layer.
func (l linear) has(p *Param) bool {
	return p == l.weight || l.factors != nil && slices.Contains(l.factors.cores, p)
}

// namer names parameters as they are asked for, and keeps the first error.
type namer struct {
	source *model.Source // whose factorized layers stay such; nil for none
	params []*Param
	err    error
}

func (s *namer) param(name string, shape ...int) *Param {
	p := &Param{Name: name, Shape: shape}
	s.params = append(s.params, p)
	return p
}

// layer names the weights of a linear layer without a bias.
func (s *namer) layer(name string, inputs, outputs int) linear {
	if s.source == nil || s.err != nil {
		return linear{weight: s.param(name, inputs, outputs)}
	}
	f, err := s.source.Factors(name, outputs, inputs)
	if s.err = err; f == nil {
		return linear{weight: s.param(name, inputs, outputs)}
	}
	l := linear{factors: &factors{rows: outputs, cols: inputs, schedule: f.Schedule}}
	for i, name := range f.Names {
		at := slices.IndexFunc(s.params, func(p *Param) bool { return p.Name == name })
		if at < 0 {
			at = len(s.params)
			s.param(name, f.Shapes[i]...)
		}
		l.factors.cores = append(l.factors.cores, s.params[at])
	}
	return l
}

// chain is the working memory of factorized layers.
type chain struct {
	x         [][]float32 // what each stage multiplies, where that is not the layer's input
	seen      [][]float32 // what each stage multiplies
	y, dy, dx []float32   // what a stage makes, its gradients, and those of what it multiplies
}

// chainValues bounds what stands between two stages; rows are taken in blocks that keep to it.
const chainValues = 1 << 22

// block is the number of rows that go through the stages together.
func (f *factors) block() int { return max(1, chainValues/f.schedule.Widest()) }

// direct says whether the last stage makes rows of the output as they are.
func (f *factors) direct() bool {
	return f.schedule.Stages[len(f.cores)-1].Tokens() == 1 && f.schedule.Last.Identity()
}

// applyFactors computes y = x·Wᵀ.
func (t *tools) applyFactors(y linalg.Matrix, x []float32, f *factors) {
	last := len(f.cores) - 1
	for r := 0; r < y.Rows; r += f.block() {
		n := min(f.block(), y.Rows-r)
		t.approach(x[r*f.cols:(r+n)*f.cols], n, f)
		if f.direct() {
			t.stage(part(y.Data, n, y.Stride, r*y.Stride, y.Cols), last, f)
			continue
		}
		t.chain.y = resize(t.chain.y, n*f.rows)
		st := f.schedule.Stages[last]
		t.stage(linalg.Dense(n*st.Tokens(), st.Rows, t.chain.y), last, f)
		t.spread(n, 1, func(i, _ int) {
			tn.Gather(f.schedule.Last, y.Data[(r+i)*y.Stride:], t.chain.y, i*f.rows, (i+1)*f.rows)
		})
	}
}

// approach computes what each stage multiplies, for n rows.
func (t *tools) approach(x []float32, n int, f *factors) {
	c := &t.chain
	for len(c.x) < len(f.cores) {
		c.x, c.seen = append(c.x, nil), append(c.seen, nil)
	}
	for i, st := range f.schedule.Stages {
		tokens := n * st.Tokens()
		if c.seen[i] = x; i > 0 || !st.Identity() {
			c.x[i] = resize(c.x[i], tokens*st.Features())
			c.seen[i] = c.x[i]
			t.gather(st.Arrangement, c.seen[i], x, tokens)
		}
		if i+1 < len(f.cores) {
			c.y = resize(c.y, tokens*st.Rows)
			t.stage(linalg.Dense(tokens, st.Rows, c.y), i, f)
			x = c.y
		}
	}
}

// stage multiplies what stage i sees with its core.
func (t *tools) stage(y linalg.Matrix, i int, f *factors) {
	x := linalg.Dense(y.Rows, f.schedule.Stages[i].Features(), t.chain.seen[i])
	t.gemm.Gemm(linalg.Plain, linalg.Transposed, 1, x, f.core(i, f.cores[i].Value), 0, y)
}

func (t *tools) gather(a tn.Arrangement, dst, src []float32, tokens int) {
	width := a.Features()
	t.spread(tokens, max(1, grain/width), func(i, j int) { tn.Gather(a, dst[i*width:j*width], src, i, j) })
}

func (t *tools) scatter(a tn.Arrangement, dst, src []float32, tokens int) {
	width := a.Features()
	t.spread(tokens, max(1, grain/width), func(i, j int) { tn.Scatter(a, dst, src[i*width:j*width], i, j) })
}

// factorsBack adds the gradients of the cores of a layer that made y of x, and computes dx = dy·W +
// beta·dx. What the stages multiply is computed again: it takes more memory than time.
func (t *tools) factorsBack(dx []float32, beta float32, dy linalg.Matrix, x []float32, f *factors) {
	c, st := &t.chain, f.schedule.Stages[len(f.cores)-1]
	for r := 0; r < dy.Rows; r += f.block() {
		n := min(f.block(), dy.Rows-r)
		t.approach(x[r*f.cols:(r+n)*f.cols], n, f)
		last := part(dy.Data, n, dy.Stride, r*dy.Stride, dy.Cols)
		if !f.direct() {
			c.dy = resize(c.dy, n*f.rows)
			t.spread(n, 1, func(i, _ int) {
				tn.Scatter(f.schedule.Last, c.dy, last.Data[i*last.Stride:], i*f.rows, (i+1)*f.rows)
			})
			last = linalg.Dense(n*st.Tokens(), st.Rows, c.dy)
		}
		t.stagesBack(dx[r*f.cols:(r+n)*f.cols], beta, last, n, f)
	}
}

// stagesBack goes from the last stage to the first.
func (t *tools) stagesBack(dx []float32, beta float32, dy linalg.Matrix, n int, f *factors) {
	c := &t.chain
	const plain = linalg.Plain
	for i := len(f.cores) - 1; i >= 0; i-- {
		st := f.schedule.Stages[i]
		t.gemm.Gemm(linalg.Transposed, plain, 1, dy, linalg.Dense(dy.Rows, st.Features(), c.seen[i]), 1, f.core(i, f.cores[i].Grad))
		core := f.core(i, f.cores[i].Value)
		if i == 0 && st.Identity() {
			t.gemm.Gemm(plain, plain, 1, dy, core, beta, linalg.Dense(dy.Rows, st.Features(), dx))
			return
		}
		c.dx = resize(c.dx, dy.Rows*st.Features())
		t.gemm.Gemm(plain, plain, 1, dy, core, 0, linalg.Dense(dy.Rows, st.Features(), c.dx))
		c.dy = resize(c.dy, len(c.dx))
		t.scatter(st.Arrangement, c.dy, c.dx, dy.Rows)
		if i > 0 {
			before := f.schedule.Stages[i-1]
			dy = linalg.Dense(n*before.Tokens(), before.Rows, c.dy)
		}
	}
	if beta == 0 { // what dx holds may be anything
		clear(dx)
		beta = 1
	}
	t.spread(len(dx), grain, func(i, j int) {
		for k := i; k < j; k++ {
			dx[k] = beta*dx[k] + c.dy[k]
		}
	})
}
