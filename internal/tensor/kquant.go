package tensor

// Super-blocks of 256 values, cut into sub-blocks whose own scales are quantized integers
// over the super-block's float16 scales. Q2_K, Q4_K and Q5_K also subtract a minimum.

// decodeQ2K: 16 bytes of 4-bit scale s and minimum m for sub-blocks of 16, 64 bytes of
// 2-bit q, float16 d and dmin; x = d s q − dmin m. Within each half of 128 values, byte l
// holds values l, l+32, l+64 and l+96, lowest bits first.
func decodeQ2K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[84:] {
		b := (*[84]byte)(src)
		d, dmin := half(b[80], b[81]), half(b[82], b[83])
		for k := range 16 {
			scale, minimum := d*float32(b[k]&15), dmin*float32(b[k]>>4)
			y := (*[16]float32)(dst[16*k:])
			qs := (*[16]byte)(b[16+k/8*32+k%2*16:])
			shift := k / 2 % 4 * 2
			for l, q := range qs {
				y[l] = float32(scale*float32(q>>shift&3)) - minimum
			}
		}
	}
}

// decodeQ3K: 32 bytes of third bits, 64 bytes of 2-bit q laid out as in Q2_K, 12 bytes of
// sixteen 6-bit scales s, float16 d; x = d (s − 32) (q − 4), q with its third bit.
func decodeQ3K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[110:] {
		b := (*[110]byte)(src)
		d := half(b[108], b[109])
		for k := range 16 {
			scale := d * float32(q3Scale((*[12]byte)(b[96:]), k)-32)
			y := (*[16]float32)(dst[16*k:])
			high := (*[16]byte)(b[k%2*16:])
			low := (*[16]byte)(b[32+k/8*32+k%2*16:])
			shift, bit := k/2%4*2, k/2
			for l, q := range low {
				y[l] = scale * float32(int32(q>>shift&3|high[l]>>bit&1<<2)-4)
			}
		}
	}
}

// q3Scale unpacks 6-bit scale k of 16: the low four bits are nibbles of the first eight
// bytes (scales 8 to 15 in the high ones), the top two bits stand in the last four bytes.
func q3Scale(s *[12]byte, k int) int32 {
	low := s[k%8] >> (k / 8 * 4) & 15
	top := s[8+k%4] >> (k / 4 * 2) & 3
	return int32(low | top<<4)
}

// decodeQ4K: float16 d and dmin, 12 bytes of eight 6-bit scales s and minima m, 128 bytes
// of nibbles q; x = d s q − dmin m. Each 32 bytes hold two sub-blocks of 32: the first in
// the low nibbles, the second in the high ones.
func decodeQ4K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[144:] {
		b := (*[144]byte)(src)
		d, dmin := half(b[0], b[1]), half(b[2], b[3])
		for k := range 8 {
			s, m := scaleMin((*[12]byte)(b[4:]), k)
			scale, minimum := d*float32(s), dmin*float32(m)
			y := (*[32]float32)(dst[32*k:])
			qs := (*[32]byte)(b[16+k/2*32:])
			shift := k % 2 * 4
			for l, q := range qs {
				y[l] = float32(scale*float32(q>>shift&15)) - minimum
			}
		}
	}
}

// decodeQ5K: like Q4_K with 32 bytes of fifth bits before the nibbles; bit k of byte l
// belongs to value l of sub-block k.
func decodeQ5K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[176:] {
		b := (*[176]byte)(src)
		d, dmin := half(b[0], b[1]), half(b[2], b[3])
		high := (*[32]byte)(b[16:])
		for k := range 8 {
			s, m := scaleMin((*[12]byte)(b[4:]), k)
			scale, minimum := d*float32(s), dmin*float32(m)
			y := (*[32]float32)(dst[32*k:])
			qs := (*[32]byte)(b[48+k/2*32:])
			shift := k % 2 * 4
			for l, q := range qs {
				y[l] = float32(scale*float32(q>>shift&15|high[l]>>k&1<<4)) - minimum
			}
		}
	}
}

// scaleMin unpacks the 6-bit scale and minimum of sub-block k of 8. The first four scales
// and minima are the low six bits of bytes 0–3 and 4–7; the others have their low nibbles
// in bytes 8–11 and their top two bits in what those first bytes leave free.
func scaleMin(p *[12]byte, k int) (scale, minimum byte) {
	if k < 4 {
		return p[k] & 63, p[k+4] & 63
	}
	return p[k+4]&15 | p[k-4]>>6<<4, p[k+4]>>4 | p[k]>>6<<4
}

// decodeQ6K: 128 bytes of low nibbles, 64 bytes of top bit pairs, 16 int8 scales s for
// sub-blocks of 16, float16 d; x = d s (q − 32). Within each half of 128 values, nibbles
// of byte l belong to values l and l+64 (l < 64), pairs of byte l to l, l+32, l+64, l+96.
func decodeQ6K(dst []float32, src []byte) {
	for ; len(dst) >= 256; dst, src = dst[256:], src[210:] {
		b := (*[210]byte)(src)
		d := half(b[208], b[209])
		for k := range 16 {
			part := k % 8 / 2 // which 32 of the half's 128 values
			scale := d * float32(int8(b[192+k]))
			y := (*[16]float32)(dst[16*k:])
			low := (*[16]byte)(b[k/8*64+part%2*32+k%2*16:])
			high := (*[16]byte)(b[128+k/8*32+k%2*16:])
			lowShift, highShift := part/2*4, part*2
			for l, q := range low {
				y[l] = scale * float32(int32(q>>lowShift&15|high[l]>>highShift&3<<4)-32)
			}
		}
	}
}
