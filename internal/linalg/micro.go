package linalg

import (
	"unsafe"

	"github.com/wattlaw/wattlaw/internal/kernel"
)

// micro is what the driver needs to know of one type of numbers: how they are packed into words,
// and the primitives that multiply them. A word of bfloat16 holds two numbers, any other is one.
type micro[T Float] struct {
	lanes int // outputs of a panel of op(B)
	per   int // numbers in a word
	depth int // words of the sums of a block: a tile of op(A) then fills half of a first-level cache

	one   func(out []T, ldo int, panel, x []T, ts, ks int, accumulate bool)
	three func(out []T, ldo, os int, panel, x []T, ts, ks int, accumulate bool)
	// rows packs n rows of depth numbers, ld apart, as lanes of a panel of width; columns packs
	// depth rows of n numbers, the lanes. Missing lanes are zero.
	rows    func(s *scratch[T], dst []T, width int, x []T, ld, n, depth int)
	columns func(s *scratch[T], dst []T, width int, x []T, ld, n, depth int)
	// scale multiplies x, a multiple of lanes long, with equal factors, lanes of them.
	scale func(x, factors []T)

	dots func(d, a []T, ld int, x []T)
	adds func(y, a []T, ld int, c []T)
	both func(y, d, a []T, ld int, x, c []T)
}

// microOf returns the primitives for T as they are.
func microOf[T Float](p *kernel.Primitives) micro[T] {
	var t T
	switch any(t).(type) {
	case float32:
		return any(micro32(p)).(micro[T])
	default:
		return any(micro64(p)).(micro[T])
	}
}

func micro32(p *kernel.Primitives) micro[float32] {
	return micro[float32]{lanes: p.Rows, per: 1, depth: 512, one: p.GemmF32, three: p.GemmF32x3, scale: p.ScaleLanes,
		rows: func(s *scratch[float32], dst []float32, width int, x []float32, ld, n, depth int) {
			if n < width || depth < ld { // else the rows already lie as Interleave wants them
				s.rows = resize(s.rows, width*depth)
				for r := range n {
					copy(s.rows[r*depth:(r+1)*depth], x[r*ld:])
				}
				clear(s.rows[n*depth:])
				x = s.rows
			}
			p.Interleave(words(dst), words(x[:width*depth]), width, depth)
		},
		columns: packColumns[float32],
		dots:    p.RowDotsF32, adds: p.AddRowsF32, both: p.SymRowsF32}
}

func micro64(p *kernel.Primitives) micro[float64] {
	return micro[float64]{lanes: p.RowsF64, per: 1, depth: 256, one: p.GemmF64, three: p.GemmF64x3,
		scale: func(x, factors []float64) {
			f := factors[0]
			for i := range x {
				x[i] *= f
			}
		},
		rows: interleave[float64], columns: packColumns[float64],
		dots: p.RowDotsF64, adds: p.AddRowsF64, both: p.SymRowsF64}
}

// microBF16 multiplies float32 rounded to pairs of bfloat16.
func microBF16(p *kernel.Primitives) micro[float32] {
	m := micro32(p)
	m.per, m.one, m.three = 2, p.GemmBF16, p.GemmBF16x3
	m.rows = func(s *scratch[float32], dst []float32, width int, x []float32, ld, n, depth int) {
		line := 2 * (len(dst) / width)
		s.half = resize(s.half, width*line)
		for r := range n {
			p.ToBF16(s.half[r*line:r*line+depth], x[r*ld:r*ld+depth])
			clear(s.half[r*line+depth : (r+1)*line])
		}
		clear(s.half[n*line:])
		p.Interleave(words(dst), words(s.half), width, len(dst)/width)
	}
	m.columns = func(s *scratch[float32], dst []float32, width int, x []float32, ld, n, depth int) {
		if n < width || depth%2 != 0 {
			s.rows = resize(s.rows, 2*len(dst))
			clear(s.rows)
			for k := range depth {
				copy(s.rows[k*width:], x[k*ld:k*ld+n])
			}
			x, ld = s.rows, width
		}
		p.PairBF16(words(dst), x, ld, width)
	}
	return m
}

// interleave packs rows as lanes, eight or four of them together: they fill the lines they write. Of eight it
// reads a line of each at a time, as rows that lie a power of two apart drive each other out of a cache.
func interleave[T Float](_ *scratch[T], dst []T, width int, x []T, ld, n, depth int) {
	if n < width {
		clear(dst)
	}
	row := func(r int) []T { return x[r*ld : r*ld+depth] }
	r := 0
	if width == 8 && n == 8 {
		r = 8
		k := 0
		for ; k+8 <= depth; k += 8 {
			out := (*[64]T)(dst[8*k:])
			for r := range 8 {
				in := (*[8]T)(x[r*ld+k:])
				out[r], out[8+r], out[16+r], out[24+r] = in[0], in[1], in[2], in[3]
				out[32+r], out[40+r], out[48+r], out[56+r] = in[4], in[5], in[6], in[7]
			}
		}
		for ; k < depth; k++ {
			for r := range 8 {
				dst[8*k+r] = x[r*ld+k]
			}
		}
	}
	for ; r+4 <= n; r += 4 {
		x0 := row(r)
		x1, x2, x3 := row(r + 1)[:len(x0)], row(r + 2)[:len(x0)], row(r + 3)[:len(x0)]
		for k, v := range x0 {
			*(*[4]T)(dst[k*width+r:]) = [4]T{v, x1[k], x2[k], x3[k]}
		}
	}
	for ; r < n; r++ {
		for k, v := range row(r) {
			dst[k*width+r] = v
		}
	}
}

// packColumns packs lanes that lie side by side. Whole ones are moved as arrays, a call of copy for
// each would take longer than the move.
func packColumns[T Float](_ *scratch[T], dst []T, width int, x []T, ld, n, depth int) {
	switch {
	case n == width && width == 4:
		for k := range depth {
			*(*[4]T)(dst[k*4:]) = [4]T(x[k*ld:])
		}
	case n == width && width == 8:
		for k := range depth {
			*(*[8]T)(dst[k*8:]) = [8]T(x[k*ld:])
		}
	case n == width && width == 16:
		for k := range depth {
			*(*[16]T)(dst[k*16:]) = [16]T(x[k*ld:])
		}
	default:
		for k := range depth {
			copy(dst[k*width:k*width+n], x[k*ld:k*ld+n])
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
