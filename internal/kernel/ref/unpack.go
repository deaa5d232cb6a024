package ref

import (
	"encoding/binary"
	"math"

	"github.com/wattlaw/wattlaw/internal/tensor"
)

// Unpack primitives read one row of a quantized format as codes c (unsigned bytes, one per
// value in order), one scale per group and, where the format has them, one minimum per group:
//
//	W[k] = scale[k/g]·(c[k] − offset) + min[k/g]
//
// with group g and offset fixed by the format. The block layouts are those of the GGUF
// specification (ggml's block_* structs).

// UnpackQ8_0 reads blocks of a binary16 scale and 32 int8; g = 32, offset 128.
func UnpackQ8_0(codes []uint8, scales, _ []float32, row []byte) {
	for b := range scales {
		src, dst := row[34*b:34*b+34], codes[32*b:32*b+32]
		scales[b] = half(src)
		for i, q := range src[2:] {
			dst[i] = q ^ 0x80
		}
	}
}

// UnpackQ4_0 reads blocks of a binary16 scale and 32 nibbles, the low nibbles first; g = 32,
// offset 8.
func UnpackQ4_0(codes []uint8, scales, _ []float32, row []byte) {
	for b := range scales {
		src, dst := row[18*b:18*b+18], codes[32*b:32*b+32]
		scales[b] = half(src)
		for i, q := range src[2:] {
			dst[i], dst[i+16] = q&15, q>>4
		}
	}
}

// IQ4Values are the 16 levels of IQ4_NL and IQ4_XS, from the format's definition.
var IQ4Values = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// UnpackIQ4NL reads blocks laid out as Q4_0 whose nibbles index IQ4Values; g = 32, offset 128.
func UnpackIQ4NL(codes []uint8, scales, _ []float32, row []byte) {
	for b := range scales {
		src, dst := row[18*b:18*b+18], codes[32*b:32*b+32]
		scales[b] = half(src)
		for i, q := range src[2:] {
			dst[i], dst[i+16] = uint8(IQ4Values[q&15])^0x80, uint8(IQ4Values[q>>4])^0x80
		}
	}
}

// kScales returns the j-th 6-bit scale and minimum of a K-quant's 12 packed bytes.
func kScales(p []byte, j int) (scale, low uint8) {
	if j < 4 {
		return p[j] & 63, p[j+4] & 63
	}
	return p[j+4]&15 | p[j-4]>>6<<4, p[j+4]>>4 | p[j]>>6<<4
}

// UnpackQ4_K reads superblocks of 256: binary16 d and dmin, 8 six-bit scales and minimums,
// nibbles; g = 32, offset 0, scale = d·s, min = −dmin·m.
func UnpackQ4_K(codes []uint8, scales, mins []float32, row []byte) {
	for b := range len(codes) / 256 {
		src := row[144*b : 144*b+144]
		d, dmin := half(src), half(src[2:])
		for j := range 8 {
			s, m := kScales(src[4:16], j)
			scales[8*b+j], mins[8*b+j] = d*float32(s), -dmin*float32(m)
		}
		for j := range 4 {
			dst, q := codes[256*b+64*j:256*b+64*j+64], src[16+32*j:48+32*j]
			for i, v := range q {
				dst[i], dst[i+32] = v&15, v>>4
			}
		}
	}
}

// UnpackQ5_K is Q4_K with a fifth bit per value in 32 extra bytes; g = 32, offset 0.
func UnpackQ5_K(codes []uint8, scales, mins []float32, row []byte) {
	for b := range len(codes) / 256 {
		src := row[176*b : 176*b+176]
		d, dmin := half(src), half(src[2:])
		for j := range 8 {
			s, m := kScales(src[4:16], j)
			scales[8*b+j], mins[8*b+j] = d*float32(s), -dmin*float32(m)
		}
		high := src[16:48]
		for j := range 4 {
			dst, q := codes[256*b+64*j:256*b+64*j+64], src[48+32*j:80+32*j]
			for i, v := range q {
				h := high[i] >> (2 * j)
				dst[i], dst[i+32] = v&15|h&1<<4, v>>4|h>>1&1<<4
			}
		}
	}
}

// UnpackQ6_K reads superblocks of 256: 128 bytes of low nibbles, 64 bytes of upper bit pairs,
// 16 int8 scales, binary16 d; g = 16, offset 32, scale = d·s.
func UnpackQ6_K(codes []uint8, scales, _ []float32, row []byte) {
	for b := range len(codes) / 256 {
		src := row[210*b : 210*b+210]
		d := half(src[208:])
		for j := range 16 {
			scales[16*b+j] = d * float32(int8(src[192+j]))
		}
		for h := range 2 {
			dst, low, high := codes[256*b+128*h:256*b+128*h+128], src[64*h:64*h+64], src[128+32*h:160+32*h]
			for i, v := range high {
				dst[i] = low[i]&15 | v&3<<4
				dst[i+32] = low[i+32]&15 | v>>2&3<<4
				dst[i+64] = low[i]>>4 | v>>4&3<<4
				dst[i+96] = low[i+32]>>4 | v>>6<<4
			}
		}
	}
}

// RowF32 reads little-endian float32 values.
func RowF32(dst []float32, row []byte) {
	for i := range dst {
		dst[i] = ValueF32(row[4*i:])
	}
}

// ValueF32 reads one little-endian float32 value.
func ValueF32(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

// RowF16 reads little-endian binary16 values.
func RowF16(dst []float32, row []byte) {
	for i := range dst {
		dst[i] = ValueF16(row[2*i:])
	}
}

// ValueF16 reads one little-endian binary16 value.
func ValueF16(b []byte) float32 { return half(b) }

// RowBF16 reads little-endian bfloat16 values.
func RowBF16(dst []float32, row []byte) {
	for i := range dst {
		dst[i] = ValueBF16(row[2*i:])
	}
}

// ValueBF16 reads one little-endian bfloat16 value.
func ValueBF16(b []byte) float32 { return tensor.F32FromBF16(binary.LittleEndian.Uint16(b)) }
