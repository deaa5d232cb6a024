package imaging

import "math"

// Filter is how an image is resampled.
type Filter string

// Filters.
const (
	// FilterBilinear interpolates between the four nearest pixels, corners aligned with
	// corners, without antialiasing; values are truncated. llama.cpp's for Qwen-VL.
	FilterBilinear Filter = "bilinear"
	// FilterBicubic is llama.cpp's older cubic over 4×4 pixels, left upper corners aligned,
	// without antialiasing.
	FilterBicubic Filter = "bicubic"
	// FilterBicubicPillow is Pillow's antialiased cubic (a = -0.5) in fixed point; weights are
	// rounded as llama.cpp does, so that a few pixels differ by 1 from Pillow's.
	FilterBicubicPillow Filter = "bicubic-pillow"
	// FilterLanczosPillow is Pillow's antialiased Lanczos over three lobes in fixed point.
	FilterLanczosPillow Filter = "lanczos-pillow"
)

// Filters lists all filters.
func Filters() []Filter {
	return []Filter{FilterBilinear, FilterBicubic, FilterBicubicPillow, FilterLanczosPillow}
}

func (f Filter) known() bool {
	for _, k := range Filters() {
		if f == k {
			return true
		}
	}
	return false
}

// Resize returns src stretched to a size. An image that has the size already is returned as
// it is, not copied. A source or a size that does not check, an unknown filter, or an
// intermediate image beyond MaxPixels gives the empty image.
func Resize(src RGB, to Size, f Filter) RGB {
	if src.Check() != nil || to.Check() != nil || !f.known() {
		return RGB{}
	}
	if src.Size() == to {
		return src
	}
	switch f {
	case FilterBilinear:
		return resizeBilinear(src, to)
	case FilterBicubic:
		return resizeBicubic(src, to)
	case FilterLanczosPillow:
		return resizePillow(src, to, kernel{at: lanczos, radius: 3})
	}
	return resizePillow(src, to, kernel{at: cubic, radius: 2, twice: true})
}

// tap says where an output position samples: the source index below it and how far beyond
// it the position lies.
type tap struct {
	at   int
	frac float32
}

// taps returns the sampling positions of n outputs, i·ratio each, in float32.
func taps(n, limit int, ratio float32) []tap {
	out := make([]tap, n)
	for i := range out {
		p := float32(float32(i) * ratio)
		at := min(int(p), limit)
		out[i] = tap{at, p - float32(at)}
	}
	return out
}

// rows keeps the last four source rows after horizontal interpolation: neighbouring output
// rows share them.
type rows struct {
	src  RGB
	wide func(dst []float32, row []uint8)
	line [4][]float32
	held [4]int
}

func newRows(src RGB, width int, wide func([]float32, []uint8)) *rows {
	r := &rows{src: src, wide: wide, held: [4]int{-1, -1, -1, -1}}
	for i := range r.line {
		r.line[i] = make([]float32, 3*width)
	}
	return r
}

// at returns source row y, or the nearest that there is, interpolated to the new width.
func (r *rows) at(y int) []float32 {
	y = min(max(y, 0), r.src.Height-1)
	if r.held[y&3] != y {
		r.wide(r.line[y&3], r.src.row(y))
		r.held[y&3] = y
	}
	return r.line[y&3]
}

func resizeBilinear(src RGB, to Size) RGB {
	ratio := func(from, to int) float32 {
		if to < 2 {
			return 0
		}
		return float32(from-1) / float32(to-1)
	}
	across := taps(to.Width, src.Width-1, ratio(src.Width, to.Width))
	down := taps(to.Height, src.Height-1, ratio(src.Height, to.Height))
	lines := newRows(src, to.Width, func(dst []float32, row []uint8) {
		for x, t := range across {
			a := row[3*t.at:]
			b := row[3*min(t.at+1, src.Width-1):]
			for c := range 3 {
				dst[3*x+c] = lerp(float32(a[c]), float32(b[c]), t.frac)
			}
		}
	})
	out := NewRGB(to)
	for y, t := range down {
		top, bottom := lines.at(t.at), lines.at(t.at+1)
		for i := range out.row(y) {
			out.row(y)[i] = uint8(lerp(top[i], bottom[i], t.frac))
		}
	}
	return out
}

// lerp interpolates; the conversion keeps the compiler from fusing product and sum, which
// would round differently on some processors.
func lerp(a, b, t float32) float32 { return a + float32((b-a)*t) }

func resizeBicubic(src RGB, to Size) RGB {
	across := taps(to.Width, src.Width-1, float32(src.Width)/float32(to.Width))
	down := taps(to.Height, src.Height-1, float32(src.Height)/float32(to.Height))
	last := src.Width - 1
	lines := newRows(src, to.Width, func(dst []float32, row []uint8) {
		for x, t := range across {
			l, m := row[3*max(t.at-1, 0):], row[3*t.at:]
			r, s := row[3*min(t.at+1, last):], row[3*min(t.at+2, last):]
			for c := range 3 {
				dst[3*x+c] = cubicAt(float32(l[c]), float32(m[c]), float32(r[c]), float32(s[c]), t.frac)
			}
		}
	})
	out := NewRGB(to)
	for y, t := range down {
		a, b, c, d := lines.at(t.at-1), lines.at(t.at), lines.at(t.at+1), lines.at(t.at+2)
		for i := range out.row(y) {
			v := math.Round(float64(cubicAt(a[i], b[i], c[i], d[i], t.frac)))
			out.row(y)[i] = uint8(min(max(v, 0), 255))
		}
	}
	return out
}

// cubicAt returns the cubic through four equidistant values at t beyond the second. The
// coefficients are formed in float64 and stored in float32, the polynomial summed in float32
// from the constant term up, as llama.cpp does; nothing may be fused.
func cubicAt(before, at, after, beyond, t float32) float32 {
	d0, d2, d3 := float64(before-at), float64(after-at), float64(beyond-at)
	a1 := float32(float64(float64(-1.0/3*d0)+d2) - float64(1.0/6*d3))
	a2 := float32(float64(0.5*d0) + float64(0.5*d2))
	a3 := float32(float64(float64(-1.0/6*d0)-float64(0.5*d2)) + float64(1.0/6*d3))
	sum := at + float32(a1*t)
	sum += float32(float32(a2*t) * t)
	return sum + float32(float32(float32(a3*t)*t)*t)
}
