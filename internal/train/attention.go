package train

import (
	"math"

	"github.com/wattlaw/wattlaw/internal/linalg"
)

// attention is how the rows of a span attend to each other. A row holds queries, keys and values
// side by side, in each of them heads side by side.
type attention struct {
	heads, kvHeads, dim int
	causal              bool // every row to those up to it; otherwise to the whole span
}

// width counts the features of a row.
func (a attention) width() int { return (a.heads + 2*a.kvHeads) * a.dim }

// mixed counts those of a row of outputs.
func (a attention) mixed() int { return a.heads * a.dim }

func (a attention) scale() float32 { return float32(1 / math.Sqrt(float64(a.dim))) }

// queryBlock is the number of queries whose scores are held at once.
const queryBlock = 64

// headScratch is the working memory of one thread in attention.
type headScratch struct {
	gemm   *linalg.Multiplier
	p, dp  []float32 // probabilities of a block of queries and their gradients
	stride int       // of a row, a multiple of 16
}

// queries are a block [i, j) of those of one head of a span, and the keys [0, n) that they look at.
type queries struct {
	attention
	span
	head, kv int
	i, j     int
	keys     int
}

// eachBlock calls f for all queries, on all threads: those that share a key–value head of a span
// one block after the other, as all that f writes belongs to that pair.
func (t *tools) eachBlock(a attention, spans []span, f func(h *headScratch, q queries)) {
	group := a.heads / a.kvHeads
	linalg.Parallel(t.threads, len(spans)*a.kvHeads, func(worker, task int) {
		s, kv := spans[task/a.kvHeads], task%a.kvHeads
		for head := kv * group; head < (kv+1)*group; head++ {
			for i := 0; i < s.n; i += queryBlock {
				q := queries{attention: a, span: s, head: head, kv: kv, i: i, j: min(i+queryBlock, s.n), keys: s.n}
				if a.causal {
					q.keys = q.j
				}
				f(&t.heads[worker], q)
			}
		}
	})
}

// of views the block's rows of its head of x, whose rows are stride floats.
func (q queries) of(x []float32, stride int) linalg.Matrix {
	return part(x, q.j-q.i, stride, (q.first+q.i)*stride+q.head*q.dim, q.dim)
}

// seen views the rows that the block looks at, of head h of qkv.
func (q queries) seen(qkv []float32, h int) linalg.Matrix {
	return part(qkv, q.keys, q.width(), q.first*q.width()+h*q.dim, q.dim)
}

// key and value number the heads of qkv that belong to the block.
func (q queries) key() int   { return q.heads + q.kv }
func (q queries) value() int { return q.heads + q.kvHeads + q.kv }

// probabilities computes softmax(q·kᵀ/√dim) of a block.
func (t *tools) probabilities(sc *headScratch, qkv []float32, q queries) linalg.Matrix {
	sc.stride = (q.keys + 15) &^ 15
	sc.p, sc.dp = resize(sc.p, queryBlock*sc.stride), resize(sc.dp, queryBlock*sc.stride)
	p := linalg.Matrix{Rows: q.j - q.i, Cols: q.keys, Stride: sc.stride, Data: sc.p}
	sc.gemm.Gemm(linalg.Plain, linalg.Transposed, q.scale(), q.of(qkv, q.width()), q.seen(qkv, q.key()), 0, p)
	kernels := t.kernels.Primitives()
	shrink := make([]float32, kernels.Rows)
	for r := range p.Rows {
		row := sc.p[r*sc.stride : (r+1)*sc.stride]
		visible := q.keys
		if q.causal {
			visible = q.i + r + 1
		}
		for k := visible; k < len(row); k++ {
			row[k] = float32(math.Inf(-1))
		}
		total := kernels.SoftmaxRow(row)
		for k := range shrink {
			shrink[k] = 1 / total
		}
		kernels.ScaleLanes(row, shrink)
	}
	return p
}

// attend fills mixed with the weighted values.
func (t *tools) attend(a attention, spans []span, mixed, qkv []float32) {
	t.eachBlock(a, spans, func(sc *headScratch, q queries) {
		p := t.probabilities(sc, qkv, q)
		sc.gemm.Gemm(linalg.Plain, linalg.Plain, 1, p, q.seen(qkv, q.value()), 0, q.of(mixed, a.mixed()))
	})
}

// attendBack fills dqkv, the gradients of the rotated queries, keys and values, from dmixed. The
// probabilities are computed again: they take more memory than time.
func (t *tools) attendBack(a attention, spans []span, dqkv, dmixed, qkv []float32) {
	clear(dqkv)
	t.eachBlock(a, spans, func(sc *headScratch, q queries) { t.blockBack(sc, q, dqkv, dmixed, qkv) })
}

// blockBack adds the gradients by way of a block: with P the probabilities and dP = dO·Vᵀ, q·kᵀ
// has the gradient P∘(dP − Σ_k P∘dP)/√dim.
func (t *tools) blockBack(sc *headScratch, q queries, dqkv, dmixed, qkv []float32) {
	const plain, transposed = linalg.Plain, linalg.Transposed
	p := t.probabilities(sc, qkv, q)
	dp := p
	dp.Data = sc.dp
	dout := q.of(dmixed, q.mixed())
	sc.gemm.Gemm(plain, transposed, 1, dout, q.seen(qkv, q.value()), 0, dp)
	sc.gemm.Gemm(transposed, plain, 1, p, dout, 1, q.seen(dqkv, q.value()))
	for r := range p.Rows {
		row, end := r*sc.stride, r*sc.stride+q.keys
		t.kernels.SoftmaxBack(sc.dp[row:end], sc.p[row:end], q.scale())
	}
	sc.gemm.Gemm(plain, plain, 1, dp, q.seen(qkv, q.key()), 0, q.of(dqkv, q.width()))
	sc.gemm.Gemm(transposed, plain, 1, dp, q.of(qkv, q.width()), 1, q.seen(dqkv, q.key()))
}
