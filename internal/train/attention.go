package train

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// queryBlock is the number of queries whose scores are held at once.
const queryBlock = 64

// headScratch is the working memory of one thread in attention.
type headScratch struct {
	gemm      *linalg.Multiplier
	p, dp     []float32 // probabilities of a block of queries and their gradients
	stride, n int       // of a row, a multiple of 16; keys that the block looks at
}

// eachHead calls f for every sequence and every key–value head, on all threads: all that f writes
// belongs to that pair.
func (m *Model) eachHead(p *pass, f func(h *headScratch, s span, kv int)) {
	kvHeads := m.Config.KVHeads
	linalg.Parallel(m.threads, len(p.spans)*kvHeads, func(worker, i int) {
		f(&m.heads[worker], p.spans[i/kvHeads], i%kvHeads)
	})
}

// head views the rows [i, j) of sequence s of head h of x, whose rows are heads side by side.
func (m *Model) head(x []float32, width int, s span, h, i, j int) linalg.Matrix {
	return part(x, j-i, width, (s.first+i)*width+h*m.Config.HeadDim, m.Config.HeadDim)
}

func (m *Model) scale() float32 { return float32(1 / math.Sqrt(float64(m.Config.HeadDim))) }

// probabilities computes softmax(q·kᵀ/√dim) for queries [i, j) of head h over the positions
// up to each.
func (m *Model) probabilities(sc *headScratch, qkv []float32, s span, kv, h, i, j int) linalg.Matrix {
	width := m.qkvWidth()
	sc.n, sc.stride = j, (j+15)&^15
	sc.p, sc.dp = resize(sc.p, queryBlock*sc.stride), resize(sc.dp, queryBlock*sc.stride)
	p := linalg.Matrix{Rows: j - i, Cols: j, Stride: sc.stride, Data: sc.p}
	sc.gemm.Gemm(linalg.Plain, linalg.Transposed, m.scale(), m.head(qkv, width, s, h, i, j), m.head(qkv, width, s, m.Config.Heads+kv, 0, j), 0, p)
	softmax := m.kernels.Primitives().SoftmaxRow
	for r := range j - i {
		row := sc.p[r*sc.stride : (r+1)*sc.stride]
		for k := i + r + 1; k < len(row); k++ {
			row[k] = float32(math.Inf(-1))
		}
		shrink := 1 / softmax(row)
		for k := range row {
			row[k] *= shrink
		}
	}
	return p
}

// attend fills l.mixed with the weighted values.
func (m *Model) attend(p *pass, l *saved) {
	c, width, mixed := &m.Config, m.qkvWidth(), m.Config.Heads*m.Config.HeadDim
	m.eachHead(p, func(sc *headScratch, s span, kv int) {
		for h := kv * c.Group(); h < (kv+1)*c.Group(); h++ {
			for i := 0; i < s.n; i += queryBlock {
				j := min(i+queryBlock, s.n)
				w := m.probabilities(sc, l.qkv, s, kv, h, i, j)
				values := m.head(l.qkv, width, s, c.Heads+c.KVHeads+kv, 0, j)
				sc.gemm.Gemm(linalg.Plain, linalg.Plain, 1, w, values, 0, m.head(l.mixed, mixed, s, h, i, j))
			}
		}
	})
}

// attendBack fills dqkv, the gradients of the rotated queries, keys and values, from dmixed. The
// probabilities are computed again: they take more memory than time.
func (m *Model) attendBack(p *pass, l *saved, dqkv, dmixed []float32) {
	clear(dqkv)
	m.eachHead(p, func(sc *headScratch, s span, kv int) {
		group := m.Config.Group()
		for h := kv * group; h < (kv+1)*group; h++ {
			for i := 0; i < s.n; i += queryBlock {
				m.headBack(sc, l, dqkv, dmixed, s, kv, h, i, min(i+queryBlock, s.n))
			}
		}
	})
}

// headBack adds the gradients by way of queries [i, j) of head h: with P the probabilities and
// dP = dO·Vᵀ, the scores have the gradient dS = P∘(dP − Σ_k P∘dP).
func (m *Model) headBack(sc *headScratch, l *saved, dqkv, dmixed []float32, s span, kv, h, i, j int) {
	c, width, mixed := &m.Config, m.qkvWidth(), m.Config.Heads*m.Config.HeadDim
	const plain, transposed = linalg.Plain, linalg.Transposed
	key, value := c.Heads+kv, c.Heads+c.KVHeads+kv
	w := m.probabilities(sc, l.qkv, s, kv, h, i, j)
	dw := w
	dw.Data = sc.dp
	dout := m.head(dmixed, mixed, s, h, i, j)
	sc.gemm.Gemm(plain, transposed, 1, dout, m.head(l.qkv, width, s, value, 0, j), 0, dw)
	sc.gemm.Gemm(transposed, plain, 1, w, dout, 1, m.head(dqkv, width, s, value, 0, j))
	for r := range j - i {
		probs, grads := sc.p[r*sc.stride:r*sc.stride+j], sc.dp[r*sc.stride:r*sc.stride+j]
		var mean float64
		for k, v := range probs {
			mean += float64(v) * float64(grads[k])
		}
		for k, v := range probs {
			grads[k] = v * (grads[k] - float32(mean))
		}
	}
	sc.gemm.Gemm(plain, plain, m.scale(), dw, m.head(l.qkv, width, s, key, 0, j), 0, m.head(dqkv, width, s, h, i, j))
	sc.gemm.Gemm(transposed, plain, m.scale(), dw, m.head(l.qkv, width, s, h, i, j), 1, m.head(dqkv, width, s, key, 0, j))
}
