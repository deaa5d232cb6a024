package tensor

import "math"

// The block encoders minimize Σ w (x − decoded)² over a block. All of them alternate between
// the two halves of the problem: given scale (and minimum), the best level of a value is the
// nearest; given the levels, the best scale is a linear least-squares solution. Several starts
// keep the alternation from the first local minimum that comes along; what is left of it after
// the block's scales are rounded is searched with the rounded scales themselves.
//
// Products are rounded explicitly, so that no compiler fuses them with an addition and a
// model quantizes to the same bytes on every machine.

// signedSums returns Σ w x q and Σ w q² for the levels q of x, nearest to x·inv.
type signedSums func(x, w []float32, inv float32) (sxq, sqq float32)

// wholeLevels is signedSums for the integers from lo to hi.
func wholeLevels(lo, hi int32) signedSums {
	return func(x, w []float32, inv float32) (sxq, sqq float32) {
		w = w[:len(x)]
		for i, v := range x {
			q := float32(nearest(v*inv, lo, hi))
			wq := float32(w[i] * q)
			sxq += float32(wq * v)
			sqq += float32(wq * q)
		}
		return sxq, sqq
	}
}

// nearest returns the integer from lo to hi that is nearest to v, for lo ≤ 0.
func nearest(v float32, lo, hi int32) int32 {
	// Conversion truncates, which rounds down above lo; what lies below is lo anyway.
	return max(min(int32(v+(0.5-float32(lo)))+lo, hi), lo)
}

// clearly is the factor by which a later start must be better than an earlier one. Among equals
// the first wins, not the luck of rounding: then sub-blocks of like values have like scales.
const clearly = 1 + 1e-6

// rounds is how often a fit alternates after the best start: hardly any block moves longer.
const rounds = 3

// fitScale returns the scale of x ≈ scale q, of either sign. Each start is a level that the
// value of largest magnitude is mapped to. It reports false if a value is NaN or too large.
func fitScale(x, w, starts []float32, sums signedSums) (scale float32, ok bool) {
	lo, hi, ok := span(x)
	if !ok {
		return 0, false
	}
	extreme := hi
	if -lo > hi {
		extreme = lo
	}
	var best float32
	try := func(inv float32) bool {
		sxq, sqq := sums(x, w, inv)
		// What the best scale for these levels takes off Σ w x².
		if sqq > 0 && float32(sxq*sxq) > float32(float32(best*sqq)*clearly) {
			scale = sxq / sqq
			best = scale * sxq
			return true
		}
		return false
	}
	inverse := inverseOf(extreme)
	for _, level := range starts {
		try(level * inverse)
	}
	for range rounds {
		if !try(inverseOf(scale)) {
			break
		}
	}
	return scale, true
}

// affine is x ≈ scale q − minimum with q from 0 to top and a scale of at least 0.
type affine struct {
	scale, minimum float32
}

// affineSums are weighted sums over a block, the last three for given levels q.
type affineSums struct {
	w, x      float32
	q, xq, qq float32
}

// newAffineSums sums what does not depend on levels.
func newAffineSums(x, w []float32) (s affineSums) {
	w = w[:len(x)]
	for i, v := range x {
		s.w += w[i]
		s.x += float32(w[i] * v)
	}
	return s
}

// level sums over the levels nearest to inv·x + offset.
func (s *affineSums) level(x, w []float32, inv, offset float32, top int32) {
	w = w[:len(x)]
	var sq, sxq, sqq float32
	offset += 0.5
	for i, v := range x {
		q := float32(max(min(int32(float32(v*inv)+offset), top), 0))
		wq := float32(w[i] * q)
		sq += wq
		sxq += float32(wq * v)
		sqq += float32(wq * q)
	}
	s.q, s.xq, s.qq = sq, sxq, sqq
}

