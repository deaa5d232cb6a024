package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Dequantize writes the values of src, elements of type dt, to dst. src must be exactly the
// bytes that len(dst) elements take. The result is bit-equal to the format's reference
// decoder. It errs for integer types and types that are not known, and for lengths that
// do not fit; dst is then untouched.
func Dequantize(dst []float32, dt DType, src []byte) error {
	decode := decoder(dt)
	if decode == nil {
		return fmt.Errorf("dequantize: no decoder for %v", dt)
	}
	if err := checkBytes(dt, len(dst), len(src)); err != nil {
		return fmt.Errorf("dequantize: %w", err)
	}
	decode(dst, src)
	return nil
}

// Quantize writes src as elements of type dt to dst, which must have exactly the bytes that
// len(src) elements take. F16 and BF16 round to nearest, beyond their range to infinity. Q8_0
// and Q4_0 give the bytes of the format's reference quantizer; other blocks are those of
// QuantizeRows without importance. Block types need finite values whose block scale fits a
// float16; the error names the first block that fails, and dst is then filled up to it.
// Parts of one tensor can be quantized concurrently.
func Quantize(dst []byte, dt DType, src []float32) error {
	encode := encoder(dt)
	if encode == nil {
		return QuantizeRows(dst, dt, src, nil)
	}
	if err := checkBytes(dt, len(src), len(dst)); err != nil {
		return fmt.Errorf("quantize: %w", err)
	}
	return refused(dt, encode(dst, src))
}

// refused is the error of an encoder that returned bad, -1 for none.
func refused(dt DType, bad int) error {
	if bad < 0 {
		return nil
	}
	n := dt.BlockValues()
	return fmt.Errorf("quantize to %v: elements %d to %d: a value is NaN or infinite, or too large for the block's float16 scale",
		dt, bad*n, bad*n+n-1)
}

// decoder returns the loop that decodes whole blocks, nil where there is none.
func decoder(dt DType) func(dst []float32, src []byte) {
	switch dt {
	case F32:
		return decodeF32
	case F64:
		return decodeF64
	case F16:
		return decodeF16
	case BF16:
		return decodeBF16
	case Q8_0:
		return decodeQ8_0
	case Q4_0:
		return decodeQ4_0
	case Q4_1:
		return decodeQ4_1
	case Q5_0:
		return decodeQ5_0
	case Q5_1:
		return decodeQ5_1
	case Q2_K:
		return decodeQ2K
	case Q3_K:
		return decodeQ3K
	case Q4_K:
		return decodeQ4K
	case Q5_K:
		return decodeQ5K
	case Q6_K:
		return decodeQ6K
	case IQ4NL:
		return decodeIQ4NL
	case IQ4XS:
		return decodeIQ4XS
	}
	return nil
}

// encoder returns the loop that rounds whole blocks, nil where there is none: fitter has the
// types that are searched. The loop returns the first block that cannot be encoded, -1 for none.
func encoder(dt DType) func(dst []byte, src []float32) int {
	switch dt {
	case F32:
		return encodeF32
	case F16:
		return encodeF16
	case BF16:
		return encodeBF16
	case Q8_0:
		return encodeQ8_0
	case Q4_0:
		return encodeQ4_0
	}
	return nil
}

func checkBytes(dt DType, n, bytes int) error {
	want, err := dt.RowBytes(n)
	if err != nil {
		return err
	}
	if bytes != want {
		return fmt.Errorf("%d elements of %v are %d bytes, have %d", n, dt, want, bytes)
	}
	return nil
}

func decodeF32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// decodeF64 rounds to nearest even; what exceeds float32 becomes infinite.
func decodeF64(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
	}
}

func decodeF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = F32FromF16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func decodeBF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = F32FromBF16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func encodeF32(dst []byte, src []float32) int {
	for i, v := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
	return -1
}

func encodeF16(dst []byte, src []float32) int {
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], F16FromF32(v))
	}
	return -1
}

func encodeBF16(dst []byte, src []float32) int {
	for i, v := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], BF16FromF32(v))
	}
	return -1
}
