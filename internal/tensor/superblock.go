package tensor

import "math"

// superBlock is a block of 256 values as the K types store it, before it is packed: float16
// scales d and dmin, integer scales and minima of up to sixteen sub-blocks, and levels that
// count from 0.
type superBlock struct {
	d, dmin        float32
	scales, minima [16]int32
	codes          [256]byte

	xu, uu float32 // Σ w x u and Σ w u² where x ≈ d u, of signed formats
}

// affineFormat describes Q2_K, Q4_K and Q5_K: x = d s q − dmin m in sub-blocks.
type affineFormat struct {
	size          int   // of a sub-block
	top, scaleTop int32 // largest level; largest integer scale and minimum
	starts        []float32
}

// fit finds the stored numbers for x. It reports false if x cannot be stored.
func (f *affineFormat) fit(b *superBlock, x, w []float32) bool {
	var fits, sums [16]affineSums
	n := 256 / f.size
	var topScale, topMin float32
	for k := range n {
		from, to := k*f.size, (k+1)*f.size
		a, s, ok := fitAffine(x[from:to], w[from:to], f.starts, f.top, true)
		if !ok {
			return false
		}
		fits[k] = s
		topScale, topMin = max(topScale, a.scale), max(topMin, a.minimum)
	}
	var next superBlock
	var ok1, ok2 bool
	next.d, ok1 = roundHalf(topScale / float32(f.scaleTop))
	next.dmin, ok2 = roundHalf(topMin / float32(f.scaleTop))
	if !ok1 || !ok2 {
		return false
	}
	least := float32(math.Inf(1))
	for range 1 + rounds {
		copy(sums[:], fits[:])
		sum := f.assign(&next, x, w, sums[:n])
		if !(sum < least) {
			break
		}
		least, *b = sum, next
		next.d, next.dmin = f.refit(b, sums[:n])
	}
	f.level(b, x)
	return true
}

// assign chooses the integer scale and minimum of every sub-block for the given d and dmin,
// from the levels of sums, which it leaves at the levels chosen. It returns the error.
func (f *affineFormat) assign(b *superBlock, x, w []float32, sums []affineSums) float32 {
	var total float32
	invD, invMin := inverseOf(b.d), inverseOf(b.dmin)
	for k := range sums {
		xs, ws := x[k*f.size:(k+1)*f.size], w[k*f.size:(k+1)*f.size]
		least := float32(math.Inf(1))
		for at := sums[k]; ; {
			s, m := f.integers(&at, b.d, b.dmin, invD, invMin)
			sum := at.levelError(xs, ws, affine{b.d * float32(s), b.dmin * float32(m)}, f.top)
			if !(sum < least) {
				break
			}
			least, sums[k], b.scales[k], b.minima[k] = sum, at, s, m
		}
		total += least
	}
	return total
}

// integers returns the integer scale and minimum that suit the levels of s best.
func (f *affineFormat) integers(s *affineSums, d, dmin, invD, invMin float32) (scale, minimum int32) {
	limit := float32(f.scaleTop + 1) // beyond it a conversion might overflow
	middle := nearest(min(s.solve(true).minimum*invMin, limit), 0, f.scaleTop)
	most := float32(math.Inf(-1))
	for m := max(middle-1, 0); m <= min(middle+1, f.scaleTop); m++ {
		a := affine{minimum: dmin * float32(m)}
		near := nearest(min(s.scaleFor(a.minimum)*invD, limit), 0, f.scaleTop)
		a.scale = d * float32(near)
		if gain := s.gain(a); gain > most {
			most, scale, minimum = gain, near, m
		}
	}
	return scale, minimum
}

