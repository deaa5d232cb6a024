package tensor

import "math"

// The encoders fit each sub-block by least squares from a few starts: spread the levels
// over the range, round, solve for the scale (and minimum) that suit those integers best,
// and keep the start that takes off most error. On normal, heavy-tailed and uniform values
// the RMS error is 0.99 to 1.02 (Q4_K) and 0.95 to 0.98 (Q6_K) of that of llama.cpp's
// reference quantizers, which search twenty starts; more starts gain less than 1 %.
// Products are rounded explicitly, so that no compiler fuses them with an addition and a
// model quantizes to the same bytes on every machine.

// q4Starts are the level counts that a sub-block's range is spread over. Counts above 15
// clip the largest values to give the bulk finer steps.
var q4Starts = [...]float32{14.2, 14.7, 15.2, 15.8}

// q6Starts are the levels that a sub-block's extreme value is mapped to: the end of the
// longer, negative side, or that of the shorter one.
var q6Starts = [...]float32{-32, 31}

// encodeQ4K writes super-blocks as decodeQ4K reads them.
func encodeQ4K(dst []byte, src []float32) int {
	var fits [8]fitQ4
	var ls, lm [8]byte
	for n := 0; len(src) >= 256; n, src, dst = n+1, src[256:], dst[144:] {
		x, b := (*[256]float32)(src), (*[144]byte)(dst)
		var topScale, topMin float32
		for k := range fits {
			if !fits[k].find((*[32]float32)(x[32*k:])) {
				return n
			}
			topScale, topMin = max(topScale, fits[k].scale), max(topMin, fits[k].minimum)
		}
		if !putScale(b[0:2], topScale/63) || !putScale(b[2:4], topMin/63) {
			return n
		}
		d, dmin := half(b[0], b[1]), half(b[2], b[3])
		invD, invMin := inverseOf(d), inverseOf(dmin)
		for k := range fits {
			f := &fits[k]
			lm[k] = byte(min(int32(float32(f.minimum*invMin)+0.5), 63))
			ls[k] = byte(min(int32(float32(f.scaleFor(dmin*float32(lm[k]))*invD)+0.5), 63))
		}
		putScaleMins((*[12]byte)(b[4:]), &ls, &lm)
		for k := 0; k < 8; k += 2 {
			qs := (*[32]byte)(b[16+16*k:])
			inv0, off0 := gridQ4(d, dmin, ls[k], lm[k])
			inv1, off1 := gridQ4(d, dmin, ls[k+1], lm[k+1])
			x0, x1 := (*[32]float32)(x[32*k:]), (*[32]float32)(x[32*k+32:])
			for l := range qs {
				q0 := max(min(int(float32(x0[l]*inv0)+off0), 15), 0)
				q1 := max(min(int(float32(x1[l]*inv1)+off1), 15), 0)
				qs[l] = byte(q0 | q1<<4)
			}
		}
	}
	return -1
}

// gridQ4 returns factor and offset that map a value to its level by truncation.
func gridQ4(d, dmin float32, s, m byte) (factor, offset float32) {
	factor = inverseOf(d * float32(s))
	return factor, float32(dmin*float32(m)*factor) + 0.5
}

// fitQ4 is scale and minimum, both at least 0, of x ≈ scale q − minimum with q in 0..15,
// and the sums over the sub-block that they were solved from.
type fitQ4 struct {
	scale, minimum float32
	sxq, sq, sqq   float32
}

// find fits a sub-block. It reports false if a value is NaN or too large.
func (f *fitQ4) find(x *[32]float32) bool {
	lo, hi, sx, ok := span(x[:])
	*f = fitQ4{minimum: -lo}
	if !ok || hi-lo < flat {
		return ok
	}
	best := float32(math.Inf(-1))
	for _, levels := range q4Starts {
		inv := levels / (hi - lo)
		off := 0.5 - float32(lo*inv)
		var sq, sqq int32
		var sxq float32
		for _, v := range x {
			q := min(int32(float32(v*inv)+off), 15)
			sq += q
			sqq += q * q
			sxq += float32(v * float32(q))
		}
		c := fitQ4{sxq: sxq, sq: float32(sq), sqq: float32(sqq)}
		c.solve(sx)
		// For least squares this is what the fit takes off Σx².
		if gain := float32(c.scale*sxq) - float32(c.minimum*sx); gain > best {
			best, *f = gain, c
		}
	}
	return true
}

