package model

import (
	"github.com/wattlaw/wattlaw/internal/kernel"
	"github.com/wattlaw/wattlaw/internal/tensor"
	"github.com/wattlaw/wattlaw/internal/tn"
)

// LowRank is a linear layer held as the product of two matrices, W = B·A. What A makes of an
// input is computed once for all layers that share A.
type LowRank struct {
	a, b   *Dense
	shared bool // A is counted by a layer before
	place  int
}

// Rows is the number of output features.
func (l *LowRank) Rows() int { return l.b.Rows() }

// Cols is the number of input features.
func (l *LowRank) Cols() int { return l.a.Cols() }

// Bytes is the memory that the factors take; a shared one counts once.
func (l *LowRank) Bytes() int64 {
	if l.shared {
		return l.b.Bytes()
	}
	return l.a.Bytes() + l.b.Bytes()
}

// MulAdds is rank·(Rows + Cols); a shared factor counts once.
func (l *LowRank) MulAdds() int64 {
	if l.shared {
		return l.b.MulAdds()
	}
	return l.a.MulAdds() + l.b.MulAdds()
}

// Input is the element type of A.
func (l *LowRank) Input() tensor.DType { return l.a.Input() }

// Apply computes rows [r0, r1) of B times what Enter made with A.
func (l *LowRank) Apply(w *Worker, y []float32, ldy, r0, r1 int, in *Input) {
	l.b.Apply(w, y, ldy, r0, r1, &in.middle[l.place].Input)
}

// MPO is a linear layer held as the cores of a matrix product operator. All its work is done on
// entering.
type MPO struct {
	rows, cols int
	schedule   tn.Schedule
	cores      []kernel.Matrix // of the schedule's stages
	place      int
}

// Rows is the number of output features.
func (l *MPO) Rows() int { return l.rows }

// Cols is the number of input features.
func (l *MPO) Cols() int { return l.cols }

// Bytes is the memory that the cores take.
func (l *MPO) Bytes() (n int64) {
	for _, core := range l.cores {
		n += int64(len(core.Data))
	}
	return n
}

// MulAdds is that of the schedule, far more than there are parameters.
func (l *MPO) MulAdds() int64 { return l.schedule.MulAdds() }

// Input is float32: the first core reads another arrangement of the values anyway.
func (l *MPO) Input() tensor.DType { return tensor.F32 }

// Apply copies rows [r0, r1) of what Enter computed.
func (l *MPO) Apply(_ *Worker, y []float32, ldy, r0, r1 int, in *Input) {
	m := in.middle[l.place]
	for t := 0; t < m.n && r0 < r1; t++ {
		copy(y[t*ldy+r0:t*ldy+r1], m.X[t*l.rows+r0:t*l.rows+r1])
	}
}

// factorized loads a layer that is stored as factors.
func (s *Source) factorized(f *Factors) (Linear, error) {
	l := &MPO{rows: f.Rows, cols: f.Cols, schedule: f.Schedule, place: f.place}
	for i, st := range f.Schedule.Stages {
		t, err := s.shaped(f.Names[i], f.Shapes[i]...)
		if err != nil {
			return nil, err
		}
		m := kernel.Matrix{DType: t.DType, Rows: st.Rows, Cols: st.Features(), Data: t.Data}
		if err := m.Check(); err != nil {
			return nil, s.wrong(t.Name, err)
		}
		l.cores = append(l.cores, m)
	}
	if f.LowRank {
		return &LowRank{a: &Dense{l.cores[0]}, b: &Dense{l.cores[1]}, shared: f.Shared, place: f.place}, nil
	}
	return l, nil
}
