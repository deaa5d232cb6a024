package tensor

import (
	"encoding/binary"
	"math"
)

// Blocks of 32 values with one scale: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1. In the 4-bit and 5-bit
// types byte j holds value j in its low nibble and value j+16 in its high nibble.

// decodeQ8_0: float16 d, 32 int8 q; x = d q.
func decodeQ8_0(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[34:] {
		b, y := (*[34]byte)(src), (*[32]float32)(dst)
		d := half(b[0], b[1])
		for j, q := range b[2:] {
			y[j] = d * float32(int8(q))
		}
	}
}

// decodeQ4_0: float16 d, 32 nibbles q; x = d (q − 8).
func decodeQ4_0(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[18:] {
		b, y := (*[18]byte)(src), (*[32]float32)(dst)
		d := half(b[0], b[1])
		for j, q := range b[2:] {
			y[j] = d * float32(int32(q&15)-8)
			y[j+16] = d * float32(int32(q>>4)-8)
		}
	}
}

// decodeQ4_1: float16 d and m, 32 nibbles q; x = d q + m.
func decodeQ4_1(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[20:] {
		b, y := (*[20]byte)(src), (*[32]float32)(dst)
		d, m := half(b[0], b[1]), half(b[2], b[3])
		for j, q := range b[4:] {
			y[j] = float32(d*float32(q&15)) + m
			y[j+16] = float32(d*float32(q>>4)) + m
		}
	}
}

// decodeQ5_0: float16 d, 32 fifth bits, 32 nibbles; x = d (q − 16).
func decodeQ5_0(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[22:] {
		b, y := (*[22]byte)(src), (*[32]float32)(dst)
		d, high := half(b[0], b[1]), binary.LittleEndian.Uint32(b[2:])
		for j, q := range b[6:] {
			lo, hi := fiveBits(q, high, j)
			y[j] = d * float32(lo-16)
			y[j+16] = d * float32(hi-16)
		}
	}
}

// decodeQ5_1: float16 d and m, 32 fifth bits, 32 nibbles; x = d q + m.
func decodeQ5_1(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[24:] {
		b, y := (*[24]byte)(src), (*[32]float32)(dst)
		d, m := half(b[0], b[1]), half(b[2], b[3])
		high := binary.LittleEndian.Uint32(b[4:])
		for j, q := range b[8:] {
			lo, hi := fiveBits(q, high, j)
			y[j] = float32(d*float32(lo)) + m
			y[j+16] = float32(d*float32(hi)) + m
		}
	}
}

// fiveBits joins the nibbles of byte j with bits j and j+16 of the block's fifth bits.
func fiveBits(q byte, high uint32, j int) (lo, hi int32) {
	lo = int32(q&15) | int32(high>>j&1)<<4
	hi = int32(q>>4) | int32(high>>(j+16)&1)<<4
	return lo, hi
}

// encodeQ8_0 scales the largest magnitude to 127 and rounds halves away from zero. The
// values are divided by the exact scale, not by the float16 that is stored, so that files
// equal those of the format's reference quantizer.
func encodeQ8_0(dst []byte, src []float32) int {
	for n := 0; len(src) >= 32; n, src, dst = n+1, src[32:], dst[34:] {
		x, b := (*[32]float32)(src), (*[34]byte)(dst)
		var top uint32 // magnitudes order like their bits, NaN above infinity
		for _, v := range x {
			top = max(top, math.Float32bits(v)&0x7fffffff)
		}
		d := math.Float32frombits(top) / 127
		if !putScale(b[:2], d) {
			return n
		}
		inverse := inverseOf(d)
		for j, v := range x {
			b[j+2] = byte(roundAway(float32(v * inverse)))
		}
	}
	return -1
}

// roundAway rounds to the nearest integer, halves away from zero, for |v| < 2^30.
func roundAway(v float32) int32 {
	whole := int32(v)
	return whole + int32(2*(v-float32(whole)))
}

// encodeQ4_0 scales the value of largest magnitude, the first if several, to −8 and keeps
// its sign in d; like encodeQ8_0 it rounds as the reference quantizer does.
func encodeQ4_0(dst []byte, src []float32) int {
	for n := 0; len(src) >= 32; n, src, dst = n+1, src[32:], dst[18:] {
		x, b := (*[32]float32)(src), (*[18]byte)(dst)
		// A key orders by magnitude and then by position from the back, and carries the
		// sign in its lowest bit, so one maximum finds the value without a branch.
		var top uint64
		for j, v := range x {
			bits := math.Float32bits(v)
			top = max(top, uint64(bits&0x7fffffff)<<6|uint64(31-j)<<1|uint64(bits>>31))
		}
		if top>>6 == 0 {
			top = 0 // zeros of either sign: the reference scale is 0/−8
		}
		d := math.Float32frombits(uint32(top>>6)|uint32(top&1)<<31) / -8
		if !putScale(b[:2], d) {
			return n
		}
		inverse := inverseOf(d)
		for j := range 16 {
			lo := min(int32(float32(x[j]*inverse)+8.5), 15)
			hi := min(int32(float32(x[j+16]*inverse)+8.5), 15)
			b[j+2] = byte(lo | hi<<4)
		}
	}
	return -1
}

// inverseOf returns 1/d, and 0 for a d so small (zero among them) that the quotient is not
// finite: such a block decodes to zeros whatever its values say.
func inverseOf(d float32) float32 {
	if inverse := 1 / d; math.Abs(float64(inverse)) <= math.MaxFloat32 {
		return inverse
	}
	return 0
}

// putScale stores d as a float16 and reports whether it is finite there.
func putScale(b []byte, d float32) bool {
	h := F16FromF32(d)
	binary.LittleEndian.PutUint16(b, h)
	return h&0x7c00 != 0x7c00
}

func half(lo, hi byte) float32 { return F32FromF16(uint16(lo) | uint16(hi)<<8) }
