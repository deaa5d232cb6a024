package train

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// Of Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024): how much
// of the momentum stays, and the coefficients of the quintic that drives singular values to one.
const (
	muonMomentum   = 0.95
	muonIterations = 5
	muonA          = 3.4445
	muonB          = -4.7750
	muonC          = 2.0315
)

// muonScale times √(longer side) gives an orthogonal update the size of an update of AdamW, so
// that both go by one learning rate (Liu et al., "Muon is scalable for LLM training", 2025, §2.2).
const muonScale = 0.2

// orthogonal says whether a parameter is updated by Muon: the matrices inside the layers, which
// turn features into features.
func (m *Model) orthogonal(p *Param) bool {
	outer := p == m.embedding || m.output.has(p) || m.encoder != nil && p == m.encoder.patch
	return len(p.Shape) == 2 && !outer
}

// muon updates one matrix: by its momentum, made orthogonal.
func (m *Model) muon(p *Param, momentum []float32, plan Plan, rate float64, shrink float32) {
	rows, cols := p.Shape[1], p.Shape[0]
	b := &m.buffers
	b.muon = resize(b.muon, len(p.Value))
	update := b.muon
	sums := make([]float64, (len(update)+grain-1)/grain)
	m.spread(len(update), grain, func(i, j int) {
		var sum float64
		for k := i; k < j; k++ {
			g := p.Grad[k] * shrink
			momentum[k] = muonMomentum*momentum[k] + g
			update[k] = muonMomentum*momentum[k] + g
			sum += float64(update[k]) * float64(update[k])
		}
		sums[i/grain] = sum
	})
	var squares float64
	for _, s := range sums {
		squares += s
	}
	if squares == 0 {
		return
	}
	unit := float32(1 / math.Sqrt(squares))
	m.spread(len(update), grain, func(i, j int) {
		for k := i; k < j; k++ {
			update[k] *= unit
		}
	})
	m.orthogonalize(linalg.Dense(rows, cols, update))
	step := float32(rate * muonScale * math.Sqrt(float64(max(rows, cols))))
	keep := float32(1 - rate*plan.Decay)
	m.spread(len(update), grain, func(i, j int) {
		for k := i; k < j; k++ {
			p.Value[k] = keep*p.Value[k] - step*update[k]
		}
	})
}

// orthogonalize replaces x, of norm one, by about U·Vᵀ, U·S·Vᵀ being its singular value decomposition:
// with A = X·Xᵀ, or Xᵀ·X where that is smaller, X = a·X + (b·A + c·A²)·X.
func (m *Model) orthogonalize(x linalg.Matrix) {
	n, b := min(x.Rows, x.Cols), &m.buffers
	tall := x.Rows > x.Cols
	b.gram, b.gram2, b.next = resize(b.gram, n*n), resize(b.gram2, n*n), resize(b.next, x.Rows*x.Cols)
	a, a2, next := linalg.Dense(n, n, b.gram), linalg.Dense(n, n, b.gram2), linalg.Dense(x.Rows, x.Cols, b.next)
	const plain, transposed = linalg.Plain, linalg.Transposed
	for range muonIterations {
		if tall {
			m.gemm.Gemm(transposed, plain, 1, x, x, 0, a)
		} else {
			m.gemm.Gemm(plain, transposed, 1, x, x, 0, a)
		}
		copy(a2.Data, a.Data)
		m.gemm.Gemm(plain, plain, muonC, a, a, muonB, a2)
		copy(next.Data, x.Data)
		if tall {
			m.gemm.Gemm(plain, plain, 1, x, a2, muonA, next)
		} else {
			m.gemm.Gemm(plain, plain, 1, a2, x, muonA, next)
		}
		copy(x.Data, next.Data)
	}
}
