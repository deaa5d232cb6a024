package tensor

import "math"

// The encoders fit each sub-block by alternating least squares: round the values on the
// current scale and minimum, then solve for the scale and minimum that suit those integers
// best. Both steps only lower the squared error, and a few starts avoid poor local minima.

// q4Starts are the level counts that the range of a Q4_K sub-block is first spread over.
// Counts above 15 clip the extremes to give the bulk finer steps.
var q4Starts = [...]float32{14.4, 15.2, 16}

// encodeQ4K writes super-blocks as decodeQ4K reads them.
func encodeQ4K(dst []byte, src []float32) int {
	var scales, minima [8]float32
	var ls, lm [8]byte
	for n := 0; len(src) >= 256; n, src, dst = n+1, src[256:], dst[144:] {
		b := (*[144]byte)(dst)
		var topScale, topMin float32
		for k := range 8 {
			s, m, ok := fitQ4((*[32]float32)(src[32*k:]))
			if !ok {
				return n
			}
			scales[k], minima[k] = s, m
			topScale, topMin = max(topScale, s), max(topMin, m)
		}
		if !putScale(b[0:2], topScale/63) || !putScale(b[2:4], topMin/63) {
			return n
		}
		d, dmin := half(b[0], b[1]), half(b[2], b[3])
		invD, invMin := inverseOf(d), inverseOf(dmin)
		for k := range 8 {
			ls[k] = byte(min(int32(scales[k]*invD+0.5), 63))
			lm[k] = byte(min(int32(minima[k]*invMin+0.5), 63))
		}
		putScaleMins((*[12]byte)(b[4:]), &ls, &lm)
		for k := 0; k < 8; k += 2 {
			qs := (*[32]byte)(b[16+16*k:])
			inv0, off0 := q4Grid(d, dmin, ls[k], lm[k])
			inv1, off1 := q4Grid(d, dmin, ls[k+1], lm[k+1])
			x0, x1 := (*[32]float32)(src[32*k:]), (*[32]float32)(src[32*k+32:])
			for l := range qs {
				q0 := max(min(int(x0[l]*inv0+off0), 15), 0)
				q1 := max(min(int(x1[l]*inv1+off1), 15), 0)
				qs[l] = byte(q0 | q1<<4)
			}
		}
	}
	return -1
}

// q4Grid returns factor and offset that map a value to its level by truncation.
func q4Grid(d, dmin float32, s, m byte) (factor, offset float32) {
	factor = inverseOf(d * float32(s))
	return factor, dmin*float32(m)*factor + 0.5
}

// fitQ4 finds scale and minimum, both at least 0, of x ≈ scale q − minimum with q in
// 0..15. It reports false if a value is NaN or too large.
func fitQ4(x *[32]float32) (scale, minimum float32, ok bool) {
	lo, hi, sum, ok := span(x[:])
	if !ok {
		return 0, 0, false
	}
	if hi-lo < flat {
		return 0, -lo, true
	}
	best := float32(math.Inf(-1))
	for _, levels := range q4Starts {
		inv := levels / (hi - lo)
		off := 0.5 - lo*inv
		var sq, sqq int32
		var sxq float32
		for _, v := range x {
			q := max(min(int32(v*inv+off), 15), 0)
			sq += q
			sqq += q * q
			sxq += v * float32(q)
		}
		s, m, gain := solveQ4(sum, sxq, float32(sq), float32(sqq))
		if gain > best {
			best, scale, minimum = gain, s, m
		}
	}
	return scale, minimum, true
}

// solveQ4 minimizes Σ(x − s q + m)² over s and m ≥ 0 for fixed integers. gain is how much
// that takes off Σx²: for least squares, s Σxq − m Σx.
func solveQ4(sx, sxq, sq, sqq float32) (s, m, gain float32) {
	const n = 32
	if det := n*sqq - sq*sq; det > 0 {
		s = (n*sxq - sx*sq) / det
		m = (s*sq - sx) / n
	}
	if m <= 0 {
		s, m = 0, 0
		if sqq > 0 {
			s = max(sxq/sqq, 0)
		}
	}
	return s, m, s*sxq - m*sx
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
				q := byte(max(min(int(v*inv+32.5), 63), 0))
				low[l] |= q & 15 << lowShift
				high[l] |= q >> 4 << highShift
			}
		}
	}
	return -1
}

// fitQ6 finds the scale of x ≈ scale q with q in −32..31. It reports false if a value is
// not finite.
func fitQ6(x *[16]float32) (scale float32, ok bool) {
	lo, hi, _, ok := span(x[:])
	if !ok {
		return 0, false
	}
	extreme := hi
	if -lo > hi {
		extreme = lo
	}
	scale = extreme / -32
	inv := inverseOf(scale)
	var sxq float32
	var sqq int32
	for _, v := range x {
		q := max(min(int32(v*inv+32.5), 63), 0) - 32
		sxq += v * float32(q)
		sqq += q * q
	}
	if sqq == 0 {
		return 0, true
	}
	return sxq / float32(sqq), true
}

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) & math.MaxInt32) }
