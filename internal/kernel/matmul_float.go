package kernel

import "github.com/wattlaw/wattlaw/internal/tensor"

// blockFeatures bounds the features of a row that one panel holds, so that several panels
// fit the second-level cache beside a tile of activations. A multiple of every format's block.
const blockFeatures = 768

// floatPanels converts tiles of rows to float32 panels, as many as the second-level cache
// holds, and multiplies each with every token. Long rows are taken in blocks of features;
// outputs in between are kept in y, which rounds nothing.
//
// Pairs of bfloat16 are words like float32, half as many: only the multiplication differs.
func (s *Set) floatPanels(y []float32, ldy int, w Matrix, r0, r1 int, a *Acts, sc *Scratch) {
	pairs := s.pairs(a)
	if pairs {
		w.DType, w.Cols = tensor.F32, w.Cols/2
	}
	k, nr := w.Cols, s.p.Rows
	block := balance(k, blockFeatures)
	tiles := s.tiles(4*nr*block, r1-r0)
	if tiles > 3 {
		tiles -= tiles % 3
	}
	for r := r0; r < r1; r += tiles * nr {
		end := min(r+tiles*nr, r1)
		for k0 := 0; k0 < k; k0 += block {
			k1 := min(k0+block, k)
			s.floatPass(w, r, end, k0, k1, sc)
			for t := 0; t < a.m; t += tokens {
				x := a.f[t*k+k0 : (t+tokens-1)*k+k1]
				s.floatTile(y[t*ldy:], ldy, r, end, min(tokens, a.m-t), k1-k0, x, k, pairs, k0 > 0, sc)
			}
		}
	}
}

// pairs reports whether a's activations are pairs of bfloat16, to be multiplied as such.
func (s *Set) pairs(a *Acts) bool {
	return a.kind == kindBF16 && a.panel && a.k%2 == 0 && s.BFloat16()
}

// balance returns the length, a multiple of every format's block, of the fewest blocks of at
// most top features that cover k.
func balance(k, top int) int {
	n := (k + top - 1) / top
	return min(k, roundUp((k+n-1)/n, 256))
}

// floatPass fills panels with features k0 ≤ k < k1 of rows r0 ≤ r < r1; missing rows of the
// last are zero.
func (s *Set) floatPass(w Matrix, r0, r1, k0, k1 int, sc *Scratch) {
	n, nr, stride := k1-k0, s.p.Rows, w.rowBytes()
	per, bytes := w.DType.BlockValues(), w.DType.BlockBytes()
	read := s.rowReader(w.DType)
	sc.words = resize(sc.words, nr*n)
	sc.panel = resize(sc.panel, roundUp(r1-r0, nr)*n)
	rows := float(sc.words)
	for r := r0; r < r1; r += nr {
		end := min(r+nr, r1)
		for j := r; j < end; j++ {
			read(rows[(j-r)*n:(j-r+1)*n], w.Data[j*stride+k0/per*bytes:j*stride+k1/per*bytes])
		}
		clear(rows[(end-r)*n:])
		s.p.Interleave(sc.panel[(r-r0)*n:(r-r0+nr)*n], sc.words, nr, n)
	}
}

// floatTile multiplies the panels of rows r0 ≤ r < r1 with n words of one tile of m tokens,
// x[t*ldx+j], and writes y[t*ldy+r], or adds to it.
func (s *Set) floatTile(y []float32, ldy, r0, r1, m, n int, x []float32, ldx int, pairs, accumulate bool, sc *Scratch) {
	nr := s.p.Rows
	panel := float(sc.panel)
	r := r0
	if full := (r1 - r0) / nr; m == tokens && full > 0 {
		s.gemmTiles(pairs, y[r0:], ldy, nr, full, panel[:full*nr*n], x, ldx, 1, accumulate)
		r += full * nr
	}
	for ; r < r1; r += nr { // what does not fill a tile goes through one
		rows := min(nr, r1-r)
		if accumulate {
			copyTile(sc.out[:], nr, y[r:], ldy, m, rows)
		}
		s.gemmTiles(pairs, sc.out[:], nr, nr, 1, panel[(r-r0)*n:(r-r0+nr)*n], x, ldx, 1, accumulate)
		copyTile(y[r:], ldy, sc.out[:], nr, m, rows)
	}
}

// gemmTiles multiplies n panels, one behind the other, with one tile of tokens; the products
// of panel i go to out[i*os:].
func (s *Set) gemmTiles(pairs bool, out []float32, ldo, os, n int, panel, x []float32, ts, ks int, accumulate bool) {
	one, three := s.p.GemmF32, s.p.GemmF32x3
	if pairs {
		one, three = s.p.GemmBF16, s.p.GemmBF16x3
	}
	per, i := len(panel)/n, 0
	for ; i+3 <= n; i += 3 {
		three(out[i*os:], ldo, os, panel[i*per:(i+3)*per], x, ts, ks, accumulate)
	}
	for ; i < n; i++ {
		one(out[i*os:], ldo, panel[i*per:(i+1)*per], x, ts, ks, accumulate)
	}
}

// copyTile copies the m×n corner of a tile.
func copyTile(dst []float32, ldd int, src []float32, lds, m, n int) {
	for t := range m {
		copy(dst[t*ldd:t*ldd+n], src[t*lds:t*lds+n])
	}
}