// levelError is level for the levels of a, and returns Σ w (x − decoded)².
func (s *affineSums) levelError(x, w []float32, a affine, top int32) float32 {
	w = w[:len(x)]
	inv := inverseOf(a.scale)
	offset := float32(a.minimum*inv) + 0.5
	var sq, sxq, sqq, sum float32
	for i, v := range x {
		q := float32(max(min(int32(float32(v*inv)+offset), top), 0))
		diff := v - (float32(a.scale*q) - a.minimum)
		wq := float32(w[i] * q)
		sq += wq
		sxq += float32(wq * v)
		sqq += float32(wq * q)
		sum += float32(w[i] * float32(diff*diff))
	}
	s.q, s.xq, s.qq = sq, sxq, sqq
	return sum
}

// solve minimizes Σ w (x − scale q + minimum)². With floor the minimum is at least 0, as the
// formats with quantized minima need it.
func (s *affineSums) solve(floor bool) affine {
	var a affine
	if det := float32(s.w*s.qq) - float32(s.q*s.q); det > 0 {
		a.scale = (float32(s.w*s.xq) - float32(s.x*s.q)) / det
		a.minimum = (float32(a.scale*s.q) - s.x) / s.w
	} else if s.w > 0 {
		a.minimum = -s.x / s.w
	}
	if floor && a.minimum <= 0 {
		a.minimum = 0
		a.scale = s.scaleFor(0)
	}
	return a
}

// scaleFor returns the best scale for a given minimum.
func (s *affineSums) scaleFor(minimum float32) float32 {
	if s.qq == 0 {
		return 0
	}
	return max((s.xq+float32(minimum*s.q))/s.qq, 0)
}

// gain is what a takes off Σ w x² at the levels of s:
// 2 (scale Σxq − minimum Σx) − scale² Σqq + 2 scale minimum Σq − minimum² Σw.
func (s *affineSums) gain(a affine) float32 {
	linear := float32(a.scale*s.xq) - float32(a.minimum*s.x)
	square := float32(float32(a.scale*a.scale)*s.qq) - float32(2*float32(a.scale*a.minimum)*s.q) +
		float32(float32(a.minimum*a.minimum)*s.w)
	return float32(2*linear) - square
}

// fitAffine fits a block and returns the sums at its levels. The starts spread that many levels
// over the block's range: counts above top clip the largest values to give the bulk finer
// steps. It reports false if a value is NaN or too large.
func fitAffine(x, w, starts []float32, top int32, floor bool) (best affine, at affineSums, ok bool) {
	lo, hi, ok := span(x)
	if !ok {
		return best, at, false
	}
	if floor {
		lo = min(lo, 0)
	}
	s := newAffineSums(x, w)
	best, at = affine{minimum: -lo}, s
	if hi-lo < flat {
		return best, at, true
	}
	var most float32
	try := func(inv, offset float32) bool {
		s.level(x, w, inv, offset, top)
		a := s.solve(floor)
		if gain := s.gain(a); gain > float32(most*clearly) {
			most, best, at = gain, a, s
			return true
		}
		return false
	}
	for _, levels := range starts {
		inv := levels / (hi - lo)
		try(inv, -float32(lo*inv))
	}
	for range rounds {
		inv := inverseOf(best.scale)
		if !try(inv, float32(best.minimum*inv)) {
			break
		}
	}
	return best, at, true
}

// flat is a range so small that its scale is zero as a float16, and its inverse might not
// be finite.
const flat = 0x1p-60

// span returns the smallest and the largest value. It reports false if one is NaN or reaches
// 2^30, more than a block can hold.
func span(x []float32) (lo, hi float32, ok bool) {
	// Float bits with the magnitude inverted for negative numbers order like integers,
	// whose minimum and maximum need no branch; NaN falls outside the infinities.
	bottom, top := int32(math.MaxInt32), int32(math.MinInt32)
	for _, v := range x {
		key := orderKey(v)
		bottom, top = min(bottom, key), max(top, key)
	}
	const limit = 0x4e800000 // bits of 2^30
	return fromOrderKey(bottom), fromOrderKey(top), bottom > ^limit && top < limit
}

func orderKey(v float32) int32 {
	b := int32(math.Float32bits(v))
	return b ^ b>>31&math.MaxInt32
}

func fromOrderKey(k int32) float32 {
	return math.Float32frombits(uint32(k ^ k>>31&math.MaxInt32))
}