// refit returns the d and dmin that suit the integers of b and the levels of sums best, as
// float16: x ≈ d u − dmin m with u = s q has normal equations of two unknowns.
func (f *affineFormat) refit(b *superBlock, sums []affineSums) (d, dmin float32) {
	var uu, um, mm, xu, xm float32
	for k := range sums {
		s, scale, m := &sums[k], float32(b.scales[k]), float32(b.minima[k])
		uu += float32(float32(scale*scale) * s.qq)
		um += float32(float32(scale*m) * s.q)
		mm += float32(float32(m*m) * s.w)
		xu += float32(scale * s.xq)
		xm += float32(m * s.x)
	}
	d, dmin = b.d, b.dmin
	if det := float32(uu*mm) - float32(um*um); det > 0 {
		d = (float32(xu*mm) - float32(xm*um)) / det
		dmin = (float32(um*d) - xm) / mm
	} else if uu > 0 {
		d = xu / uu
	}
	d, okD := roundHalf(d)
	dmin, okMin := roundHalf(dmin)
	if !okD || !okMin || d < 0 || dmin < 0 {
		return b.d, b.dmin
	}
	return d, dmin
}

// level sets the levels of all values.
func (f *affineFormat) level(b *superBlock, x []float32) {
	for i, v := range x {
		k := i / f.size
		inv := inverseOf(b.d * float32(b.scales[k]))
		b.codes[i] = byte(nearest(float32(v*inv)+float32(b.dmin*float32(b.minima[k])*inv), 0, f.top))
	}
}

// signedFormat describes Q3_K and Q6_K: x = d s q in sub-blocks of sixteen.
type signedFormat struct {
	lo, hi           int32 // levels
	scaleLo, scaleHi int32 // integer scales
	starts           []float32
	sums             signedSums
}

// fit finds the stored numbers for x. It reports false if x cannot be stored.
func (f *signedFormat) fit(b *superBlock, x, w []float32) bool {
	var scales [16]float32
	var top float32 // the scale of largest magnitude, with its sign
	for k := range scales {
		var ok bool
		if scales[k], ok = fitScale(x[16*k:16*k+16], w[16*k:16*k+16], f.starts, f.sums); !ok {
			return false
		}
		if abs(scales[k]) > abs(top) {
			top = scales[k]
		}
	}
	// There is one negative integer more, which the largest scale takes, unless one of the
	// other sign is nearly as large.
	most := float32(-1)
	for _, end := range []int32{f.scaleLo, f.scaleHi} {
		var next superBlock
		var ok bool
		if next.d, ok = roundHalf(top / float32(end)); !ok {
			return false
		}
		for range 1 + rounds {
			gain := f.assign(&next, x, w, &scales)
			if gain <= most {
				break
			}
			most, *b = gain, next
			next.d = f.refit(b)
		}
	}
	for i, v := range x[:256] {
		inv := inverseOf(b.d * float32(b.scales[i/16]))
		b.codes[i] = byte(nearest(v*inv, f.lo, f.hi) - f.lo)
	}
	return true
}

// assign chooses the integer scales for b.d and returns what they take off Σ w x².
func (f *signedFormat) assign(b *superBlock, x, w []float32, scales *[16]float32) float32 {
	var total float32
	inv := inverseOf(b.d)
	b.xu, b.uu = 0, 0
	for k, scale := range scales {
		xs, ws := x[16*k:16*k+16], w[16*k:16*k+16]
		b.scales[k] = 0
		var most, xu, uu float32
		for {
			s := nearest(scale*inv, f.scaleLo, f.scaleHi)
			step := b.d * float32(s)
			sxq, sqq := f.sums(xs, ws, inverseOf(step))
			gain := float32(2*float32(step*sxq)) - float32(float32(step*step)*sqq)
			if !(gain > most) {
				break
			}
			most, b.scales[k] = gain, s
			xu, uu = float32(float32(s)*sxq), float32(float32(s*s)*sqq)
			scale = sxq / sqq
		}
		total += most
		b.xu += xu
		b.uu += uu
	}
	return total
}

// refit returns the d that suits the integers and levels of b best, as a float16.
func (f *signedFormat) refit(b *superBlock) float32 {
	if b.uu == 0 {
		return b.d
	}
	if d, ok := roundHalf(b.xu / b.uu); ok {
		return d
	}
	return b.d
}

// roundHalf rounds to the nearest float16 and reports whether that is finite.
func roundHalf(v float32) (float32, bool) {
	h := F16FromF32(v)
	return F32FromF16(h), h&0x7c00 != 0x7c00
}

func putHalf(b []byte, v float32) {
	h := F16FromF32(v)
	b[0], b[1] = byte(h), byte(h>>8)
}