// solve minimizes Σ(x − scale q + minimum)² for the integers of the sums.
func (f *fitQ4) solve(sx float32) {
	const n = 32
	if det := float32(n*f.sqq) - float32(f.sq*f.sq); det > 0 {
		f.scale = (float32(n*f.sxq) - float32(sx*f.sq)) / det
		f.minimum = (float32(f.scale*f.sq) - sx) / n
	}
	if f.minimum <= 0 {
		f.minimum = 0
		f.scale = f.scaleFor(0)
	}
}

// scaleFor returns the best scale for a given minimum and the integers of the sums.
func (f *fitQ4) scaleFor(minimum float32) float32 {
	if f.sqq == 0 {
		return 0
	}
	return max((f.sxq+float32(minimum*f.sq))/f.sqq, 0)
}

// flat is a range so small that its scale is zero as a float16, and its inverse might not
// be finite.
const flat = 0x1p-60

// span returns the smallest value or 0 if that is less, the largest value, and the sum.
// It reports false if a value is NaN or reaches 2^30, more than a super-block can hold.
func span(x []float32) (lo, hi, sum float32, ok bool) {
	// Float bits with the magnitude inverted for negative numbers order like integers,
	// whose minimum and maximum need no branch; NaN falls outside the infinities.
	bottom, top := int32(0), int32(math.MinInt32)
	for _, v := range x {
		key := orderKey(v)
		bottom, top = min(bottom, key), max(top, key)
		sum += v
	}
	const limit = 0x4e800000 // bits of 2^30
	lo, hi = fromOrderKey(bottom), fromOrderKey(top)
	return lo, hi, sum, bottom > ^limit && top < limit
}

func orderKey(v float32) int32 {
	b := int32(math.Float32bits(v))
	return b ^ b>>31&math.MaxInt32
}

func fromOrderKey(k int32) float32 {
	return math.Float32frombits(uint32(k ^ k>>31&math.MaxInt32))
}

// encodeQ6K writes super-blocks as decodeQ6K reads them.
func encodeQ6K(dst []byte, src []float32) int {
	var scales [16]float32
	for n := 0; len(src) >= 256; n, src, dst = n+1, src[256:], dst[210:] {
		b := (*[210]byte)(dst)
		var top float32 // the scale of largest magnitude, with its sign
		for k := range scales {
			s, ok := fitQ6((*[16]float32)(src[16*k:]))
			if !ok {
				return n
			}
			scales[k] = s
			if abs(s) > abs(top) {
				top = s
			}
		}
		// Scales run from −128, so the largest takes that with d of the opposite sign.
		if !putScale(b[208:], top/-128) {
			return n
		}
		d := half(b[208], b[209])
		invD := inverseOf(d)
		clear(b[:192])
		for k, s := range scales {
			ls := max(min(roundAway(float32(s*invD)), 127), -128)
			b[192+k] = byte(ls)
			inv := inverseOf(d * float32(ls))
			part := k % 8 / 2
			low := (*[16]byte)(b[k/8*64+part%2*32+k%2*16:])
			high := (*[16]byte)(b[128+k/8*32+k%2*16:])
			lowShift, highShift := uint(part/2*4), uint(part*2)
			for l, v := range (*[16]float32)(src[16*k:]) {
				q := byte(max(min(int(float32(v*inv)+32.5), 63), 0))
				low[l] |= q & 15 << lowShift
				high[l] |= q >> 4 << highShift
			}
		}
	}
	return -1
}

// fitQ6 finds the scale of x ≈ scale q with q in −32..31. It reports false if a value is
// NaN or too large.
func fitQ6(x *[16]float32) (scale float32, ok bool) {
	lo, hi, _, ok := span(x[:])
	if !ok {
		return 0, false
	}
	extreme := hi
	if -lo > hi {
		extreme = lo
	}
	inverse := inverseOf(extreme)
	var best float32
	for _, level := range q6Starts {
		inv := level * inverse
		var sxq float32
		var sqq int32
		for _, v := range x {
			q := min(int32(float32(v*inv)+32.5), 63) - 32
			sxq += float32(v * float32(q))
			sqq += q * q
		}
		// Least squares: the scale, and what it takes off Σx².
		if s := sxq / float32(max(sqq, 1)); s*sxq > best {
			best, scale = s*sxq, s
		}
	}
	return scale, true
}

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) & math.MaxInt32) }
