package store

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"

	"github.com/wattlaw/wattlaw/internal/measure"
)

// MaxSamples is the largest number of samples that one encoded series may hold: over an
// hour at 1 kHz. It bounds what decoding a damaged record can allocate, to some 75 MB.
const MaxSamples = 1 << 22

// seriesFormat is the first byte of an encoded series.
const seriesFormat = 1

// A sample takes at least one byte of time stamp and exactly eight of value.
const (
	minSampleBytes = 1 + 8
	maxSampleBytes = binary.MaxVarintLen64 + 8
)

// EncodeSeries packs the samples of a series, without its channel, into one byte slice.
//
// Layout: the format byte, then one zstd frame over: the number of samples (uvarint), the
// time stamps as zigzag varints of second differences (a steady rate gives bytes near
// zero), and the values as IEEE 754 bits, each XORed with the one before it and spread
// over eight planes, the most significant bytes first (neighbours share those, so the
// planes are mostly zero). NaN and its payload survive.
func EncodeSeries(s measure.Series) ([]byte, error) {
	n := len(s.T)
	if len(s.V) != n {
		return nil, fmt.Errorf("series %s: %d time stamps for %d values", s.Channel.Name, n, len(s.V))
	}
	if n > MaxSamples {
		return nil, fmt.Errorf("series %s: %d samples, at most %d fit", s.Channel.Name, n, MaxSamples)
	}
	raw := make([]byte, 0, binary.MaxVarintLen64+n*(minSampleBytes+3))
	raw = binary.AppendUvarint(raw, uint64(n))
	var last, step int64
	for _, t := range s.T {
		raw = binary.AppendVarint(raw, t-last-step) // wraps where it must; decoding wraps back
		step, last = t-last, t
	}
	planes := make([]byte, 8*n)
	var before uint64
	for i, v := range s.V {
		bits := math.Float64bits(v)
		for p := range 8 {
			planes[p*n+i] = byte((bits ^ before) >> (56 - 8*p))
		}
		before = bits
	}
	raw = append(raw, planes...)
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("series %s: %w", s.Channel.Name, err)
	}
	return encoder.EncodeAll(raw, []byte{seriesFormat}), nil
}

// DecodeSeries unpacks what EncodeSeries packed. It errs, wrapping ErrCorrupt, on anything
// else, and allocates no more than MaxSamples justifies.
func DecodeSeries(data []byte, channel measure.Channel) (measure.Series, error) {
	t, v, err := decodeSamples(data)
	if err != nil {
		return measure.Series{}, fmt.Errorf("series %s: %w: %w", channel.Name, ErrCorrupt, err)
	}
	return measure.Series{Channel: channel, T: t, V: v}, nil
}

func decodeSamples(data []byte) ([]int64, []float64, error) {
	if len(data) == 0 || data[0] != seriesFormat {
		return nil, nil, fmt.Errorf("not a series of format %d", seriesFormat)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxMemory(binary.MaxVarintLen64+MaxSamples*maxSampleBytes))
	if err != nil {
		return nil, nil, err
	}
	defer decoder.Close()
	raw, err := decoder.DecodeAll(data[1:], nil)
	if err != nil {
		return nil, nil, err
	}
	count, used := binary.Uvarint(raw)
	if used <= 0 || count > MaxSamples || count*minSampleBytes > uint64(len(raw)-used) {
		return nil, nil, fmt.Errorf("claims %d samples in %d bytes", count, len(raw))
	}
	raw = raw[used:]
	n := int(count)
	stamps := make([]int64, n)
	var last, step int64
	for i := range stamps {
		change, used := binary.Varint(raw)
		if used <= 0 {
			return nil, nil, fmt.Errorf("time stamp %d of %d is cut off", i, n)
		}
		raw = raw[used:]
		step += change
		last += step
		stamps[i] = last
	}
	if len(raw) != 8*n {
		return nil, nil, fmt.Errorf("%d bytes of values for %d samples", len(raw), n)
	}
	values := make([]float64, n)
	var bits uint64
	for i := range values {
		var change uint64
		for p := range 8 {
			change = change<<8 | uint64(raw[p*n+i])
		}
		bits ^= change
		values[i] = math.Float64frombits(bits)
	}
	return stamps, values, nil
}
