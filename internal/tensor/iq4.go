package tensor

import "encoding/binary"

// iq4Values are the sixteen levels that a nibble of the IQ4 types stands for: closer
// together near zero, where weights are dense. They are part of the file format.
var iq4Values = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// decodeIQ4NL: float16 d, 32 nibbles q; x = d level[q].
func decodeIQ4NL(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[18:] {
		b := (*[18]byte)(src)
		iq4Levels((*[32]float32)(dst), half(b[0], b[1]), (*[16]byte)(b[2:]))
	}
}

// decodeIQ4XS: float16 d, eight 2-bit and eight 4-bit scale parts s, 256 nibbles q;
// x = d (s − 32) level[q] in sub-blocks of 32.
func decodeIQ4XS(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[136:] {
		b := (*[136]byte)(src)
		d, high := half(b[0], b[1]), binary.LittleEndian.Uint16(b[2:])
		for k := range 8 {
			s := int32(b[4+k/2]>>(4*(k&1))&15) | int32(high>>(2*k)&3)<<4
			iq4Levels((*[32]float32)(dst[32*k:]), d*float32(s-32), (*[16]byte)(b[8+16*k:]))
		}
	}
}

func iq4Levels(y *[32]float32, d float32, qs *[16]byte) {
	for j, q := range qs {
		y[j] = d * iq4Values[q&15]
		y[j+16] = d * iq4Values[q>>4]
	}
}
