package tensor

import "math"

// F32FromF16 returns the value of an IEEE 754 binary16 number. Every finite half is exact
// in float32; a signaling NaN comes out quiet, payload kept, as conversion instructions do.
func F32FromF16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	mag := uint32(h & 0x7fff)
	switch {
	case mag >= 0x7c00: // infinity and NaN
		bits := sign | 0x7f800000 | mag<<13
		if mag > 0x7c00 {
			bits |= 1 << 22
		}
		return math.Float32frombits(bits)
	case mag >= 0x0400: // normal: same mantissa, exponent bias 127 instead of 15
		return math.Float32frombits(sign | (mag<<13 + 112<<23))
	default: // subnormal: a multiple of 2^-24, normal in float32
		return math.Float32frombits(sign | math.Float32bits(float32(mag)*0x1p-24))
	}
}

// F16FromF32 rounds to the nearest binary16 number, ties to even. Magnitudes of 65520 and
// above become infinite; a NaN stays a quiet NaN with the top of its payload.
func F16FromF32(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	mag := bits & 0x7fffffff
	switch {
	case mag > 0x7f800000:
		return sign | 0x7e00 | uint16(mag>>13)&0x03ff
	case mag >= 0x477ff000: // 65520, the tie above the largest half
		return sign | 0x7c00
	case mag >= 0x38800000: // 2^-14 and above: normal; the carry may run into the exponent
		mag += 0x0fff + mag>>13&1
		return sign | uint16((mag-112<<23)>>13)
	default:
		// Numbers in [0.5, 1) are 2^-24 apart, just like subnormal halves, so adding 0.5
		// lets the addition itself round to nearest even.
		r := math.Float32frombits(mag) + 0.5
		return sign | uint16(math.Float32bits(r)-0x3f000000)
	}
}

// F32FromBF16 returns the value of a bfloat16 number, the upper half of a float32.
// A signaling NaN comes out quiet.
func F32FromBF16(h uint16) float32 {
	bits := uint32(h) << 16
	if bits&0x7fffffff > 0x7f800000 {
		bits |= 1 << 22
	}
	return math.Float32frombits(bits)
}

// BF16FromF32 rounds to the nearest bfloat16 number, ties to even. A NaN stays a quiet NaN.
func BF16FromF32(f float32) uint16 {
	bits := math.Float32bits(f)
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16) | 1<<6
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
