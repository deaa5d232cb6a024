package kernel

import "fmt"

// panelBytes bounds the panels unpacked at once, so that they stay in the second-level
// cache beside a tile of activations.
const panelBytes = 512 << 10

// dotBytes bounds the weights of one call of a row-wise primitive: assembly cannot be
// preempted, and this much takes well under 100 µs.
const dotBytes = 256 << 10

// MatMul multiplies weights with all prepared activations:
//
//	y[t*ldy+r] = Σ_k W[r][k]·x[t][k]   for r0 ≤ r < r1 and every token t
//
// Nothing outside those elements is written, so threads may share y and take disjoint rows.
// It panics when shapes do not fit or a was prepared for another kind of weights.
func (s *Set) MatMul(y []float32, ldy int, w Matrix, r0, r1 int, a *Acts, sc *Scratch) {
	switch {
	case a.m == 0 || r0 >= r1:
		return
	case w.Cols != a.k || !a.Fits(w.DType):
		panic(fmt.Sprintf("kernel: %v weights of %d columns do not fit the activations of %d features", w.DType, w.Cols, a.k))
	case r0 < 0 || r1 > w.Rows || ldy < r1 || len(y) < (a.m-1)*ldy+r1:
		panic(fmt.Sprintf("kernel: rows %d to %d of %d into %d floats of stride %d", r0, r1, w.Rows, len(y), ldy))
	}
	switch {
	case !a.panel:
		s.rowwise(y, ldy, w, r0, r1, a)
	case a.kind == kindQ8 || a.kind == kindQ8K:
		s.quantizedPanels(y, ldy, w, r0, r1, a, sc)
	default:
		s.floatPanels(y, ldy, w, r0, r1, a, sc)
	}
}

// rowwise multiplies few tokens, straight from the weights' blocks.
func (s *Set) rowwise(y []float32, ldy int, w Matrix, r0, r1 int, a *Acts) {
	stride, k := w.rowBytes(), w.Cols
	step := max(1, dotBytes/max(stride, 1))
	perD, perSum := a.spans()
	nd, ns := k/perD, k/perSum
	q, quant := s.p.Quantized[w.DType]
	var dot func(y []float32, w []byte, stride int, x []float32)
	if !quant {
		dot = s.dotter(w.DType)
	}
	for r := r0; r < r1; r += step {
		end := min(r+step, r1)
		data := w.Data[r*stride : end*stride]
		for t := range a.m {
			out := y[t*ldy+r : t*ldy+end]
			if quant {
				q.Dot(out, data, stride, a.q[t*k:(t+1)*k], a.d[t*nd:(t+1)*nd], a.sums[t*ns:(t+1)*ns])
			} else {
				dot(out, data, stride, a.f[t*k:(t+1)*k])
			}
		}
	}
}

// tiles returns how many row tiles of bytes each to unpack at once for rows rows.
func (s *Set) tiles(bytes, rows int) int {
	return max(1, min(panelBytes/max(bytes, 1), (rows+s.p.Rows-1)/s.p.Rows))
}

// quantizedPanels unpacks tiles of rows to int8 panels and multiplies each with every token.
func (s *Set) quantizedPanels(y []float32, ldy int, w Matrix, r0, r1 int, a *Acts, sc *Scratch) {
	k, nr := w.Cols, s.p.Rows
	f, unpack, stride := formats[w.DType], s.p.Quantized[w.DType].Unpack, w.rowBytes()
	groups := k / f.group
	tiles := s.tiles(nr*k, r1-r0)
	sc.panel = resize(sc.panel, tiles*nr*k/4)
	sc.panelScales = resize(sc.panelScales, tiles*nr*groups)
	if f.mins {
		sc.panelMins = resize(sc.panelMins, tiles*nr*groups)
	}
	for r := r0; r < r1; r += tiles * nr {
		end := min(r+tiles*nr, r1)
		for i := 0; r+i*nr < end; i++ {
			first, last := r+i*nr, min(r+(i+1)*nr, end)
			s.unpackTile(unpack, w.Data[first*stride:last*stride], last-first, stride, k, f, i, sc)
		}
		for t := 0; t < a.m; t += tokens {
			for i := 0; r+i*nr < end; i++ {
				first := r + i*nr
				out, ldo, full := y, ldy, first+nr <= end && t+tokens <= a.m
				if full {
					out = y[t*ldy+first:]
				} else {
					out, ldo = sc.out[:], nr
				}
				s.gemmQuantized(out, ldo, f, a, t, i, sc)
				if !full {
					copyTile(y[t*ldy+first:], ldy, sc.out[:], nr, min(tokens, a.m-t), min(nr, end-first))
				}
			}
		}
	}
}

// gemmQuantized multiplies panel tile i with the tile of tokens that starts at t.
func (s *Set) gemmQuantized(out []float32, ldo int, f format, a *Acts, t, i int, sc *Scratch) {
	k, groups := a.k, a.k/f.group
	codes := unsigned(sc.panel)[i*s.p.Rows*k : (i+1)*s.p.Rows*k]
	scales := sc.panelScales[i*s.p.Rows*groups : (i+1)*s.p.Rows*groups]
	q := a.q[t*k : (t+tokens)*k]
	switch {
	case f.kind == kindQ8 && f.offset == 8:
		s.p.GemmQ4(out, ldo, codes, scales, q, a.d[t*k/32:(t+tokens)*k/32], a.init[t*k/32:(t+tokens)*k/32])
	case f.kind == kindQ8:
		s.p.GemmQ8(out, ldo, codes, scales, q, a.d[t*k/32:(t+tokens)*k/32], a.init[t*k/32:(t+tokens)*k/32])
	case f.mins:
		mins := sc.panelMins[i*s.p.Rows*groups : (i+1)*s.p.Rows*groups]
		s.p.GemmQ4K(out, ldo, codes, scales, mins, q, a.d[t*k/256:(t+tokens)*k/256], a.fsums[t*k/32:(t+tokens)*k/32])
	default:
		s.p.GemmQ6K(out, ldo, codes, scales, q, a.d[t*k/256:(t+tokens)*k/256], a.init[t*k/16:(t+tokens)*k/16])
	}
}

// unpackTile fills panel tile i with rows rows of k values, stride bytes apart; missing rows of
// the tile get zero scales.
func (s *Set) unpackTile(unpack func(codes []uint8, scales, mins []float32, row []byte), data []byte, rows, stride, k int,
	f format, i int, sc *Scratch) {
	nr, groups := s.p.Rows, k/f.group
	sc.words = resize(sc.words, nr*k/4)
	sc.scales = resize(sc.scales, nr*groups)
	sc.mins = resize(sc.mins, nr*groups)
	codes := unsigned(sc.words)
	for j := range nr {
		scales, mins := sc.scales[j*groups:(j+1)*groups], sc.mins[j*groups:(j+1)*groups]
		if j < rows {
			unpack(codes[j*k:(j+1)*k], scales, mins, data[j*stride:(j+1)*stride])
		} else {
			clear(scales)
			clear(mins)
		}
	}
	s.p.Interleave(sc.panel[i*nr*k/4:(i+1)*nr*k/4], sc.words, nr, k/4)
	span := [2]int{i * nr * groups, (i + 1) * nr * groups}
	s.p.Interleave(bits(sc.panelScales[span[0]:span[1]]), bits(sc.scales), nr, groups)
	if f.mins {
		s.p.Interleave(bits(sc.panelMins[span[0]:span[1]]), bits(sc.mins), nr, groups)
	}
}
