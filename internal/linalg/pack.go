package linalg

// packA fills g.a with tiles of 8 rows of op(A), [tile][word][8]; missing rows are zero.
func (b *block[T]) packA(op Op, a MatrixOf[T]) {
	// Panels hold outputs side by side, so the rows of op(A) are its columns transposed.
	b.g.a = b.pack(b.g.a, tileRows, op != Transposed, a, b.m0, b.m1)
}

// packB fills g.b with panels of columns of op(B), [panel][word][lanes]; missing columns are zero.
func (b *block[T]) packB(op Op, m MatrixOf[T]) {
	b.g.b = b.pack(b.g.b, b.g.micro.lanes, op == Transposed, m, b.n0, b.n1)
}

// packStep is the number of rows of a matrix that are packed together where lanes are columns: a
// line of each stays in a first-level cache until its neighbours are packed. An even number.
const packStep = 64

// pack writes panels of width lanes, from first to last, into dst's memory, and returns them:
// word k of lane r of a panel is at [k*width+r]. A lane is a row of m when lanesAreRows, else a
// column; its words are the block's products.
func (b *block[T]) pack(dst []T, width int, lanesAreRows bool, m MatrixOf[T], first, last int) []T {
	panels := (last - first + width - 1) / width
	size := width * b.words
	dst = resize(dst, panels*size)
	micro := &b.g.micro
	if lanesAreRows {
		Parallel(b.threads, panels, func(worker, i int) {
			at := first + i*width
			micro.rows(&b.g.workers[worker], dst[i*size:(i+1)*size], width, m.Data[at*m.Stride+b.k0:], m.Stride, min(width, last-at), b.k1-b.k0)
		})
		return dst
	}
	step := packStep / micro.per * width
	Parallel(b.threads, (b.k1-b.k0+packStep-1)/packStep, func(worker, i int) {
		k := b.k0 + i*packStep
		for p := range panels {
			panel, at := dst[p*size:(p+1)*size], first+p*width
			micro.columns(&b.g.workers[worker], panel[i*step:min((i+1)*step, size)], width, m.Data[k*m.Stride+at:], m.Stride,
				min(width, last-at), min(packStep, b.k1-k))
		}
	})
	return dst
}

// resize returns a slice of length n with unspecified contents, in s's memory if it suffices.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
