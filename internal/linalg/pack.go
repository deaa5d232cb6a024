package linalg

import "unsafe"

// packA fills g.a with tiles of 8 rows of op(A), [tile][word][8]; missing rows are zero.
func (b *block) packA(op Op, a Matrix) {
	// Panels hold outputs side by side, so the rows of op(A) are its columns transposed.
	b.g.a = b.pack(b.g.a, tileRows, op != Transposed, a, b.m0, b.m1)
}

// packB fills g.b with panels of columns of op(B), [panel][word][Rows]; missing columns are zero.
func (b *block) packB(op Op, m Matrix) {
	b.g.b = b.pack(b.g.b, b.g.p.Rows, op == Transposed, m, b.n0, b.n1)
}

// packStep is the number of rows of a matrix that are packed together where lanes are columns: a
// line of each stays in a first-level cache until its neighbours are packed. An even number.
const packStep = 64

// pack writes panels of width lanes, from first to last, into dst's memory, and returns them:
// word k of lane r of a panel is at [k*width+r]. A lane is a row of m when lanesAreRows, else a
// column; its words are the block's products.
func (b *block) pack(dst []float32, width int, lanesAreRows bool, m Matrix, first, last int) []float32 {
	panels := (last - first + width - 1) / width
	size := width * b.words
	dst = resize(dst, panels*size)
	if lanesAreRows {
		Parallel(b.threads, panels, func(worker, i int) {
			at := first + i*width
			b.packRows(&b.g.workers[worker], dst[i*size:(i+1)*size], width, m, at, min(at+width, last))
		})
		return dst
	}
	per := b.g.round.per()
	step := packStep / per * width
	Parallel(b.threads, (b.k1-b.k0+packStep-1)/packStep, func(worker, i int) {
		k := b.k0 + i*packStep
		for p := range panels {
			panel, at := dst[p*size:(p+1)*size], first+p*width
			b.packColumns(&b.g.workers[worker], panel[i*step:min((i+1)*step, size)], width, m, k, min(k+packStep, b.k1), at, min(at+width, last))
		}
	})
	return dst
}

// packRows packs rows [first, last) of m as lanes of one panel; missing lanes are zero.
func (b *block) packRows(s *scratch, dst []float32, width int, m Matrix, first, last int) {
	depth, n := b.k1-b.k0, last-first
	row := func(r int) []float32 { return m.Data[(first+r)*m.Stride+b.k0 : (first+r)*m.Stride+b.k1] }
	switch {
	case b.g.round == BFloat16:
		line := 2 * b.words
		s.half = resize(s.half, width*line)
		for r := range n {
			b.g.p.ToBF16(s.half[r*line:r*line+depth], row(r))
			clear(s.half[r*line+depth : (r+1)*line])
		}
		clear(s.half[n*line:])
		b.g.p.Interleave(words(dst), words(s.half), width, b.words)
	case n == width && depth == m.Stride: // the rows already lie as Interleave wants them
		b.g.p.Interleave(words(dst), words(m.Data[first*depth:last*depth]), width, depth)
	default:
		s.rows = resize(s.rows, width*depth)
		for r := range n {
			copy(s.rows[r*depth:(r+1)*depth], row(r))
		}
		clear(s.rows[n*depth:])
		b.g.p.Interleave(words(dst), words(s.rows), width, depth)
	}
}

// packColumns packs rows [k0, k1) of columns [first, last) of m, the lanes of one panel; missing
// lanes are zero. Whole lanes are moved as arrays, a call of copy for each would take longer than
// the move.
func (b *block) packColumns(s *scratch, dst []float32, width int, m Matrix, k0, k1, first, last int) {
	depth, n, stride := k1-k0, last-first, m.Stride
	x := m.Data[k0*stride+first:]
	switch pairs := b.g.round == BFloat16; {
	case pairs && n == width && depth%2 == 0:
		b.g.p.PairBF16(words(dst), x, stride, width)
	case pairs:
		s.rows = resize(s.rows, 2*len(dst))
		clear(s.rows)
		for k := range depth {
			copy(s.rows[k*width:], x[k*stride:k*stride+n])
		}
		b.g.p.PairBF16(words(dst), s.rows, width, width)
	case n == width && width == 8:
		for k := range depth {
			*(*[8]float32)(dst[k*8:]) = [8]float32(x[k*stride:])
		}
	case n == width && width == 16:
		for k := range depth {
			*(*[16]float32)(dst[k*16:]) = [16]float32(x[k*stride:])
		}
	default:
		for k := range depth {
			copy(dst[k*width:k*width+n], x[k*stride:k*stride+n])
			clear(dst[k*width+n : (k+1)*width])
		}
	}
}

// words views numbers as the words that Interleave moves.
func words[T float32 | uint16](x []T) []uint32 {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*uint32)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0]))/4)
}

// resize returns a slice of length n with unspecified contents, in s's memory if it suffices.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
