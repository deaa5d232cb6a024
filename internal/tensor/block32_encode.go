package tensor

import "encoding/binary"

func q4_0Fit() blockFit {
	return signedBlocks(-8, 7, []float32{-8, -9.2, -8.7, -8.35, -7.7, -7.3, 6.6, 7, 7.35, 7.7}, func(dst []byte, d float32, codes *[32]byte) {
		putHalf(dst, d)
		putNibbles(dst[2:], codes)
	})
}

func q5_0Fit() blockFit {
	return signedBlocks(-16, 15, []float32{-16, -17.2, -16.8, -16.4, -15.6, -15.2, 14.6, 15, 15.4}, func(dst []byte, d float32, codes *[32]byte) {
		putHalf(dst, d)
		putFifths(dst[2:], codes)
		putNibbles(dst[6:], codes)
	})
}

func q4_1Fit() blockFit {
	return affineBlocks(15, []float32{15, 13.6, 14.2, 14.6, 15.4, 15.8, 16.4, 17.2}, func(dst []byte, a affine, codes *[32]byte) {
		putHalf(dst, a.scale)
		putHalf(dst[2:], -a.minimum)
		putNibbles(dst[4:], codes)
	})
}

func q5_1Fit() blockFit {
	return affineBlocks(31, []float32{31, 29.6, 30.2, 30.6, 31.4, 31.8, 32.4, 33.2}, func(dst []byte, a affine, codes *[32]byte) {
		putHalf(dst, a.scale)
		putHalf(dst[2:], -a.minimum)
		putFifths(dst[4:], codes)
		putNibbles(dst[8:], codes)
	})
}

// signedBlocks fits blocks x = d q with levels from lo to hi, stored from 0.
func signedBlocks(lo, hi int32, starts []float32, pack func(dst []byte, d float32, codes *[32]byte)) blockFit {
	var codes [32]byte
	sums := wholeLevels(lo, hi)
	return func(dst []byte, x, w []float32) bool {
		scale, ok := fitScale(x, w, starts, sums)
		if !ok {
			return false
		}
		d, ok := roundHalf(scale)
		if !ok {
			return false
		}
		inv := inverseOf(d)
		for i, v := range x {
			codes[i] = byte(nearest(v*inv, lo, hi) - lo)
		}
		pack(dst, d, &codes)
		return true
	}
}

// affineBlocks fits blocks x = d q + m with levels from 0 to top; m is of either sign.
func affineBlocks(top int32, starts []float32, pack func(dst []byte, a affine, codes *[32]byte)) blockFit {
	var codes [32]byte
	return func(dst []byte, x, w []float32) bool {
		a, _, ok := fitAffine(x, w, starts, top, false)
		if !ok {
			return false
		}
		var ok1, ok2 bool
		a.scale, ok1 = roundHalf(a.scale)
		a.minimum, ok2 = roundHalf(a.minimum)
		if !ok1 || !ok2 {
			return false
		}
		inv := inverseOf(a.scale)
		for i, v := range x {
			codes[i] = byte(nearest(float32(v*inv)+float32(a.minimum*inv), 0, top))
		}
		pack(dst, a, &codes)
		return true
	}
}

// putNibbles writes the low four bits of 32 codes, code j+16 above code j.
func putNibbles(dst []byte, codes *[32]byte) {
	for j := range 16 {
		dst[j] = codes[j]&15 | codes[j+16]<<4
	}
}

// putFifths writes bit 4 of 32 codes.
func putFifths(dst []byte, codes *[32]byte) {
	var high uint32
	for j, q := range codes {
		high |= uint32(q>>4&1) << j
	}
	binary.LittleEndian.PutUint32(dst, high)
}

// iq4NLFit writes what decodeIQ4NL reads.
func iq4NLFit() blockFit {
	starts := []float32{-127, -138, -134, -130, -124, -121, -118, -114, -109, 105, 109, 113, 116, 120}
	return func(dst []byte, x, w []float32) bool {
		scale, ok := fitScale(x, w, starts, iq4Sums)
		if !ok {
			return false
		}
		d, ok := roundHalf(scale)
		if !ok {
			return false
		}
		var codes [32]byte
		inv := inverseOf(d)
		for i, v := range x {
			codes[i] = iq4Nearest(v * inv)
		}
		putHalf(dst, d)
		putNibbles(dst[2:], &codes)
		return true
	}
}

// iq4Sums is signedSums for the levels of IQ4_NL.
func iq4Sums(x, w []float32, inv float32) (sxq, sqq float32) {
	for i, v := range x {
		q := iq4Values[iq4Nearest(v*inv)]
		wq := float32(w[i] * q)
		sxq += float32(wq * v)
		sqq += float32(wq * q)
	}
	return sxq, sqq
}

// iq4Nearest returns the code whose level is nearest to v. Where two levels meet is a whole or
// a half number, so half steps decide.
func iq4Nearest(v float32) byte {
	return iq4Codes[max(min(int32(2*v+512), 512+2*127), 512-2*128)-(512-2*128)]
}

// iq4Codes holds, for every half step from −128 up, the code of the level nearest to its middle.
var iq4Codes = iq4Table()

func iq4Table() (codes [2*255 + 1]byte) {
	for i := range codes {
		middle := float32(i)/2 - 128 + 0.25
		for q, level := range iq4Values {
			if abs(level-middle) < abs(iq4Values[codes[i]]-middle) {
				codes[i] = byte(q)
			}
		}
	}
	return codes
}
