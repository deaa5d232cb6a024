package linalg

import "unsafe"

// packA fills g.a with tiles of 8 rows of alpha·op(A), [tile][k][8]; missing rows are zero.
func (b *block) packA(op Op, a Matrix, alpha float32) {
	depth := b.k1 - b.k0
	tiles := (b.m1 - b.m0 + tileRows - 1) / tileRows
	b.g.a = resize(b.g.a, tiles*tileRows*depth)
	Parallel(b.threads, tiles, func(worker, i int) {
		first := b.m0 + i*tileRows
		dst := b.g.a[i*tileRows*depth : (i+1)*tileRows*depth]
		// Panels hold outputs side by side, so the rows of op(A) are its columns transposed.
		b.pack(&b.g.workers[worker], dst, tileRows, op != Transposed, a, first, min(first+tileRows, b.m1))
		if alpha != 1 {
			for j := range dst {
				dst[j] *= alpha
			}
		}
	})
}

// packB fills g.b with panels of columns of op(B), [panel][k][Rows]; missing columns are zero.
func (b *block) packB(op Op, m Matrix) {
	depth, nr := b.k1-b.k0, b.g.p.Rows
	panels := (b.n1 - b.n0 + nr - 1) / nr
	b.g.b = resize(b.g.b, panels*nr*depth)
	Parallel(b.threads, panels, func(worker, i int) {
		first := b.n0 + i*nr
		dst := b.g.b[i*nr*depth : (i+1)*nr*depth]
		b.pack(&b.g.workers[worker], dst, nr, op == Transposed, m, first, min(first+nr, b.n1))
	})
}

// pack writes dst[k*width+r] for the block's products k and lanes r: element (r, k) of m when
// lanes are its rows, else (k, r), r counting from first; lanes from last on are zero. Whole lanes are moved as arrays, a call of copy for
// each would take longer than the move.
func (b *block) pack(s *scratch, dst []float32, width int, lanesAreRows bool, m Matrix, first, last int) {
	depth, n := b.k1-b.k0, last-first
	if lanesAreRows {
		if n == width && depth == m.Stride { // the rows already lie as Interleave wants them
			b.g.p.Interleave(bits(dst), bits(m.Data[first*depth:last*depth]), width, depth)
			return
		}
		s.rows = resize(s.rows, width*depth)
		for r := range n {
			at := (first+r)*m.Stride + b.k0
			copy(s.rows[r*depth:(r+1)*depth], m.Data[at:at+depth])
		}
		clear(s.rows[n*depth:])
		b.g.p.Interleave(bits(dst), bits(s.rows), width, depth)
		return
	}
	x := m.Data[b.k0*m.Stride+first:]
	switch {
	case n == width && width == 8:
		for k := range depth {
			*(*[8]float32)(dst[k*8:]) = [8]float32(x[k*m.Stride:])
		}
	case n == width && width == 16:
		for k := range depth {
			*(*[16]float32)(dst[k*16:]) = [16]float32(x[k*m.Stride:])
		}
	default:
		for k := range depth {
			copy(dst[k*width:k*width+n], x[k*m.Stride:k*m.Stride+n])
			clear(dst[k*width+n : (k+1)*width])
		}
	}
}

// bits views floats as the words that Interleave moves.
func bits(x []float32) []uint32 {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*uint32)(unsafe.Pointer(&x[0])), len(x))
}

// resize returns a slice of length n with unspecified contents, in s's memory if it suffices.
func resize(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
