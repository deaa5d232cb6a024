package kernel

import (
	"fmt"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// tokens is the number of activations that the panel kernels multiply at once.
const tokens = 8

// panelFrom is the number of tokens from which unpacking the weights into a panel pays;
// fewer are multiplied one by one straight from the weights' blocks.
const panelFrom = 4

// Acts is the activations of m tokens × k features, prepared for multiplication with the
// weights of one format. The zero value is ready for Reset.
//
// Quantized kinds keep, for the row-wise path (m < panelFrom), q [m][k], d [m][k/group] and
// sums [m][k/32 or k/16]; for the panel path, per tile of 8 tokens, q [k/4][8][4], d
// [k/group][8], init [k/group][8] = −offset·Σq, and fsums [k/32][8] = Σq. Float kinds keep
// f [m][k], rounded; words of two bfloat16 where the CPU multiplies these. Tokens beyond m in the last tile are zero,
// or anything where they are floats: their products go nowhere.
type Acts struct {
	format
	m, k  int
	panel bool

	q     []int8
	d     []float32
	sums  []int32
	init  []int32
	fsums []float32
	f     []float32
}

// Reset makes room for m tokens of k features against weights of type w. Buffers are kept
// from call to call. It panics when k is no multiple of the format's block.
func (a *Acts) Reset(w tensor.DType, m, k int) {
	if n := w.BlockValues(); n == 0 || m < 0 || k < 0 || k%n != 0 {
		panic(fmt.Sprintf("kernel: %d activations of %d features for %v, blocks of %d", m, k, w, n))
	}
	a.format, a.m, a.k = formats[w], m, k
	a.panel = m >= panelFrom
	rows := m
	if a.panel {
		rows = (m + tokens - 1) / tokens * tokens
	}
	switch a.kind {
	case kindQ8:
		a.q = resize(a.q, rows*k)
		a.d = resize(a.d, rows*k/32)
		a.sums = resize(a.sums, rows*k/32)
		a.init = resize(a.init, rows*k/32)
	case kindQ8K:
		a.q = resize(a.q, rows*k)
		a.d = resize(a.d, rows*k/256)
		a.sums = resize(a.sums, rows*k/16)
		a.init = resize(a.init, rows*k/16)
		a.fsums = resize(a.fsums, rows*k/32)
	default:
		a.f = resize(a.f, rows*k)
		clear(a.f[m*k:])
	}
}

// Fits reports whether activations prepared for a's format also serve weights of type w:
// Q4_K, Q5_K and Q6_K share theirs, as do formats of one kind and offset.
func (a *Acts) Fits(w tensor.DType) bool {
	f := formats[w]
	return f.kind == a.kind && (f.kind != kindQ8 || f.offset == a.offset)
}

// Len returns the number of tokens and features of the last Reset.
func (a *Acts) Len() (m, k int) { return a.m, a.k }

// PrepareStep is the number of tokens whose prepared form lies together: partition the
// range of Prepare at multiples of it.
const PrepareStep = tokens

// Prepare converts tokens t0 ≤ t < t1; token t is x[t*ldx : t*ldx+k]. Disjoint ranges may
// be prepared concurrently when they meet at multiples of PrepareStep.
func (s *Set) Prepare(a *Acts, x []float32, ldx, t0, t1 int, sc *Scratch) {
	switch {
	case a.kind == kindQ8 || a.kind == kindQ8K:
		if a.panel {
			for t := t0 - t0%tokens; t < t1; t += tokens {
				s.prepareTile(a, x, ldx, t, min(t+tokens, a.m), sc)
			}
			return
		}
		for t := t0; t < t1; t++ {
			s.prepareRow(a, x[t*ldx:t*ldx+a.k], t)
		}
	case s.pairs(a):
		for t := t0; t < t1; t++ {
			s.p.ToBF16(view[uint16](a.f[t*a.k/2:(t+1)*a.k/2]), x[t*ldx:t*ldx+a.k])
		}
	default:
		for t := t0; t < t1; t++ {
			dst, src := a.f[t*a.k:(t+1)*a.k], x[t*ldx:t*ldx+a.k]
			switch a.kind {
			case kindF16:
				s.p.RoundF16(dst, src)
			case kindBF16:
				s.p.RoundBF16(dst, src)
			default:
				copy(dst, src)
			}
		}
	}
}

// spans returns the values per scale d and per sum of a quantized kind.
func (f format) spans() (perD, perSum int) {
	if f.kind == kindQ8K {
		return 256, 16
	}
	return 32, 32
}

// quantize rounds one token.
func (s *Set) quantize(kind kind, q []int8, d []float32, sums []int32, x []float32) {
	if kind == kindQ8K {
		s.p.QuantizeQ8K(q, d, sums, x)
	} else {
		s.p.QuantizeQ8(q, d, sums, x)
	}
}

func (s *Set) prepareRow(a *Acts, x []float32, t int) {
	perD, perSum := a.spans()
	nd, ns := a.k/perD, a.k/perSum
	s.quantize(a.kind, a.q[t*a.k:(t+1)*a.k], a.d[t*nd:(t+1)*nd], a.sums[t*ns:(t+1)*ns], x)
}

// prepareTile quantizes tokens t0 ≤ t < t1 of one tile and lays them out for the panel kernels.
func (s *Set) prepareTile(a *Acts, x []float32, ldx, t0, t1 int, sc *Scratch) {
	perD, perSum := a.spans()
	k, nd, ns := a.k, a.k/perD, a.k/perSum
	sc.words = resize(sc.words, tokens*k/4)
	sc.d = resize(sc.d, tokens*nd)
	sc.sums = resize(sc.sums, tokens*ns)
	q := signed(sc.words)
	for i := range tokens {
		qi, di, si := q[i*k:(i+1)*k], sc.d[i*nd:(i+1)*nd], sc.sums[i*ns:(i+1)*ns]
		if t := t0 + i; t < t1 {
			s.quantize(a.kind, qi, di, si, x[t*ldx:t*ldx+k])
		} else {
			clear(qi)
			clear(di)
			clear(si)
		}
	}
	s.p.Interleave(words(a.q[t0*k:(t0+tokens)*k]), sc.words, tokens, k/4)
	s.p.Interleave(bits(a.d[t0*nd:(t0+tokens)*nd]), bits(sc.d), tokens, nd)
	sums, init := a.sums[t0*ns:(t0+tokens)*ns], a.init[t0*ns:(t0+tokens)*ns]
	s.p.Interleave(words(sums), words(sc.sums), tokens, ns)
	offset := a.offset
	if a.kind == kindQ8K {
		offset = formats[tensor.Q6_K].offset // the only format of this kind that has one
	}
	for i, n := range sums {
		init[i] = -offset * n
	}
	if a.kind == kindQ8K {
		fsums := a.fsums[t0*k/32 : (t0+tokens)*k/32]
		for i := range fsums {
			g, t := i/tokens, i%tokens
			fsums[i] = float32(sums[2*g*tokens+t] + sums[(2*g+1)*tokens+t])
		}
	}
}
