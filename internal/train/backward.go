package train

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// backward adds the gradients of all parameters, given m.buffers.dnorm, the loss's gradient
// behind the last norm.
func (m *Model) backward(p *pass) {
	c, n, b := &m.Config, len(p.tokens), &m.buffers
	b.dx, b.dmixed = resize(b.dx, n*c.Width), resize(b.dmixed, n*c.Heads*c.HeadDim)
	b.dqkv = resize(b.dqkv, n*m.qkvWidth())
	b.dgate, b.dup = resize(b.dgate, n*c.FFN), resize(b.dup, n*c.FFN)
	clear(b.dx)
	m.normalizeBack(b.out, m.norm)
	for i := len(m.blocks) - 1; i >= 0; i-- {
		m.feedForwardBack(n, &m.blocks[i], &b.layers[i])
		m.attentionBack(p, &m.blocks[i], &b.layers[i])
	}
	// Columns are shared out rather than tokens: a token may come twice.
	m.spread(c.Width, rowGrain, func(i, j int) {
		for t, id := range p.tokens {
			row := m.embedding.Grad[int(id)*c.Width : (int(id)+1)*c.Width]
			for k := i; k < j; k++ {
				row[k] += b.dx[t*c.Width+k]
			}
		}
	})
}

// weigh adds the gradient dyᵀ·x of y = x·Wᵀ to W's.
func (m *Model) weigh(w *Param, dy linalg.Matrix, x []float32) {
	m.gemm.Gemm(linalg.Transposed, linalg.Plain, 1, dy, linalg.Dense(dy.Rows, w.Shape[0], x), 1, w.matrix(w.Grad))
}

// back computes dx = dy·W + beta·dx.
func (m *Model) back(dx []float32, beta float32, dy linalg.Matrix, w *Param) {
	m.gemm.Gemm(linalg.Plain, linalg.Plain, 1, dy, w.matrix(w.Value), beta, linalg.Dense(dy.Rows, w.Shape[0], dx))
}

func (m *Model) feedForwardBack(n int, w *block, l *saved) {
	c, b := &m.Config, &m.buffers
	m.activate(l)
	dx := linalg.Dense(n, c.Width, b.dx)
	m.weigh(w.down, dx, b.hidden)
	m.back(b.dgate, 0, dx, w.down)
	// hidden is free now: it takes silu(gate), for which up is one.
	ones := resize(b.dot, grain)
	for i := range ones {
		ones[i] = 1
	}
	b.dot = ones
	m.spread(n*c.FFN, grain, func(i, j int) {
		m.kernels.SwiGLU(b.hidden[i:j], l.gate[i:j], ones[:j-i])
		gateBack(b.dgate[i:j], b.dup[i:j], b.hidden[i:j], l.gate[i:j], l.up[i:j])
	})
	dgate, dup := linalg.Dense(n, c.FFN, b.dgate), linalg.Dense(n, c.FFN, b.dup)
	m.weigh(w.gate, dgate, l.ffnNorm)
	m.weigh(w.up, dup, l.ffnNorm)
	m.back(b.dnorm, 0, dgate, w.gate)
	m.back(b.dnorm, 1, dup, w.up)
	m.normalizeBack(l.mid, w.ffnNorm)
}

// gateBack turns d, the gradients of silu(g)·up, into those of g, and writes those of up to dup.
// silu holds silu(g) = g·σ(g), of which σ(g)·(1 + g·(1 − σ(g))) is the derivative.
func gateBack(d, dup, silu, gate, up []float32) {
	const small = 1e-20 // where g·σ(g) may have lost digits, σ is ½
	for i, g := range gate {
		s := float32(0.5)
		if g > small || g < -small {
			s = silu[i] / g
		}
		dup[i] = d[i] * silu[i]
		d[i] *= up[i] * (s + silu[i]*(1-s))
	}
}

func (m *Model) attentionBack(p *pass, w *block, l *saved) {
	n, b, width := len(p.tokens), &m.buffers, m.qkvWidth()
	dx := linalg.Dense(n, m.Config.Width, b.dx)
	m.weigh(w.mix, dx, l.mixed)
	m.back(b.dmixed, 0, dx, w.mix)
	m.attendBack(p, l, b.dqkv, b.dmixed)
	m.rotate(p, b.dqkv, m.angles.back)
	var beta float32
	for _, piece := range m.linears(w) {
		dy := part(b.dqkv, n, width, piece.first, piece.weight.Shape[1])
		m.weigh(piece.weight, dy, l.norm)
		m.back(b.dnorm, beta, dy, piece.weight)
		beta = 1
		if piece.bias != nil {
			for t := range n {
				m.kernels.Add(piece.bias.Grad, dy.Data[t*width:t*width+dy.Cols])
			}
		}
	}
	m.normalizeBack(l.in, w.attnNorm)
}

// normalizeBack adds to dx the gradient of x by way of y = x∘w·s, s = 1/√(mean x² + eps), given
// dnorm, that of y, and to w's gradient Σ_rows dnorm∘x·s:
//
//	dx = s·(w∘dnorm) − x·s³·mean(x∘w∘dnorm)
func (m *Model) normalizeBack(x []float32, w *Param) {
	n, b := m.Config.Width, &m.buffers
	rows := len(x) / n
	b.scale = resize(b.scale, rows)
	m.spread(rows, rowGrain, func(i, j int) {
		for t := i; t < j; t++ {
			x, dy, dx := x[t*n:(t+1)*n], b.dnorm[t*n:(t+1)*n], b.dx[t*n:(t+1)*n]
			var squares, dot float64
			for k, v := range x {
				squares += float64(v) * float64(v)
				dot += float64(v) * float64(w.Value[k]*dy[k])
			}
			s := 1 / math.Sqrt(squares/float64(n)+m.Config.Eps)
			shrink := float32(s * s * s * dot / float64(n))
			b.scale[t] = float32(s)
			for k, v := range x {
				dx[k] += float32(s)*(w.Value[k]*dy[k]) - v*shrink
			}
		}
	})
	m.spread(n, rowGrain, func(i, j int) {
		for t := range rows {
			for k := i; k < j; k++ {
				w.Grad[k] += b.dnorm[t*n+k] * x[t*n+k] * b.scale[t]
			}
		}
	})
}
