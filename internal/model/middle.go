package model

import (
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/tn"
)

// middle is what a factorized layer makes of an input before its last step: for a low-rank pair
// the input of the second factor, for an operator the outputs. Its width is that of the layer
// which was entered last.
type middle struct {
	Input
	steps [2][]float32 // between the stages of an operator, in turn
}

// reserveMiddles makes room for what the layers make of up to tokens vectors.
func (in *Input) reserveMiddles(tokens int, layers []Linear) {
	for _, l := range layers {
		if l.Cols() != in.Width {
			continue
		}
		switch l := l.(type) {
		case *LowRank:
			m := in.reserveMiddle(l.place, tokens*l.b.Cols())
			m.reserve(l.b, tokens)
		case *MPO:
			m := in.reserveMiddle(l.place, tokens*l.rows)
			for i := range m.steps {
				if n := min(tokens, l.chunk()) * l.schedule.Widest(); len(m.steps[i]) < n {
					m.steps[i] = make([]float32, n)
				}
			}
		}
	}
}

func (in *Input) reserveMiddle(place, values int) *middle {
	m := in.middle[place]
	if m == nil {
		m = &middle{}
		in.middle[place] = m
	}
	if len(m.X) < values {
		m.X = make([]float32, values)
	}
	return m
}

// twin returns an input of one vector for a worker that prepares it for itself; the values between
// the steps of factorized layers stay common to all workers.
func (in *Input) twin(x []float32, layers []Linear) *Input {
	t := NewInput(x, in.Width, 1, layers)
	t.own = true
	for i, m := range t.middle {
		if m != nil {
			m.X, m.steps, m.own = in.middle[i].X, in.middle[i].steps, true
		}
	}
	return t
}

// Enter takes the input through all steps of the layers but the last, as far as they have more
// than one. It is collective: every worker of the team calls it with the same layers, which
// read one input. Before the next Enter of the same input stands a barrier.
func (in *Input) Enter(w *Worker, layers ...Linear) {
	in.enterPairs(w, layers)
	for _, l := range layers {
		if l, ok := l.(*MPO); ok {
			in.enterMPO(w, l)
		}
	}
}

// enterPairs multiplies by the first factors of low-rank pairs, side by side as if they were one
// matrix, and prepares the products for the second.
func (in *Input) enterPairs(w *Worker, layers []Linear) {
	total := 0
	for i, l := range layers {
		if l, ok := l.(*LowRank); ok && !entered(layers[:i], l) {
			total += l.a.Rows()
		}
	}
	if total == 0 {
		return
	}
	lo, hi := w.Share(total, grain)
	first := 0
	for i, l := range layers {
		l, ok := l.(*LowRank)
		if !ok {
			continue
		}
		m, rank := in.middle[l.place], l.a.Rows()
		if in.own || w.Index == 0 { // nobody reads the forms of the batch before any more
			m.fit(in.n, l.b)
		}
		if !entered(layers[:i], l) {
			r0, r1 := max(lo-first, 0), min(hi-first, rank)
			l.a.Apply(w, m.X, rank, r0, max(r0, r1), in)
			first += rank
		}
	}
	w.Barrier()
	t0, t1 := 0, in.n
	if !in.own {
		t0, t1 = w.Share(in.n, kernel.PrepareStep)
	}
	for i, l := range layers {
		if l, ok := l.(*LowRank); ok && !preparedMiddle(layers[:i], l) {
			in.middle[l.place].Prepare(w, t0, t1, l.b)
		}
	}
	if !in.own {
		w.Barrier()
	}
}

// entered says whether one of the layers has the same first factor.
func entered(layers []Linear, l *LowRank) bool {
	for _, other := range layers {
		if other, ok := other.(*LowRank); ok && other.place == l.place {
			return true
		}
	}
	return false
}

// preparedMiddle says whether one of the layers reads the same form of the same middle.
func preparedMiddle(layers []Linear, l *LowRank) bool {
	for _, other := range layers {
		if other, ok := other.(*LowRank); ok && other.place == l.place && other.b.Input() == l.b.Input() {
			return true
		}
	}
	return false
}

// fit sizes the form that a layer reads for n vectors of its width.
func (m *middle) fit(n int, l Linear) {
	m.n, m.Width = n, l.Cols()
	m.acts(l.Input()).Reset(l.Input(), n, m.Width)
}

// Bounds of an operator's work. They are fixed, so that results do not depend on the number of
// workers: how many values stand between two stages, and how many vectors one core multiplies at once.
const (
	stepValues  = 1 << 20
	stageTokens = 32
)

// chunk is the number of vectors that go through the stages together.
func (l *MPO) chunk() int { return max(1, stepValues/l.schedule.Widest()) }

// enterMPO applies a whole operator.
func (in *Input) enterMPO(w *Worker, l *MPO) {
	m := in.middle[l.place]
	if in.own || w.Index == 0 {
		m.n = in.n
	}
	for t := 0; t < in.n; t += l.chunk() {
		n := min(l.chunk(), in.n-t)
		x := in.X[t*in.Width : (t+n)*in.Width]
		for i, st := range l.schedule.Stages {
			y := m.steps[i%2]
			l.stage(w, i, y, x, n*st.Tokens())
			w.Barrier()
			x = y
		}
		lo, hi := w.Share(n*l.rows, grain)
		tn.Gather(l.schedule.Last, m.X[t*l.rows+lo:], x, lo, hi)
		w.Barrier()
	}
}

// stage multiplies a number of rearranged vectors with a core. Workers share blocks of them, or rows of
// the core where there are fewer blocks than workers.
func (l *MPO) stage(w *Worker, i int, y, x []float32, tokens int) {
	st, core := l.schedule.Stages[i], l.cores[i]
	t0, t1 := w.Share(tokens, stageTokens)
	r0, r1 := 0, core.Rows
	if tokens <= stageTokens*(w.Count-1) {
		t0, t1 = 0, tokens
		r0, r1 = w.Share(core.Rows, grain)
	}
	for t := t0; t < t1 && r0 < r1; t += stageTokens {
		n := min(stageTokens, t1-t)
		w.rearranged = Sized(w.rearranged, n*core.Cols)
		tn.Gather(st.Arrangement, w.rearranged, x, t, t+n)
		w.acts.Reset(core.DType, n, core.Cols)
		w.Kernels.Prepare(&w.acts, w.rearranged, core.Cols, 0, n, &w.Scratch)
		w.Kernels.MatMul(y[t*core.Rows:], core.Rows, core, r0, r1, &w.acts, &w.Scratch)
	}
}
