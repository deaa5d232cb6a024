package kernel

import (
	"fmt"
	"math"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Attention describes attention over one layer's cache, for all heads.
//
// Query i, at position Start+i, has its heads side by side: head h is
// Q[i*LDQ+h*HeadDim:][:HeadDim]; head h reads KV head h/Group. Position p of the cache has
// KV head j at K[p*LDKV+j*HeadDim:] and V likewise, in binary16; or K32 and V32 hold them in
// their place, as they are. Outputs are laid out as queries: Out[i*LDO+h*HeadDim:].
//
// Attention is causal, query i sees positions 0 … Start+i, unless Visible is positive: then
// every query sees positions 0 … Visible−1 and Start means nothing.
type Attention struct {
	Q              []float32
	LDQ            int
	K, V           []uint16
	K32, V32       []float32
	LDKV           int
	Out            []float32
	LDO            int
	HeadDim, Group int
	Start          int
	Visible        int
	Scale          float32
}

// keyBlock is the number of cache positions converted at a time; scores, keys and values of
// a block stay in the second-level cache.
const keyBlock = 256

// tileGroup is the number of query tiles multiplied together with one block.
const tileGroup = 3

// attentionScratch is Attend's working memory: one block of keys and values as floats, the
// scores of one group of tiles, and per tile of queries the packed queries and the running softmax.
type attentionScratch struct {
	k, v, scores             []float32
	q, out, top, sum, shrink []float32
	rows                     []uint32
}

// Attend computes attention for KV head kvHead and queries q0 ≤ i < q1:
//
//	Out[i][h] = Σ_p softmax_p(Scale·Q[i][h]·K[p])·V[p]   over the positions p that i sees, each head h of the group
//
// It runs over blocks of the cache with a running softmax. Disjoint heads or queries may be
// computed concurrently.
func (s *Set) Attend(a Attention, kvHead, q0, q1 int, sc *Scratch) {
	if q0 >= q1 {
		return
	}
	a.check(kvHead, q0, q1)
	t := &sc.att
	if (q1-q0)*a.Group <= s.p.Rows*3/8 && a.K32 == nil { // most lanes would idle
		for i := q0; i < q1; i++ {
			for h := kvHead * a.Group; h < (kvHead+1)*a.Group; h++ {
				s.attendRow(a, kvHead, i, h, t)
			}
		}
		return
	}
	dim, lanes := roundUp(a.HeadDim, tokens), s.p.Rows
	rows := (q1 - q0) * a.Group // query heads, the lanes of all tiles
	tiles := (rows + lanes - 1) / lanes
	t.k, t.v = resize(t.k, keyBlock*dim), resize(t.v, keyBlock*dim)
	t.scores = resize(t.scores, tileGroup*keyBlock*lanes)
	s.packQueries(a, kvHead, q0, rows, tiles, dim, t)
	for p0, end := 0, a.context(q1-1); p0 < end; p0 += keyBlock {
		n := min(keyBlock, end-p0)
		s.loadKV(t.k, a.K, a.K32, a, kvHead, p0, n, dim)
		s.loadKV(t.v, a.V, a.V32, a, kvHead, p0, n, dim)
		for i := 0; i < tiles; i += tileGroup {
			j := min(i+tileGroup, tiles)
			seen := a.context(q0 + (min(rows, j*lanes)-1)/a.Group)
			if p0 < seen {
				s.attendTiles(a, i, j, p0, min(n, seen-p0), q0, dim, t)
			}
		}
	}
	s.unpackOutputs(a, kvHead, q0, rows, dim, t)
}

// context returns the number of positions that query i sees.
func (a Attention) context(i int) int {
	if a.Visible > 0 {
		return a.Visible
	}
	return a.Start + i + 1
}

// rowBlock is the number of positions that one call of a primitive passes in attendRow.
const rowBlock = 1024

// attendRow computes one query of one head, straight from the cache: all scores, their
// softmax, and the weighted values.
func (s *Set) attendRow(a Attention, kvHead, i, h int, t *attentionScratch) {
	dim, ctx := a.HeadDim, a.context(i)
	dot := s.p.Floats[tensor.F16].Dot
	t.q, t.scores = resize(t.q, dim), resize(t.scores, roundUp(ctx, maxRows))
	for d, v := range a.Q[i*a.LDQ+h*dim:][:dim] {
		t.q[d] = v * a.Scale
	}
	for p := 0; p < ctx; p += rowBlock {
		end := min(p+rowBlock, ctx)
		dot(t.scores[p:end], halves(a.K[p*a.LDKV+kvHead*dim:]), 2*a.LDKV, t.q)
	}
	for p := ctx; p < len(t.scores); p++ {
		t.scores[p] = float32(math.Inf(-1))
	}
	scale := 1 / s.p.SoftmaxRow(t.scores)
	out := a.Out[i*a.LDO+h*dim:][:dim]
	clear(out)
	for p := 0; p < ctx; p += rowBlock {
		s.p.AccumulateF16(out, t.scores[p:min(p+rowBlock, ctx)], a.V[p*a.LDKV+kvHead*dim:], a.LDKV)
	}
	for d := range out {
		out[d] *= scale
	}
}

// packQueries lays the scaled queries out as panels [dim][lanes] and starts the softmax.
func (s *Set) packQueries(a Attention, kvHead, q0, rows, tiles, dim int, t *attentionScratch) {
	lanes := s.p.Rows
	t.rows = resize(t.rows, lanes*dim)
	t.q, t.out = resize(t.q, tiles*lanes*dim), resize(t.out, tiles*lanes*dim)
	t.top, t.sum, t.shrink = resize(t.top, tiles*lanes), resize(t.sum, tiles*lanes), resize(t.shrink, lanes)
	clear(t.out)
	clear(t.sum)
	for i := range t.shrink {
		t.shrink[i] = a.Scale
	}
	for i := range t.top {
		t.top[i] = float32(math.Inf(-1))
	}
	buf := float(t.rows)
	for i := range tiles {
		clear(buf)
		for j := range min(lanes, rows-i*lanes) {
			row := i*lanes + j
			src := a.Q[(q0+row/a.Group)*a.LDQ+(kvHead*a.Group+row%a.Group)*a.HeadDim:][:a.HeadDim]
			copy(buf[j*dim:], src)
		}
		s.p.ScaleLanes(buf, t.shrink)
		s.p.Interleave(bits(t.q[i*lanes*dim:(i+1)*lanes*dim]), t.rows, lanes, dim)
	}
}

// loadKV brings n positions of one head, from src or else from floats, into rows of dim floats,
// zero-padded in both directions to what the multiplication takes at once.
func (s *Set) loadKV(dst []float32, src []uint16, floats []float32, a Attention, kvHead, p0, n, dim int) {
	for p := range n {
		row := dst[p*dim : (p+1)*dim]
		if at := (p0+p)*a.LDKV + kvHead*a.HeadDim; floats != nil {
			copy(row, floats[at:at+a.HeadDim])
		} else {
			s.p.FromF16(row[:a.HeadDim], src[at:at+a.HeadDim])
		}
		clear(row[a.HeadDim:])
	}
	clear(dst[n*dim : roundUp(n, tokens)*dim])
}

// attendTiles advances query tiles i0 ≤ i < i1, whose queries count from q0, over the n cache
// positions from p0.
func (s *Set) attendTiles(a Attention, i0, i1, p0, n, q0, dim int, t *attentionScratch) {
	lanes := s.p.Rows
	size, keys := lanes*dim, roundUp(n, tokens) // positions beyond n are masked
	q, out := t.q[i0*size:i1*size], t.out[i0*size:i1*size]
	scores := t.scores[:(i1-i0)*keys*lanes] // [tile][position][lane]
	for p := 0; p < keys; p += tokens {     // scores[p][lane] = K[p]·Q[lane]
		s.gemmTiles(false, scores[p*lanes:], lanes, keys*lanes, i1-i0, q, t.k[p*dim:], dim, 1, false)
	}
	for i := i0; i < i1; i++ {
		tile := scores[(i-i0)*keys*lanes : (i-i0+1)*keys*lanes]
		for j := range lanes {
			for p := max(0, a.context(q0+(i*lanes+j)/a.Group)-p0); p < keys; p++ {
				tile[p*lanes+j] = float32(math.Inf(-1))
			}
		}
		s.p.Softmax(tile, t.top[i*lanes:(i+1)*lanes], t.sum[i*lanes:(i+1)*lanes], t.shrink)
		s.p.ScaleLanes(t.out[i*size:(i+1)*size], t.shrink)
	}
	for d := 0; d < dim; d += tokens { // out[d][lane] += Σ_p V[p][d]·scores[p][lane]
		s.gemmTiles(false, out[d*lanes:], lanes, size, i1-i0, scores, t.v[d:], 1, dim, true)
	}
}

// unpackOutputs divides by the softmax's sums and writes the heads of each query, transposing
// squares of lanes.
func (s *Set) unpackOutputs(a Attention, kvHead, q0, rows, dim int, t *attentionScratch) {
	lanes := s.p.Rows
	t.rows = resize(t.rows, lanes*lanes)
	square := float(t.rows)
	for i := 0; i*lanes < rows; i++ {
		for j := range lanes {
			t.shrink[j] = 1 / t.sum[i*lanes+j]
		}
		tile := t.out[i*lanes*dim : (i+1)*lanes*dim]
		s.p.ScaleLanes(tile, t.shrink)
		for d := 0; d < a.HeadDim; d += lanes {
			n := min(lanes, dim-d) // columns of the square: half of them at the end of an odd dimension
			s.p.Interleave(t.rows[:n*lanes], bits(tile[d*lanes:(d+n)*lanes]), n, lanes)
			for j := range min(lanes, rows-i*lanes) {
				row := i*lanes + j
				dst := a.Out[(q0+row/a.Group)*a.LDO+(kvHead*a.Group+row%a.Group)*a.HeadDim:][:a.HeadDim]
				copy(dst[d:], square[j*n:(j+1)*n])
			}
		}
	}
}

// check panics when the slices are too short for the shape.
func (a Attention) check(kvHead, q0, q1 int) {
	if a.HeadDim <= 0 || a.Group <= 0 || kvHead < 0 || q0 < 0 || a.Start < 0 || a.Visible < 0 {
		panic(fmt.Sprintf("kernel: attention of head %d, queries %d to %d from %d, %d visible, dimension %d, group %d",
			kvHead, q0, q1, a.Start, a.Visible, a.HeadDim, a.Group))
	}
	heads := (kvHead + 1) * a.Group * a.HeadDim
	cache := (a.context(q1-1)-1)*a.LDKV + (kvHead+1)*a.HeadDim
	k, v := len(a.K), len(a.V)
	if a.K32 != nil {
		k, v = len(a.K32), len(a.V32)
	}
	if len(a.Q) < (q1-1)*a.LDQ+heads || len(a.Out) < (q1-1)*a.LDO+heads || k < cache || v < cache {
		panic(fmt.Sprintf("kernel: attention needs %d queries and outputs and %d cached positions; has %d, %d, %d, %d values",
			q1, a.context(q1-1), len(a.Q), len(a.Out), k, v))
	}
}

// roundUp returns the next multiple of m.
func roundUp(n, m int) int { return (n + m - 1) / m * m }
